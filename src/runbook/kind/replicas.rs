//! Replicas of a docker service: how many are wanted, and which of them run and are healthy.
//!
//! Docker itself calls a replica with a health check running only once that passes, and replaces one that fails it. Between
//! the two a container is seen unhealthy, so the containers that this machine can see are asked themselves besides.

use std::collections::HashMap;
use std::time::Duration;

use super::shell;
use crate::reach::plain;
use crate::reach::quote::quote;
use crate::runbook::deed::Trouble;
use crate::runbook::plan::Spot;
use crate::runbook::tools::Tools;

/// How long one question may take.
const QUESTION: Duration = Duration::from_secs(15);

/// Lets docker answer or ends it: one that hangs would change something much later.
pub(super) const DOCKER: &str = r#"PATH=$PATH:/usr/local/bin:/opt/homebrew/bin
hs_docker() {
  if command -v timeout >/dev/null 2>&1; then timeout -k 1 10 docker "$@"; else docker "$@"; fi
  hs_ended=$?
  if [ $hs_ended = 124 ] || [ $hs_ended = 137 ]; then echo "hotspare: docker gave no answer within 10 s" >&2; fi
  return $hs_ended
}
"#;

/// A line for what is wanted, one for each replica that docker wants to run, one for each of their containers that can be
/// seen from here, and one with the last error.
const LOOK: &str = r#"hs_wanted=$(hs_docker service inspect --format '{{if .Spec.Mode.Replicated}}{{.Spec.Mode.Replicated.Replicas}}{{else}}none{{end}}' "$hs_service") || exit
echo "wanted $hs_wanted"
hs_tasks=$(hs_docker service ps --no-trunc --quiet --filter desired-state=running "$hs_service") || exit
[ -n "$hs_tasks" ] || exit 0
hs_states=$(printf '%s\n' "$hs_tasks" | while read -r hs_task; do
  hs_docker inspect --type task --format 'task {{.Status.State}} {{with .Status.ContainerStatus}}{{.ContainerID}}{{end}}' "$hs_task" || exit
done) || exit
printf '%s\n' "$hs_states"
printf '%s\n' "$hs_states" | while read -r hs_word hs_state hs_id; do
  [ -z "$hs_id" ] || hs_docker inspect --type container --format 'health {{.Id}} {{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}}' "$hs_id" 2>/dev/null
done
hs_docker service ps --no-trunc --filter desired-state=shutdown --format '{{.Error}}' "$hs_service" | while read -r hs_error; do
  [ -z "$hs_error" ] || { echo "error $hs_error"; break; }
done
exit 0
"#;

/// How a docker service is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Replicas {
    /// How many are wanted.
    pub(super) wanted: u32,
    /// How many run and are healthy, as far as can be seen.
    pub(super) well: u32,
    /// Of the others, in words: `starting`, `unhealthy`.
    pub(super) ill: Vec<String>,
    /// The last replica that ended says why.
    pub(super) error: Option<String>,
}

impl Replicas {
    /// Whether so many are wanted, and all of them are well.
    pub(super) fn all_well(&self, count: u32) -> bool {
        self.wanted == count && self.well == count && self.ill.is_empty()
    }

    /// What those that are not well do, and why.
    pub(super) fn trouble(&self) -> String {
        let mut words = self.ill.clone();
        if self.well < self.wanted {
            words.extend(self.error.as_ref().map(|error| format!("the last that ended: {error}")));
        }
        if words.is_empty() { String::new() } else { format!(" ({})", words.join(", ")) }
    }
}

/// Asks docker on this machine.
pub(super) async fn ask(tools: &Tools, spot: &Spot, service: &str) -> Result<Replicas, Trouble> {
    let script = format!("{DOCKER}hs_service={}\n{LOOK}", quote(service));
    let output = shell::ask(tools, spot, script, QUESTION).await.map_err(|lost| Trouble::Failed(lost.words))?;
    if let Some(words) = shell::own_words(&output) {
        return Err(Trouble::Failed(format!("{}: {words}", spot.name())));
    }
    if !output.success() {
        return Err(Trouble::Failed(shell::failed(spot, &output)));
    }
    read(&output.text())
        .ok_or_else(|| Trouble::Failed(format!("{service} has no number of replicas; is it a global service?")))
}

pub(super) fn read(said: &str) -> Option<Replicas> {
    let mut replicas = Replicas {
        wanted: said.lines().find_map(|line| line.strip_prefix("wanted "))?.trim().parse().ok()?,
        ..Replicas::default()
    };
    let health: HashMap<&str, &str> =
        said.lines().filter_map(|line| line.strip_prefix("health ")?.trim().split_once(' ')).collect();
    for task in said.lines().filter_map(|line| line.strip_prefix("task ")) {
        let (state, container) = task.split_once(' ').unwrap_or((task, ""));
        match (state, health.get(container.trim()).copied()) {
            ("running", None | Some("none" | "healthy" | "")) => replicas.well += 1,
            ("running", Some(health)) => replicas.ill.push(format!("one is {}", plain::line(health, 40))),
            (state, _) => replicas.ill.push(format!("one is {}", plain::line(state, 40))),
        }
    }
    replicas.error = said.lines().find_map(|line| line.strip_prefix("error ")).map(|error| plain::line(error, 200));
    Some(replicas)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replica_counts_when_it_runs_and_is_not_seen_ill() {
        let said = "wanted 5\ntask running aa\ntask running bb\ntask running cc\ntask starting dd\ntask pending \n\
                    health aa healthy\nhealth bb unhealthy\nerror task: non-zero exit (3)\n";
        let read = read(said).expect("replicas");
        assert_eq!((read.wanted, read.well), (5, 2), "cc runs elsewhere, where docker's word counts");
        assert_eq!(read.ill, ["one is unhealthy", "one is starting", "one is pending"]);
        assert!(!read.all_well(5));
        assert!(read.trouble().ends_with("the last that ended: task: non-zero exit (3))"), "{}", read.trouble());
    }

    #[test]
    fn a_global_service_has_no_number() {
        assert_eq!(read("wanted none\n"), None);
        assert!(read("wanted 2\ntask running a\ntask running b\nerror old\n").is_some_and(|read| read.all_well(2)));
    }
}
