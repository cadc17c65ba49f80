//! What may follow a run: another one, going on with it, or neither.

use super::*;
use crate::clock::Timestamp;
use crate::runbook::cast::Purpose;
use crate::runbook::view::{Question, StepView};

fn run(state: RunState, kind: &str, first: StepState, owed: &[&str]) -> RunView {
    let step = StepView {
        name: "first".into(),
        kind: kind.into(),
        on: None,
        does: String::new(),
        undo: None,
        fence: false,
        state: first,
        started: None,
        seconds: None,
        attempt: 1,
        output: Vec::new(),
        note: None,
    };
    RunView {
        id: RunId(7),
        runbook: "recover".into(),
        purpose: Purpose::Alone,
        pool: None,
        failed: None,
        spare: None,
        who: "ana".into(),
        why: String::new(),
        generation: 0,
        state,
        started: Timestamp::UNIX_EPOCH,
        ended: None,
        steps: vec![step],
        timeline: Vec::new(),
        question: None,
        next: None,
        owed: owed.iter().map(|name| (*name).to_owned()).collect(),
    }
}

#[test]
fn a_runbook_does_not_begin_anew_before_its_last_run_is_settled() {
    use RunState::{Done, Failed, Interrupted, Running, Undone, Unknown};
    let anew = |state, owed: &[&str]| before_anew(&run(state, "command", StepState::Done, owed));
    for settled in [Done, Undone, Failed] {
        assert_eq!(anew(settled, &[]), None, "{settled:?}");
        let why = anew(settled, &["clean"]).expect("it owes something");
        assert!(why.contains("still owes its clean-up (clean)"), "{settled:?}: {why}");
    }
    for open in [Interrupted, Unknown, Running] {
        assert!(anew(open, &[]).is_some(), "{open:?}");
    }
    // Nothing of it was begun; and scaling goes on from what is.
    assert_eq!(before_anew(&run(Interrupted, "command", StepState::Waiting, &[])), None);
    assert_eq!(before_anew(&run(Interrupted, SCALE, StepState::Unknown, &[])), None);
    assert!(before_anew(&run(Running, SCALE, StepState::Acting, &[])).is_some(), "but not beside one under way");
}

#[test]
fn what_is_over_and_owes_nothing_is_not_gone_on_with_and_what_moves_is_not_taken_over() {
    use RunState::{Asking, Done, Failed, Interrupted, Running, Undone, Unknown};
    let mend = |state, owed: &[&str]| can_mend(&run(state, "command", StepState::Done, owed));
    for over in [Done, Undone] {
        assert!(mend(over, &[]).is_err(), "{over:?}");
        assert_eq!(mend(over, &["clean"]), Ok(()), "{over:?}");
    }
    for open in [Failed, Interrupted, Unknown] {
        assert_eq!(mend(open, &[]), Ok(()), "{open:?}");
    }
    assert!(mend(Running, &[]).expect_err("it moves").contains("under way"));
    let question = Question { step: "first".into(), text: "?".into(), evidence: Vec::new(), shows: None };
    let asking = RunView { question: Some(question), ..run(Asking, "command", StepState::Acting, &[]) };
    assert!(can_mend(&asking).expect_err("it asks").contains("waits for an answer to first"));
}
