use std::time::Duration;

use super::*;
use crate::clock::Timestamp;

const TTL: Duration = Duration::from_secs(10);

fn shared() -> (Shared, Clock) {
    let clock = Clock::held(Timestamp::UNIX_EPOCH);
    (Shared::new("engine-a".into(), clock.clone()), clock)
}

fn renewed(shared: &Shared, sent: Tick) {
    let hold = Hold::renewed(7, Tick::default(), sent, TTL);
    shared.learn(|known| (known.hold, known.generation) = (Some(hold), 7));
}

#[test]
fn who_wakes_late_may_not_act_though_nobody_told_it() {
    let (shared, clock) = shared();
    renewed(&shared, clock.tick());
    assert!(shared.may_act().is_ok());
    clock.advance(Duration::from_millis(7_999));
    assert_eq!(shared.may_act().map(|right| right.left), Ok(Some(Duration::from_millis(1))));
    clock.advance(Duration::from_secs(3_600));
    assert!(shared.state().borrow().held, "nothing ran meanwhile that could have told");
    let refused = shared.may_act().expect_err("its time is over").to_string();
    assert!(refused.contains("could not be renewed in time"), "{refused}");
    // An answer to something that was sent before it slept comes late, and gives nothing.
    renewed(&shared, Tick::default());
    assert!(shared.may_act().is_err() && !shared.state().borrow().held);
    renewed(&shared, clock.tick());
    assert!(shared.may_act().is_ok());
}

#[test]
fn it_says_why_and_since_when() {
    let (shared, clock) = shared();
    clock.advance(Duration::from_secs(5));
    shared.learn(|known| (known.holder, known.generation) = (Some("engine-b".into()), 3));
    let state = shared.state().borrow().clone();
    assert_eq!((state.why.as_str(), state.since.as_second(), state.generation), ("held by engine-b", 5, 3));
    assert!(state.elsewhere);
    shared.learn(|known| known.trouble = Some("etcd does not answer".into()));
    clock.advance(Duration::from_secs(5));
    renewed(&shared, clock.tick());
    let held = shared.state().borrow().clone();
    assert!(held.held && held.by.as_deref() == Some("engine-a") && held.generation == 7, "{held:?}");
    assert_eq!((held.why.as_str(), held.since.as_second()), ("held by this engine", 10));
    clock.advance(Duration::from_secs(8));
    shared.tell();
    let why = shared.state().borrow().why.clone();
    assert_eq!(why, "it could not be renewed in time: etcd does not answer");
    renewed(&shared, clock.tick());
    shared.learn(|known| known.released = true);
    assert!(shared.may_act().is_err());
    assert!(shared.state().borrow().why.contains("given back"));
}

#[test]
fn a_new_holder_waits_for_the_one_before() {
    let (shared, clock) = shared();
    let hold = Hold::renewed(7, clock.tick() + Duration::from_secs(2), clock.tick(), TTL);
    // The key of the lease names its new holder before its time has come.
    shared.learn(|known| (known.hold, known.holder) = (Some(hold), Some("engine-a".into())));
    assert!(shared.may_act().expect_err("not yet").0.contains("it may act in a moment"));
    let state = shared.state().borrow().clone();
    assert!(!state.held && !state.elsewhere, "it is nobody else's: {state:?}");
    clock.advance(Duration::from_secs(2));
    assert!(shared.may_act().is_ok());
}
