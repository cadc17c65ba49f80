//! What runs and words do to a book.

use super::*;
use crate::runbook::view::RunState;
use crate::standin::arbiter::Act;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn decision(act: Act, host: &str, spare: &str) -> Decision {
    let (host, spare) = (host.to_owned(), spare.to_owned());
    Decision { act, host, spare, for_host: None, fault: Some(at(0)), planned: false, evidence: "a test".into() }
}

fn taken() -> Book {
    let mut book = Book::default();
    book.begin(&decision(Act::Takeover, "a", "s"), "engine", true, RunId(1), at(3)).unwrap();
    book
}

#[test]
fn a_run_leaves_what_is_true_after_it() {
    use Act::{Drill, Giveback, Release, Takeover};
    for (act, end, phase, tried) in [
        (Takeover, RunState::Done, Some(Phase::Active), false),
        (Takeover, RunState::Failed, Some(Phase::Failed), true),
        (Takeover, RunState::Unknown, Some(Phase::Failed), true),
        (Takeover, RunState::Undone, None, true),
        (Takeover, RunState::Asking, Some(Phase::Activating), false),
        (Takeover, RunState::Interrupted, Some(Phase::Activating), false),
        (Drill, RunState::Done, None, false),
        (Drill, RunState::Undone, None, false),
        (Drill, RunState::Failed, Some(Phase::Failed), false),
        (Giveback, RunState::Done, None, false),
        (Giveback, RunState::Failed, Some(Phase::Failed), true),
        (Giveback, RunState::Undone, Some(Phase::Active), true),
        (Release, RunState::Done, None, true),
        (Release, RunState::Unknown, Some(Phase::Failed), true),
    ] {
        let mut book = Book::default();
        if matches!(act, Giveback | Release) {
            book = taken();
            book.ended(RunId(1), RunState::Done, None, at(4)).unwrap();
        }
        book.begin(&decision(act, "a", "s"), "ana", false, RunId(2), at(5)).unwrap();
        book.ended(RunId(2), end, Some("why".into()), at(6)).unwrap();
        let found = book.spares.get("s");
        assert_eq!(found.map(|of| of.phase), phase, "{act:?} {end:?}");
        assert_eq!(found.and_then(|of| of.why.clone()).is_some(), phase == Some(Phase::Failed), "{act:?} {end:?}");
        let has_tried = book.outages.get("a").is_some_and(|outage| outage.tried.is_some());
        assert_eq!(has_tried, tried, "{act:?} {end:?}");
        assert_eq!(book.run.is_some(), phase == Some(Phase::Activating), "{act:?} {end:?}");
    }
}

#[test]
fn a_book_that_may_lack_something_waits_for_a_person_and_goes_on_with_a_number_no_host_has_seen() {
    let mut book = Book { generation: 7, ..Book::default() };
    book.doubt("state.db was set aside", at(1_700_000_000));
    assert_eq!(book.brake.as_ref().map(|brake| brake.why.as_str()), Some("state.db was set aside"));
    assert_eq!(book.generation, 1_700_000_000);
    assert!(book.rearm(at(1_700_000_010)).is_ok());
}

#[test]
fn what_has_ended_is_remembered_with_its_time_and_not_for_ever() {
    let mut book = taken();
    book.ended(RunId(1), RunState::Done, None, at(4)).unwrap();
    assert_eq!((book.past[0].seconds, book.rest), (4.0, Some(at(4))), "counted from the fault");
    for run in 2..100 {
        book.begin(&decision(Act::Drill, "b", "t"), "ana", false, RunId(run), at(5)).unwrap();
        book.ended(RunId(run), RunState::Done, None, at(5)).unwrap();
    }
    assert_eq!((book.past.len(), book.past[0].run, book.rest), (PAST, RunId(99), Some(at(4))));
    book.begin(&decision(Act::Drill, "b", "t"), "engine", true, RunId(100), at(6)).unwrap();
    book.ended(RunId(100), RunState::Done, None, at(7)).unwrap();
    assert_eq!(book.rest, Some(at(4)), "practice holds up nothing that is meant");
    book.measured(RunId(100), 0.5, Some(2.0));
    assert_eq!((book.past[0].seconds, book.past[0].score()), (0.5, "kept"));
    book.measured(RunId(100), 2.5, Some(2.0));
    assert_eq!(book.past[0].score(), "late");
}

#[test]
fn nothing_is_taken_twice_whoever_asks() {
    let refused = |book: &Book, act, host, spare| {
        book.clone().begin(&decision(act, host, spare), "ana", false, RunId(9), at(9)).unwrap_err()
    };
    let mut book = taken();
    assert_eq!(refused(&book, Act::Takeover, "b", "t"), Conflict::Underway(RunId(1)));
    book.ended(RunId(1), RunState::Done, None, at(4)).unwrap();
    let conflict = Conflict::Taken { spare: "s".into(), host: "a".into() };
    assert_eq!(refused(&book, Act::Takeover, "b", "s"), conflict, "one spare, one host");
    assert_eq!(refused(&book, Act::Takeover, "a", "t"), conflict, "one host, one spare");
    assert_eq!(refused(&book, Act::Takeover, "a", "s"), conflict, "it serves already");
    assert_eq!(refused(&book, Act::Drill, "a", "s"), conflict);
    let nothing = Conflict::NotServing { spare: "s".into(), host: "b".into() };
    assert_eq!(refused(&book, Act::Giveback, "b", "s"), nothing);
    assert_eq!(book.clear("s"), Err(Conflict::NotFailed("s".into())));
    assert_eq!(book.ended(RunId(1), RunState::Done, None, at(4)), Err(Conflict::NoSuchRun(RunId(1))));
}

#[test]
fn an_interrupted_run_goes_on_with_a_generation_of_its_own() {
    let mut book = taken();
    assert_eq!(book.resume(RunId(1)), Err(Conflict::NotInterrupted(RunId(1))));
    let before = book.run.as_ref().unwrap().generation;
    book.restore(at(5));
    let begun = book.resume(RunId(1)).unwrap();
    assert!(begun.generation > before, "what the dead engine still has on its way must be refused");
    assert_eq!((book.generation_of("s"), book.generation_of("a")), (begun.generation, begun.generation));
    book.restore(at(6));
    book.abandon(RunId(1), "ana", at(7)).unwrap();
    assert!(book.generation > begun.generation && book.run.is_none());
    assert_eq!(book.spares["s"].why.as_deref(), Some("ana abandoned run 1"));
    book.clear("s").unwrap();
    assert!(book.spares.is_empty());
}

#[test]
fn no_time_of_a_restored_book_lies_in_the_future() {
    let mut book = taken();
    book.ended(RunId(1), RunState::Done, None, at(1000)).unwrap();
    book.restore(at(10));
    assert_eq!((book.rest, book.spares["s"].since), (Some(at(10)), at(10)));
}
