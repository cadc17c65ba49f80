//! Clean-ups that are owed, wherever the run ends; and questions with evidence.

use super::*;

/// `a` and `b` can be undone; `clean` must be done.
fn with_clean_up() -> RunRecord {
    let clean = Step { cleanup: true, ..step("clean", false) };
    let ask = Step { kind: StepKind::Ask { text: "?".into(), show: None }, on: None, ..step("tell", false) };
    record(vec![ask, step("a", true), clean, step("b", true)], Fence::None)
}

async fn go_yes(world: &World, record: RunRecord, way: Way) -> RunRecord {
    let (hand, wish, mut watching) = hand();
    let clock = Clock::held(Timestamp::UNIX_EPOCH);
    let running = execute(record, way, world, &clock, world, world, hand);
    let person = async {
        while watching.wait_for(|view| view.question.is_some()).await.is_ok() {
            let _ended = wish.send(Wish::Answer { step: "tell".into(), yes: true, who: "ana".into() }).await;
            if watching.changed().await.is_err() {
                break;
            }
        }
    };
    let both = async { tokio::join!(running, person).0 };
    tokio::time::timeout(Duration::from_secs(36_000), both).await.expect("every wait has an end")
}

#[tokio::test(start_paused = true)]
async fn what_must_be_cleaned_up_is_owed_from_the_first_deed_on_and_done_by_going_on_or_giving_up() {
    let nothing = answers([("check a", vec![Trouble::Refused("no".into())])]);
    let ended = go_yes(&nothing, with_clean_up(), Way::Begin).await;
    assert_eq!((ended.view.state, ended.view.owed.as_slice()), (RunState::Failed, &[][..]), "nothing was done");
    assert!(!ended.waits());

    let world = answers([("act a", vec![failed()])]);
    let ended = go_yes(&world, with_clean_up(), Way::Begin).await;
    assert_eq!((ended.view.state, ended.view.owed.as_slice()), (RunState::Failed, &["clean".to_owned()][..]));
    assert!(ended.waits() && ended.view.needs_a_person() && !ended.view.well());
    let next = ended.view.next.clone().unwrap_or_default();
    assert!(next.ends_with("; a clean-up is owed: clean"), "{next}");
    let resumed = go_yes(&World::default(), ended.clone(), Way::Resume).await;
    assert_eq!((resumed.view.state, resumed.view.owed.is_empty()), (RunState::Done, true));

    let again = World::default();
    let undone = go_yes(&again, ended.clone(), Way::Abandon).await;
    assert_eq!((undone.view.state, undone.view.owed.is_empty()), (RunState::Undone, true));
    let acts: Vec<String> =
        again.log().into_iter().filter(|what| what.starts_with("undo ") || what.starts_with("act ")).collect();
    assert_eq!(acts, ["undo a", "act clean"], "first what was done is undone");

    // A clean-up that fails stays owed, and is tried again.
    let stuck = answers([("act clean", vec![failed()])]);
    let failed = go_yes(&stuck, ended, Way::Abandon).await;
    assert_eq!((failed.view.state, failed.view.owed.as_slice()), (RunState::Failed, &["clean".to_owned()][..]));
    let undone = go_yes(&World::default(), failed, Way::Abandon).await;
    assert_eq!((undone.view.state, undone.waits()), (RunState::Undone, false));
}

#[tokio::test(start_paused = true)]
async fn what_was_cleaned_up_is_not_undone() {
    let world = answers([("act b", vec![failed()])]);
    let ended = go_yes(&world, with_clean_up(), Way::Begin).await;
    assert_eq!((ended.view.state, ended.view.owed.is_empty()), (RunState::Failed, true));
    let again = World::default();
    let undone = go_yes(&again, ended, Way::Abandon).await;
    assert_eq!(undone.view.state, RunState::Undone);
    assert!(!again.log().iter().any(|what| what.ends_with(" clean")), "{:?}", again.log());
}

#[tokio::test(start_paused = true)]
async fn after_a_crash_anywhere_the_clean_up_is_done_before_the_run_ends() {
    let whole = World::default();
    go_yes(&whole, with_clean_up(), Way::Begin).await;
    let events = whole.events.load(Ordering::SeqCst);
    for at in 0..events {
        for way in [Way::Resume, Way::Abandon] {
            let world = World { crash_at: Some(at), ..World::default() };
            let crashed = tokio::time::timeout(Duration::from_secs(7200), go_yes(&world, with_clean_up(), Way::Begin));
            let Err(_gone) = crashed.await else { continue };
            let Some(kept) = world.kept() else { continue };
            let found = kept.interrupted();
            let done_before = world.done();
            let after = World { done: Mutex::new(done_before.iter().cloned().collect()), ..World::default() };
            let acted = done_before.contains(&"a".to_owned());
            if acted && !done_before.contains(&"clean".to_owned()) {
                assert_eq!(found.view.owed, ["clean"], "at {at}");
            }
            let ended = go_yes(&after, found, way).await;
            let wanted = if way == Way::Resume { RunState::Done } else { RunState::Undone };
            assert_eq!((ended.view.state, ended.waits()), (wanted, false), "at {at}: {:?}", ended.view.next);
            assert!(!acted || after.done().contains(&"clean".to_owned()), "at {at}: {:?}", after.log());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_evidence_of_a_question_is_looked_at_again_on_request() {
    let show = Some("uptime".to_owned());
    let ask = Step { kind: StepKind::Ask { text: "Sure?".into(), show }, ..step("tell", false) };
    let world = World::default();
    let (hand, wish, mut watching) = hand();
    let clock = Clock::held(Timestamp::UNIX_EPOCH);
    let running = execute(record(vec![ask], Fence::None), Way::Begin, &world, &clock, &world, &world, hand);
    let person = async {
        let evidence = |view: &Arc<RunView>| view.question.as_ref().map(|question| question.evidence.clone());
        let first = watching.wait_for(|view| view.question.is_some()).await.expect("it asks").clone();
        assert_eq!(evidence(&first), Some(vec!["look 1 at tell".to_owned()]));
        wish.send(Wish::LookAgain).await.expect("heard");
        let newer = |view: &Arc<RunView>| evidence(view) == Some(vec!["look 2 at tell".to_owned()]);
        watching.wait_for(newer).await.expect("it still asks");
        // An answer that comes while it looks once more is not lost.
        wish.send(Wish::LookAgain).await.expect("heard");
        wish.send(Wish::Answer { step: "tell".into(), yes: true, who: "ana".into() }).await.expect("heard");
    };
    let (ended, ()) = tokio::join!(running, person);
    assert_eq!((ended.view.state, ended.view.question), (RunState::Done, None));
}
