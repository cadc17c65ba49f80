//! Pictures of dumps and what the keys of their questions do: the pane, the page, every question, in every state and size.

use hotspare::console::action::Action;
use hotspare::console::library::{Kind, Library};
use hotspare::dump::view::DumpState;
use hotspare::dump::worker::hands::Pick;
use hotspare::engine::command::Command;
use rstest::rstest;

use crate::fixture::{ago, dumps, noon};
use crate::stage::Stage;

#[rstest]
#[case("good", 80, 24)]
#[case("good", 120, 36)]
#[case("all", 80, 24)]
#[case("all", 120, 36)]
#[case("all", 200, 50)]
fn overview(#[case] name: &str, #[case] width: u16, #[case] height: u16) {
    let text = Stage::dumps(name).sized(width, height).text();
    insta::assert_snapshot!(format!("overview-{name}-{width}x{height}"), text);
}

#[rstest]
fn pane(
    #[values(
        "good",
        "dumping",
        "ejected",
        "elsewhere",
        "starting",
        "late",
        "server-away",
        "failing",
        "medium-away",
        "nearly-full"
    )]
    name: &str,
) {
    for (width, height) in [(80, 24), (120, 36), (200, 50)] {
        let text = Stage::dumps(name).sized(width, height).press("2").press("z").text();
        insta::assert_snapshot!(format!("pane-{name}-{width}x{height}"), text);
    }
}

#[rstest]
#[case("page-good", "good", "2 enter")]
#[case("page-undrilled", "undrilled", "2 enter")]
#[case("page-failing", "failing", "2 enter")]
#[case("page-medium-away", "medium-away", "2 enter")]
#[case("page-starting", "starting", "2 enter")]
#[case("eject", "good", "2 u")]
#[case("restore", "good", "2 x x")]
#[case("problems", "all", "p")]
#[case("would-be-lost", "host-gone", "F F")]
#[case("made", "good", "2 r 3 s enter")]
#[case("verified", "good", "2 v 3 s enter")]
#[case("drilled", "good", "2 d 3 s enter")]
fn after_keys(#[case] name: &str, #[case] fleet: &str, #[case] keys: &str) {
    for (width, height) in [(80, 24), (120, 36)] {
        let text = Stage::dumps(fleet).sized(width, height).press(keys).text();
        insta::assert_snapshot!(format!("{name}-{width}x{height}"), text);
    }
}

#[test]
fn what_is_wrong_is_read_in_the_first_line_and_counted() {
    for (scene, words, problems) in [
        ("good", "kit < 1 min old", None),
        ("dumping", "kit < 1 min old", None),
        ("ejected", "medium may be taken out", None),
        ("medium-away", "✗ dump meos medium away", Some("1 problem")),
        ("server-away", "◐ dump meos server away", Some("1 problem")),
        ("late", "▲ dump meos late", Some("1 problem")),
    ] {
        let text = Stage::dumps(scene).text();
        let first = text.lines().next().unwrap_or_default();
        assert!(first.contains(words), "{scene}: {first}");
        match problems {
            Some(problems) => assert!(first.contains(problems), "{scene}: {first}"),
            None => assert!(!first.contains("problem"), "{scene}: {first}"),
        }
    }
}

#[test]
fn the_keys_of_a_dump_are_in_force_on_its_row_and_those_of_a_feed_on_a_feed() {
    let mut stage = Stage::dumps("all");
    let dump = |stage: &mut Stage| stage.text().lines().last().unwrap_or_default().contains("make kit");
    stage.press("3");
    assert!(dump(&mut stage), "what is wrong stands first, and that is a dump");
    stage.press("r");
    assert_eq!(stage.sent(), [Command::DumpNow { dump: "archive".into() }]);
    stage.press("3 /").press("text:counts").press("enter").press("r");
    assert!(!dump(&mut stage), "{}", stage.text());
    assert_eq!(stage.sent(), [Command::FeedRun { feed: "counts".into() }]);
}

#[test]
fn nothing_is_restored_before_the_word_was_typed() {
    let mut stage = Stage::dumps("good");
    let text = stage.press("2 x x").text();
    assert!(text.contains("would be dumped and then overwritten") && text.contains("RESTORE"), "{text}");
    stage.press("text:restore").press("enter");
    let real = |command: &Command| matches!(command, Command::DumpRestore { dry_run: false, .. });
    assert!(!stage.sent().iter().any(real));
    let mut stage = Stage::dumps("good");
    stage.press("2 x x").press("text:RESTORE").press("enter");
    let sent: Vec<Command> = stage.sent().into_iter().filter(real).collect();
    let shown = ago(noon(), 42).strftime("%Y-%m-%dT%H-%M-%SZ").to_string();
    let same = |pick: &Pick| *pick == Pick::Named(shown.clone());
    assert!(matches!(&sent[..], [Command::DumpRestore { pick, phrase, .. }] if same(pick) && phrase == "RESTORE"));
}

#[test]
fn the_page_follows_the_picture() {
    let mut stage = Stage::dumps("medium-away");
    assert!(stage.press("2 enter").text().contains("✗ medium away"));
    stage.client.change_dump("meos", |view| *view = dumps::dump("meos", "good", noon()));
    stage.refresh();
    let text = stage.text();
    assert!(text.contains("● good") && text.contains("the next one in 18 s"), "{text}");
    stage.client.change_dump("meos", |view| view.state = DumpState::Dumping);
    stage.refresh();
    assert!(stage.text().contains("▶ dumping"), "{}", stage.text());
}

#[test]
fn a_takeover_names_the_last_kit_and_the_last_drill() {
    let mut stage = Stage::dumps("host-gone").sized(160, 50);
    let text = stage.press("F F").text();
    let line = text.lines().find(|line| line.contains("would be lost")).unwrap_or_default();
    assert!(line.contains("kit < 1 min old") && line.contains("restore drilled 6 d ago in 4 s"), "{text}");
    stage.client.change_dump("meos", |view| *view = dumps::dump("meos", "bad-drill", noon()));
    stage.refresh();
    assert!(stage.text().contains("restore drill failed 6 d ago"), "{}", stage.text());
}

#[test]
fn a_reader_may_look_and_change_nothing() {
    let mut stage = Stage::over(dumps::client("good", noon()), "dark", "default", true);
    let text = stage.press("2 enter").text();
    assert!(text.contains("Kits") && !text.contains("make kit"), "{text}");
    for action in [Action::MakeKit, Action::Eject, Action::RestoreKit] {
        stage.app.call(&action.into());
    }
    stage.settle();
    assert!(stage.sent().is_empty() && stage.app.modals.is_empty());
}

#[test]
fn ascii() {
    let mut stage = Stage::ascii_over(dumps::client("late", noon())).sized(80, 24);
    insta::assert_snapshot!("ascii-dumps", stage.press("2").text());
}

#[test]
fn every_theme_draws_the_same_words() {
    for keys in ["3", "3 enter", "3 u"] {
        let words = Stage::dumps("all").press(keys).text();
        for (name, _) in Library::default().list(Kind::Theme) {
            let mut stage = Stage::over(dumps::client("all", noon()), &name, "default", false);
            assert_eq!(stage.press(keys).text(), words, "{name} {keys}");
        }
    }
}
