//! The whole way of a session over a real engine: recorded, copied, imported, read about, verified and deleted, by keys.

use std::path::PathBuf;

use pty_process::Command;

use crate::place::{Place, text};
use crate::session::Session;

/// Bytes of a video: with the limit below a copy takes a second or two.
const VIDEO: usize = 200_000;
/// Backspace: back from a page, a filter, the marks.
const BACK: &str = "\x7f";

/// A fleet of one store with three sessions, the last of which somebody has copied with other tools.
struct Studio(Place);

impl Studio {
    fn new() -> Self {
        let place = Place::new("");
        let at = |name: &str| place.path().join(name).display().to_string();
        let fleet = format!(
            "name = \"harbour\"\n[sessions.mocap]\nsource = {:?}\nlayout = \"{{participant}}/{{date}}\"\n\
             settle = \"1s\"\nlimit = \"800KiB/s\"\n\
             destinations = [{{ name = \"share\", path = {:?}, layout = \"{{date}}/{{participant}}\" }}]\n\
             imported = {{ sqlite = {:?}, query = \"SELECT participant, date, imported FROM imports\" }}\n",
            at("data"),
            at("share"),
            at("imports.db"),
        );
        std::fs::write(place.file(), fleet).expect("written");
        let imports = rusqlite::Connection::open(place.path().join("imports.db")).expect("opened");
        imports.execute_batch("CREATE TABLE imports (participant TEXT, date TEXT, imported INTEGER)").expect("made");
        let studio = Self(place);
        for (participant, date) in [("p001", "20250104"), ("p002", "20250105"), ("p003", "20250106")] {
            let folder = studio.folder(participant, date);
            std::fs::create_dir_all(&folder).expect("made");
            for (number, byte) in (0_u8..2).enumerate() {
                std::fs::write(folder.join(format!("walk.{number}.mp4")), vec![byte; VIDEO]).expect("written");
            }
            std::fs::write(folder.join("walk.json"), "{}").expect("written");
            imports.execute("INSERT INTO imports VALUES (?1, ?2, 1)", (participant, date)).expect("written");
        }
        let (from, to) = (studio.folder("p003", "20250106"), studio.copy("p003", "20250106"));
        std::fs::create_dir_all(&to).expect("made");
        for name in ["walk.0.mp4", "walk.1.mp4", "walk.json"] {
            std::fs::copy(from.join(name), to.join(name)).expect("copied");
        }
        studio
    }

    fn folder(&self, participant: &str, date: &str) -> PathBuf {
        self.0.path().join("data").join(participant).join(date)
    }

    fn copy(&self, participant: &str, date: &str) -> PathBuf {
        self.0.path().join("share").join(date).join(participant)
    }

    /// The console with the pane of the sessions in front.
    async fn pane(&self) -> Session {
        let command = Command::new(env!("CARGO_BIN_EXE_hotspare"))
            .arg("--fleet")
            .arg(self.0.file())
            .arg("--state")
            .arg(self.0.state())
            .args(["console", "--theme", "dark"]);
        let mut session = Session::start(command, 140, 40);
        session.until_text("3 on disk").await;
        session.press(":pane.show sessions\r").await;
        session.until_text("sync…").await;
        session.until_text("changed").await;
        session
    }
}

/// The line of a session in the pane.
fn row(session: &Session, participant: &str) -> String {
    let lines = session.text();
    lines.lines().find(|line| line.contains(&format!(" {participant} "))).unwrap_or_default().to_owned()
}

async fn until_row(session: &Session, participant: &str, parts: &[&str]) {
    let holds = |session: &Session| parts.iter().all(|part| row(session, participant).contains(part));
    session.until(&format!("{participant}: {parts:?}"), holds).await;
}

#[tokio::test]
async fn a_session_goes_all_the_way_from_the_disk_to_the_share_by_keys() {
    let studio = Studio::new();
    let _engine = studio.0.engine();
    studio.0.join().await;
    let mut session = studio.pane().await;
    until_row(&session, "p001", &["✗ none", "share: no marker"]).await;
    until_row(&session, "p003", &["✓          ✓", "share: no marker"]).await;

    // Filter, and all again.
    session.press("/p002\r").await;
    session.until("only p002", |session| row(session, "p001").is_empty() && !row(session, "p002").is_empty()).await;
    session.press(BACK).await;
    until_row(&session, "p001", &["✗ none"]).await;

    // All three are marked and copied; what goes on is seen in the row, and what came of it.
    session.press("*").await;
    session.until_text("3 marked").await;
    session.press("c").await;
    session.until_text("enter copy").await;
    session.press("\r").await;
    session.until("progress", |session| session.text().contains("copying… ")).await;
    for participant in ["p001", "p002", "p003"] {
        until_row(&session, participant, &["✓ content"]).await;
    }
    session.until_text("3 safe to delete").await;
    assert!(studio.copy("p001", "20250104").with_extension("b3").exists());
    assert!(studio.copy("p003", "20250106").with_extension("b3").exists(), "what others copied has sums now too");

    // The page of one of them, and another verification.
    session.press(BACK).await;
    session.until("no marks", |session| !session.text().contains("3 marked")).await;
    session.press("/p001\r").await;
    session.until("only p001", |session| row(session, "p003").is_empty() && !row(session, "p001").is_empty()).await;
    session.press("\r").await;
    session.until_text("may be deleted from this computer").await;
    session.until_text("3 on all sides, none differs").await;
    session.press("v").await;
    session.until_text("Verify p001/20250104?").await;
    session.press("\r").await;
    session.until_text("verifying p001/20250104: job 2").await;
    let verified = || text(&studio.0.run(&["journal"]).stdout).contains("job 2 (verify) is done: 1 good");
    session.until("verified", |_| verified()).await;
    session.until_text("may be deleted from this computer").await;

    // Neither another word nor a paste deletes anything.
    session.press("xx").await;
    session.until_text("type DELETE to go on").await;
    session.press("delete\r").await;
    session.until_text("that is not it; nothing was done").await;
    session.press("\x15").await;
    session.press("\x1b[200~DELETE\x1b[201~").await;
    session.until_text("a paste is not taken here").await;
    session.press("\r").await;
    session.until("the question is gone", |session| !session.text().contains("type DELETE to go on")).await;
    assert!(studio.folder("p001", "20250104").join("walk.0.mp4").exists());

    // The phrase does.
    session.press("xx").await;
    session.until_text("type DELETE to go on").await;
    session.press("DELETE\r").await;
    session.until_text("not on this computer").await;
    assert!(!studio.folder("p001", "20250104").exists());
    assert!(studio.copy("p001", "20250104").join("walk.0.mp4").exists());
    session.press(BACK).await;
    session.until_text("2 on disk").await;
    session.press(":pane.show journal\r").await;
    session.until_text("p001/20250104 is deleted from this computer: 3 files, 400 kB").await;
    let journal = text(&studio.0.run(&["journal"]).stdout);
    let told = ["copying 3 sessions: job 1", "p001/20250104 is deleted from this computer: 3 files"];
    assert!(told.iter().all(|what| journal.contains(what)), "{journal}");
    session.press("q").await;
    assert!(session.ended().await.success());
}
