//! The fence before an address is taken, and what a look at the wire is worth.

use super::*;
use crate::fleet::secret::{DatabaseUrl, SecretSource};

fn fencing() -> Vec<Step> {
    vec![Step { fence: true, on: Some(Place::Failed), timeout: Duration::from_secs(3), ..step("fence", false) }, take()]
}

#[tokio::test(start_paused = true)]
async fn a_look_at_the_wire_that_was_taken_before_the_run_counts_for_a_moment() {
    let mut glanced = record(fencing(), Fence::Required);
    glanced.glance = Some(Glance { words: "both were silent".into(), asked: Tick::default() });
    for (ago, looks) in [(1000, 0), (1001, 1)] {
        let (world, clock) = (World::default(), Clock::held(Timestamp::UNIX_EPOCH));
        clock.advance(Duration::from_millis(ago));
        let (hand, _wish, _watching) = hand();
        let done = execute(glanced.clone(), Way::Begin, &world, &clock, &world, &world, hand).await;
        assert_eq!((done.view.state, done.memory[0].strength), (RunState::Done, Some(Strength::Verified)));
        let looked = world.log().iter().filter(|event| *event == "wire fence").count();
        assert_eq!(looked, looks, "a look at the wire counts for a second, and this one is {ago} ms old");
    }
}

#[tokio::test(start_paused = true)]
async fn an_address_is_taken_only_behind_a_fence_that_holds() {
    let answering = || (0..100).map(|_| "192.0.2.1 is answered by 02:00".to_owned()).collect::<Vec<_>>();
    let clock = Clock::held(Timestamp::UNIX_EPOCH);
    let world = World { wire: Mutex::new(answering()), clock: Some(clock.clone()), ..World::default() };
    let (hand, _wish, _watching) = hand();
    let ended = execute(record(fencing(), Fence::Required), Way::Begin, &world, &clock, &world, &world, hand).await;
    assert_eq!((ended.view.state, states(&ended)), (RunState::Failed, vec![StepState::Failed, StepState::Waiting]));
    assert_eq!(ended.memory[0].strength, Some(Strength::Sent));

    let mut sworn = ended.clone();
    sworn.orders.oath = Some(Oath { by: "ana".into(), at: Timestamp::UNIX_EPOCH });
    let done = go(&world, sworn, Way::Resume).await;
    assert_eq!((done.view.state, done.memory[0].strength), (RunState::Done, Some(Strength::Sworn)));

    let silent = World::default();
    let done = go(&silent, record(fencing(), Fence::Required), Way::Begin).await;
    assert_eq!((done.view.state, done.memory[0].strength), (RunState::Done, Some(Strength::Verified)));
    assert!(!silent.log().contains(&"act fence".to_owned()), "what is silent already needs no command");

    let dying = World {
        wire: Mutex::new(vec!["it answers".into()]),
        answers: Mutex::new(Answers::from([("act fence", vec![failed()])])),
        ..World::default()
    };
    let done = go(&dying, record(fencing(), Fence::Required), Way::Begin).await;
    assert_eq!(done.memory[0].strength, Some(Strength::Verified), "silence counts although the command failed");
    assert_eq!(done.view.state, RunState::Done);

    let unfenced = go(&World::default(), record(vec![take()], Fence::Required), Way::Begin).await;
    assert_eq!((unfenced.view.state, states(&unfenced)), (RunState::Failed, vec![StepState::Refused]));
    // Two servers that take writes are as bad as two owners of an address.
    let url = DatabaseUrl { url: "mysql://ops@192.0.2.1/".into(), password: SecretSource::None };
    let promote = Step { kind: StepKind::MysqlPromote { url }, on: None, ..step("promote", false) };
    let unfenced = go(&World::default(), record(vec![promote], Fence::Required), Way::Begin).await;
    assert_eq!((unfenced.view.state, states(&unfenced)), (RunState::Failed, vec![StepState::Refused]));
    for fence in [Fence::None, Fence::BestEffort] {
        assert_eq!(go(&World::default(), record(vec![take()], fence), Way::Begin).await.view.state, RunState::Done);
    }
}
