//! A compose stack: `docker compose`, or `docker-compose` where that is what the host has.

use super::{Said, shell};
use crate::reach::plain;
use crate::runbook::deed::{Bit, Found, Look, Trouble};
use crate::runbook::tools::Tools;

/// Finds the folder and the program, and says in words what is missing.
const FIND: &str = r#"PATH=$PATH:/usr/local/bin:/opt/homebrew/bin
cd "$hs_folder" 2>/dev/null || { echo "hotspare: there is no folder $hs_folder" >&2; exit 215; }
if docker compose version >/dev/null 2>&1; then hs_compose='docker compose'
elif command -v docker-compose >/dev/null; then hs_compose=docker-compose
else echo "hotspare: neither docker compose nor docker-compose is there: apt-get install docker-compose" >&2; exit 215; fi
hs_why=$($hs_compose config 2>&1 >/dev/null) || { echo "hotspare: the compose file is not in order: $(echo "$hs_why" | tail -n 1)" >&2; exit 215; }
"#;

/// Prints a line a service, with how its containers are.
const STATE: &str = r#"for hs_service in $($hs_compose config --services); do
  hs_ids=$($hs_compose ps -a -q "$hs_service" 2>/dev/null || $hs_compose ps -q "$hs_service")
  if [ -z "$hs_ids" ]; then echo "$hs_service missing"; continue; fi
  for hs_id in $hs_ids; do
    echo "$hs_service $(docker inspect -f '{{.State.Status}} {{.State.ExitCode}}{{with .State.Health}} {{.Status}}{{end}}' "$hs_id")"
  done
done
"#;

pub(super) async fn check(tools: &Tools, bit: Bit<'_>, folder: &str) -> Result<Found, Trouble> {
    let spot = shell::place(bit)?;
    let output = shell::ask(tools, spot, script(folder, STATE), bit.patience)
        .await
        .map_err(|lost| Trouble::Failed(lost.words))?;
    if let Some(words) = shell::own_words(&output) {
        return Err(Trouble::Refused(format!("{}: {words}", spot.name())));
    }
    if !output.success() {
        return Err(Trouble::Failed(shell::failed(spot, &output)));
    }
    let wrong = not_up(&output.text());
    if wrong.is_empty() && bit.look != Look::Dry {
        return Ok(Found::There(format!("{}: every container is running", spot.name())));
    }
    let note = if wrong.is_empty() { "every container is running already".to_owned() } else { wrong.join(", ") };
    Ok(Found::ToDo { note: Some(note), keep: None })
}

pub(super) async fn act(tools: &Tools, bit: Bit<'_>, folder: &str) -> Said {
    change(tools, bit, &bit.step.name, folder, "$hs_compose up -d").await
}

pub(super) async fn verify(tools: &Tools, bit: Bit<'_>, folder: &str) -> Said {
    let spot = shell::place(bit)?;
    let output = shell::ask(tools, spot, script(folder, STATE), bit.patience)
        .await
        .map_err(|lost| Trouble::Unknown(lost.words))?;
    if !output.success() {
        return Err(Trouble::Failed(shell::failed(spot, &output)));
    }
    let wrong = not_up(&output.text());
    if wrong.is_empty() {
        Ok(Some(format!("{} containers are up", output.text().lines().count())))
    } else {
        Err(Trouble::Failed(format!("{}: {}; look at its logs", spot.name(), wrong.join(", "))))
    }
}

pub(super) async fn undo(tools: &Tools, bit: Bit<'_>, folder: &str) -> Said {
    // 10 s for the services to end by themselves, as docker itself gives them.
    change(tools, bit, &format!("{} undo", bit.step.name), folder, "$hs_compose down -t 10").await?;
    let spot = shell::place(bit)?;
    let output = shell::ask(tools, spot, script(folder, "$hs_compose ps -q\n"), bit.patience).await?;
    if output.success() && output.text().trim().is_empty() {
        Ok(Some("no container is left".into()))
    } else {
        Err(Trouble::Failed(format!("{}: containers of the stack are left", spot.name())))
    }
}

async fn change(tools: &Tools, bit: Bit<'_>, mark: &str, folder: &str, what: &str) -> Said {
    let output = shell::act(tools, bit, mark, &script(folder, what)).await?;
    let spot = shell::place(bit)?;
    match shell::own_words(&output) {
        Some(words) => Err(Trouble::Refused(format!("{}: {words}", spot.name()))),
        None if output.success() => Ok(None),
        None => Err(Trouble::Failed(shell::failed(spot, &output))),
    }
}

fn script(folder: &str, what: &str) -> String {
    format!("hs_folder={folder}\n{FIND}{what}")
}

/// The services that are not up, in words. One that has ended with 0 has done its work.
pub(super) fn not_up(state: &str) -> Vec<String> {
    let words = state.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    words
        .filter_map(|words| match words.as_slice() {
            [_, "running", _] | [_, "running", _, "healthy" | "starting"] | [_, "exited", "0", ..] | [] => None,
            [name, "missing"] => Some(format!("{name} has no container")),
            [name, "running", _, health] => Some(format!("{name} is {health}")),
            [name, state, code, ..] => Some(format!("{name} is {state} (exit {code})")),
            other => Some(other.join(" ")),
        })
        .map(|words| plain::line(&words, 80))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_up_is_named() {
        assert!(not_up("web running 0\ndb running 0 healthy\ninit exited 0\n").is_empty());
        let wrong = not_up("web missing\ndb exited 3\nq running 0 unhealthy\nr restarting 1\n");
        assert_eq!(
            wrong,
            ["web has no container", "db is exited (exit 3)", "q is unhealthy", "r is restarting (exit 1)"]
        );
    }

    #[test]
    fn words_of_docker_move_no_terminal() {
        assert_eq!(not_up("web \u{1b}[2J 3"), ["web is [2J (exit 3)"]);
    }
}
