//! Pictures of feeds and what the keys of their questions do: the pane, the page, every question, in every state and size.

use hotspare::console::action::{Action, Invocation};
use hotspare::console::library::{Kind, Library};
use hotspare::console::modal::Possible;
use hotspare::console::pane::PaneId;
use hotspare::engine::command::Command;
use hotspare::feed::view::FeedState;
use ratatui::crossterm::event::Event;
use rstest::rstest;

use crate::fixture::{feeds, harbour, noon};
use crate::stage::Stage;

#[rstest]
#[case("live", 80, 24)]
#[case("live", 120, 36)]
#[case("standing-in", 60, 15)]
#[case("standing-in", 80, 24)]
#[case("standing-in", 100, 28)]
#[case("standing-in", 120, 36)]
#[case("standing-in", 200, 50)]
#[case("all", 120, 36)]
#[case("all", 200, 50)]
#[case("replicas", 120, 36)]
fn overview(#[case] name: &str, #[case] width: u16, #[case] height: u16) {
    let text = Stage::feeds(name).sized(width, height).text();
    insta::assert_snapshot!(format!("overview-{name}-{width}x{height}"), text);
}

/// The number of the pane, which depends on whether the fleet has pools.
fn pane_of(scene: &str) -> &'static str {
    if matches!(scene, "standing-in" | "host-gone") { "3" } else { "2" }
}

#[rstest]
fn pane(
    #[values(
        "live",
        "catching-up",
        "target-away",
        "source-away",
        "refused",
        "late",
        "starting",
        "elsewhere",
        "warned",
        "standing-in",
        "replicas",
        "all"
    )]
    name: &str,
) {
    for (width, height) in [(80, 24), (120, 36), (200, 50)] {
        let text = Stage::feeds(name).sized(width, height).press(pane_of(name)).press("z").text();
        insta::assert_snapshot!(format!("pane-{name}-{width}x{height}"), text);
    }
}

#[rstest]
#[case("page-live", "live", "2 enter")]
#[case("page-live-end", "live", "2 enter page-down page-down")]
#[case("page-catching-up", "catching-up", "2 enter")]
#[case("page-target-away", "target-away", "2 enter")]
#[case("page-refused", "refused", "2 enter")]
#[case("page-starting", "starting", "2 enter")]
#[case("page-elsewhere", "elsewhere", "2 enter")]
#[case("page-warned", "warned", "2 enter")]
#[case("page-standing-in", "standing-in", "3 enter")]
#[case("repair", "warned", "2 R")]
#[case("prepare", "refused", "2 P")]
#[case("start-over", "live", "2 x x")]
#[case("problems", "all", "p")]
#[case("would-be-lost", "host-gone", "F F")]
fn after_keys(#[case] name: &str, #[case] fleet: &str, #[case] keys: &str) {
    for (width, height) in [(80, 24), (120, 36)] {
        let text = Stage::feeds(fleet).sized(width, height).press(keys).text();
        insta::assert_snapshot!(format!("{name}-{width}x{height}"), text);
    }
}

#[test]
fn what_is_wrong_is_read_in_the_first_line_and_counted() {
    for (scene, words, problems) in [
        ("live", "feeds live", None),
        ("catching-up", "feeds catch up", None),
        ("target-away", "✗ counts target away", Some("1 problem")),
        ("late", "▲ counts late", Some("1 problem")),
        ("all", "✗ 2 feeds not well", Some("3 problems")),
        ("warned", "2 problems · feeds live", Some("2 problems")),
    ] {
        let text = Stage::feeds(scene).text();
        let first = text.lines().next().unwrap_or_default();
        assert!(first.contains(words), "{scene}: {first}");
        match problems {
            Some(problems) => assert!(first.contains(problems), "{scene}: {first}"),
            None => assert!(!first.contains("problem"), "{scene}: {first}"),
        }
    }
}

#[test]
fn what_is_wrong_floats_to_the_top_with_its_machines() {
    let rows = |text: &str| -> Vec<String> {
        let names = ["counts", "orders", "scans", "tags", "replica cupola-1", "replica nas"];
        let lines = text.lines().skip_while(|line| !line.contains("behind   delay"));
        let found =
            |line: &str| names.iter().find(|name| line.contains(&format!(" {name} "))).map(|name| (*name).into());
        lines.filter_map(found).collect()
    };
    let text = Stage::feeds("all").sized(80, 24).press("2").text();
    assert_eq!(rows(&text), ["orders", "tags", "scans", "counts", "replica cupola-1", "replica nas"], "{text}");
    // By name, feeds and replicas alike.
    let text = Stage::feeds("all").sized(80, 24).press("2 s").text();
    assert_eq!(rows(&text), ["counts", "orders", "replica cupola-1", "replica nas", "scans", "tags"], "{text}");
}

#[test]
fn a_reason_is_never_left_out() {
    for (width, height) in [(60, 15), (80, 24), (120, 36), (200, 50)] {
        let text = Stage::feeds("target-away").sized(width, height).press("2 z").text();
        let words: Vec<&str> = text.split_whitespace().collect();
        for word in ["refused", "10.77.0.20:3306;", "tried", "again", "8"] {
            assert!(words.contains(&word), "{width}x{height} {word}\n{text}");
        }
    }
}

#[test]
fn a_machine_that_neither_serves_nor_has_rows_waiting_has_no_row() {
    let mut stage = Stage::feeds("standing-in").sized(80, 24);
    let text = stage.press("3").text();
    for machine in ["studio-1", "studio-2", "studio-spare"] {
        assert!(text.contains(&format!("   {machine}")), "{machine}\n{text}");
    }
    stage.client.change_feed("counts", |feed| feed.strands[1].rows_behind = 0);
    stage.refresh();
    let text = stage.text();
    let row = text.lines().filter(|line| line.contains("   studio-2 ")).count();
    assert_eq!(row, 0, "{text}");
}

#[test]
fn a_filter_for_a_machine_shows_its_feed_above_it() {
    let mut stage = Stage::feeds("standing-in").sized(80, 24);
    let text = stage.press("3 /").press("text:studio-spare").press("enter").text();
    let at = |words: &str| text.lines().position(|line| line.contains(words));
    assert!(at("◐ counts").is_some() && at("◐ counts") < at("  studio-spare "), "{text}");
    assert!(at("  studio-1 ").is_none(), "{text}");
}

#[test]
fn enter_on_a_machine_opens_its_feed_and_on_a_replica_its_host() {
    assert!(Stage::feeds("standing-in").press("3 end enter").text().contains("Lag › counts"));
    let text = Stage::feeds("replicas").press("2 enter").text();
    assert!(text.contains("Lag › nas"), "{text}");
}

#[test]
fn a_fleet_without_feeds_has_neither_the_pane_nor_its_actions() {
    let stage = Stage::new(harbour(noon()));
    assert!(PaneId::there(&stage.app.world).all(|id| id != PaneId::Lag));
    // Replicas alone have a pane, and nothing that could be carried.
    let stage = Stage::feeds("replicas");
    assert!(PaneId::there(&stage.app.world).any(|id| id == PaneId::Lag));
    for action in [Action::CarryNow, Action::Compare, Action::Repair, Action::Prepare, Action::StartOver] {
        assert!(!stage.app.exists(action), "{}", action.spec().id);
    }
}

#[test]
fn the_feed_that_is_meant_is_named_selected_or_the_only_one() {
    let run = |feed: &str| Command::FeedRun { feed: feed.into() };
    let mut stage = Stage::feeds("all");
    stage.press("2 down r");
    assert_eq!(stage.sent(), [run("tags")]);
    stage.press("enter r");
    assert_eq!(stage.sent(), [run("tags")], "that of the page");
    stage.press(":").press("text:feed.run counts").press("enter");
    assert_eq!(stage.sent(), [run("counts")]);
    stage.press(":").press("text:feed.run nothing").press("enter");
    assert_eq!(stage.sent(), []);
    assert!(stage.text().contains("no feed is called `nothing`"), "{}", stage.text());
    let mut stage = Stage::feeds("all");
    assert_eq!(stage.app.why_not(&Action::CarryNow.into()).as_deref(), Some("no feed is selected"));
    let named = Invocation { action: Action::CarryNow, argument: Some("scans".into()) };
    assert_eq!(stage.app.why_not(&named), None);
    stage = Stage::feeds("live");
    assert_eq!(stage.app.why_not(&Action::CarryNow.into()), None, "there is only one");
}

#[test]
fn nothing_that_changes_a_target_is_done_without_a_yes() {
    for keys in ["2 R enter", "2 R esc", "2 P enter", "2 P esc", "2 x x enter", "2 x x tab enter"] {
        let mut stage = Stage::feeds("refused");
        stage.press(keys);
        let sent = stage.sent();
        let harmless = |command: &Command| matches!(command, Command::FeedPrepare { dry_run: true, .. });
        assert!(sent.iter().all(harmless), "{keys}: {sent:?}");
    }
    let mut stage = Stage::feeds("live");
    stage.press("2 x x");
    stage.event(Event::Paste("counts".into()));
    stage.press("enter");
    assert_eq!(stage.sent(), []);
}

#[test]
fn a_preparation_shows_each_statement_before_it_asks() {
    let mut stage = Stage::feeds("all");
    let text = stage.press("2 P").text();
    assert!(text.contains("CREATE UNIQUE INDEX") && text.contains("[ Prepare ]"), "{text}");
    stage.press("tab enter");
    let sent = stage.sent();
    let [Command::FeedPrepare { dry_run: true, .. }, Command::FeedPrepare { feed, dry_run: false }] = &sent[..] else {
        panic!("{sent:?}")
    };
    assert_eq!(feed, "orders");
}

#[test]
fn a_preparation_that_cannot_be_done_says_why_and_does_not_ask() {
    for (feed, words) in [("tags", "214 keys stand there more than once"), ("scans", "is ready")] {
        let mut stage = Stage::feeds("all");
        stage.app.call(&Invocation { action: Action::Prepare, argument: Some(feed.into()) });
        stage.settle();
        let text = stage.text();
        assert!(text.contains(words) && !text.contains("[ Prepare ]"), "{text}");
        stage.press("tab enter");
        let earnest = |command: &Command| matches!(command, Command::FeedPrepare { dry_run: false, .. });
        assert!(!stage.sent().iter().any(earnest), "{feed}");
    }
}

#[test]
fn reports_are_read_on_the_page_of_their_job() {
    for (action, words) in [
        (Action::CarryNow, ["1 000 012 rows carried", "traffic of studio-2", "which the target refuses"]),
        (Action::Compare, ["both ends do not have the same rows", "missing", "timestamp=2026-11-20 14:01:50"]),
        (Action::Prepare, ["will be made ready", "CREATE UNIQUE INDEX", "are not carried"]),
    ] {
        let mut stage = Stage::feeds("refused");
        stage.app.call(&action.into());
        stage.settle();
        let text = stage.press("esc").press("3 s").press("enter").text();
        for word in words {
            assert!(text.contains(word), "{} {word}\n{text}", action.spec().id);
        }
    }
}

#[test]
fn the_page_follows_the_picture() {
    let mut stage = Stage::feeds("target-away");
    assert!(stage.press("2 enter").text().contains("✗ target away"));
    stage.client.change_feed("counts", |view| *view = feeds::feed("counts", "catching-up", noon()));
    stage.refresh();
    let text = stage.text();
    assert!(text.contains("▶ catching up") && text.contains("caught up in 0:42"), "{text}");
    stage.client.change_feed("counts", |view| (view.state, view.catches_up_in) = (FeedState::CatchingUp, None));
    stage.refresh();
    assert!(stage.text().contains("it does not become less"), "{}", stage.text());
}

#[test]
fn a_takeover_names_the_rows_that_would_be_lost() {
    let lost = |rows: u64, read: bool| {
        let mut stage = Stage::feeds("host-gone");
        stage.client.change_feed("counts", |feed| {
            feed.strands[1].rows_behind = rows;
            feed.strands[1].looked = feed.strands[1].looked.filter(|_| read);
        });
        stage.refresh();
        let text = stage.press("F F").text();
        text.lines().find(|line| line.contains("would be lost")).unwrap_or_default().to_owned()
    };
    assert!(lost(12, true).contains("counts: 12 rows, 11 s (read 12 min ago)"), "{}", lost(12, true));
    assert!(lost(0, true).contains("counts: no row waited (read 12 min ago)"), "{}", lost(0, true));
    assert!(lost(12, false).contains("counts: not known"), "{}", lost(12, false));
}

#[test]
fn ascii() {
    let mut stage = Stage::ascii_over(feeds::client("all", noon())).sized(80, 24);
    insta::assert_snapshot!("ascii-lag", stage.press("2").text());
    for keys in ["enter", "esc R", "esc P", "esc c", "end enter"] {
        let text = stage.press(keys).text();
        assert!(text.is_ascii(), "{keys}\n{text}");
    }
}

#[test]
fn every_theme_draws_the_same_words() {
    for keys in ["2", "2 enter", "2 R"] {
        let words = Stage::feeds("all").press(keys).text();
        for (name, _) in Library::default().list(Kind::Theme) {
            let mut stage = Stage::over(feeds::client("all", noon()), &name, "default", false);
            assert_eq!(stage.press(keys).text(), words, "{name} {keys}");
        }
    }
}
