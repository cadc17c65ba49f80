//! A terminal that goes away takes its console with it, whatever the console is doing.

use std::time::Duration;

use pty_process::Command;
use rustix::process::Signal;

use crate::session::{Session, fixture};

/// From the loss of the terminal to the end of the process.
const LIMIT: Duration = Duration::from_secs(3);

/// Takes the terminal of a program away after so many milliseconds with keys on the way, and demands an end.
async fn loses_its_terminal(command: Command, after: u64, keys: &str) {
    let mut session = Session::start(command, 100, 30);
    if after > 0 {
        session.until_text("all keys").await;
    }
    let mut left = after;
    while left > 0 {
        session.press(keys).await;
        let step = left.min(3);
        tokio::time::sleep(Duration::from_millis(step)).await;
        left -= step;
    }
    session.press(keys).await;
    session.hang_up().await;
    let ended = tokio::time::timeout(LIMIT, session.child.wait()).await;
    let status = ended.unwrap_or_else(|_late| panic!("it lives on, {after} ms after its beginning, keys {keys:?}"));
    println!("{after} ms {keys:?}: {status:?}");
}

#[tokio::test]
async fn a_console_ends_when_its_terminal_goes_whenever_that_is() {
    for round in 0..30_u64 {
        let keys = ["", "j", "jk\x1b[B", "?\x1b"][usize::try_from(round % 4).expect("small")];
        loses_its_terminal(Command::new(fixture()).args(["busy", "theme=dark"]), round * 2, keys).await;
    }
}

/// A shell that leads the session and ignores the hang-up tells nobody of it: the kernel signals only the leader.
#[tokio::test]
async fn a_console_ends_without_a_signal_too() {
    for round in 0..10_u64 {
        let line = format!("trap '' HUP; {} harbour theme=dark", fixture().display());
        let keys = ["", "jk"][usize::try_from(round % 2).expect("small")];
        loses_its_terminal(Command::new("sh").args(["-c", &format!("{line}; exit 0")]), 1 + round * 3, keys).await;
    }
}

#[tokio::test]
async fn a_console_whose_terminal_takes_no_more_letters_still_obeys() {
    let mut session = Session::fixture(&["harbour", "theme=dark"], 120, 40);
    session.until_text("all keys").await;
    session.stop_reading().await;
    // Each draws the whole screen: far more than a terminal keeps for a reader that does not come.
    for _ in 0..60 {
        session.press("\x0c").await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    session.signal(Signal::TERM);
    let status = tokio::time::timeout(2 * LIMIT, session.child.wait()).await.expect("ends").expect("a status");
    assert_eq!(status.code(), Some(129), "it was to be stuck: {status:?}");
}
