//! Stopping modules while their locks are held, so that nothing starts them again: an interrupt, a minute, another one.
//!
//! A process is never killed here: one that does not go is for a person.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Services, lock};
use crate::fleet::data::Service;
use crate::reach::quote;
use crate::reach::ssh::Remote;
use crate::service::trouble::Trouble;
use crate::service::view::{ModuleState, ModuleView, Stopped, StoppedModule};

/// After each interrupt it has so long to go.
const PATIENCE: Duration = Duration::from_mins(1);
/// Between two looks whether it has gone.
const LOOK: Duration = Duration::from_millis(500);
/// One command on the host.
const COMMAND: Duration = Duration::from_secs(5);

/// Interrupts the process only where its pid file still names it.
const INTERRUPT: &str = r#"[ "$2" -gt 1 ] && [ "$(head -c 64 "$1" | head -n 1 | tr -cd 0-9)" = "$2" ] || { echo changed; exit 1; }
kill -INT "$2""#;
/// Whether it lives; a zombie does not.
const ALIVE: &str = r#"case $(ps -o stat= -p "$1" 2>/dev/null) in '' | Z*) echo gone ;; *) echo alive ;; esac"#;

impl Services {
    /// Stops one module, or all that live, in the order of the pid files. `tell` hears what is being done.
    pub async fn stop(
        &self,
        service: &str,
        module: Option<&str>,
        tell: &(dyn Fn(&str) + Send + Sync),
        cancel: &CancellationToken,
    ) -> Result<Stopped, Trouble> {
        let declared = self.known(service).map_err(Trouble::Refused)?;
        let refused = || {
            Trouble::Refused(format!(
                "the locks of {service} are not held here: its boot program would start again what is stopped; begin with \
                 `hotspare maintain {service}`"
            ))
        };
        if self.standing(service).is_none() {
            return Err(refused());
        }
        let known = self.look_at(&declared).await?.modules;
        let named = |one: &&ModuleView| module.is_none_or(|name| one.name == name || one.pid_file == name);
        let meant: Vec<ModuleView> = known.iter().filter(named).cloned().collect();
        if meant.is_empty() {
            let there: Vec<&str> = known.iter().map(|module| module.name.as_str()).collect();
            let module = module.unwrap_or_default();
            return Err(Trouble::Refused(format!("{service} has no module {module}; it has {}", there.join(", "))));
        }
        if meant.iter().any(|one| one.state == ModuleState::Running)
            && let Some(why) = self.breaks_quorum(&declared).await
        {
            return Err(Trouble::Refused(why));
        }
        let mut report = Stopped { service: service.to_owned(), host: declared.host.clone(), modules: Vec::new() };
        for one in meant {
            if self.standing(service).is_none() {
                return Err(refused());
            }
            let ended = match (one.state, one.pid) {
                (ModuleState::Running, Some(pid)) => self.stop_one(&declared.host, &one, pid, tell, cancel).await?,
                (ModuleState::Recycled, Some(pid)) => account(
                    &one,
                    true,
                    format!(
                        "is gone: pid {pid} is another process, which began after the pid file was written, and was left alone"
                    ),
                ),
                (ModuleState::Dead, Some(pid)) => account(&one, true, format!("does not run: pid {pid} is gone")),
                // Nobody knows: whoever copies its data must not be told that it stands still.
                (state, _) => account(
                    &one,
                    false,
                    format!(
                        "is not known to be gone: {} in {}; look for it on {}, and write its number there",
                        state.word(),
                        one.pid_file,
                        declared.host
                    ),
                ),
            };
            let goes_on = ended.gone;
            report.modules.push(ended);
            if !goes_on {
                break;
            }
        }
        let _for_all_to_see = self.look_at(&declared).await;
        Ok(report)
    }

    /// Why its cluster would serve no more without this member; `None`: it would, or nobody knows. Services that are one docker
    /// service are members of one cluster; a member lives where all of its modules do.
    async fn breaks_quorum(&self, service: &Service) -> Option<String> {
        let quorum = usize::try_from(service.quorum?).ok()?;
        let fleet = Arc::clone(&lock(&self.0.fleet));
        let others: Vec<&Service> = fleet
            .services
            .iter()
            .filter(|other| other.name != service.name && !other.pid_files.is_empty())
            .filter(|other| other.docker_name() == service.docker_name())
            .collect();
        if others.is_empty() {
            return None;
        }
        let looks = others.iter().map(|other| async {
            let seen = self.look_at(other).await.ok();
            seen.is_some_and(|seen| seen.modules.iter().all(|module| module.state == ModuleState::Running))
        });
        let lives = futures_util::future::join_all(looks).await;
        let living = lives.iter().filter(|lives| **lives).count();
        let named = others
            .iter()
            .zip(&lives)
            .map(|(other, lives)| format!("{} {}", other.name, if *lives { "lives" } else { "does not" }));
        (living < quorum).then(|| {
            format!(
                "nothing was stopped: without {} only {living} of the cluster would live, and its quorum is {quorum} ({})",
                service.name,
                named.collect::<Vec<_>>().join(", ")
            )
        })
    }

    async fn stop_one(
        &self,
        host: &str,
        module: &ModuleView,
        pid: u32,
        tell: &(dyn Fn(&str) + Send + Sync),
        cancel: &CancellationToken,
    ) -> Result<StoppedModule, Trouble> {
        let number = pid.to_string();
        let words = [module.pid_file.as_str(), &number];
        for attempt in ["interrupted", "interrupted again"] {
            tell(&format!("{}: pid {pid} is {attempt}", module.name));
            let (well, said) = self.shell(host, INTERRUPT, &words).await?;
            if !well && said == "changed" {
                return Ok(account(module, false, "its pid file names another process now: look again".into()));
            }
            let began = self.0.clock.tick();
            while self.0.clock.tick().since(began) < PATIENCE {
                if self.shell(host, ALIVE, &[&number]).await?.1 == "gone" {
                    let took = self.0.clock.tick().since(began);
                    return Ok(account(
                        module,
                        true,
                        format!("pid {pid} is gone, {:.1} s after it was {attempt}", took.as_secs_f64()),
                    ));
                }
                if !well {
                    return Ok(account(module, false, format!("pid {pid} cannot be interrupted: {said}")));
                }
                if cancel.run_until_cancelled(tokio::time::sleep(LOOK)).await.is_none() {
                    return Err(Trouble::Stopped);
                }
            }
        }
        let why = format!(
            "pid {pid} lives on, a minute after the second interrupt: look at it, and end it by hand if it must go: \
             ssh {host} kill -KILL {pid}"
        );
        Ok(account(module, false, why))
    }

    /// Runs a piece of shell on a host: whether it ended well, and the last line that it said.
    pub(super) async fn shell(&self, host: &str, script: &str, words: &[&str]) -> Result<(bool, String), Trouble> {
        let destination = lock(&self.0.fleet).host(host).map(|host| host.ssh.clone());
        let destination = destination.ok_or_else(|| Trouble::Failed(format!("there is no host {host} any more")))?;
        let script = format!("set -- {}\n{script}\n", quote::join(words.iter().copied()));
        let output = self.0.ssh.run(&destination, &Remote::new(script, COMMAND)).await;
        let output = output.map_err(|error| Trouble::unreachable(host, &error))?;
        let said = format!("{}\n{}", output.error_text(), output.text());
        Ok((output.success(), crate::reach::plain::last_line(&said, 200)))
    }
}

fn account(module: &ModuleView, gone: bool, said: String) -> StoppedModule {
    StoppedModule { name: module.name.clone(), pid: module.pid, gone, said }
}
