//! docker: containers run, and are healthy where they say so, by `docker inspect` on the host.

use std::collections::HashMap;

use serde::Deserialize;

use super::{Answer, QUOTED, Shell, command};
use crate::reach::{plain, quote};

/// Letters of the cause that are told: enough for a path or a port and what is wrong with it.
const CAUSE: usize = 90;

pub(super) async fn ask(shell: Shell<'_>, containers: &[String]) -> Answer {
    let names = quote::join(containers.iter().map(String::as_str));
    let script =
        format!("docker inspect --type container --format '{{{{json .Name}}}} {{{{json .State}}}}' -- {names}");
    let output = match shell.run(script).await {
        Ok(output) => output,
        Err(answer) => return answer,
    };
    let lower = complaint(&output.error_text());
    if matches!(output.status, 126 | 127) {
        Answer::unknown("docker is not installed there")
    } else if lower.contains("permission denied") {
        Answer::unknown("the ssh user may not ask docker")
    } else if lower.contains("cannot connect to the docker daemon") || lower.contains("connect to the docker api") {
        Answer::wrong("the docker daemon does not answer")
    } else {
        let states = read(&output.text());
        if states.is_empty() && !output.success() && !lower.contains("no such") {
            return Answer::unknown(command::said(&output));
        }
        judge(containers, &states)
    }
}

/// What docker complains of, in lower case, without its warnings: those say, for example, that its own settings may not be
/// read ("permission denied") and do not keep it from asking the daemon.
pub(super) fn complaint(said: &str) -> String {
    let said = said.to_ascii_lowercase();
    said.lines().filter(|line| !line.starts_with("warning")).collect::<Vec<_>>().join("\n")
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct State {
    #[serde(default)]
    status: String,
    #[serde(default)]
    running: bool,
    #[serde(default)]
    paused: bool,
    #[serde(default)]
    restarting: bool,
    #[serde(default)]
    exit_code: i64,
    #[serde(default)]
    error: String,
    health: Option<Health>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Health {
    #[serde(default)]
    status: String,
}

/// One line a container: its name (with a leading slash) and its state, both as JSON. Other lines are left out.
pub(super) fn read(text: &str) -> HashMap<String, State> {
    let mut states = HashMap::new();
    for line in text.lines() {
        let mut values = serde_json::Deserializer::from_str(line).into_iter::<serde_json::Value>();
        let (Some(Ok(serde_json::Value::String(name))), Some(Ok(state))) = (values.next(), values.next()) else {
            continue;
        };
        if let Ok(state) = serde_json::from_value(state) {
            states.insert(name.trim_start_matches('/').to_owned(), state);
        }
    }
    states
}

pub(super) fn judge(containers: &[String], states: &HashMap<String, State>) -> Answer {
    let faults: Vec<String> =
        containers.iter().filter_map(|name| fault(states.get(name)).map(|fault| format!("{name} {fault}"))).collect();
    if faults.is_empty() { Answer::pass() } else { Answer::wrong(plain::line(&faults.join(", "), QUOTED)) }
}

fn fault(state: Option<&State>) -> Option<String> {
    let Some(state) = state else { return Some("is not there".into()) };
    if state.restarting {
        return Some(format!("restarts again and again, last after exit {}", state.exit_code));
    }
    if state.paused {
        return Some("is paused".into());
    }
    if !state.running {
        return Some(match state.status.as_str() {
            "exited" => format!("has exited with {}{}", state.exit_code, why(&state.error)),
            "created" => format!("never started{}", why(&state.error)),
            "" => "does not run".into(),
            other => format!("is {other}"),
        });
    }
    match state.health.as_ref().map(|health| health.status.as_str()) {
        None | Some("" | "none" | "healthy") => None,
        Some("starting") => Some("is still starting".into()),
        Some(other) => Some(format!("is {other}")),
    }
}

/// The end of why the engine could not start a container, if it says: each layer puts its own words before the cause, and
/// "unknown" behind it.
fn why(error: &str) -> String {
    let error = error.trim_end_matches(": unknown");
    // What is longer is not looked at: docker hands on what a program says, however long that is.
    let room = error.char_indices().rev().take(CAUSE).last().map_or(0, |(at, _)| at);
    let starts = std::iter::once(0).chain(error.match_indices(": ").map(|(at, colon)| at + colon.len()));
    let mut ends = starts.skip_while(|at| *at < room).filter_map(|at| error.get(at..));
    ends.next().filter(|end| !end.is_empty()).map(|end| format!(": {end}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(lines: &str, names: &[&str]) -> Answer {
        judge(&names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>(), &read(lines))
    }

    #[test]
    fn running_and_healthy_passes() {
        let lines = "\"/redis\" {\"Status\":\"running\",\"Running\":true,\"Paused\":false,\"Restarting\":false,\"ExitCode\":0}\n\
            \"/db\" {\"Status\":\"running\",\"Running\":true,\"Health\":{\"Status\":\"healthy\",\"FailingStreak\":0}}\n";
        assert_eq!(judged(lines, &["redis", "db"]), Answer::pass());
        assert_eq!(judged(lines, &["redis", "web"]), Answer::wrong("web is not there"));
    }

    #[test]
    fn a_warning_is_no_complaint() {
        let said = "WARNING: Error loading config file: open /home/ops/.docker/config.json: permission denied\n\
            Error: No such container: web\n";
        assert_eq!(complaint(said), "error: no such container: web");
    }

    #[test]
    fn of_a_failed_start_the_cause_is_told() {
        assert_eq!(why(""), "");
        assert_eq!(why("no such file: unknown"), ": no such file");
        let layers = "driver failed programming external connectivity on endpoint web \
            (6f0d7b8a1c52d4b0c8a1e7d0c3f19a5e4b62d87f00aa11bb22cc33dd44ee55ff): ";
        let cause = "Bind for 0.0.0.0:80 failed: port is already allocated";
        assert_eq!(why(&format!("{layers}{cause}")), format!(": {cause}"));
        assert_eq!(why(&"x".repeat(200)), "");
    }

    #[test]
    fn each_fault_has_its_words() {
        let of = |state: &str| judged(&format!("\"/c\" {state}"), &["c"]).reason;
        assert_eq!(
            of(r#"{"Status":"exited","Running":false,"ExitCode":137}"#).as_deref(),
            Some("c has exited with 137")
        );
        assert_eq!(
            of(r#"{"Status":"running","Running":true,"Health":{"Status":"unhealthy"}}"#).as_deref(),
            Some("c is unhealthy")
        );
        assert_eq!(
            of(r#"{"Status":"running","Running":true,"Health":{"Status":"starting"}}"#).as_deref(),
            Some("c is still starting")
        );
        assert_eq!(
            of(r#"{"Status":"restarting","Running":true,"Restarting":true,"ExitCode":3}"#).as_deref(),
            Some("c restarts again and again, last after exit 3")
        );
        assert_eq!(of(r#"{"Status":"paused","Running":true,"Paused":true}"#).as_deref(), Some("c is paused"));
        assert_eq!(of(r#"{"Status":"created","Error":""}"#).as_deref(), Some("c never started"));
        assert_eq!(
            of(r#"{"Status":"exited","ExitCode":128,"Error":"no space left"}"#).as_deref(),
            Some("c has exited with 128: no space left")
        );
        assert_eq!(of("nonsense").as_deref(), Some("c is not there"));
    }

    #[test]
    fn a_long_cause_is_cut_soon() {
        assert_eq!(why(&": ".repeat(1 << 19)), format!(": {}", ": ".repeat(CAUSE / 2)));
        let cause = "ü".repeat(CAUSE);
        assert_eq!(why(&format!("OCI: {cause}: unknown")), format!(": {cause}"));
        assert_eq!(why(&format!("OCI: {cause}x: unknown")), "");
    }
}
