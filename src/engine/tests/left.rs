//! What an engine has left of the run of a pool: the next one shows it, and a person gets out of it.

use super::*;
use crate::fleet::pool::Fence;
use crate::runbook::cast::{Cast, Machine, Purpose};
use crate::runbook::plan::plan;
use crate::runbook::record::{Orders, RunRecord};
use crate::runbook::view::{RunId, RunState, RunView};
use crate::standin::arbiter::{Act, Decision};
use crate::standin::book::Book;
use crate::standin::view::SpareState;

const FLEET: &str = r#"
name = "harbour"
[hosts.studio-1]
address = "127.0.0.1"
checks = [{ kind = "tcp", port = 9, every = "1h" }]
[hosts.studio-9]
address = "127.0.0.1"
[pools.p]
protects = ["studio-1"]
spares = ["studio-9"]
mode = "manual"
takeover = "t"
fence = "none"
[runbooks.t]
steps = [{ name = "tell", kind = "ask", text = "ready?" }]
"#;

fn run(snapshot: &Snapshot) -> Option<&RunView> {
    snapshot.pools.first()?.run.as_deref()
}

fn spare(snapshot: &Snapshot) -> Option<SpareState> {
    snapshot.pools.first()?.spares.first().map(|spare| spare.state)
}

/// The book of the pool as an engine leaves it that is killed in a takeover, and what it kept of the run where it had begun.
fn kept(place: &Place, begun: bool) -> Vec<(String, String)> {
    let clock = Clock::real();
    let decision = Decision {
        act: Act::Takeover,
        host: "studio-1".into(),
        spare: "studio-9".into(),
        for_host: None,
        fault: None,
        planned: false,
        evidence: "nobody hears it".into(),
    };
    let mut book = Book::default();
    let generation = book.begin(&decision, "ana", false, RunId(7), clock.now()).unwrap().generation;
    let fleet = crate::fleet::load(FLEET.as_bytes(), &place.file()).fleet.unwrap();
    let machine = |name: &str| fleet.host(name).map(Machine::from);
    let cast = Cast { failed: machine("studio-1"), spare: machine("studio-9"), ..Cast::of(&fleet, "token") };
    let plan = plan(&fleet.runbooks[0], Purpose::Takeover, &cast).unwrap();
    let orders = Orders {
        who: "ana".into(),
        why: String::new(),
        generation,
        fence: Fence::None,
        oath: None,
        before: Vec::new(),
        since: None,
    };
    let record = RunRecord::new(RunId(7), plan, orders, &clock);
    let shelf = |name: &str, text: String| {
        (format!("standin.lease/book/{name}"), serde_json::json!({ "version": 1, "text": text }).to_string())
    };
    let mut all = vec![shelf("p", serde_json::to_string(&book).unwrap())];
    all.extend(begun.then(|| shelf("p.run", serde_json::to_string(&record).unwrap())));
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_an_engine_left_is_shown_by_the_next_one_and_can_be_abandoned() {
    for begun in [true, false] {
        let place = Place::new(FLEET);
        place.start().await.stop("a test").await;
        let state = rusqlite::Connection::open(place.state().join("state.db")).unwrap();
        for (key, value) in kept(&place, begun) {
            state.execute("INSERT OR REPLACE INTO kept (key, value) VALUES (?1, ?2)", [key, value]).unwrap();
        }
        drop(state);

        let engine = place.start().await;
        let mut snapshots = engine.snapshots();
        let shown = until(&mut snapshots, |shown| run(shown).is_some()).await;
        let left = run(&shown).unwrap();
        assert_eq!((left.id, left.state), (RunId(7), RunState::Interrupted));
        assert_eq!((left.failed.as_deref(), left.spare.as_deref()), (Some("studio-1"), Some("studio-9")));
        assert_eq!(left.steps.len(), usize::from(begun));
        assert!(left.next.as_ref().unwrap().contains("abandon"), "{left:?}");
        let client = in_process(&engine, &Guest::console(false));
        let job = client.command(Command::PoolAbandon { pool: "p".into() }).await.unwrap().job.unwrap();
        let done = |shown: &Arc<Snapshot>| shown.jobs.iter().any(|view| view.id == job && view.state.ended());
        let after = until(&mut snapshots, done).await;
        assert_eq!(after.jobs.iter().find(|view| view.id == job).unwrap().state, JobState::Done, "{after:?}");
        let over = |shown: &Arc<Snapshot>| {
            spare(shown) != Some(SpareState::Activating) && run(shown).is_none_or(|run| run.state == RunState::Undone)
        };
        until(&mut snapshots, over).await;
        engine.stop("a test").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_lost_state_db_automation_waits_until_a_person_has_looked() {
    let place = Place::new(&FLEET.replace("mode = \"manual\"", "mode = \"auto\""));
    let braked = |shown: &Arc<Snapshot>| {
        let holds = shown.pools.first().is_some_and(|pool| {
            pool.held_back.iter().any(|why| why.contains("the brake is tripped: a corrupt state.db was set aside"))
        });
        holds && says(shown, "the brake")
    };
    let engine = place.start().await;
    let first = until(&mut engine.snapshots(), |shown| !shown.pools.is_empty()).await;
    assert!(!braked(&first), "a first start has lost nothing");
    engine.stop("a test").await;
    std::fs::write(place.state().join("state.db"), [7; 8192]).unwrap();
    let engine = place.start().await;
    let mut snapshots = engine.snapshots();
    until(&mut snapshots, braked).await;
    let client = in_process(&engine, &Guest::console(false));
    client.command(Command::PoolAcknowledge { pool: "p".into() }).await.unwrap();
    let shown = until(&mut snapshots, |shown| shown.pools[0].held_back.iter().all(|why| !why.contains("brake"))).await;
    // What hosts have seen of an engine before is never a higher number than what comes now.
    let wanted = u64::try_from(shown.taken.as_second()).unwrap() - 600;
    let text = book_of(&place);
    let book: Book = serde_json::from_str(&text).unwrap();
    assert!(book.generation > wanted, "{text}");
    engine.stop("a test").await;
    // What was doubted and acknowledged is not doubted again.
    let engine = place.start().await;
    let again = until(&mut engine.snapshots(), |shown| !shown.pools.is_empty()).await;
    assert!(!braked(&again), "{:?}", again.pools);
    engine.stop("a test").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_seen_and_answered_whatever_the_fleet_file_says_of_its_pool_meanwhile() {
    let two = "steps = [{ name = \"tell\", kind = \"ask\", text = \"ready?\" }, \
               { name = \"look\", kind = \"ask\", text = \"does it run?\" }]";
    let fleet = FLEET.replace("steps = [{ name = \"tell\", kind = \"ask\", text = \"ready?\" }]", two);
    let place = Place::new(&fleet);
    let engine = place.start().await;
    let mut snapshots = engine.snapshots();
    let client = in_process(&engine, &Guest::console(false));
    until(&mut snapshots, |shown| shown.head.lease.held).await;
    let takeover = Command::PoolTakeover {
        pool: "p".into(),
        failed: Some("studio-1".into()),
        spare: None,
        dry_run: false,
        phrase: "studio-1".into(),
    };
    client.command(takeover).await.unwrap();
    let asks = |shown: &Arc<Snapshot>, step: &str| {
        run(shown).and_then(|run| run.question.as_ref()).is_some_and(|question| question.step == step)
    };
    let shown = until(&mut snapshots, |shown| asks(shown, "tell")).await;
    let id = run(&shown).unwrap().id;
    std::fs::write(place.file(), fleet.replace("fence = \"none\"", "fence = \"none\"\ncooldown = \"7m\"")).unwrap();
    until(&mut snapshots, |shown| says(shown, "the fleet file was read and is in force")).await;
    let answer = |step: Option<&str>| Command::Answer { run: id, yes: true, step: step.map(Into::into) };
    client.command(answer(Some("tell"))).await.unwrap();
    until(&mut snapshots, |shown| asks(shown, "look")).await;
    // Who reads the first question still, and says yes to that, has not said yes to the second.
    let refused = client.command(answer(Some("tell"))).await.unwrap_err();
    assert_eq!(refused.kind, RefusalKind::Safety);
    assert_eq!(refused.what, format!("tell of run {id} does not ask any more: look asks now"));
    let shown = snapshots.borrow().clone();
    assert!(asks(&shown, "look"), "{:?}", run(&shown));
    client.command(answer(None)).await.unwrap();
    until(&mut snapshots, |shown| run(shown).is_some_and(|run| run.state == RunState::Done)).await;
    until(&mut snapshots, |shown| spare(shown) == Some(SpareState::Active)).await;
    engine.stop("a test").await;
}

/// The text of the pool's book, as it is kept.
fn book_of(place: &Place) -> String {
    let state = rusqlite::Connection::open(place.state().join("state.db")).unwrap();
    let kept: String =
        state.query_row("SELECT value FROM kept WHERE key = 'standin.lease/book/p'", [], |row| row.get(0)).unwrap();
    let kept: serde_json::Value = serde_json::from_str(&kept).unwrap();
    kept["text"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_names_a_host_where_a_pool_is_meant_is_told_its_pool() {
    let place = Place::new(FLEET);
    let engine = place.start().await;
    let client = in_process(&engine, &Guest::console(false));
    let hint =
        async |pool: &str| client.query(Query::Pool { pool: pool.into() }).await.unwrap_err().hint.unwrap_or_default();
    assert_eq!(hint("studio-1").await, "studio-1 is a host of the pool p: name the pool");
    assert_eq!(hint("studio-9").await, "studio-9 is a host of the pool p: name the pool");
    assert_eq!(hint("elsewhere").await, "`hotspare pool list` lists them");
    engine.stop("a test").await;
}
