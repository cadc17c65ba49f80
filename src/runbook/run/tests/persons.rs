//! What persons say while a run goes on: answers to its questions, and that it is to stop.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_question_waits_for_its_answer_and_not_for_ever() {
    let ask = Step {
        kind: StepKind::Ask { text: "Sure, {failed.name}?".into(), show: None },
        on: None,
        ..step("tell", false)
    };
    for (answer, state) in [(Some(true), RunState::Done), (Some(false), RunState::Failed), (None, RunState::Failed)] {
        let world = World::default();
        let (hand, wish, mut watching) = hand();
        let clock = Clock::held(Timestamp::UNIX_EPOCH);
        let running = execute(
            record(vec![ask.clone(), step("a", false)], Fence::None),
            Way::Begin,
            &world,
            &clock,
            &world,
            &world,
            hand,
        );
        let person = async {
            let asked = watching.wait_for(|view| view.question.is_some()).await.expect("it asks").clone();
            assert_eq!(asked.state, RunState::Asking);
            assert_eq!(asked.question.as_ref().expect("a question").text, "Sure, f?");
            if let Some(yes) = answer {
                let other = Wish::Answer { step: "other".into(), yes: !yes, who: "bo".into() };
                wish.send(other).await.expect("heard");
                wish.send(Wish::Answer { step: "tell".into(), yes, who: "ana".into() }).await.expect("heard");
            }
        };
        let (ended, ()) = tokio::join!(running, person);
        assert_eq!((ended.view.state, ended.view.question), (state, None), "{answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_question_that_was_answered_with_no_stands_so_after_everything_was_undone() {
    let ask = Step { kind: StepKind::Ask { text: "?".into(), show: None }, on: None, ..step("tell", false) };
    let world = World::default();
    let (hand, wish, mut watching) = hand();
    let clock = Clock::held(Timestamp::UNIX_EPOCH);
    let steps = vec![step("a", true), step("b", false), ask];
    let running = execute(record(steps, Fence::None), Way::Begin, &world, &clock, &world, &world, hand);
    let answering = async {
        watching.wait_for(|view| view.question.is_some()).await.expect("it asks");
        clock.advance(Duration::from_secs(4));
        let no = Wish::Answer { step: "tell".into(), yes: false, who: "bob".into() };
        wish.send(no).await.expect("heard");
    };
    let (ended, ()) = tokio::join!(running, answering);
    assert_eq!(ended.view.state, RunState::Failed);
    let asked = ended.view.steps[2].clone();
    assert_eq!(
        (asked.state, asked.note.as_deref(), asked.seconds),
        (StepState::Failed, Some("bob said no"), Some(4.0))
    );
    clock.advance(Duration::from_secs(100));
    let (again, _wish, _watching) = super::tests::hand();
    let undone = execute(ended, Way::Abandon, &world, &clock, &world, &world, again).await;
    assert_eq!(undone.view.state, RunState::Undone);
    assert_eq!(undone.view.steps[2], asked, "it has changed nothing, and stands as it ended");
    let left = &undone.view.steps[1];
    assert_eq!(
        (left.state, left.seconds),
        (StepState::Done, Some(0.0)),
        "what has no undo is as it was, and took as long"
    );
    assert_eq!(left.note.as_deref(), Some("was done, and has no undo"));
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_waiting_at_once_and_undoes_on_request() {
    let ask = Step { kind: StepKind::Ask { text: "?".into(), show: None }, on: None, ..step("tell", false) };
    for (undo, state, left) in [(false, RunState::Failed, 1), (true, RunState::Undone, 0)] {
        let world = World::default();
        let (hand, wish, mut watching) = hand();
        let clock = Clock::held(Timestamp::UNIX_EPOCH);
        let steps = vec![step("a", true), ask.clone(), step("b", true)];
        let running = execute(record(steps, Fence::None), Way::Begin, &world, &clock, &world, &world, hand);
        let person = async {
            watching.wait_for(|view| view.question.is_some()).await.expect("it asks");
            wish.send(Wish::Stop { undo, who: "ana".into() }).await.expect("heard");
        };
        let (ended, ()) = tokio::join!(running, person);
        assert_eq!((ended.view.state, world.done().len()), (state, left));
    }
}
