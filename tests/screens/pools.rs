//! Pictures of pools and what the keys of their questions do: the pane, the page, why not, and every question, in every
//! state and size.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use hotspare::console::action::{Action, Invocation};
use hotspare::console::app::Reply;
use hotspare::console::library::{Kind, Library};
use hotspare::console::modal::Possible;
use hotspare::console::pane::PaneId;
use hotspare::engine::command::{Command, Query, Refusal, RefusalKind};
use hotspare::runbook::view::{Question, RunId, RunState};
use hotspare::work::view::{JobId, JobState};
use ratatui::crossterm::event::Event;
use rstest::rstest;

use crate::fixture::{FakeClient, noon, pools};
use crate::stage::Stage;

#[rstest]
#[case("all:standing-in", 80, 24)]
#[case("all:standing-in", 120, 36)]
#[case("all:standing-in", 200, 50)]
#[case("ready", 120, 36)]
#[case("waiting", 100, 28)]
#[case("waiting", 120, 36)]
#[case("waiting", 200, 50)]
#[case("under-way", 120, 36)]
#[case("two", 120, 36)]
fn overview(#[case] name: &str, #[case] width: u16, #[case] height: u16) {
    let text = Stage::pools(name).sized(width, height).text();
    insta::assert_snapshot!(format!("overview-{}-{width}x{height}", name.replace(':', "-")), text);
}

#[rstest]
fn pane(
    #[values(
        "ready",
        "standing-in",
        "host-gone",
        "waiting",
        "returned",
        "failed-spare",
        "interrupted",
        "under-way",
        "asking",
        "paused",
        "observe",
        "two"
    )]
    name: &str,
) {
    let text = Stage::pools(name).sized(80, 24).press("2").text();
    insta::assert_snapshot!(format!("pane-{name}-80x24"), text);
}

#[rstest]
#[case("page-standing-in", "standing-in", "2 enter")]
#[case("page-standing-in-end", "standing-in", "2 enter page-down page-down page-down")]
#[case("page-failed", "failed-spare", "2 enter")]
#[case("page-under-way", "under-way", "2 enter")]
#[case("page-observe", "observe", "2 enter")]
#[case("why-waiting", "waiting", "w")]
#[case("why-ready", "ready", "w")]
#[case("why-observe", "observe", "w")]
#[case("takeover", "host-gone", "F F")]
#[case("takeover-escalates", "waiting", "F F")]
#[case("takeover-refused", "ready", "down down down F F")]
#[case("takeover-wrong-name", "host-gone", "F F s t enter")]
#[case("takeover-ended", "host-gone", "F F s t u d i o - 2 enter")]
#[case("giveback", "returned", "2 F g")]
#[case("drill", "ready", "2 F d")]
#[case("pause", "ready", "2 F p")]
#[case("unpause", "paused", "2 F P")]
#[case("swear", "host-gone", "2 F o")]
#[case("clear", "failed-spare", "2 F c")]
#[case("acknowledge", "failed-spare", "2 F a")]
#[case("resume", "interrupted", "2 F r")]
#[case("abandon", "interrupted", "2 F u")]
#[case("answer", "asking", "2 F y")]
#[case("keys-that-follow", "failed-spare", "2 F")]
#[case("problems", "failed-spare", "p")]
fn after_keys(#[case] name: &str, #[case] fleet: &str, #[case] keys: &str) {
    for (width, height) in [(80, 24), (120, 36)] {
        let text = Stage::pools(fleet).sized(width, height).press(keys).text();
        insta::assert_snapshot!(format!("{name}-{width}x{height}"), text);
    }
}

/// A takeover that was begun and does not end by itself.
fn begun() -> Stage {
    let mut stage = Stage::pools("host-gone");
    stage.press("F F");
    stage.client.slow.store(true, Ordering::Relaxed);
    stage.press("text:studio-2").press("enter");
    stage
}

#[test]
fn the_box_becomes_the_run() {
    let mut stage = begun().sized(120, 36);
    insta::assert_snapshot!("takeover-moves-120x36", stage.text());
    let mut stage = stage.sized(80, 24);
    insta::assert_snapshot!("takeover-moves-80x24", stage.text());
    // It stays open for a second Enter of a hurried hand, and Esc leaves the run alone.
    stage.sent();
    assert!(stage.press("enter enter").text().contains("starting redis"));
    assert!(stage.press("esc").text().contains("the run goes on"));
    assert_eq!(stage.sent(), []);
}

#[test]
fn when_the_run_ends_the_box_says_what_came_of_it() {
    let mut stage = begun();
    let job = stage.client.snapshots.borrow().jobs.last().map_or(JobId(0), |job| job.id);
    stage.client.change_job(job, |job| job.state = JobState::Done);
    stage.refresh();
    stage.settle();
    let asked = stage.client.queries.lock().unwrap().iter().filter(|asked| **asked == Query::Report { job }).count();
    assert_eq!(asked, 1);
    assert!(stage.text().contains("starting sync_mysql"), "{}", stage.text());
    let modals = stage.app.modals.len();
    stage.press("enter");
    assert_eq!((modals, stage.app.modals.len()), (1, 0));
}

fn message(stage: &Stage) -> String {
    stage.app.toasts.history().next().map(|toast| toast.text.clone()).unwrap_or_default()
}

fn refusal(kind: RefusalKind) -> Refusal {
    Refusal { kind, what: "the engine said a word".into(), hint: None }
}

#[rstest]
#[case(RefusalKind::Usage, true)]
#[case(RefusalKind::Safety, true)]
#[case(RefusalKind::Failed, false)]
#[case(RefusalKind::Gone, false)]
fn nothing_was_done_is_said_only_where_the_engine_has_refused(#[case] kind: RefusalKind, #[case] known: bool) {
    let mut stage = Stage::pools("host-gone");
    stage.press("F F");
    stage.mute = true;
    stage.press("text:studio-2").press("enter");
    let sent = stage.sent().pop().unwrap();
    assert!(matches!(sent, Command::PoolTakeover { dry_run: false, .. }), "{sent:?}");
    stage.app.reply(Reply::Command(sent, Err(refusal(kind))));
    let text = stage.text();
    assert!(text.contains("the engine said a word"), "{text}");
    assert_eq!(text.contains("what became of it is not known"), !known, "{text}");
    stage.mute = false;
    stage.press("d");
    assert_eq!(stage.sent().len(), usize::from(known), "it is rehearsed again only where nothing was done");
    stage.press("esc");
    let said = message(&stage);
    let expected =
        if known { "nothing was done" } else { "what became of it is not known; the page of the pool shows it" };
    assert!(said.contains(expected), "{said}");
}

#[test]
fn what_became_of_a_run_whose_report_cannot_be_read_is_not_known() {
    let mut stage = begun();
    stage.held = true;
    let job = stage.client.snapshots.borrow().jobs.last().map_or(JobId(0), |job| job.id);
    stage.client.change_job(job, |job| job.state = JobState::Failed);
    stage.refresh();
    stage.settle();
    stage.sent();
    stage.app.reply(Reply::Query(Query::Report { job }, Err(refusal(RefusalKind::Usage))));
    let text = stage.text();
    assert!(text.contains("what became of it is not known"), "{text}");
    stage.press("d");
    assert_eq!(stage.sent(), []);
    stage.press("enter");
    assert!(message(&stage).contains("what became of it is not known"), "{}", message(&stage));
}

#[test]
fn the_answer_that_the_box_asks_for_is_that_of_its_own_pool() {
    let mut stage = begun();
    stage.client.change_pool("people-count", |pool| {
        let run = Arc::make_mut(pool.run.as_mut().unwrap());
        run.state = RunState::Asking;
        let text = "Are the cameras plugged over?".into();
        run.question = Some(Question { step: "start".into(), text, evidence: Vec::new(), shows: None });
    });
    stage.client.snapshots.send_modify(|snapshot| {
        // A second pool that is not well either: without a name nobody could tell which one is meant.
        let pools = Arc::make_mut(&mut Arc::make_mut(snapshot).pools);
        let mut other = pools::pool("host-gone", noon());
        other.name = "cameras".into();
        pools.insert(0, Arc::new(other));
    });
    stage.refresh();
    stage.app.focus = PaneId::Journal;
    let text = stage.press("a").text();
    assert!(text.contains("start asks") && text.contains("Are the cameras plugged over?"), "{text}");
}

#[test]
fn only_what_was_seen_is_acknowledged() {
    let acknowledged = Command::PoolAcknowledge { pool: "people-count".into() };
    let mut stage = Stage::pools("failed-spare");
    stage.press("2 F a tab");
    stage.client.change_pool("people-count", |pool| pool.alarms.push("two machines hold 10.77.0.101".into()));
    stage.refresh();
    let text = stage.press("enter").text();
    assert_eq!(stage.sent(), []);
    assert!(text.contains("this has changed") && text.contains("two machines hold 10.77.0.101"), "{text}");
    stage.press("enter");
    assert_eq!(stage.sent(), std::slice::from_ref(&acknowledged));

    // A time that runs down is nothing new.
    let mut stage = Stage::pools("failed-spare");
    stage.press("2 F a tab");
    stage.client.change_pool("people-count", |pool| pool.held_back[0] = pool.held_back[0].replace("48 min", "59 s"));
    stage.refresh();
    stage.press("enter");
    assert_eq!(stage.sent(), [acknowledged]);
}

#[test]
fn what_was_shown_is_sent_whatever_happened_meanwhile() {
    let mut stage = Stage::pools("host-gone");
    stage.press("F F").press("text:studio-2");
    // Another host is gone too, more important than the first.
    stage.client.change_pool("people-count", |pool| pool.hosts[0].stand = hotspare::standin::view::Stand::Waiting);
    stage.refresh();
    stage.press("enter");
    let sent = stage.sent();
    let Some(Command::PoolTakeover { failed, spare, dry_run: false, phrase, .. }) = sent.last() else {
        panic!("{sent:?}")
    };
    assert_eq!((failed.as_deref(), spare.as_deref()), (Some("studio-2"), Some("studio-spare")));
    assert_eq!(phrase, "studio-2");
}

#[test]
fn a_dry_run_is_made_again_by_its_key() {
    let mut stage = Stage::pools("host-gone");
    stage.press("F F d");
    let dry = |command: &Command| matches!(command, Command::PoolTakeover { dry_run: true, .. });
    let sent = stage.sent();
    assert_eq!(sent.iter().filter(|command| dry(command)).count(), 2, "{sent:?}");
    assert_eq!(sent.len(), 2);
}

#[test]
fn a_refused_takeover_cannot_be_typed_through() {
    let mut stage = Stage::pools("ready");
    stage.app.call(&Invocation { action: Action::Takeover, argument: Some("studio-2".into()) });
    stage.settle();
    assert!(stage.text().contains("refused"), "{}", stage.text());
    stage.sent();
    stage.press("text:studio-2").press("enter");
    assert_eq!(earnest(&mut stage), 0);
}

#[test]
fn a_refused_takeover_of_a_host_that_is_gone_names_the_oath() {
    let refused = |scene: &str| {
        let mut stage = Stage::pools(scene);
        stage.client.change_pool("people-count", |pool| pool.owners[1].held_by = vec!["studio-2".into()]);
        stage.refresh();
        stage.app.call(&Invocation { action: Action::Takeover, argument: Some("studio-2".into()) });
        stage.settle();
        stage.text()
    };
    assert!(refused("host-gone").contains("can swear it"));
    assert!(!refused("ready").contains("can swear it"));
}

#[test]
fn the_host_that_loses_its_stand_in_is_named() {
    let mut stage = Stage::pools("waiting");
    let text = stage.press("F F").text();
    assert!(text.contains("studio-2 loses its stand-in"), "{text}");
}

/// Every question that is answered by a name, with a stage on which it is asked, and the name.
fn typed() -> [(&'static str, &'static str, &'static str); 7] {
    [
        ("host-gone", "F F", "studio-2"),
        ("returned", "F g", "studio-2"),
        ("host-gone", "F d", "people-count"),
        ("host-gone", "F o", "studio-2"),
        ("failed-spare", "F c", "studio-spare"),
        ("interrupted", "F r", "studio-2"),
        ("interrupted", "F u", "studio-2"),
    ]
}

fn earnest(stage: &mut Stage) -> usize {
    let dry = |command: &Command| {
        matches!(
            command,
            Command::PoolTakeover { dry_run: true, .. }
                | Command::PoolGiveback { dry_run: true, .. }
                | Command::PoolDrill { dry_run: true, .. }
        )
    };
    stage.sent().iter().filter(|command| !dry(command)).count()
}

#[test]
fn only_the_right_name_typed_by_hand_does_it() {
    for (scene, keys, name) in typed() {
        for wrong in ["yes", "studio", "studio-1", "STUDIO-2", "people", "studio-2 "] {
            let mut stage = Stage::pools(scene);
            stage.press("2").press(keys).press(&format!("text:{wrong}")).press("enter");
            assert_eq!(earnest(&mut stage), 0, "{keys} {wrong}");
            assert!(stage.text().contains("that is not it"), "{keys} {wrong}\n{}", stage.text());
        }
        let mut stage = Stage::pools(scene);
        stage.press("2").press(keys);
        stage.event(Event::Paste(name.into()));
        assert!(stage.text().contains("a paste is not taken here"), "{keys}");
        stage.press("enter");
        assert_eq!(earnest(&mut stage), 0, "{keys}");
        let mut stage = Stage::pools(scene);
        stage.press("2").press(keys).press(&format!("text:{name}")).press("enter");
        assert_eq!(earnest(&mut stage), 1, "{keys}");
    }
}

#[test]
fn a_question_of_a_step_is_not_answered_by_enter() {
    for (keys, expected) in [("enter", None), ("esc", None), ("right enter", Some(false)), ("left enter", Some(true))] {
        let mut stage = Stage::pools("asking");
        stage.press("F y").press(keys);
        let answer = expected.map(|yes| Command::Answer { run: RunId(12), yes, step: Some("cameras".into()) });
        assert_eq!(stage.sent(), answer.into_iter().collect::<Vec<_>>(), "{keys}");
    }
}

#[test]
fn an_answer_to_one_question_is_none_to_the_next() {
    let mut stage = Stage::pools("asking");
    stage.press("F y right right");
    // Another console has answered meanwhile, and the next step asks.
    stage.client.change_pool("people-count", |pool| {
        let question = Arc::make_mut(pool.run.as_mut().unwrap()).question.as_mut().unwrap();
        (question.step, question.text) = ("wipe".into(), "May its disk be wiped?".into());
    });
    stage.refresh();
    assert!(stage.text().contains("It does not ask any more"), "{}", stage.text());
    stage.press("enter");
    assert_eq!(stage.sent(), []);
    assert!(message(&stage).contains("does not ask that any more"), "{}", message(&stage));
    assert!(stage.press("F y").text().contains("May its disk be wiped?"), "{}", stage.text());
}

#[test]
fn a_pause_needs_a_reason_and_a_duration() {
    let mut stage = Stage::pools("ready");
    stage.press("F p enter enter");
    assert!(stage.text().contains("say why"));
    stage.press("text:switch").press("enter ctrl-u").press("text:40d").press("enter");
    assert!(stage.text().contains("between a moment and 31d"), "{}", stage.text());
    assert_eq!(stage.sent(), []);
}

#[test]
fn what_cannot_be_done_says_why() {
    for (scene, action, why) in [
        ("ready", Action::Giveback, "no spare of people-count stands in"),
        ("ready", Action::Unpause, "people-count is not paused"),
        ("ready", Action::Swear, "no host of people-count is gone"),
        ("ready", Action::Clear, "nothing failed on studio-spare"),
        ("ready", Action::Acknowledge, "nothing has happened in people-count"),
        ("ready", Action::Resume, "no run of people-count is interrupted"),
        ("ready", Action::AnswerStep, "no step of people-count asks"),
        ("under-way", Action::Takeover, "a takeover is under way in people-count"),
        ("standing-in", Action::Takeover, "a spare serves in the place of studio-2 already"),
    ] {
        let mut stage = Stage::pools(scene);
        stage.app.focus = PaneId::Pools;
        stage.settle();
        let argument = (scene == "standing-in").then(|| "studio-2".to_owned());
        let said = stage.app.why_not(&Invocation { action, argument }).unwrap_or_default();
        let generic = said.contains(why) || action == Action::Swear && said.contains("studio-spare is not gone");
        assert!(generic, "{scene} {}: {said}", action.spec().id);
    }
    let mut stage = Stage::pools("two");
    stage.app.focus = PaneId::Journal;
    assert_eq!(stage.app.why_not(&Action::Why.into()).as_deref(), Some("no pool is selected"));
    let fleet = Stage::new(crate::fixture::harbour(noon()));
    assert!(!fleet.app.exists(Action::Takeover), "a fleet without pools has no takeover");
}

#[test]
fn a_run_that_had_begun_no_step_is_abandoned_and_not_resumed() {
    let mut snapshot = pools::scene("interrupted", noon());
    let pool = Arc::make_mut(&mut Arc::make_mut(&mut snapshot.pools)[0]);
    Arc::make_mut(pool.run.as_mut().unwrap()).steps.clear();
    let mut stage = Stage::new(snapshot);
    stage.app.focus = PaneId::Pools;
    let said = stage.app.why_not(&Action::Resume.into()).unwrap_or_default();
    assert!(said.contains("had begun none of its steps: abandon it"), "{said}");
    let text = stage.press("2 F u").text();
    assert!(text.contains("nothing has to be undone"), "{text}");
    stage.press("text:studio-2").press("enter");
    let sent = stage.sent();
    assert!(matches!(&sent[..], [Command::PoolAbandon { pool }] if pool == "people-count"), "{sent:?}");
}

#[test]
fn a_host_of_the_pane_hosts_is_meant_by_a_takeover() {
    let mut stage = Stage::pools("host-gone");
    stage.press("F F");
    let sent = stage.sent();
    assert!(matches!(&sent[..], [Command::PoolTakeover { failed: Some(host), .. }] if host == "studio-2"), "{sent:?}");
}

#[test]
fn the_page_follows_the_picture() {
    let mut stage = Stage::pools("under-way");
    assert!(stage.press("2 enter").text().contains("starting redis"));
    stage.client.change_pool("people-count", |pool| {
        let mut run = pools::done(noon());
        run.state = RunState::Done;
        pool.run = Some(std::sync::Arc::new(run));
    });
    stage.refresh();
    assert!(!stage.text().contains("starting redis"));
}

#[test]
fn ascii() {
    let mut stage = Stage::ascii_over(pools::client("waiting", noon())).sized(80, 24);
    insta::assert_snapshot!("ascii-pools", stage.press("2").text());
    for keys in ["enter", "page-down", "w", "esc esc F F", "esc F d"] {
        let text = stage.press(keys).text();
        assert!(text.is_ascii(), "{keys}\n{text}");
    }
}

#[test]
fn every_theme_draws_the_same_words() {
    for keys in ["2", "2 enter", "w", "F F"] {
        let words = Stage::pools("waiting").press(keys).text();
        for (name, _) in Library::default().list(Kind::Theme) {
            let client: std::sync::Arc<FakeClient> = pools::client("waiting", noon());
            let mut stage = Stage::over(client, &name, "default", false);
            assert_eq!(stage.press(keys).text(), words, "{name} {keys}");
        }
    }
}
