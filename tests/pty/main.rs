//! The console on a real terminal: what it writes, how it ends, what it survives.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test may fail loudly"
)]

#[path = "../support/place.rs"]
mod place;
#[path = "../support/session.rs"]
mod session;

mod beginning;
mod hangup;
mod joining;
mod real;
mod recordings;
mod words;

use std::time::Duration;

use pty_process::Command;
use rustix::process::Signal;
use session::{Session, fixture};

async fn open(scene: &str) -> Session {
    let session = Session::fixture(&[scene, "theme=dark"], 120, 40);
    session.until_text("all keys").await;
    session.quiet(Duration::from_millis(300)).await;
    session
}

fn count(bytes: &[u8], part: &[u8]) -> usize {
    bytes.windows(part.len()).filter(|window| *window == part).count()
}

#[tokio::test]
async fn the_first_frame_is_one_bracket_of_less_than_twelve_kilobytes() {
    for scene in ["harbour", "many", "stale"] {
        let session = open(scene).await;
        let bytes = session.taken();
        println!("{scene}: {} bytes", bytes.len());
        assert!(bytes.len() < 12_000, "{scene}: {} bytes", bytes.len());
        assert_eq!(count(&bytes, b"\x1b[?2026h"), 1);
        assert_eq!(count(&bytes, b"\x1b[?2026l"), 1);
    }
}

#[tokio::test]
async fn moving_the_selection_costs_less_than_four_hundred_bytes() {
    for scene in ["harbour", "many", "stale"] {
        let mut session = open(scene).await;
        session.taken();
        session.press("j").await;
        session.frame().await;
        let bytes = session.taken();
        println!("{scene}: {} bytes", bytes.len());
        assert!((1..400).contains(&bytes.len()), "{scene}: {} bytes", bytes.len());
    }
}

#[tokio::test]
async fn an_idle_screen_writes_nothing() {
    let session = open("calm").await;
    // The clock in the corner moves once a minute: then it is looked at again.
    for _ in 0..3 {
        let before = session.text();
        session.taken();
        tokio::time::sleep(Duration::from_secs(2)).await;
        let bytes = session.taken();
        if session.text() == before {
            assert_eq!(bytes.len(), 0, "{:?}", String::from_utf8_lossy(&bytes));
            return;
        }
    }
    panic!("the picture changed three times:\n{}", session.text());
}

#[tokio::test]
async fn a_busy_engine_makes_at_most_twenty_frames_a_second() {
    let session = open_busy().await;
    session.taken();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let frames = count(&session.taken(), b"\x1b[?2026h");
    assert!((5..=40).contains(&frames), "{frames} frames in two seconds");
}

async fn open_busy() -> Session {
    let session = Session::fixture(&["busy", "theme=dark"], 120, 40);
    session.until_text("all keys").await;
    session
}

#[tokio::test]
async fn leaving_gives_the_terminal_back() {
    let mut session = open("harbour").await;
    session.press("q").await;
    assert!(session.ended().await.success());
    session.until_text("ended: Quit").await;
    assert!(session.given_back());
}

#[tokio::test]
async fn signals_end_it_and_give_the_terminal_back() {
    for (signal, said) in [(Signal::TERM, "ended: Terminated"), (Signal::HUP, "ended: HungUp")] {
        let mut session = open("harbour").await;
        session.signal(signal);
        assert!(session.ended().await.success());
        session.until_text(said).await;
        assert!(session.given_back(), "{said}");
    }
}

#[tokio::test]
async fn a_crash_gives_the_terminal_back_and_leaves_a_report() {
    let folder = tempfile::tempdir().expect("a folder");
    let crashes = format!("crashes={}", folder.path().display());
    let mut session = Session::fixture(&["harbour", "theme=dark", &crashes], 120, 40);
    session.until_text("all keys").await;
    session.press("n").await;
    session.until_text("Write into the journal").await;
    session.press("panic\r").await;
    assert!(!session.ended().await.success());
    session.until_text("the console crashed: asked to panic").await;
    assert!(session.given_back());
    let report = std::fs::read_dir(folder.path()).expect("read").next().expect("a report").expect("an entry");
    let report = std::fs::read_to_string(report.path()).expect("a text");
    assert!(report.contains("asked to panic") && report.contains("screen 120x40"), "{report}");
}

#[tokio::test]
async fn ctrl_z_goes_back_to_the_shell_and_fg_comes_again() {
    let command = Command::new("bash").args(["--norc", "--noprofile", "-i"]).env("PS1", "shell> ");
    let mut session = Session::start(command, 100, 30);
    session.until_text("shell>").await;
    session.press(&format!("{} harbour theme=dark\n", fixture().display())).await;
    session.until_text("all keys").await;
    session.press("\x1a").await;
    session.until("the shell", |session| session.given_back() && session.text().contains("Stopped")).await;
    session.press("fg\n").await;
    session.until("the console", |session| session.look(vt100::Screen::alternate_screen)).await;
    session.until_text("all keys").await;
    session.press("q").await;
    session.until_text("ended: Quit").await;
}

#[tokio::test]
async fn a_storm_of_resizes_ends_in_the_right_picture() {
    let mut session = open("harbour").await;
    for step in 0..100_u16 {
        session.resize(20 + step * 37 % 200, 1 + step * 13 % 60);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    session.resize(1, 1);
    session.quiet(Duration::from_millis(200)).await;
    session.resize(80, 24);
    session.until_text("1 Hosts").await;
    session.quiet(Duration::from_millis(200)).await;
    // What the terminal shows is what a fresh console of this size shows.
    let stormy = session.text();
    session.press("\x0c").await;
    session.quiet(Duration::from_millis(200)).await;
    assert_eq!(stormy, session.text());
    session.press("q").await;
    assert!(session.ended().await.success());
}

#[tokio::test]
async fn the_answer_about_the_background_is_used_and_keys_around_it_are_not_eaten() {
    let mut session = Session::fixture(&["harbour"], 120, 40);
    session
        .until("the question", |session| {
            let bytes = session.taken();
            count(&bytes, b"\x1b]11;?") == 1
        })
        .await;
    session.press("2\x1b]11;rgb:ffff/ffff/ffff\x1b\\zz").await;
    session.until_text("all keys").await;
    // Light ground, and the pane Jobs zoomed twice, which is not at all.
    let light = vt100::Color::Rgb(0xfb, 0xfb, 0xf8);
    session
        .until("a light ground", |session| {
            session.look(|screen| screen.cell(20, 60).is_some_and(|cell| cell.bgcolor() == light))
        })
        .await;
    session.until_text("cancel job").await;
    assert!(session.text().contains("Journal  218 entries"), "{}", session.text());
}

#[tokio::test]
async fn without_an_answer_about_the_background_it_is_dark() {
    let session = Session::fixture(&["harbour"], 120, 40);
    session.until_text("all keys").await;
    let dark = vt100::Color::Rgb(0x14, 0x17, 0x1c);
    session.look(|screen| assert_eq!(screen.cell(20, 60).map(vt100::Cell::bgcolor), Some(dark)));
}

#[tokio::test]
async fn a_theme_that_is_saved_is_read_again_and_a_broken_one_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let themes = folder.path().join("themes");
    std::fs::create_dir(&themes).expect("made");
    let save = |text: &str| {
        std::fs::write(themes.join(".mine.new"), text).expect("written");
        std::fs::rename(themes.join(".mine.new"), themes.join("mine.toml")).expect("renamed");
    };
    save("inherits = \"dark\"\n");
    let config = format!("config={}", folder.path().display());
    let session = Session::fixture(&["harbour", "theme=mine", &config], 120, 40);
    session.until_text("all keys").await;
    save("inherits = \"light\"\n");
    session.until_text("theme `mine` was read again").await;
    save("inherits = \"light\"\n[meanings]\ngod = \"ink\"\n");
    session.until_text("did you mean `good`?").await;
    std::fs::remove_file(themes.join("mine.toml")).expect("removed");
    std::fs::create_dir(themes.join("mine.toml")).expect("made");
    session.until_text("is a folder, not a theme file").await;
}

#[tokio::test]
async fn a_console_killed_hard_leaves_the_engine_running() {
    let folder = tempfile::tempdir().expect("a folder");
    let fleet = folder.path().join("hotspare.toml");
    std::fs::write(&fleet, "name = \"harbour\"\n[hosts.here]\naddress = \"127.0.0.1\"\n").expect("written");
    let hotspare = || {
        Command::new(env!("CARGO_BIN_EXE_hotspare"))
            .arg("--fleet")
            .arg(&fleet)
            .arg("--state")
            .arg(folder.path().join("state"))
    };
    let mut session = Session::start(hotspare(), 120, 40);
    session.until_text("lease held").await;
    session.signal(Signal::KILL);
    session.ended().await;
    let mut again = Session::start(hotspare(), 120, 40);
    again.until_text("lease held").await;
    again.press("q").await;
    assert!(again.ended().await.success());
    again.until_text("the engine goes on").await;
    assert!(again.given_back());
    let mut stop = Session::start(hotspare().args(["engine", "stop"]), 120, 40);
    assert!(stop.ended().await.success());
}

#[tokio::test]
async fn a_keymap_that_comes_later_is_used_and_a_broken_one_is_told_with_its_line() {
    let home = tempfile::tempdir().expect("a folder");
    let folder = home.path().join("hotspare");
    let config = format!("config={}", folder.display());
    let mut session = Session::fixture(&["harbour", "theme=dark", &config], 120, 40);
    session.until_text("all keys").await;
    let keymaps = folder.join("keymaps");
    std::fs::create_dir_all(&keymaps).expect("made");
    let save = |text: &str| {
        std::fs::write(keymaps.join(".default.new"), text).expect("written");
        std::fs::rename(keymaps.join(".default.new"), keymaps.join("default.toml")).expect("renamed");
    };
    let shipped = include_str!("../../keymaps/default.toml");
    let moved = shipped.replacen(r#"["?", "f1"]"#, r#""f1""#, 1);
    assert_ne!(moved, shipped);
    save(&moved);
    session.until_text("keymap `default` was read again").await;
    session.until_text("f1 all keys").await;
    save(&format!("{moved}\n[nowhere]\nx = \"help\"\n"));
    let line = moved.lines().count() + 2;
    session.until_text(&format!("default.toml:{line}:")).await;
    // What was in force stays.
    session.press("\x1bOP").await;
    session.until_text("All keys").await;
}
