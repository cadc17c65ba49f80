//! Pictures of services and what the keys of their questions do: the page, the line for the others, every question.

use hotspare::console::app::Effect;
use hotspare::console::shell::Worked;
use hotspare::engine::command::{Command, Query};
use hotspare::service::view::{HoldState, HoldView};
use rstest::rstest;

use crate::fixture::{ago, noon, services};
use crate::stage::Stage;

fn stage(scene: &str) -> Stage {
    Stage::over(services::client(scene, noon()), "dark", "default", false)
}

#[rstest]
#[case("page-held", "held", "H")]
#[case("page-free", "free", "H")]
#[case("line-for-the-others", "held", "")]
#[case("maintain", "free", "H m")]
#[case("release", "held", "H E")]
#[case("stop-all", "held", "H x s")]
#[case("stop-one", "held", "H down x s")]
#[case("force", "held", "H down down down down x f")]
fn after_keys(#[case] name: &str, #[case] scene: &str, #[case] keys: &str) {
    for (width, height) in [(80, 24), (120, 36)] {
        let text = stage(scene).sized(width, height).press(keys).text();
        insta::assert_snapshot!(format!("{name}-{width}x{height}"), text);
    }
}

/// Of the service, not of its host, also where one of its modules is selected; and back.
#[rstest]
#[case("H l", "judicator")]
#[case("H down down l", "judicator")]
#[case("H down down down down l", "gateway")]
#[case("H l esc down down down down down down l", "executor")]
fn the_key_of_logs_opens_those_of_the_selected_service(#[case] keys: &str, #[case] service: &str) {
    let mut stage = stage("free");
    let text = stage.press(keys).text();
    assert!(text.contains(&format!("services › logs of {service}")), "{text}");
    let queries = stage.client.queries.lock().unwrap();
    let last = queries.iter().rev().find_map(|query| if let Query::Logs { ask } = query { Some(ask) } else { None });
    assert_eq!(last.map(|ask| ask.of.as_str()), Some(service));
}

/// The hold is taken: the shell gets the terminal, and what it comes to is told.
#[test]
fn enter_opens_the_host_of_the_selected_service() {
    let mut stage = stage("held");
    let text = stage.press("H enter").text();
    assert!(text.contains("services › cupola-1"), "{text}");
    let text = stage.press("esc").text();
    assert!(!text.contains("services › cupola-1") && text.contains("services"), "{text}");
}

#[test]
fn the_selected_row_is_always_on_the_screen() {
    for (keys, count) in [("down", 8), ("page-down", 2), ("end", 1)] {
        let mut stage = stage("held").sized(80, 15);
        stage.press("H");
        let cursor = stage.app.look.theme.glyphs.cursor;
        for _ in 0..count {
            let text = stage.press(keys).text();
            assert!(text.lines().any(|line| line.contains(cursor)), "{keys}\n{text}");
        }
        let selected = stage.app.pages.last().and_then(|open| open.page.service()).map(|(name, _)| name.to_owned());
        assert_eq!(selected.as_deref(), Some("executor"), "{keys}");
        for _ in 0..8 {
            let text = stage.press("up").text();
            assert!(text.lines().any(|line| line.contains(cursor)), "{text}");
        }
        assert!(stage.text().contains("judicator  on cupola-1"), "{}", stage.text());
    }
}

#[test]
fn the_shell_follows_the_hold_and_the_release_follows_the_shell() {
    let mut stage = stage("free");
    stage.press("H m").press("text:new disk").press("enter enter");
    let hold = Command::ServiceHold {
        service: "judicator".into(),
        why: "new disk".into(),
        until: ago(noon(), -3600),
        patience: 10,
    };
    assert_eq!(stage.sent(), [hold]);
    let shell = |stage: &Stage| {
        let work = |effect: &Effect| match effect {
            Effect::Shell(work) => Some(work.clone()),
            _ => None,
        };
        stage.effects.iter().find_map(work)
    };
    assert_eq!(shell(&stage), None, "not before the locks are held");
    // The fake engine's job has this number.
    let job = stage.client.snapshots.borrow().jobs.last().expect("a job").id;
    stage.client.snapshots.send_modify(|snapshot| {
        let snapshot = std::sync::Arc::make_mut(snapshot);
        snapshot.seq += 1;
        let services = std::sync::Arc::make_mut(&mut snapshot.services);
        std::sync::Arc::make_mut(&mut services[0]).hold = Some(HoldView {
            generation: job.0,
            state: HoldState::Held,
            owner: "ana (console)".into(),
            why: "new disk".into(),
            since: noon(),
            until: ago(noon(), -3600),
        });
    });
    let newest = stage.client.snapshots.borrow().clone();
    // Whoever types meanwhile is not torn away from it; a filter is applied letter by letter.
    stage.press("esc /").press("text:stu");
    stage.app.snapshot(newest);
    stage.settle();
    stage.press("text:dio");
    assert_eq!(shell(&stage), None, "not into a line that is typed");
    assert!(stage.app.toasts.history().any(|toast| toast.text.contains("the locks of judicator are held")));
    stage.press("enter");
    let work = shell(&stage).expect("the shell begins");
    assert_eq!((work.service.as_str(), work.host.as_str(), work.hold.generation), ("judicator", "cupola-1", job.0));
    assert!(work.words.iter().any(|line| line.contains("python3 main.py")), "{:?}", work.words);
    stage.app.worked(&work, Ok(Worked { status: Some(0), ..Worked::default() }));
    stage.settle();
    let release = Command::ServiceRelease { service: "judicator".into(), generation: Some(job.0) };
    assert_eq!(stage.sent().last(), Some(&release));

    // Locks that did not last are not given back, and that is said.
    let before = stage.sent().len();
    stage.app.worked(&work, Ok(Worked { lost: Some("the time is over".into()), ..Worked::default() }));
    stage.settle();
    assert_eq!(stage.sent().len(), before);
    assert!(stage.text().contains("did not last until the end: the time is over"), "{}", stage.text());
}
