//! Pictures of sessions: the pane, the page, the questions and the reports, in every state and size.

use std::sync::atomic::Ordering;

use hotspare::console::library::{Kind, Library};
use rstest::rstest;

use crate::fixture::{FakeClient, archive, mocap, no_sessions, noon, stale};
use crate::stage::Stage;

fn scene(name: &str) -> Stage {
    Stage::of(match name {
        "stale" => stale(noon()),
        "archive" => archive(noon(), 100_000),
        "no-sessions" => no_sessions(noon()),
        _ => mocap(noon()),
    })
}

#[rstest]
#[case("mocap", 60, 15)]
#[case("mocap", 80, 24)]
#[case("mocap", 120, 36)]
#[case("mocap", 200, 50)]
#[case("stale", 60, 15)]
#[case("stale", 80, 24)]
#[case("stale", 120, 36)]
#[case("archive", 80, 24)]
#[case("archive", 120, 36)]
#[case("archive", 200, 50)]
#[case("no-sessions", 80, 24)]
#[case("no-sessions", 120, 36)]
fn pane(#[case] name: &str, #[case] width: u16, #[case] height: u16) {
    let text = scene(name).sized(width, height).press("2").text();
    insta::assert_snapshot!(format!("{name}-{width}x{height}"), text);
}

#[rstest]
#[case("page-differs", "mocap", "2 down down enter")]
#[case("page-partly-imported", "mocap", "2 down down down enter")]
#[case("page-safe", "mocap", "2 down down down down enter")]
#[case("page-odd", "mocap", "2 down down down down down down enter")]
#[case("page-stale", "stale", "2 down enter")]
#[case("page-alone", "mocap", "2 s S down down enter")]
#[case("jobs", "mocap", "3 z")]
#[case("job-copying", "mocap", "3 enter")]
#[case("job-paused", "mocap", "3 P enter")]
#[case("report-copies", "mocap", "2 * c enter 3 end up enter")]
#[case("report-verifications", "mocap", "2 * v enter 3 end up enter")]
#[case("report-deletions", "mocap", "2 * x x 3 esc 3 end up enter")]
#[case("sync-one", "mocap", "2 c")]
#[case("sync-many", "mocap", "2 * c")]
#[case("sync-stale", "stale", "2 down c")]
#[case("verify", "mocap", "2 down down v down")]
#[case("delete-one", "mocap", "2 down down down down x x")]
#[case("delete-some-refused", "mocap", "2 space space space space space space x x")]
#[case("delete-many", "mocap", "2 x a page-down")]
#[case("delete-none", "stale", "2 x x")]
#[case("limit", "mocap", "2 b")]
#[case("store", "archive", "2 o")]
#[case("marks-and-order", "archive", "2 s space space S")]
#[case("problems", "stale", "p")]
#[case("keys-that-follow", "mocap", "2 x")]
fn after_keys(#[case] name: &str, #[case] fleet: &str, #[case] keys: &str) {
    for (width, height) in [(80, 24), (120, 36)] {
        let text = scene(fleet).sized(width, height).press(keys).text();
        insta::assert_snapshot!(format!("{name}-{width}x{height}"), text);
    }
}

#[test]
fn help() {
    let mut stage = scene("mocap").sized(120, 36);
    insta::assert_snapshot!(stage.press("2 ?").press("text:session").text());
}

#[test]
fn checking() {
    let mut stage = scene("mocap").sized(80, 24);
    stage.client.slow.store(true, Ordering::Relaxed);
    insta::assert_snapshot!(stage.press("2 x x").text());
}

#[test]
fn rows_to_come() {
    let mut stage = scene("archive").sized(80, 24);
    stage.press("2");
    stage.held = true;
    insta::assert_snapshot!(stage.press("end").text());
}

#[test]
fn ascii() {
    let (snapshot, rows) = mocap(noon());
    let mut stage = Stage::ascii_over(FakeClient::with(snapshot, rows)).sized(80, 24);
    insta::assert_snapshot!(stage.press("2").text());
    for keys in ["down down enter", "esc x a", "esc esc * c", "esc v", "esc esc 3 enter", "esc 2 b"] {
        let text = stage.press(keys).text();
        assert!(text.is_ascii(), "{keys}\n{text}");
    }
}

#[test]
fn every_theme_draws_the_same_words() {
    for keys in ["2", "2 down down enter", "2 x a", "2 * c", "3 z"] {
        let words = scene("mocap").press(keys).text();
        for (name, _) in Library::default().list(Kind::Theme) {
            let (snapshot, rows) = mocap(noon());
            let mut stage = Stage::over(FakeClient::with(snapshot, rows), &name, "default", false);
            assert_eq!(stage.press(keys).text(), words, "{name} {keys}");
        }
    }
}
