//! Who is told, how often it is tried, and what is said of what was lost.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;
use crate::fleet::secret::{Secret, SecretSource};

/// Pauses that nobody notices.
const SOON: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(2)];

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

fn herald(again: &'static [Duration]) -> Herald {
    let clock = Clock::held(Timestamp::UNIX_EPOCH);
    Herald { again, ..Herald::new(&clock, HttpClient::new(), Secrets::new(clock.clone())) }
}

fn shell(script: &str) -> Way {
    Way::Program(["sh", "-c", script].map(String::from).into())
}

/// A server that gives these answers, one a connection, and says what it was asked.
async fn server(answers: &'static [&'static str]) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook?token=s3cret", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        let mut requests = Vec::new();
        for status in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut seen = Vec::new();
            while !seen.ends_with(b"}") {
                assert_ne!(stream.read_buf(&mut seen).await.unwrap(), 0);
            }
            let reply = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
            stream.write_all(reply.as_bytes()).await.unwrap();
            requests.push(String::from_utf8(seen).unwrap());
        }
        requests
    });
    (url, serving)
}

fn webhook(url: String, secret: SecretSource) -> Way {
    Way::Webhook { url, secret }
}

/// The value of a header.
fn header<'a>(request: &'a str, name: &str) -> Option<&'a str> {
    request.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

#[tokio::test]
async fn a_program_gets_the_event_on_its_standard_input() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("told");
    herald(&[]).deliver(&shell(&format!("cat > {}", file.display())), &notice()).await.unwrap();
    let told: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    assert_eq!(told["event"], "host-down");
    assert_eq!(told["why"], "ping: no answer; $(reboot)");
    assert_eq!(told["time"], "1970-01-01T00:00:00Z");
    assert!(told["id"].as_str().is_some_and(|id| id.len() > 16), "{told}");
}

#[tokio::test]
async fn what_fails_says_how() {
    let herald = herald(&[]);
    let why = herald.deliver(&shell("cat >/dev/null; echo no route >&2; exit 3"), &notice()).await.unwrap_err();
    assert!(why.contains("exit status: 3") && why.contains("no route"), "{why}");
    let why = herald.deliver(&Way::Program(vec!["/nonexistent/program".into()]), &notice()).await.unwrap_err();
    assert!(why.contains("cannot be started"), "{why}");
}

#[tokio::test]
async fn a_program_that_fails_is_run_again_with_the_same_id() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("told");
    let script = format!("cat >> {0}; echo >> {0}; test $(wc -l < {0}) = 3", file.display());
    herald(&SOON).deliver(&shell(&script), &notice()).await.unwrap();
    let told = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines.len(), 3);
    assert!(lines.iter().all(|line| *line == lines[0]), "{told}");
    let why = herald(&SOON).deliver(&shell("exit 1"), &notice()).await.unwrap_err();
    assert!(why.ends_with("(tried 3 times)"), "{why}");
}

#[tokio::test]
async fn a_webhook_is_tried_again_where_that_may_help() {
    let (url, serving) = server(&["503 Oops", "429 Slow", "204 No Content"]).await;
    let way = webhook(url, SecretSource::Inline(Secret::new("key")));
    herald(&SOON).deliver(&way, &notice()).await.unwrap();
    let requests = serving.await.unwrap();
    let ids: Vec<_> = requests.iter().map(|request| header(request, "webhook-id").unwrap()).collect();
    assert!(ids.len() == 3 && ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert!(requests[0].starts_with("POST /hook") && requests[0].contains("\"subject\":\"studio-2\""), "{requests:?}");
    assert!(header(&requests[0], "webhook-signature").unwrap().starts_with("v1,"));
    assert!(!way.name().contains("s3cret"));

    let (url, serving) = server(&["404 Not Found"]).await;
    let why = herald(&SOON).deliver(&webhook(url, SecretSource::None), &notice()).await.unwrap_err();
    assert_eq!(why, "it answered 404 Not Found", "once, and without the token");
    assert_eq!(header(&serving.await.unwrap()[0], "webhook-signature"), None);
}

#[tokio::test]
async fn what_should_be_signed_is_never_sent_without_a_signature() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let missing = SecretSource::File("/nowhere/at/all".into());
    let why = herald(&SOON).deliver(&webhook(url, missing), &notice()).await.unwrap_err();
    assert!(why.contains("cannot be signed: secret file /nowhere/at/all cannot be read"), "{why}");
    let nobody = tokio::time::timeout(Duration::from_millis(1), listener.accept()).await;
    assert!(nobody.is_err(), "somebody connected");
}

fn rule(on: Vec<Event>, script: &str) -> Notify {
    Notify { on, command: ["sh", "-c", script].map(String::from).into(), webhook: None, secret: SecretSource::None }
}

#[tokio::test]
async fn failures_are_journalled_and_only_the_events_asked_for_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::start(folder.path(), &Clock::held(Timestamp::UNIX_EPOCH)).unwrap();
    let rules = [rule(vec![Event::HostUp], "exit 1"), rule(vec![Event::HostDown], "exit 1")];
    herald(&SOON).tell(&rules, &notice(), &journal);
    let mut tail = journal.tail();
    tail.wait_for(|tail| tail.length == 1).await.unwrap();
    assert!(tail.borrow().entries[0].what.contains("host-down of studio-2"));
}

#[tokio::test]
async fn an_engine_that_stops_journals_what_it_could_not_tell() {
    const LATER: [Duration; 1] = [Duration::from_secs(3_600)];
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::start(folder.path(), &Clock::held(Timestamp::UNIX_EPOCH)).unwrap();
    let herald = herald(&LATER);
    let tried = folder.path().join("tried");
    herald.tell(&[rule(vec![Event::HostDown], &format!("touch {}; exit 1", tried.display()))], &notice(), &journal);
    herald.tell(&[rule(vec![Event::HostDown], "sleep 3600")], &notice(), &journal);
    while !tried.exists() {
        tokio::task::yield_now().await;
    }
    tokio::time::timeout(LAST * 3, herald.close()).await.expect("soon");
    let mut tail = journal.tail();
    tail.wait_for(|tail| tail.length == 2).await.unwrap();
    let why: Vec<String> = tail.borrow().entries.iter().map(|entry| entry.why.clone()).collect();
    assert!(why.iter().all(|why| why.contains("the engine stopped before it")), "{why:?}");
}
