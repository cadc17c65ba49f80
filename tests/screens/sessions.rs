//! The pane Sessions over rows that come in windows, and what can be done with sessions.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use hotspare::console::action::{Action, Invocation};
use hotspare::console::modal::Possible;
use hotspare::console::pane::PaneId;
use hotspare::engine::command::{Command, Query, Which};
use hotspare::session::key::Key;
use hotspare::session::view::{Ask, SideState, Sort};
use hotspare::work::view::{JobId, JobState};
use ratatui::crossterm::event::Event;

use crate::fixture::{FakeClient, archive, harbour, mocap, no_sessions, noon, recordings, stale};
use crate::stage::Stage;

const MANY: usize = 100_000;

fn asks(stage: &Stage) -> Vec<Ask> {
    let queries = stage.client.queries.lock().unwrap();
    let asks = queries.iter().filter_map(|query| match query {
        Query::Sessions { ask } => Some((**ask).clone()),
        _ => None,
    });
    asks.collect()
}

fn forget(stage: &Stage) {
    stage.client.queries.lock().unwrap().clear();
}

/// The pane alone on a usual screen.
fn alone(stage: Stage) -> Stage {
    let mut stage = stage.sized(120, 36);
    stage.press("2 z");
    stage
}

fn selected(stage: &Stage) -> String {
    let key = stage.app.session_targets();
    key.first().map(ToString::to_string).unwrap_or_default()
}

fn toast(stage: &Stage) -> String {
    stage.app.toasts.history().next().map(|toast| toast.text.clone()).unwrap_or_default()
}

#[test]
fn a_hundred_thousand_rows_scroll_by_windows() {
    let mut stage = alone(Stage::of(archive(noon(), MANY)));
    forget(&stage);
    for _ in 0..200 {
        stage.press("page-down");
        let text = stage.text();
        assert!(!text.contains("· ·"), "no row is missing when it is seen\n{text}");
    }
    let scrolled = asks(&stage);
    assert!((20..=210).contains(&scrolled.len()), "{} questions for 200 screens", scrolled.len());
    assert!(scrolled.iter().all(|ask| ask.limit <= 500 && ask.at.is_none()), "{scrolled:?}");
    forget(&stage);
    stage.press("end");
    assert!(stage.text().contains("100 000 of 100 000"), "{}", stage.text());
    assert_eq!(asks(&stage).len(), 1);
    let last = selected(&stage);
    stage.press("home end");
    assert_eq!(selected(&stage), last);
}

#[test]
fn moving_within_a_window_asks_nothing() {
    let mut stage = alone(Stage::of(archive(noon(), MANY)));
    forget(&stage);
    for _ in 0..20 {
        stage.press("down");
    }
    stage.later(5);
    assert_eq!(asks(&stage), []);
}

#[test]
fn a_filter_is_asked_for_letter_by_letter_and_the_newest_answer_wins() {
    let mut stage = alone(Stage::of(archive(noon(), 5000)));
    forget(&stage);
    stage.held = true;
    stage.press("/").press("text:p004 differ");
    let text = stage.text();
    assert!(text.contains("filter: p004 differ") && text.contains("2 files differ"), "old rows stay\n{text}");
    assert!(text.contains("5 000"), "{text}");
    stage.release();
    let text = stage.text();
    assert!(!text.contains("p008") && text.contains("p004"), "{text}");
    assert_eq!(asks(&stage).last().unwrap().filter, "p004 differ");
    let matching = stage.app.world.sessions.matching();
    assert!(matching.is_some_and(|matching| (1..10).contains(&matching)), "{matching:?}");
}

#[test]
fn sorting_and_turning_around_keep_the_selected_session() {
    let mut stage = alone(Stage::of(archive(noon(), 5000)));
    stage.press("down down down down");
    let key = selected(&stage);
    forget(&stage);
    stage.press("s");
    let asked = asks(&stage);
    assert_eq!(asked[0].sort, Sort::Date);
    assert_eq!(asked[0].at.as_ref().map(ToString::to_string), Some(key.clone()));
    assert_eq!(selected(&stage), key);
    stage.press("S");
    assert!(asks(&stage).last().unwrap().reversed);
    assert_eq!(selected(&stage), key);
    let (participant, _) = key.split_once('/').unwrap();
    assert!(stage.text().contains(participant), "it is seen too\n{}", stage.text());
}

#[test]
fn rows_that_have_not_come_are_dots_and_the_old_ones_stay() {
    let mut stage = alone(Stage::of(archive(noon(), MANY)));
    stage.held = true;
    stage.press("end");
    let text = stage.text();
    assert!(text.contains("· ·") && text.contains("100 000 of 100 000"), "{text}");
    stage.press("enter c v x x");
    assert_eq!(stage.sent(), [], "a row that has not come cannot be acted on");
    assert!(toast(&stage).contains("no session is selected"), "{}", toast(&stage));
    stage.press("home");
    assert!(stage.text().contains("2 files differ"), "the rows that were here still are\n{}", stage.text());
    stage.press("end");
    stage.release();
    assert!(!stage.text().contains("· ·"), "{}", stage.text());
}

#[test]
fn changed_rows_are_asked_for_again_but_not_more_than_a_few_times_a_second() {
    let mut stage = alone(Stage::of(mocap(noon())));
    stage.press("down down down");
    let key = selected(&stage);
    stage.later(5);
    forget(&stage);
    for _ in 0..10 {
        stage.client.change_store(0, |_| {});
        stage.refresh();
        stage.settle();
    }
    assert_eq!(asks(&stage).len(), 1, "ten versions in a moment");
    assert!(stage.app.lasts() <= std::time::Duration::from_millis(300), "it comes back for the rest by itself");
    // Two sessions appear above the selected one.
    stage.client.recordings.lock().unwrap()[0].change(|rows| {
        for participant in ["a001", "a002"] {
            rows.push(recordings::safe(participant, "20261121", 6, 9_000_000_000, 0, noon()));
            rows.last_mut().unwrap().wrong = Some("new".into());
        }
    });
    stage.client.change_store(0, |_| {});
    stage.refresh();
    stage.later(1);
    assert_eq!(asks(&stage).len(), 2);
    assert!(stage.text().contains("a001"));
    assert_eq!(selected(&stage), key, "the selection stays on its session");
}

#[test]
fn a_frozen_picture_asks_only_for_rows_that_are_missing() {
    let mut stage = alone(Stage::of(archive(noon(), MANY)));
    stage.press("f");
    stage.later(5);
    forget(&stage);
    stage.client.change_store(0, |_| {});
    stage.refresh();
    stage.later(5);
    assert_eq!(asks(&stage), []);
    stage.press("end");
    assert_eq!(asks(&stage).len(), 1);
    stage.client.change_store(0, |_| {});
    stage.refresh();
    stage.press("f");
    stage.later(1);
    assert!(asks(&stage).len() > 1, "when it goes on, the rows are of now again");
}

#[test]
fn nothing_is_asked_where_nobody_looks_nor_of_an_engine_that_is_gone() {
    let mut stage = Stage::of(mocap(noon())).sized(80, 24);
    stage.press("1");
    stage.later(5);
    forget(&stage);
    stage.client.change_store(0, |_| {});
    stage.refresh();
    stage.later(5);
    assert_eq!(asks(&stage), []);
    stage.press("2");
    assert_eq!(asks(&stage).len(), 1);
    let mut stage = stage.lost();
    forget(&stage);
    stage.press("end home");
    assert_eq!(asks(&stage), []);
    assert!(stage.text().contains("p014"), "what was here stays to be read\n{}", stage.text());
}

#[test]
fn another_engine_is_asked_whatever_its_numbers_are() {
    let mut stage = alone(Stage::of(mocap(noon())));
    stage.later(5);
    forget(&stage);
    let mut snapshot = mocap(noon()).0;
    Arc::make_mut(&mut snapshot.head).engine.started = noon();
    stage.app.snapshot(Arc::new(snapshot));
    stage.settle();
    assert_eq!(asks(&stage).len(), 1);
}

#[test]
fn marks_are_kept_by_session_and_acted_on_together() {
    let mut stage = alone(Stage::of(archive(noon(), MANY)));
    stage.press("space space end space home space");
    assert!(stage.text().contains("2 marked"), "the first one's mark was taken away again\n{}", stage.text());
    stage.press("home space");
    assert!(stage.text().contains("3 marked"), "{}", stage.text());
    stage.press("c");
    let text = stage.text();
    assert!(text.contains("Copy 3 sessions?") && text.contains("in all  3 sessions"), "{text}");
    assert!(!text.contains("not known yet"), "how much they are was seen when they were marked\n{text}");
    stage.press("enter");
    let sent = stage.sent();
    assert!(
        matches!(&sent[..], [Command::SessionSync { which: Which::Keys { keys }, dry_run: false, .. }] if keys.len() == 3)
    );
}

#[test]
fn all_that_match_are_marked_over_many_windows() {
    let mut stage = alone(Stage::of(archive(noon(), 12_000)));
    forget(&stage);
    stage.press("*");
    assert!(stage.text().contains("12 000 marked"), "{}", stage.text());
    assert_eq!(asks(&stage).iter().map(|ask| ask.offset).collect::<Vec<_>>(), [0, 5000, 10_000]);
    stage.press("*");
    assert!(!stage.text().contains('◆'));
    stage.press("/").press("text:p004 differ").press("enter *");
    let matching = stage.app.world.sessions.matching().unwrap();
    assert_eq!(stage.app.session_targets().len(), matching);
    stage.press("esc esc");
    assert_eq!(stage.app.session_targets().len(), matching, "marks outlive the filter");
}

#[test]
fn marking_all_ends_when_other_rows_are_asked_for() {
    let mut stage = alone(Stage::of(archive(noon(), 12_000)));
    stage.held = true;
    stage.press("*").press("/").press("text:p004").press("enter");
    stage.release();
    assert!(!stage.text().contains("marked ·"), "{}", stage.text());
    assert_eq!(stage.app.session_targets().len(), 1);
}

fn deletions(stage: &mut Stage) -> Vec<Command> {
    let mut sent = stage.sent();
    sent.retain(|command| !matches!(command, Command::SessionDelete { dry_run: true, .. }));
    sent
}

#[test]
fn a_deletion_needs_its_exact_phrase() {
    for (wrong, several) in
        [("delete all", true), ("DELETE", true), ("DELETE  ALL", true), ("DELETE ALL ", true), ("Delete", false)]
    {
        let mut stage = alone(Stage::of(mocap(noon())));
        stage.press("/").press(if several { "text:safe" } else { "text:b009" }).press("enter *");
        stage.press("x x");
        stage.press(&format!("text:{wrong}")).press("enter");
        assert!(stage.text().contains("that is not it; nothing was done"), "{wrong}\n{}", stage.text());
        assert_eq!(deletions(&mut stage), [], "{wrong}");
        // Not the button either, as long as the phrase is another.
        stage.press("tab enter");
        assert_eq!(deletions(&mut stage), [], "{wrong}");
    }
}

#[test]
fn what_is_deleted_is_what_was_checked_and_read() {
    let mut stage = alone(Stage::of(mocap(noon())));
    stage.press("space space space space space space x x");
    let text = stage.text();
    assert!(text.contains("Delete 2 sessions from this computer?"), "{text}");
    assert!(text.contains("p013/20261118") && text.contains("imported ✓ now   copy ✓ content, 1 d ago"), "{text}");
    assert!(text.contains("frees 24.9 GB") && text.contains("CottonLab Network  /mnt/CottonLab"), "{text}");
    assert!(text.contains("✗ TF47/20261119 1 file differs"), "what is refused is said with its reason\n{text}");
    // What happens below meanwhile does not change what the question is about.
    stage.client.recordings.lock().unwrap()[0].change(|rows| rows.truncate(2));
    stage.client.change_store(0, |_| {});
    stage.refresh();
    stage.later(1);
    stage.press("text:DELETE ALL").press("enter");
    let keys = vec![Key::new("b009", "20261118").unwrap(), Key::new("p013", "20261118").unwrap()];
    let sent = deletions(&mut stage);
    let [Command::SessionDelete { which: Which::Keys { keys: named }, dry_run: false, phrase, .. }] = &sent[..] else {
        panic!("{sent:?}")
    };
    assert_eq!((named, phrase.as_str()), (&keys, "DELETE ALL"));
}

#[test]
fn a_deletion_can_be_left_and_a_paste_is_not_taken() {
    let mut stage = alone(Stage::of(mocap(noon())));
    stage.press("/").press("text:b009").press("enter x x");
    stage.event(Event::Paste("DELETE".into()));
    assert!(stage.text().contains("a paste is not taken here"), "{}", stage.text());
    stage.press("enter");
    assert!(stage.app.modals.is_empty(), "Cancel is what Enter means");
    assert_eq!(deletions(&mut stage), []);
    assert!(toast(&stage).contains("nothing was done"));
}

#[test]
fn until_the_check_has_come_nothing_can_be_typed() {
    let mut stage = alone(Stage::of(mocap(noon())));
    stage.press("/").press("text:b009").press("enter");
    stage.client.slow.store(true, Ordering::Relaxed);
    stage.press("x x");
    assert!(stage.text().contains("checking…"), "{}", stage.text());
    stage.press("text:DELETE");
    assert_eq!(deletions(&mut stage), []);
    stage.client.change_job(JobId(13), |job| job.state = JobState::Done);
    stage.refresh();
    stage.settle();
    let text = stage.text();
    assert!(text.contains("Delete b009/20261118 from this computer?"), "{text}");
    stage.press("text:DELETE").press("enter");
    assert_eq!(deletions(&mut stage).len(), 1);
}

#[test]
fn one_request_names_only_as_many_sessions_as_the_engine_takes() {
    let mut stage = alone(Stage::of(archive(noon(), 12_000)));
    stage.press("* c");
    assert!(toast(&stage).contains("12 000 sessions: one request names 5 000 at most"), "{}", toast(&stage));
    stage.press("x a");
    let text = stage.text();
    assert!(text.contains("Delete 5000 sessions") && text.contains("more are left for the next time"), "{text}");
    stage.press("text:DELETE ALL").press("enter");
    let sent = deletions(&mut stage);
    assert!(matches!(&sent[..], [Command::SessionDelete { which: Which::Keys { keys }, .. }] if keys.len() == 5000));
}

#[test]
fn what_cannot_be_deleted_offers_no_phrase() {
    let mut stage = alone(Stage::of(stale(noon())));
    stage.press("down x x");
    let text = stage.text();
    assert!(text.contains("It cannot be deleted now") && text.contains("CottonLab Network is stale"), "{text}");
    stage.press("text:DELETE").press("enter");
    assert_eq!(deletions(&mut stage), []);
    stage.press("x a");
    assert!(toast(&stage).contains("no session is safe to delete"), "{}", toast(&stage));
}

#[test]
fn a_dry_run_is_sent_as_one_and_says_where_it_is_read() {
    let mut stage = alone(Stage::of(mocap(noon())));
    stage.press("/").press("text:b009").press("enter x x");
    stage.sent();
    stage.press("d").press("text:elete");
    assert!(stage.text().contains("Delete b009/20261118"), "the rest of a word goes nowhere else\n{}", stage.text());
    assert!(matches!(&stage.sent()[..], [Command::SessionDelete { dry_run: true, phrase, .. }] if phrase.is_empty()));
    stage.press("esc");
    stage.later(6);
    assert!(stage.app.toasts.history().any(|toast| {
        toast.hint.as_ref().is_some_and(|hint| hint.contains("enter on job 14 in Jobs reads what would be done"))
    }));
    stage.press("c d");
    assert!(matches!(&stage.sent()[..], [Command::SessionSync { dry_run: true, .. }]));
}

#[test]
fn sessions_are_named_in_the_palette() {
    let mut stage = alone(Stage::of(mocap(noon())));
    for (typed, title) in [
        ("session.sync p001 20250104", "Copy p001/20250104?"),
        ("session.sync 20250104..20250110", "Copy every session from 2025-01-04 to 2025-01-10?"),
        ("session.verify p013", "Verify every session of p013?"),
    ] {
        stage.press(":").press(&format!("text:{typed}")).press("enter");
        assert!(stage.text().contains(title), "{typed}\n{}", stage.text());
        stage.press("esc");
    }
    stage.press(":").press("text:session.sync p011 2026110").press("tab enter");
    assert!(stage.text().contains("Copy p011/2026110"), "{}", stage.text());
    stage.press("esc : ").press("text:session.sync ../../etc").press("enter");
    assert!(stage.app.modals.is_empty());
    assert!(stage.app.toasts.history().any(|toast| toast.text.contains("`..`")));
}

#[test]
fn a_limit_is_a_rate_or_none() {
    let mut stage = alone(Stage::of(mocap(noon())));
    stage.press("b").press("text:fast").press("enter");
    assert!(stage.text().contains("a rate is a size with /s"), "{}", stage.text());
    stage.press("ctrl-u").press("text:0B/s").press("enter");
    assert!(stage.text().contains("hold the job instead"), "{}", stage.text());
    stage.press("ctrl-u").press("text:80MiB/s").press("enter");
    assert!(stage.text().contains("at most 83.9 MB/s"), "{}", stage.text());
    stage.press("b");
    assert!(stage.text().contains("80MiB/s "), "the limit in force stands there\n{}", stage.text());
    stage.press("ctrl-u enter");
    assert!(matches!(stage.sent().last(), Some(Command::SessionLimit { limit: None, .. })));
}

#[test]
fn a_job_is_held_and_let_go_where_it_is_done_in_pieces() {
    let mut stage = Stage::of(mocap(noon()));
    stage.press("3");
    assert!(stage.text().contains("copy p014/20261120") && stage.text().contains("of the batch"));
    stage.press("P");
    assert!(stage.text().contains("paused"), "{}", stage.text());
    stage.press("P");
    assert_eq!(
        stage.sent(),
        [Command::Hold { job: JobId(12), held: true }, Command::Hold { job: JobId(12), held: false }]
    );
    // The row of the whole batch is the same job.
    stage.press("down P");
    assert_eq!(stage.sent(), [Command::Hold { job: JobId(12), held: true }]);
    stage.press("down P");
    assert!(toast(&stage).contains("job 8 is not done in pieces"), "{}", toast(&stage));
}

#[test]
fn the_row_of_a_session_shows_the_work_on_it() {
    let mut stage = alone(Stage::of(mocap(noon())));
    assert!(stage.text().contains("copying… 61 %"), "{}", stage.text());
    stage.client.change_job(JobId(12), |job| {
        let part = job.part.as_mut().unwrap();
        (part.step, part.done) = ("verifying".into(), part.total / 2);
    });
    stage.refresh();
    assert!(stage.text().contains("verifying… 50 %"), "{}", stage.text());
    stage.client.change_job(JobId(12), |job| job.state = JobState::Done);
    stage.refresh();
    assert!(!stage.text().contains("50 %"), "{}", stage.text());
}

#[test]
fn another_store_is_chosen_by_name_and_marks_do_not_go_with_it() {
    let mut stage = alone(Stage::of(archive(noon(), 300)));
    stage.press("space space o").press("text:gai").press("enter");
    let text = stage.text();
    assert!(text.contains("gait (2 of 2 stores)") && text.contains("3 on disk"), "{text}");
    assert!(!text.contains("marked"), "{text}");
    assert_eq!(asks(&stage).last().unwrap().store.as_deref(), Some("gait"));
    stage.press("r");
    assert_eq!(stage.sent(), [Command::SessionRefresh { store: Some("gait".into()) }]);
}

#[test]
fn marks_do_not_go_to_another_store_where_the_chosen_one_is_taken_out_of_the_fleet_file() {
    let mut stage = alone(Stage::of(archive(noon(), 300)));
    stage.press("o").press("text:gai").press("enter space");
    assert!(stage.text().contains("1 marked"), "{}", stage.text());
    stage.press("home enter");
    assert_eq!(stage.app.pages.len(), 1);
    stage.held = true;
    stage.client.snapshots.send_modify(|snapshot| {
        let snapshot = Arc::make_mut(snapshot);
        snapshot.seq += 1;
        Arc::make_mut(&mut snapshot.stores).pop();
    });
    stage.refresh();
    stage.settle();
    assert!(stage.app.pages.is_empty(), "a page of a session of another store");
    stage.press("x x");
    assert_eq!(stage.sent(), [], "a row of the other store means nothing here");
    assert!(stage.app.toasts.history().any(|toast| toast.text.contains("gait is not in the fleet file any more")));
    stage.release();
    let text = stage.text();
    assert!(text.contains("mocap") && !text.contains("marked"), "{text}");
}

#[test]
fn a_deletion_names_its_store_where_there_are_several() {
    let mut stage = alone(Stage::of(archive(noon(), 300)));
    stage.press("space x x");
    assert!(stage.text().contains(" of mocap from this computer?"), "{}", stage.text());
    let mut stage = alone(Stage::of(mocap(noon())));
    stage.press("space x x");
    assert!(!stage.text().contains(" of mocap from"), "{}", stage.text());
}

#[test]
fn trouble_is_said_in_words_with_its_remedy_at_every_size() {
    for (width, height) in [(60, 15), (80, 24), (120, 36), (200, 50)] {
        let mut stage = Stage::of(stale(noon())).sized(width, height);
        let text = stage.press("2 z").text();
        assert!(text.contains("▲ CottonLab Network: stale"), "{width}x{height}\n{text}");
        assert!(text.contains("check the network to the file server"), "{width}x{height}\n{text}");
        assert!(text.contains("as of 13:47"), "{width}x{height}\n{text}");
        assert!(text.contains("TF47"), "rows are still seen at {width}x{height}\n{text}");
        assert!(text.contains("problem") || width < 80, "{width}x{height}\n{text}");
    }
}

#[test]
fn whatever_side_is_in_trouble_is_named() {
    let mut stage = Stage::of(mocap(noon())).sized(200, 50);
    for (word, act) in [
        ("the source: no folder", 0),
        ("CottonLab Network: replaced", 1),
        ("the database of imports: unreachable", 2),
        ("CottonLab Network: read-only", 3),
    ] {
        stage.client.change_store(0, |view| {
            let trouble = |word: &str| SideState::Trouble {
                word: word.into(),
                why: "what was seen".into(),
                remedy: "what to do".into(),
            };
            (view.source, view.imported) = (SideState::Ready, Some(SideState::Ready));
            match act {
                0 => view.source = trouble("no folder"),
                1 => view.destinations[0].state = trouble("replaced"),
                2 => view.imported = Some(trouble("unreachable")),
                _ => view.destinations[0].state = trouble("read-only"),
            }
        });
        stage.refresh();
        stage.later(1);
        let text = stage.text();
        assert!(text.contains(word) && text.contains("what was seen › what to do"), "{word}\n{text}");
    }
    stage.press("p");
    assert!(stage.text().contains("mocap: CottonLab Network: read-only"), "{}", stage.text());
}

#[test]
fn rows_that_cannot_be_had_are_asked_for_again_and_it_is_said() {
    use hotspare::console::app::Reply;
    use hotspare::engine::command::{Refusal, RefusalKind};
    let mut stage = alone(Stage::of(mocap(noon())));
    stage.held = true;
    stage.press("s");
    let query = stage.waiting.pop().unwrap();
    let refusal = Refusal { kind: RefusalKind::Failed, what: "state.db is busy".into(), hint: None };
    stage.app.reply(Reply::Query(query, Err(refusal)));
    stage.settle();
    let text = stage.text();
    assert!(text.contains("rows cannot be had: state.db is busy") && text.contains("p014"), "{text}");
    assert_eq!(stage.waiting, [], "not at once");
    stage.later(4);
    assert_eq!(stage.waiting.len(), 1);
    stage.release();
    assert!(!stage.text().contains("cannot be had"), "{}", stage.text());
}

#[test]
fn a_fleet_without_a_store_knows_nothing_of_sessions() {
    let mut stage = Stage::new(harbour(noon()));
    assert_eq!(PaneId::there(&stage.app.world).count(), 3);
    assert!(
        Action::all().filter(|action| action.spec().id.starts_with("session.")).all(|action| !stage.app.exists(action))
    );
    assert!(!stage.press("?").text().contains("session."));
    // A fleet file that was read again may have none any more.
    let mut stage = Stage::of(mocap(noon()));
    stage.press("2 enter");
    let mut snapshot = harbour(noon());
    snapshot.seq = 9;
    stage.app.snapshot(Arc::new(snapshot));
    assert_eq!(stage.app.focus, PaneId::Hosts);
    assert!(!stage.text().contains("Sessions"));
}

#[test]
fn read_only_shows_sessions_and_changes_none() {
    let (snapshot, rows) = mocap(noon());
    let mut stage = Stage::over(FakeClient::with(snapshot, rows), "dark", "default", true);
    stage.press("2 c v x x x a r b enter");
    assert_eq!(stage.sent(), []);
    let text = stage.text();
    assert!(text.contains("Sessions › p014/20261120") && !text.contains("sync"), "{text}");
}

#[test]
fn a_page_of_a_session_follows_it() {
    let mut stage = alone(Stage::of(mocap(noon())));
    stage.press("down down enter");
    let asked = |stage: &Stage| {
        let queries = stage.client.queries.lock().unwrap();
        queries.iter().filter(|query| matches!(query, Query::Session { .. })).count()
    };
    assert_eq!(asked(&stage), 1);
    stage.later(5);
    assert_eq!(asked(&stage), 1, "nothing has changed");
    stage.client.change_store(0, |_| {});
    stage.refresh();
    stage.later(1);
    assert_eq!(asked(&stage), 2);
    stage.press("v");
    assert!(stage.text().contains("Verify TF47/20261119?"), "actions are about the page's session\n{}", stage.text());
}

#[test]
fn an_empty_store_says_what_fills_it() {
    let text = Stage::of(no_sessions(noon())).sized(80, 24).press("2").text();
    assert!(text.contains("no session in mocap yet") && text.contains("r  looks at all disks again"), "{text}");
}

#[test]
fn a_filter_by_word_can_be_called_with_its_words() {
    let mut stage = alone(Stage::of(mocap(noon())));
    stage.app.call(&Invocation { action: Action::Filter, argument: Some("p013".into()) });
    stage.settle();
    assert_eq!(stage.app.world.sessions.matching(), Some(2));
}
