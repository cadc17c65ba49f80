//! Pictures of panes, states and sizes. `INSTA_UPDATE=always cargo test --test screens` takes them anew; look at them.

use std::fmt::Write as _;
use std::sync::Arc;

use hotspare::clock::Timestamp;
use hotspare::engine::snapshot::{Freeze, Snapshot};
use hotspare::journal::entry::Chain;
use ratatui::style::Modifier;
use rstest::rstest;

use crate::fixture::{ago, harbour, many, noon, nothing};
use crate::stage::Stage;

fn trouble(now: Timestamp) -> Snapshot {
    let mut snapshot = harbour(now);
    let head = Arc::make_mut(&mut snapshot.head);
    head.file.refused = vec!["hotspare.toml:12:3: unknown key `adress`; did you mean `address`?".into()];
    head.alarms = vec!["the state disk is full".into()];
    head.engine.frozen = Some(Freeze { why: "the wall clock jumped by 3600 s".into(), until: ago(now, -30) });
    head.lease.held = false;
    head.lease.by = Some("engine on desk-2".into());
    Arc::make_mut(&mut snapshot.journal).chain = Chain::Broken { at: 214, why: "its sum differs".into() };
    snapshot
}

#[rstest]
#[case("harbour", 60, 15)]
#[case("harbour", 80, 24)]
#[case("harbour", 120, 36)]
#[case("harbour", 200, 50)]
#[case("nothing", 80, 24)]
#[case("nothing", 120, 36)]
#[case("trouble", 80, 24)]
#[case("trouble", 120, 36)]
#[case("many", 120, 36)]
fn overview(#[case] scene: &str, #[case] width: u16, #[case] height: u16) {
    let snapshot = match scene {
        "nothing" => nothing(noon()),
        "trouble" => trouble(noon()),
        "many" => many(noon(), 1000),
        _ => harbour(noon()),
    };
    let text = Stage::new(snapshot).sized(width, height).text();
    insta::assert_snapshot!(format!("overview-{scene}-{width}x{height}"), text);
}

#[rstest]
#[case("jobs", "2")]
#[case("journal", "3")]
#[case("host", "enter")]
#[case("job", "2 end enter")]
#[case("entry", "3 enter")]
#[case("log", "L")]
#[case("help", "?")]
#[case("palette", ":")]
#[case("problems", "p")]
#[case("messages", "R M")]
#[case("messages-told", "e s f y M")]
#[case("maintain", "m")]
#[case("note", "n")]
#[case("stop", "e q q")]
#[case("cancel", "2 x x")]
#[case("end-maintenance", "down down E")]
#[case("keys-that-follow", "e")]
#[case("marks-and-order", "space space s S")]
#[case("frozen", "f")]
fn after_keys(#[case] name: &str, #[case] keys: &str) {
    for (width, height) in [(80, 24), (120, 36)] {
        let text = Stage::new(harbour(noon())).sized(width, height).press(keys).text();
        insta::assert_snapshot!(format!("{name}-{width}x{height}"), text);
    }
}

#[test]
fn what_is_wrong_is_read_once() {
    let mut snapshot = trouble(noon());
    let second = "hotspare.toml:31:10: pool `p` names host `studio-9`, which is not declared";
    Arc::make_mut(&mut snapshot.head).file.refused.push(second.into());
    let text = Stage::new(snapshot).sized(120, 36).press("p").text();
    for error in ["hotspare.toml:12:3:", "hotspare.toml:31:10:"] {
        // The banner behind the window has its own.
        let window = text.split_once("What is wrong").unwrap().1;
        assert_eq!(window.matches(error).count(), 1, "{error}: {text}");
    }
    insta::assert_snapshot!("problems-trouble-120x36", text);
}

#[rstest]
#[case(None, None, "the lease is not held here; this engine")]
#[case(None, Some("b"), "the lease is not held here: held by b; this engine")]
#[case(Some("held by b"), Some("b"), "the lease is not held here: held by b; this engine")]
#[case(Some("etcd is away"), Some("desk-2"), "the lease is not held here: etcd is away; desk-2 holds it; this engine")]
fn who_holds_the_lease_is_said_once(#[case] why: Option<&str>, #[case] by: Option<&str>, #[case] said: &str) {
    let mut snapshot = harbour(noon());
    let lease = &mut Arc::make_mut(&mut snapshot.head).lease;
    (lease.held, lease.why, lease.by) = (false, why.map(str::to_owned), by.map(str::to_owned));
    let text = Stage::new(snapshot).sized(120, 36).text();
    assert!(text.contains(said), "{text}");
}

#[test]
fn filter_line() {
    let mut stage = Stage::new(harbour(noon())).sized(80, 24);
    insta::assert_snapshot!(stage.press("/").press("text:studio !up").text());
}

#[test]
fn engine_gone() {
    let mut stage = Stage::new(harbour(noon())).sized(80, 24).lost();
    insta::assert_snapshot!(stage.text());
    let wide = Stage::new(harbour(noon())).sized(120, 36).lost().text();
    let title = wide.lines().next().unwrap_or_default();
    assert!(title.contains("engine gone") && !title.contains("lease"), "{title}");
}

#[test]
fn ascii() {
    insta::assert_snapshot!(Stage::ascii(harbour(noon())).sized(80, 24).text());
}

/// Colours, where they carry meaning: each run of a line with its style.
#[rstest]
#[case("dark")]
#[case("mono")]
#[case("deuteranopia")]
fn styled(#[case] theme: &str) {
    let buffer = Stage::with(harbour(noon()), theme, "default", false).sized(80, 24).buffer();
    let mut lines = String::new();
    for y in 0..7 {
        let row: Vec<_> = (0..80).map(|x| buffer[(x, y)].clone()).collect();
        for run in row.chunk_by(|a, b| a.style() == b.style()) {
            let text: String = run.iter().map(ratatui::buffer::Cell::symbol).collect();
            let style = run[0].style();
            if !text.trim().is_empty() {
                let (fg, bg) = (style.fg.unwrap_or_default(), style.bg.unwrap_or_default());
                let modifier = style.add_modifier - Modifier::empty();
                writeln!(lines, "{y} {:?} fg {fg} bg {bg} {modifier:?}", text.trim()).unwrap();
            }
        }
    }
    insta::assert_snapshot!(format!("styled-{theme}"), lines);
}
