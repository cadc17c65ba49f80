//! Notices of the real engine, received as `docs/notify.md` tells a receiver to.

use std::io::Write;
use std::process::{Command, Stdio};

use hotspare::engine::client::Client;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::place::{FLEET, PATIENCE, Place};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn fleet(listener: &TcpListener) -> String {
    let address = listener.local_addr().unwrap();
    format!(
        "{FLEET}\n[[notify]]\non = [\"host-down\"]\nwebhook = \"http://{address}/hook\"\nsecret_file = \"hook.secret\"\n"
    )
}

fn place(listener: &TcpListener) -> Place {
    let place = Place::new(&fleet(listener));
    let path = place.path().join("hook.secret");
    std::fs::write(&path, format!("{SECRET}\n")).unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    place
}

/// Takes one request and gives this answer.
async fn receive(listener: &TcpListener, answer: &str) -> (String, String) {
    let taking = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut seen = Vec::new();
        while !seen.ends_with(b"}") {
            assert_ne!(stream.read_buf(&mut seen).await.unwrap(), 0);
        }
        stream.write_all(format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\n\r\n").as_bytes()).await.unwrap();
        String::from_utf8(seen).unwrap()
    };
    let request = tokio::time::timeout(PATIENCE, taking).await.expect("a notice comes");
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

/// What the receiver of the docs says of a request.
fn genuine(secret: &str, head: &str, body: &str, now: &str) -> String {
    let docs = include_str!("../../docs/notify.md");
    let checker = docs.split_once("```python").unwrap().1.split_once('\n').unwrap().1.split_once("```").unwrap().0;
    let script = format!(
        "{checker}\nimport sys\nhead, body = sys.stdin.buffer.read().split(b'\\0')\n\
         headers = dict(line.split(': ', 1) for line in head.decode().split('\\r\\n')[1:])\n\
         print(genuine(sys.argv[1], headers, body, {now}))\n"
    );
    let mut python = Command::new("python3")
        .args(["-c", &script, secret])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3: apt-get install python3");
    python.stdin.take().unwrap().write_all(format!("{head}\0{body}").as_bytes()).unwrap();
    String::from_utf8(python.wait_with_output().unwrap().stdout).unwrap().trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_signed_and_tried_again_until_it_is_taken() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = place(&listener);
    let _engine = place.engine();
    let (first, body) = receive(&listener, "503 Service Unavailable").await;
    let (second, again) = receive(&listener, "204 No Content").await;
    let told: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!((told["event"].as_str(), told["subject"].as_str()), (Some("host-down"), Some("studio-2")), "{told}");
    assert_eq!(body, again, "the same notice");
    assert_eq!(genuine(SECRET, &first, &body, "None"), "True");
    assert_eq!(genuine(SECRET, &second, &again, "None"), "True");
    assert_eq!(genuine("whsec_AAAA", &first, &body, "None"), "False", "another secret");
    assert_eq!(genuine(SECRET, &first, &body.replace("studio-2", "studio-1"), "None"), "False", "changed on the way");
    assert_eq!(genuine(SECRET, &first, &body, "time.time() + 600"), "False", "an old one");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_told_when_the_engine_stopped_is_in_the_journal() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = place(&listener);
    let mut running = place.engine();
    let engine = place.join().await;
    receive(&listener, "500 Oops").await;
    assert!(place.run(&["engine", "stop"]).status.success());
    assert_eq!(running.ended().await, Some(0));
    drop(engine.snapshots());
    let journal = String::from_utf8(place.run(&["journal"]).stdout).unwrap();
    let line = journal.lines().find(|line| line.contains("nobody was told")).unwrap_or_else(|| panic!("{journal}"));
    let wanted = "nobody was told of host-down of studio-2 by webhook at 127.0.0.1: it answered 500";
    assert!(line.contains(wanted) && line.contains("the engine stopped before it"), "{line}");
}
