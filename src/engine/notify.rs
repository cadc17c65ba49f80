//! Notifications: an event as JSON on the standard input of a program, run without a shell.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::sync::Semaphore;

use crate::clock::{Clock, Timestamp};
use crate::fleet::settings::{Event, Notify};
use crate::journal::entry::Weight;
use crate::journal::store::Draft;
use crate::journal::writer::Journal;

/// A program that tells somebody gets so long.
const WITHIN: Duration = Duration::from_secs(10);
/// Programs at once; events beyond [`WAITING`] are dropped with a word in the journal.
const AT_ONCE: usize = 4;
/// Events that wait for their turn.
const WAITING: usize = 64;

/// One event, as the program gets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// Which.
    pub event: Event,
    /// Fleet.
    pub fleet: String,
    /// When.
    pub time: Timestamp,
    /// Host or job.
    pub subject: String,
    /// What happened.
    pub what: String,
    /// Why, or the evidence.
    pub why: String,
}

/// Tells. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Herald {
    clock: Clock,
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl Herald {
    /// Nothing is told yet.
    pub fn new(clock: &Clock) -> Self {
        Self {
            clock: clock.clone(),
            running: Arc::new(Semaphore::new(AT_ONCE)),
            waiting: Arc::new(Semaphore::new(WAITING)),
        }
    }

    /// Tells everybody whom the fleet file names for this event; never waits. What fails is journalled.
    pub fn tell(&self, rules: &[Notify], notice: &Notice, journal: &Journal) {
        for rule in rules.iter().filter(|rule| rule.on.contains(&notice.event) && !rule.command.is_empty()) {
            let (herald, command, notice, journal) =
                (self.clone(), rule.command.clone(), notice.clone(), journal.clone());
            tokio::spawn(async move {
                let told = herald.run(&command, &notice).await;
                if let Err(why) = told {
                    let program = command.first().map(String::as_str).unwrap_or_default();
                    let draft = Draft {
                        time: herald.clock.now(),
                        who: "engine".into(),
                        what: format!("nobody was told of {} of {} by {program}", notice.event.word(), notice.subject),
                        why,
                        about: serde_json::json!({ "notify": notice.event, "subject": notice.subject }),
                        weight: Weight::Warning,
                    };
                    if let Err(error) = journal.append(draft) {
                        tracing::error!(%error, "an entry of the journal is lost");
                    }
                }
            });
        }
    }

    async fn run(&self, command: &[String], notice: &Notice) -> Result<(), String> {
        let _place = self.waiting.try_acquire().map_err(|_full| format!("{WAITING} notifications wait already"))?;
        let _turn = self.running.acquire().await.map_err(|closed| closed.to_string())?;
        let text = serde_json::to_vec(notice).map_err(|error| error.to_string())?;
        tokio::time::timeout(WITHIN, run(command, &text))
            .await
            .unwrap_or_else(|_late| Err(format!("it did not end within {} s and was killed", WITHIN.as_secs())))
    }
}

async fn run(command: &[String], input: &[u8]) -> Result<(), String> {
    let (program, arguments) = command.split_first().ok_or("the command is empty")?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("it cannot be started: {error}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that does not read its input, such as a bell, is no failure.
        let _unread = stdin.write_all(input).await;
    }
    let ended = child.wait_with_output().await.map_err(|error| error.to_string())?;
    if ended.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&ended.stderr);
    let said = said.lines().next_back().unwrap_or_default().chars().take(200).collect::<String>();
    Err(format!("it ended with {}: {said}", ended.status))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice() -> Notice {
        Notice {
            event: Event::HostDown,
            fleet: "harbour".into(),
            time: Timestamp::UNIX_EPOCH,
            subject: "studio-2".into(),
            what: "studio-2 is down".into(),
            why: "ping: no answer; $(reboot)".into(),
        }
    }

    fn shell(script: String) -> Vec<String> {
        vec!["sh".into(), "-c".into(), script]
    }

    #[tokio::test]
    async fn a_program_gets_the_event_on_its_standard_input() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("told");
        let herald = Herald::new(&Clock::held(Timestamp::UNIX_EPOCH));
        herald.run(&shell(format!("cat > {}", file.display())), &notice()).await.unwrap();
        let told: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        assert_eq!(told["event"], "host-down");
        assert_eq!(told["why"], "ping: no answer; $(reboot)");
        assert_eq!(told["time"], "1970-01-01T00:00:00Z");
    }

    #[tokio::test]
    async fn what_fails_says_how() {
        let herald = Herald::new(&Clock::held(Timestamp::UNIX_EPOCH));
        let why = herald.run(&shell("cat >/dev/null; echo no route >&2; exit 3".into()), &notice()).await.unwrap_err();
        assert!(why.contains("exit status: 3") && why.contains("no route"), "{why}");
        let why = herald.run(&["/nonexistent/program".into()], &notice()).await.unwrap_err();
        assert!(why.contains("cannot be started"), "{why}");
    }

    #[tokio::test]
    async fn failures_are_journalled_and_only_the_events_asked_for_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::held(Timestamp::UNIX_EPOCH);
        let journal = Journal::start(folder.path(), &clock).unwrap().journal;
        let herald = Herald::new(&clock);
        let rule = |on: Vec<Event>| Notify { on, command: vec!["/nonexistent/program".into()], webhook: None };
        herald.tell(&[rule(vec![Event::HostUp]), rule(vec![Event::HostDown])], &notice(), &journal);
        let mut tail = journal.tail();
        tail.wait_for(|tail| tail.length == 1).await.unwrap();
        assert!(tail.borrow().entries[0].what.contains("host-down of studio-2"));
    }
}
