//! The whole program on a real terminal, over an engine of its own: what a person starts, ends and chooses there.

use std::net::TcpListener;

use pty_process::Command;

use crate::count;
use crate::place::{Place, text};
use crate::session::Session;

/// The console over the fleet of a place.
fn console(place: &Place, choices: &[&str]) -> Session {
    let command = Command::new(env!("CARGO_BIN_EXE_hotspare"))
        .arg("--fleet")
        .arg(place.file())
        .arg("--state")
        .arg(place.state())
        .args(["console", "--theme", "dark"])
        .args(choices);
    Session::start(command, 120, 40)
}

/// Connections to it are made by the kernel, and nobody ever answers.
fn mute() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    (listener, port)
}

#[tokio::test]
async fn a_job_that_runs_is_cancelled_by_its_number_alone() {
    let (_listener, port) = mute();
    let place = Place::new(&format!(
        "name = \"harbour\"\n[hosts.studio-1]\naddress = \"127.0.0.1\"\nchecks = [{{ kind = \"http\", \
         url = \"http://127.0.0.1:{port}/\", every = \"60s\", timeout = \"29s\" }}]\n"
    ));
    let _engine = place.engine();
    place.join().await;
    let mut session = console(&place, &[]);
    session.until_text("lease held").await;
    session.press("ed").await;
    session.until_text("the doctor looks at everything: job 1").await;
    session.press("2").await;
    session.until_text("Jobs  1 running").await;

    // Another number, or none, ends nothing.
    for typed in ["2\r\x1b", "\r"] {
        session.press("xx").await;
        session.until_text("Cancel job 1?").await;
        session.press(typed).await;
        session.until("the question is gone", |session| !session.text().contains("Cancel job 1?")).await;
    }
    session.until_text("cancelled; nothing was done").await;
    assert!(text(&place.run(&["jobs"]).stdout).contains("running"), "{}", session.text());

    session.press("xx").await;
    session.until_text("Cancel job 1?").await;
    session.press("1\r").await;
    session.until_text("job 1 (doctor) was cancelled").await;
    session.until_text("Jobs  nothing runs").await;
    let jobs = text(&place.run(&["jobs"]).stdout);
    assert!(jobs.contains("cancelled") && !jobs.contains("running"), "{jobs}");
    let journal = text(&place.run(&["journal"]).stdout);
    let told = ["job 1 is asked to end", "job 1 (doctor) was cancelled"];
    assert!(told.iter().all(|what| journal.contains(what)), "{journal}");
    session.press("q").await;
    assert!(session.ended().await.success());
}

const MOUSE_ON: &[u8] = b"\x1b[?1000h";
const MOUSE_OFF: &[u8] = b"\x1b[?1000l";
const BELL: &[u8] = b"\x07";
const ANNOUNCEMENT: &[u8] = b"\x1b]9;harbour: studio-1 is down\x1b\\";

/// Lets the only host go down before a console with these choices and returns every byte that it wrote.
async fn bytes_of_an_alarm(choices: &[&str], keys: &str) -> Vec<u8> {
    let (listener, port) = mute();
    let place = Place::new(&format!(
        "name = \"harbour\"\n[hosts.studio-1]\naddress = \"127.0.0.1\"\n\
         checks = [{{ kind = \"tcp\", port = {port}, every = \"200ms\" }}]\n"
    ));
    let _engine = place.engine();
    place.join().await;
    let mut session = console(&place, choices);
    session.until_text("all 1 up").await;
    session.press(keys).await;
    drop(listener);
    session.until_text("studio-1 is down").await;
    session.press("q").await;
    assert!(session.ended().await.success());
    session.until("the terminal is given back", Session::given_back).await;
    session.taken()
}

#[tokio::test]
async fn mouse_bell_and_desktop_are_left_alone_unless_chosen() {
    let bytes = bytes_of_an_alarm(&[], "").await;
    for never in [MOUSE_ON, BELL, b"\x1b]9;"] {
        assert_eq!(count(&bytes, never), 0, "{:?}", String::from_utf8_lossy(never));
    }
}

#[tokio::test]
async fn mouse_bell_and_desktop_are_used_once_for_an_alarm_when_chosen() {
    let by_option = bytes_of_an_alarm(&["--mouse", "--bell", "--announce"], "").await;
    let by_palette = bytes_of_an_alarm(&[], ":view.mouse\r:view.bell\r:view.announce\r").await;
    for bytes in [by_option, by_palette] {
        for once in [MOUSE_ON, MOUSE_OFF, BELL, ANNOUNCEMENT] {
            assert_eq!(count(&bytes, once), 1, "{:?}", String::from_utf8_lossy(once));
        }
    }
}

#[tokio::test]
async fn a_click_selects_and_a_second_one_opens() {
    let place = Place::new(crate::place::FLEET);
    let _engine = place.engine();
    place.join().await;
    let mut session = console(&place, &["--mouse"]);
    session.until_text("studio-2").await;
    let line = session.text().lines().position(|line| line.contains("studio-2")).expect("its line") + 1;
    let click = format!("\x1b[<0;8;{line}M\x1b[<0;8;{line}m");
    session.press(&click).await;
    session
        .until("it is selected", |session| {
            session.text().lines().any(|line| line.starts_with("│▌") && line.contains("studio-2"))
        })
        .await;
    session.press(&click).await;
    session.until_text("Hosts › studio-2").await;
}
