//! What may follow a run: another one, going on with it, or neither.

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};

use super::*;
use crate::clock::{Clock, Timestamp};
use crate::fleet::pool::Fence;
use crate::fleet::runbook::{OnError, Runbook, Step, StepKind};
use crate::fleet::settings::LeaseSettings;
use crate::reach::network::Network;
use crate::reach::secret::Secrets;
use crate::runbook::cast::{Cast, Purpose};
use crate::runbook::plan::plan;
use crate::runbook::record::Orders;
use crate::runbook::view::{Question, StepView};
use crate::standin::lease::{Shelf, Tools};

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

/// A disk that is new.
struct Empty;

impl Shelf for Empty {
    fn keep(&self, _key: String, _text: String) -> BoxFuture<'static, Result<(), String>> {
        ready(Ok(())).boxed()
    }

    fn kept(&self, _key: String) -> BoxFuture<'static, Result<Option<String>, String>> {
        ready(Ok(None)).boxed()
    }

    fn hangs(&self) -> Option<String> {
        None
    }
}

#[tokio::test]
async fn a_run_that_another_engine_began_is_known_from_the_start() {
    let clock = Clock::held(Timestamp::UNIX_EPOCH);
    let tools = Tools {
        clock: clock.clone(),
        secrets: Secrets::new(clock.clone()),
        network: Network::real(),
        shelf: Arc::new(Empty),
    };
    let lease = Lease::start(&LeaseSettings::default(), "engine-a".into(), tools);
    lease.state().wait_for(|state| state.held).await.expect("held");
    let step = Step {
        name: "first".into(),
        kind: StepKind::Ask { text: "?".into(), show: None },
        on: None,
        fence: false,
        timeout: Duration::from_secs(9),
        retries: 0,
        on_error: OnError::Stop,
        drill: true,
        undo: None,
        cleanup: false,
        each: None,
    };
    let plan = plan(&Runbook::plain("recover", vec![step]), Purpose::Alone, &Cast::default()).expect("a plan");
    let orders = Orders {
        who: "ana".into(),
        why: String::new(),
        generation: 1,
        fence: Fence::None,
        oath: None,
        before: Vec::new(),
        since: None,
    };
    let kept = RunRecord::new(RunId(7), plan, orders, &clock);
    let text = serde_json::to_string(&kept).expect("a text");
    lease.write(&key("recover"), text, 0).await.expect("written before anybody listens");

    let runs = Runs::start(&lease, &BTreeSet::new()).await;
    let mut seen = runs.seen();
    let known = async {
        while runs.of("recover").is_none() {
            seen.changed().await.expect("alive");
        }
    };
    tokio::time::timeout(Duration::from_secs(20), known).await.expect("although nothing is written any more");
    assert_eq!(runs.of("recover").map(|view| view.id), Some(RunId(7)));
}
