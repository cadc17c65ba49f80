//! Steps that need nothing but a console: `wait` over a check that answers as it is told, `http` over a server that does.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::clock::{Clock, Timestamp};
use crate::fleet::check::{Check, CheckKind};
use crate::fleet::runbook::{OnError, Runbook, Step, StepKind};
use crate::reach::http::HttpClient;
use crate::reach::secret::Secrets;
use crate::reach::ssh::{SshOptions, SshPool};
use crate::runbook::cast::{Cast, Purpose};
use crate::runbook::deed::{Live, Look, Told};
use crate::runbook::guard::Guard;
use crate::runbook::plan::{Plan, plan};

/// When each question came, and how long it might take.
type Questions = Arc<Mutex<Vec<(u64, Duration)>>>;

/// A check that passes from the `n`th question on; before that each says what is wrong. The clock goes as tokio's does.
fn passes_at(n: usize) -> (Tools, Questions) {
    let clock = Clock::held(Timestamp::UNIX_EPOCH);
    let asked = Questions::default();
    let (seen, now, moving) = (Arc::clone(&asked), clock.clone(), clock.clone());
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(1)).await;
            moving.advance(Duration::from_millis(1));
        }
    });
    let ask = move |_check: Check, _machine, within: Duration| {
        let mut asked = seen.lock().expect("no panic");
        asked.push((u64::try_from(now.tick().since_start().as_millis()).expect("a short test"), within));
        let answer = if asked.len() >= n { Ok(()) } else { Err("connection refused".to_owned()) };
        std::future::ready(answer).boxed()
    };
    let tools = Tools {
        ssh: SshPool::new(SshOptions::default(), clock.clone()),
        http: HttpClient::new(),
        secrets: Secrets::new(clock.clone()),
        ask: Arc::new(ask),
        vitals: Arc::new(|_, _| Box::pin(async { Ok(()) })),
        witnesses: Vec::new(),
        clock,
    };
    (tools, asked)
}

fn planned(kind: StepKind) -> Plan {
    let step = Step {
        name: "it".into(),
        kind,
        on: None,
        fence: false,
        timeout: Duration::from_secs(60),
        retries: 0,
        on_error: OnError::Stop,
        drill: true,
        cleanup: false,
        each: None,
        undo: None,
    };
    plan(&Runbook::plain("r", vec![step]), Purpose::Alone, &Cast::default()).expect("a plan")
}

fn waiting(every: Option<Duration>, within: Duration) -> Plan {
    let kind = CheckKind::Http { url: "http://192.0.2.1:5000/".into(), status: 200, contains: None };
    let check = Check { name: "http".into(), kind, every, timeout: None, vital: None };
    planned(StepKind::Wait { check: Box::new(check), check_on: None, within })
}

fn request(method: &str, url: String) -> Plan {
    let json = (method == "POST").then(|| serde_json::json!({"host": "spare"}));
    planned(StepKind::Http { method: method.into(), url, json, status: 200 })
}

/// Does a part of the only step of a plan; also what it told meanwhile.
async fn part(tools: &Tools, plan: &Plan, look: Look, lost: bool, part: &str) -> (Result<String, Trouble>, Vec<Told>) {
    let guard = Guard { scope: None, generation: 1, token: "1".into() };
    let (live, mut told) = Live::new();
    let patience = plan.steps[0].timeout;
    let bit = Bit { plan, step: &plan.steps[0], guard: &guard, kept: None, look, lost, patience, live: &live };
    let said = match part {
        "check" => check(tools, bit).await.map(|found| match found {
            Found::ToDo { note, .. } => note.unwrap_or_default(),
            Found::There(note) => note,
        }),
        "act" => act(tools, bit).await.map(Option::unwrap_or_default),
        _ => verify(tools, bit).await.map(Option::unwrap_or_default),
    };
    drop(live);
    let mut heard = Vec::new();
    while let Ok(more) = told.try_recv() {
        heard.push(more);
    }
    (said, heard)
}

#[tokio::test(start_paused = true)]
async fn waiting_asks_at_once_and_then_less_and_less_often() {
    let (tools, asked) = passes_at(8);
    let (said, told) = part(&tools, &waiting(None, Duration::from_secs(10)), Look::First, false, "act").await;
    let times: Vec<u64> = asked.lock().expect("no panic").iter().map(|(at, _)| *at).collect();
    // After 20, 40, 80, 160, and then each 250 ms.
    for (at, due) in times.iter().zip([0, 20, 60, 140, 300, 550, 800, 1050]) {
        assert!(at.abs_diff(due) <= 10, "{times:?}");
    }
    assert_eq!(times.len(), 8);
    assert!(said.as_ref().is_ok_and(|words| words.starts_with("passed after 1")), "{said:?}");
    assert_eq!(told, [Told::Line("connection refused".into())], "the same reason is told once");
}

#[tokio::test(start_paused = true)]
async fn waiting_keeps_to_the_pace_that_is_written_and_to_its_end() {
    let (tools, asked) = passes_at(usize::MAX);
    let plan = waiting(Some(Duration::from_secs(2)), Duration::from_secs(9));
    let (said, _told) = part(&tools, &plan, Look::First, false, "act").await;
    let asked = asked.lock().expect("no panic").clone();
    assert_eq!(asked.len(), 5, "at 0, 2, 4, 6 and 8 s: {asked:?}");
    assert!(asked[4].1 <= Duration::from_millis(1050), "the last may take no longer than what is left: {asked:?}");
    let Err(Trouble::Failed(words)) = said else { panic!("{said:?}") };
    assert_eq!(words, "did not pass within 9 s: connection refused");
}

#[tokio::test(start_paused = true)]
async fn a_dry_wait_asks_once_and_says_how_it_stands() {
    for (passes, words) in [(1, "it passes now"), (2, "now: connection refused")] {
        let (tools, asked) = passes_at(passes);
        let plan = waiting(None, Duration::from_secs(10));
        assert_eq!(part(&tools, &plan, Look::First, false, "check").await.0, Ok(String::new()), "left to the act");
        assert_eq!(asked.lock().expect("no panic").len(), 0);
        let (said, _told) = part(&tools, &plan, Look::Dry, false, "check").await;
        assert_eq!((said, asked.lock().expect("no panic").len()), (Ok(words.to_owned()), 1));
    }
}

/// What a server does with each request.
#[derive(Clone, Copy)]
enum Server {
    Answers(u16),
    HangsUp,
}

/// A server, and the requests that came to it.
async fn serve(does: Server) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/caller", listener.local_addr().expect("bound"));
    let requests = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&requests);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            let mut piece = [0; 4096];
            while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                match stream.read(&mut piece).await {
                    Ok(1..) => request.extend(piece.iter().take_while(|byte| **byte != 0)),
                    _ => break,
                }
                piece = [0; 4096];
            }
            if request.is_empty() {
                continue;
            }
            seen.lock().expect("no panic").push(String::from_utf8_lossy(&request).into_owned());
            if let Server::Answers(status) = does {
                let text = format!("HTTP/1.1 {status} x\r\ncontent-length: 9\r\nconnection: close\r\n\r\nwent well");
                let _gone = stream.write_all(text.as_bytes()).await;
            }
        }
    });
    (url, requests)
}

#[tokio::test]
async fn a_request_is_made_once_and_its_answer_judged() {
    let (tools, _asked) = passes_at(1);
    let (url, requests) = serve(Server::Answers(200)).await;
    let plan = request("POST", url);
    let (said, _told) = part(&tools, &plan, Look::Dry, false, "check").await;
    assert!(said.as_ref().is_ok_and(|note| note.ends_with("accepts connections")), "{said:?}");
    assert!(requests.lock().expect("no panic").is_empty(), "a dry run sends nothing");
    assert_eq!(part(&tools, &plan, Look::First, false, "act").await.0, Ok("answered 200".into()));
    let sent = requests.lock().expect("no panic").clone();
    assert_eq!(sent.len(), 1);
    let lower = sent[0].to_lowercase();
    assert!(lower.starts_with("post /caller http/1.1") && lower.contains("content-type: application/json"), "{lower}");
    assert_eq!(part(&tools, &plan, Look::First, false, "verify").await.0, Ok(String::new()));

    let (url, _requests) = serve(Server::Answers(503)).await;
    let (said, _told) = part(&tools, &request("GET", url), Look::First, false, "act").await;
    let expected = "answered 503 where 200 was expected: went well";
    assert_eq!(said, Err(Trouble::Failed(expected.into())));
}

#[tokio::test]
async fn a_lost_answer_is_a_failure_only_where_asking_changes_nothing() {
    let (tools, _asked) = passes_at(1);
    for (method, may_be_done) in [("GET", false), ("POST", true)] {
        let (url, requests) = serve(Server::HangsUp).await;
        let plan = request(method, url);
        let (said, _told) = part(&tools, &plan, Look::First, false, "act").await;
        assert_eq!(matches!(said, Err(Trouble::Unknown(_))), may_be_done, "{method}: {said:?}");
        assert!(said.is_err());
        assert_eq!(requests.lock().expect("no panic").len(), 1, "{method} is not sent again by itself");
        let (looked, _told) = part(&tools, &plan, Look::Again, true, "verify").await;
        assert!(matches!(looked, Err(Trouble::Unknown(_))), "nobody can tell by looking: {looked:?}");
    }
    let gone = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        format!("http://{}/", listener.local_addr().expect("bound"))
    };
    let plan = request("POST", gone);
    for (look, name) in [(Look::First, "act"), (Look::Dry, "check")] {
        let (said, _told) = part(&tools, &plan, look, false, name).await;
        assert!(matches!(said, Err(Trouble::Failed(_))), "nobody listens, so nothing was taken up: {said:?}");
    }
    for url in ["caller", "mailto:nobody"] {
        let (said, _told) = part(&tools, &request("GET", url.into()), Look::First, false, "check").await;
        assert!(matches!(said, Err(Trouble::Refused(_))), "{url}: {said:?}");
    }
}
