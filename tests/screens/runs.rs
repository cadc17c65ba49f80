//! Pictures of runs that no pool asked for: the page, the question with its evidence, and what a person types.

use std::sync::Arc;

use hotspare::console::action::Action;
use hotspare::console::modal::Possible;
use hotspare::engine::command::Command;
use hotspare::runbook::view::{Question, RunId};
use rstest::rstest;

use crate::fixture::{noon, runs};
use crate::stage::Stage;

fn stage(scene: &str) -> Stage {
    Stage::over(runs::client(scene, noon()), "dark", "default", false)
}

#[rstest]
#[case("page-asking", "asking", "B B", 120, 36)]
#[case("page-asking", "asking", "B B", 80, 24)]
#[case("page-interrupted", "interrupted", "B B", 120, 36)]
#[case("page-failed", "interrupted", "B B down", 120, 36)]
#[case("question", "asking", "B y", 120, 36)]
#[case("question", "asking", "B y", 80, 24)]
#[case("resume", "interrupted", "B B B r", 120, 36)]
#[case("abandon", "interrupted", "B B B u", 120, 36)]
#[case("problems", "interrupted", "p", 120, 36)]
#[case("overview", "interrupted", "", 120, 36)]
fn pictures(#[case] name: &str, #[case] scene: &str, #[case] keys: &str, #[case] width: u16, #[case] height: u16) {
    let text = stage(scene).sized(width, height).press(keys).text();
    insta::assert_snapshot!(format!("runs-{name}-{width}x{height}"), text);
}

#[test]
fn a_run_is_answered_gone_on_with_and_abandoned_by_whoever_is_there() {
    let mut asking = stage("asking");
    asking.press("B l");
    assert_eq!(asking.sent(), [Command::LookAgain { run: RunId(31) }]);
    asking.press("B y").press("right right enter");
    let answer = Command::Answer { run: RunId(31), yes: true, step: Some("members".into()) };
    assert_eq!(asking.sent().last(), Some(&answer));

    for (keys, abandon) in [("B r", false), ("B u", true)] {
        let mut stage = stage("interrupted");
        stage.press("B B").press(keys).press("text:rolling-restart").press("enter");
        assert!(stage.sent().is_empty(), "the name of another runbook is a no");
        stage.press("esc").press(keys).press("text:judicator-recovery").press("enter");
        assert_eq!(stage.sent(), [Command::RunMend { runbook: "judicator-recovery".into(), abandon }]);
    }
}

#[test]
fn evidence_that_does_not_fit_is_scrolled_and_the_warning_stays() {
    let mut stage = stage("asking").sized(80, 24);
    let change = |stage: &mut Stage, act: &dyn Fn(&mut Option<Question>)| {
        stage.client.snapshots.send_modify(|snapshot| {
            let snapshot = Arc::make_mut(snapshot);
            snapshot.seq += 1;
            act(&mut Arc::make_mut(&mut Arc::make_mut(&mut snapshot.runs)[1]).question);
        });
        stage.refresh();
    };
    change(&mut stage, &|question| {
        let lines = (1..=50).map(|number| format!("member {number:02} answers"));
        question.as_mut().unwrap().evidence = lines.collect();
    });
    let text = stage.press("B y").text();
    assert!(text.contains("member 01") && !text.contains("member 50") && text.contains("more below"), "{text}");
    assert!(text.contains("Nothing more is done before somebody answers.") && text.contains("[ Go on ]"), "{text}");
    let text = stage.press("page-down page-down page-down page-down").text();
    assert!(text.contains("member 50") && !text.contains("member 01") && !text.contains("more below"), "{text}");
    let text = stage.press("page-up page-up page-up up down up").text();
    assert!(!text.contains("member 50"), "{text}");
    change(&mut stage, &|question| *question = None);
    assert!(stage.text().contains("It does not ask any more"), "{}", stage.text());
}

#[rstest]
#[case(120, 36)]
#[case(80, 24)]
fn a_runbook_that_may_begin(#[case] width: u16, #[case] height: u16) {
    let mut stage = stage("interrupted").sized(width, height);
    let text = stage.press("B n").press("text:rolling-u").press("enter").text();
    insta::assert_snapshot!(format!("runs-begin-{width}x{height}"), text);
}

#[test]
fn a_runbook_is_begun_when_its_name_was_typed_below_what_it_would_do() {
    let run = |dry_run| Command::Run {
        runbook: "rolling-update".into(),
        set: std::collections::BTreeMap::default(),
        dry_run,
    };
    let mut stage = stage("interrupted");
    stage.press("B n").press("text:rolling-u").press("enter");
    assert_eq!(stage.sent(), [run(true)], "it is rehearsed first");
    let text = stage.text();
    assert!(text.contains("would be done") && text.contains("docker compose up -d"), "{text}");
    stage.press("text:rolling-restart").press("enter");
    assert!(stage.sent().is_empty(), "the name of another one is a no");
    stage.press("esc").press("B n").press("text:rolling-u").press("enter").sent();
    stage.press("enter");
    assert!(stage.sent().is_empty(), "Enter alone is a no");
    stage.press("B n").press("text:rolling-u").press("enter").sent();
    stage.press("text:rolling-update").press("enter");
    assert_eq!(stage.sent(), [run(false)]);
}

#[test]
fn what_cannot_be_done_says_why() {
    let asking = stage("asking");
    let why = |action: Action| asking.app.why_not(&action.into()).unwrap_or_default();
    assert_eq!(why(Action::RunAnswer), "");
    let mut failed = stage("interrupted");
    failed.press("B B");
    let why = |action: Action| failed.app.why_not(&action.into()).unwrap_or_default();
    assert_eq!(why(Action::RunAnswer), "no step of judicator-recovery asks for anything");
    let nothing = Stage::new(crate::fixture::harbour(noon()));
    assert!(!nothing.app.exists(Action::Runs), "where no runbook was run there is nothing to see");
}
