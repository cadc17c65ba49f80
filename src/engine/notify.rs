//! Notifications: an event as JSON, on the standard input of a program run without a shell, or by POST.

use std::sync::Arc;
use std::time::Duration;

use hyper::Method;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use serde::Serialize;
use tokio::sync::Semaphore;

use crate::clock::{Clock, Timestamp};
use crate::fleet::settings::{Event, Notify};
use crate::journal::entry::Weight;
use crate::journal::store::Draft;
use crate::journal::writer::Journal;
use crate::reach::http::{HttpClient, Request};
use crate::reach::{plain, program};

/// A program that tells somebody gets so long.
const WITHIN: Duration = Duration::from_secs(10);
/// So much of what it says is looked at, bytes.
const SAID: usize = 16 * 1024;
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
    http: HttpClient,
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl Herald {
    /// Nothing is told yet.
    pub fn new(clock: &Clock, http: HttpClient) -> Self {
        Self {
            clock: clock.clone(),
            http,
            running: Arc::new(Semaphore::new(AT_ONCE)),
            waiting: Arc::new(Semaphore::new(WAITING)),
        }
    }

    /// Tells everybody whom the fleet file names for this event; never waits. What fails is journalled.
    pub fn tell(&self, rules: &[Notify], notice: &Notice, journal: &Journal) {
        for rule in rules.iter().filter(|rule| rule.on.contains(&notice.event)) {
            let program = Some(&rule.command).filter(|command| !command.is_empty()).cloned().map(Way::Program);
            let webhook = rule.webhook.clone().map(Way::Webhook);
            for way in program.into_iter().chain(webhook) {
                let (herald, notice, journal) = (self.clone(), notice.clone(), journal.clone());
                tokio::spawn(async move {
                    if let Err(why) = herald.send(&way, &notice).await {
                        herald.failed(&way, &notice, why, &journal);
                    }
                });
            }
        }
    }

    async fn send(&self, way: &Way, notice: &Notice) -> Result<(), String> {
        let _place = self.waiting.try_acquire().map_err(|_full| format!("{WAITING} notifications wait already"))?;
        let _turn = self.running.acquire().await.map_err(|closed| closed.to_string())?;
        let text = serde_json::to_vec(notice).map_err(|error| error.to_string())?;
        match way {
            Way::Program(command) => tokio::time::timeout(WITHIN, run(command, &text))
                .await
                .unwrap_or_else(|_late| Err(format!("it did not end within {} s and was killed", WITHIN.as_secs()))),
            Way::Webhook(url) => post(&self.http, url, text).await,
        }
    }

    fn failed(&self, way: &Way, notice: &Notice, why: String, journal: &Journal) {
        let draft = Draft {
            time: self.clock.now(),
            who: "engine".into(),
            what: format!("nobody was told of {} of {} by {}", notice.event.word(), notice.subject, way.name()),
            why,
            about: serde_json::json!({ "notify": notice.event, "subject": notice.subject }),
            weight: Weight::Warning,
        };
        if let Err(error) = journal.append(draft) {
            tracing::error!(%error, "an entry of the journal is lost");
        }
    }
}

/// How somebody is told.
enum Way {
    Program(Vec<String>),
    Webhook(String),
}

impl Way {
    /// Safe to show: the arguments of a program and the path of a url may hold tokens.
    fn name(&self) -> String {
        match self {
            Self::Program(command) => command.first().cloned().unwrap_or_default(),
            Self::Webhook(url) => {
                let host = url::Url::parse(url).ok().and_then(|url| Some(url.host_str()?.to_owned()));
                host.map_or_else(|| "webhook".into(), |host| format!("webhook at {host}"))
            }
        }
    }
}

async fn post(http: &HttpClient, url: &str, text: Vec<u8>) -> Result<(), String> {
    let mut request = Request::get(url, WITHIN);
    request.method = Method::POST;
    request.headers = vec![(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    request.body = text.into();
    let response = http.send(&request).await.map_err(|error| error.to_string())?;
    if response.status.is_success() { Ok(()) } else { Err(format!("it answered {}", response.status)) }
}

async fn run(command: &[String], input: &[u8]) -> Result<(), String> {
    let (program, arguments) = command.split_first().ok_or("the command is empty")?;
    let mut command = program::command(program);
    command.args(arguments);
    let ended = program::run(command, input, SAID).await.map_err(|error| format!("it cannot be started: {error}"))?;
    if ended.status.success() {
        return Ok(());
    }
    let said = plain::last_line(&String::from_utf8_lossy(&ended.stderr), 200);
    Err(format!("it ended with {}: {said}", ended.status))
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

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

    fn shell(script: &str) -> Way {
        Way::Program(["sh", "-c", script].map(String::from).into())
    }

    #[tokio::test]
    async fn a_program_gets_the_event_on_its_standard_input() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("told");
        let herald = Herald::new(&Clock::held(Timestamp::UNIX_EPOCH), HttpClient::new());
        herald.send(&shell(&format!("cat > {}", file.display())), &notice()).await.unwrap();
        let told: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        assert_eq!(told["event"], "host-down");
        assert_eq!(told["why"], "ping: no answer; $(reboot)");
        assert_eq!(told["time"], "1970-01-01T00:00:00Z");
    }

    #[tokio::test]
    async fn what_fails_says_how() {
        let herald = Herald::new(&Clock::held(Timestamp::UNIX_EPOCH), HttpClient::new());
        let why = herald.send(&shell("cat >/dev/null; echo no route >&2; exit 3"), &notice()).await.unwrap_err();
        assert!(why.contains("exit status: 3") && why.contains("no route"), "{why}");
        let why = herald.send(&Way::Program(vec!["/nonexistent/program".into()]), &notice()).await.unwrap_err();
        assert!(why.contains("cannot be started"), "{why}");
    }

    #[tokio::test]
    async fn a_webhook_gets_the_event_by_post_and_a_refusal_hides_the_token() {
        let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let way = Way::Webhook(format!("http://{}/hook?token=s3cret", server.local_addr().unwrap()));
        let serving = tokio::spawn(async move {
            let mut requests = Vec::new();
            for status in ["204 No Content", "500 Oops"] {
                let (mut stream, _) = server.accept().await.unwrap();
                let mut seen = Vec::new();
                while !seen.ends_with(b"}") {
                    assert_ne!(tokio::io::AsyncReadExt::read_buf(&mut stream, &mut seen).await.unwrap(), 0);
                }
                let reply = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
                stream.write_all(reply.as_bytes()).await.unwrap();
                requests.push(String::from_utf8(seen).unwrap());
            }
            requests
        });
        let herald = Herald::new(&Clock::held(Timestamp::UNIX_EPOCH), HttpClient::new());
        herald.send(&way, &notice()).await.unwrap();
        let why = herald.send(&way, &notice()).await.unwrap_err();
        assert!(why.contains("500"), "{why}");
        assert!(!way.name().contains("s3cret"));
        let first = &serving.await.unwrap()[0];
        assert!(first.starts_with("POST /hook") && first.contains("\"subject\":\"studio-2\""), "{first}");
    }

    #[tokio::test]
    async fn failures_are_journalled_and_only_the_events_asked_for_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::held(Timestamp::UNIX_EPOCH);
        let journal = Journal::start(folder.path(), &clock).unwrap();
        let herald = Herald::new(&clock, HttpClient::new());
        let rule = |on: Vec<Event>| Notify { on, command: vec!["/nonexistent/program".into()], webhook: None };
        herald.tell(&[rule(vec![Event::HostUp]), rule(vec![Event::HostDown])], &notice(), &journal);
        let mut tail = journal.tail();
        tail.wait_for(|tail| tail.length == 1).await.unwrap();
        assert!(tail.borrow().entries[0].what.contains("host-down of studio-2"));
    }
}
