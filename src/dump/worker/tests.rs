use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::Semaphore;

use super::hands::{Job, Pick, Restoring, Round, Shelf, Trouble};
use super::*;
use crate::clock::Timestamp;
use crate::dump::record::{Database, Held, Kit};
use crate::dump::report::{DatabaseMade, Drilled, Made, MadeResult, Restored, Verified};
use crate::dump::view::DumpState;
use crate::work::steer::{Alone, Steer};

/// A medium and a server that do what a test wants.
struct Table {
    medium: Mutex<Result<(), String>>,
    server: Mutex<Result<(), String>>,
    /// A round breaks.
    defect: AtomicBool,
    bad: Mutex<Option<String>>,
    /// Drills that have begun.
    drilling: AtomicU32,
    /// A drill waits for one.
    drills: Semaphore,
    /// A round waits for one, where rounds hang.
    hang: Mutex<Option<Arc<Semaphore>>>,
    rounds: AtomicU32,
    retained: AtomicU32,
    known: Mutex<Vec<String>>,
}

impl Table {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            medium: Mutex::new(Ok(())),
            server: Mutex::new(Ok(())),
            defect: AtomicBool::new(false),
            bad: Mutex::default(),
            drilling: AtomicU32::new(0),
            drills: Semaphore::new(0),
            hang: Mutex::default(),
            rounds: AtomicU32::new(0),
            retained: AtomicU32::new(0),
            known: Mutex::default(),
        })
    }

    fn shelf(&self) -> Result<Shelf, Trouble> {
        lock(&self.medium).clone().map_err(Trouble::Medium)?;
        let made = self.rounds.load(Ordering::SeqCst);
        let bad = lock(&self.bad).clone();
        let held = Held {
            kit: format!("kit-{made}"),
            at: Timestamp::UNIX_EPOCH,
            files: Vec::new(),
            content: String::new(),
            plain: 0,
            locked: None,
            tables: Vec::new(),
            mark: String::new(),
        };
        let kit = Kit {
            name: format!("kit-{made}"),
            dump: "meos".into(),
            number: u64::from(made),
            at: Timestamp::UNIX_EPOCH,
            server: String::new(),
            version: String::new(),
            databases: vec![Database { name: "race".into(), label: None, held: Some(held), error: bad }],
        };
        let kits = if made > 0 { vec![kit] } else { Vec::new() };
        Ok(Shelf { kits, id: Some("4A21-0001".into()), ..Shelf::default() })
    }

    fn set(what: &Mutex<Result<(), String>>, trouble: Option<&str>) {
        *lock(what) = trouble.map_or(Ok(()), |trouble| Err(trouble.to_owned()));
    }

    fn made(&self) -> u32 {
        self.rounds.load(Ordering::SeqCst)
    }
}

impl Hands for Table {
    fn look(&self, _: Job) -> BoxFuture<'_, Result<Shelf, Trouble>> {
        async { self.shelf() }.boxed()
    }

    fn round(&self, job: Job) -> BoxFuture<'_, Result<Round, Trouble>> {
        async move {
            self.shelf()?;
            lock(&self.server).clone().map_err(Trouble::Server)?;
            assert!(!self.defect.load(Ordering::SeqCst), "a row of another type");
            let hang = lock(&self.hang).clone();
            if let Some(hang) = hang {
                let _never = hang.acquire().await.map(tokio::sync::SemaphorePermit::forget);
            }
            self.rounds.fetch_add(1, Ordering::SeqCst);
            self.retained.fetch_add(u32::from(job.readers.nobody().is_some()), Ordering::SeqCst);
            *lock(&self.known) = job.known;
            let error = lock(&self.bad).clone();
            let one = |name: &str, error: Option<String>| DatabaseMade {
                name: name.into(),
                label: None,
                bytes: 1,
                result: if error.is_some() { MadeResult::Failed } else { MadeResult::Written },
                file: None,
                blake3: None,
                locked: None,
                error,
            };
            let databases = vec![one("main", None), one("race", error)];
            let after = self.shelf()?;
            Ok(Round { made: Made { kit: format!("kit-{}", self.made()), databases }, shelf: after })
        }
        .boxed()
    }

    fn verify(&self, _: Job, _: Option<Pick>) -> BoxFuture<'_, Result<Verified, Trouble>> {
        async { Ok(Verified { ok: true, kits: Vec::new() }) }.boxed()
    }

    fn drill(&self, _: Job, _: Pick) -> BoxFuture<'_, Result<Drilled, Trouble>> {
        async {
            self.drilling.fetch_add(1, Ordering::SeqCst);
            let _one = self.drills.acquire().await.map(tokio::sync::SemaphorePermit::forget);
            Ok(Drilled { ok: true, kit: "kit-1".into(), seconds: 1.5, databases: Vec::new() })
        }
        .boxed()
    }

    fn restore(&self, _: Job, _: Restoring) -> BoxFuture<'_, Result<Restored, Trouble>> {
        async { Ok(Restored::default()) }.boxed()
    }

    fn eject(&self, _: Job) -> BoxFuture<'_, Result<String, Trouble>> {
        async {
            Self::set(&self.medium, Some("nothing is mounted at /media/usb"));
            Ok("safe to remove".into())
        }
        .boxed()
    }
}

fn fleet(every: &str) -> Arc<Fleet> {
    let text = format!(
        "name = \"harbour\"\n[dumps.meos]\nserver = \"mysql://meos@127.0.0.1/\"\ndatabases = [\"race\"]\n\
         to = \"/media/usb\"\nevery = \"{every}\"\n"
    );
    let loaded = crate::fleet::load(text.as_bytes(), Path::new("/fleet.toml"));
    let errors: Vec<String> = loaded.errors().map(|error| format!("{error:?}")).collect();
    Arc::new(loaded.fleet.unwrap_or_else(|| panic!("{errors:?}")))
}

fn begin(table: &Arc<Table>, memory: &str, always: bool) -> Dumps {
    let hands: Arc<dyn Hands> = Arc::<Table>::clone(table);
    let dumps = Dumps::start(&fleet("1s"), hands, Clock::real(), memory, always);
    dumps.may(None);
    dumps
}

/// Waits until the view is so.
async fn until(dumps: &Dumps, is: impl Fn(&DumpView) -> bool) -> Arc<DumpView> {
    let mut seen = dumps.seen();
    let waiting = async {
        loop {
            let view = dumps.views().remove(0);
            if is(&view) {
                return view;
            }
            seen.changed().await.unwrap();
        }
    };
    let found = tokio::time::timeout(Duration::from_secs(20), waiting).await;
    found.unwrap_or_else(|_| panic!("it is {:?}", dumps.views()))
}

async fn state(dumps: &Dumps, state: DumpState) -> Arc<DumpView> {
    until(dumps, |view| view.state == state).await
}

fn nobody() -> (Arc<dyn Steer>, CancellationToken) {
    (Arc::new(Alone), CancellationToken::new())
}

#[tokio::test]
async fn no_round_is_made_before_this_engine_may_and_the_first_one_at_once_when_it_may() {
    let table = Table::new();
    let hands: Arc<dyn Hands> = Arc::<Table>::clone(&table);
    let dumps = Dumps::start(&fleet("1h"), hands, Clock::real(), "", true);
    let view = state(&dumps, DumpState::Elsewhere).await;
    assert_eq!(view.why.as_deref(), Some("the engine has just started"));
    assert_eq!(table.made(), 0);
    dumps.may(None);
    let view = state(&dumps, DumpState::Good).await;
    assert_eq!((table.made(), view.kit.as_deref(), view.kits), (1, Some("kit-1"), 1));
    assert!(view.next.is_some_and(|next| next > Clock::real().now()), "{view:?}");
    dumps.shutdown().await;
}

#[tokio::test]
async fn a_medium_that_is_away_is_said_and_rounds_go_on_by_themselves_when_it_is_back() {
    let table = Table::new();
    Table::set(&table.medium, Some("nothing is mounted at /media/usb"));
    let dumps = begin(&table, "", true);
    let view = state(&dumps, DumpState::MediumAway).await;
    assert!(view.state.wrong() && view.kit.is_none());
    Table::set(&table.medium, None);
    state(&dumps, DumpState::Good).await;
    Table::set(&table.medium, Some("it was pulled out"));
    let view = until(&dumps, |view| view.why.as_deref() == Some("it was pulled out")).await;
    assert!(view.kit.is_some(), "what lay on it is still known: {view:?}");
    dumps.shutdown().await;
}

#[tokio::test]
async fn a_server_that_is_away_is_a_state_and_old_kits_stay_and_it_resumes() {
    let table = Table::new();
    let dumps = begin(&table, "", true);
    state(&dumps, DumpState::Good).await;
    Table::set(&table.server, Some("connection refused"));
    let view = state(&dumps, DumpState::ServerAway).await;
    assert_eq!((view.why.as_deref(), view.kits), (Some("connection refused"), 1));
    assert!(view.good.is_some());
    Table::set(&table.server, None);
    state(&dumps, DumpState::Good).await;
    dumps.shutdown().await;
}

#[tokio::test]
async fn a_bad_database_makes_the_dump_fail_by_name_until_it_is_good_again() {
    let table = Table::new();
    *lock(&table.bad) = Some("table oRunner is marked as crashed".into());
    let dumps = begin(&table, "", true);
    let view = state(&dumps, DumpState::Failing).await;
    assert_eq!(view.why.as_deref(), Some("race: table oRunner is marked as crashed"));
    assert_eq!(view.good, None, "a round in which one failed is not a good one");
    let results: Vec<MadeResult> = view.databases.iter().map(|database| database.result).collect();
    assert_eq!(results, [MadeResult::Written, MadeResult::Failed]);
    *lock(&table.bad) = None;
    state(&dumps, DumpState::Good).await;
    dumps.shutdown().await;
}

#[tokio::test]
async fn what_was_let_go_of_is_left_alone_until_it_is_plugged_in_again() {
    let table = Table::new();
    let dumps = begin(&table, "", true);
    state(&dumps, DumpState::Good).await;
    let (steer, stop) = nobody();
    assert_eq!(dumps.eject("meos", steer, stop).await.unwrap(), "safe to remove");
    let view = state(&dumps, DumpState::Ejected).await;
    let made = table.made();
    assert!(view.well());
    // Longer than a round and a look.
    tokio::time::sleep(Duration::from_millis(1_300)).await;
    assert_eq!((table.made(), dumps.views()[0].state), (made, DumpState::Ejected));
    Table::set(&table.medium, None);
    state(&dumps, DumpState::Good).await;
    assert!(table.made() > made);
    dumps.shutdown().await;
}

#[tokio::test]
async fn a_quiet_engine_dumps_only_when_somebody_asks() {
    let table = Table::new();
    let dumps = begin(&table, "", false);
    let view = until(&dumps, |view| view.medium.is_some()).await;
    assert_eq!(view.state, DumpState::Late, "nobody makes a first kit");
    let (steer, stop) = nobody();
    assert_eq!(table.made(), 0);
    assert_eq!(dumps.make("meos", steer, stop).await.unwrap().kit, "kit-1");
    assert_eq!((table.made(), dumps.kits("meos").unwrap().len()), (1, 1));
    assert_eq!(dumps.known("moes").unwrap_err(), "there is no dump `moes`; did you mean `meos`?");
    dumps.may(Some("another engine holds the lease".into()));
    let (steer, stop) = nobody();
    let refused = dumps.make("meos", steer, stop).await.unwrap_err();
    assert!(matches!(&refused, Trouble::Refused(why) if why.contains("another engine")), "{refused:?}");
    dumps.shutdown().await;
}

#[tokio::test]
async fn no_kit_is_removed_while_somebody_restores_one() {
    let table = Table::new();
    let dumps = begin(&table, "", false);
    let (steer, stop) = nobody();
    dumps.make("meos", steer, stop).await.unwrap();
    assert_eq!(table.retained.load(Ordering::SeqCst), 1);
    let (steer, stop) = nobody();
    let drill = dumps.drill("meos", Pick::Newest, steer, stop);
    let (steer, stop) = nobody();
    let making = async {
        dumps.make("meos", steer, stop).await.unwrap();
        assert_eq!((table.made(), table.retained.load(Ordering::SeqCst)), (2, 1));
        table.drills.add_permits(1);
    };
    let (drilled, ()) = tokio::join!(drill, making);
    assert!(drilled.unwrap().ok);
    let view = &dumps.views()[0];
    assert_eq!(view.drill.as_ref().map(|drill| (drill.ok, drill.kit.as_str())), Some((true, "kit-1")));
    let (steer, stop) = nobody();
    dumps.make("meos", steer, stop).await.unwrap();
    assert_eq!(table.retained.load(Ordering::SeqCst), 2);
    dumps.shutdown().await;
}

#[tokio::test]
async fn no_kit_is_removed_at_the_end_of_a_round_when_somebody_began_to_read_in_its_middle() {
    let table = Table::new();
    let hang = Arc::new(Semaphore::new(0));
    *lock(&table.hang) = Some(Arc::clone(&hang));
    let dumps = begin(&table, "", false);
    until(&dumps, |view| view.medium.is_some()).await;
    let (steer, stop) = nobody();
    let making = dumps.make("meos", steer, stop);
    let reading = async {
        until(&dumps, |view| view.why.as_ref().is_some_and(|why| why.contains("; a round is under way"))).await;
        let (steer, stop) = nobody();
        let drill = dumps.drill("meos", Pick::Newest, steer, stop);
        let ending = async {
            // The drill has begun: nobody may remove anything, also where the fleet file is read again meanwhile.
            while table.drilling.load(Ordering::SeqCst) == 0 {
                tokio::task::yield_now().await;
            }
            dumps.reload(&fleet("2s"));
            hang.add_permits(2);
            until(&dumps, |view| view.every > 1.5 && view.medium.is_some()).await;
            let (steer, stop) = nobody();
            dumps.make("meos", steer, stop).await.unwrap();
            assert_eq!((table.made(), table.retained.load(Ordering::SeqCst)), (2, 0));
            table.drills.add_permits(1);
        };
        tokio::join!(drill, ending).0.unwrap();
    };
    let (made, ()) = tokio::join!(making, reading);
    made.unwrap();
    let (steer, stop) = nobody();
    hang.add_permits(1);
    dumps.make("meos", steer, stop).await.unwrap();
    assert_eq!(table.retained.load(Ordering::SeqCst), 1);
    dumps.shutdown().await;
}

#[tokio::test]
async fn a_round_that_breaks_is_said_and_the_next_one_is_made() {
    let table = Table::new();
    table.defect.store(true, Ordering::SeqCst);
    let dumps = begin(&table, "", true);
    let view = state(&dumps, DumpState::Failing).await;
    assert!(view.why.as_ref().is_some_and(|why| why.contains("please report it")), "{view:?}");
    table.defect.store(false, Ordering::SeqCst);
    state(&dumps, DumpState::Good).await;
    dumps.shutdown().await;
}

#[tokio::test]
async fn a_round_that_hangs_makes_the_dump_late() {
    let table = Table::new();
    let dumps = begin(&table, "", true);
    state(&dumps, DumpState::Good).await;
    let hang = Arc::new(Semaphore::new(0));
    *lock(&table.hang) = Some(Arc::clone(&hang));
    let view = state(&dumps, DumpState::Late).await;
    assert!(view.why.as_ref().is_some_and(|why| why.contains("under way")), "{view:?}");
    *lock(&table.hang) = None;
    hang.add_permits(1);
    state(&dumps, DumpState::Good).await;
    dumps.shutdown().await;
}

#[tokio::test]
async fn the_next_engine_knows_the_media_and_the_last_good_round() {
    let table = Table::new();
    let dumps = begin(&table, "", false);
    let (steer, stop) = nobody();
    dumps.make("meos", steer, stop).await.unwrap();
    let memory = dumps.news().unwrap();
    assert_eq!(dumps.news(), None);
    dumps.shutdown().await;

    Table::set(&table.medium, Some("nothing is mounted at /media/usb"));
    let dumps = begin(&table, &memory, false);
    let view = state(&dumps, DumpState::MediumAway).await;
    assert_eq!(view.kit.as_deref(), Some("kit-1"));
    assert!(view.good.is_some());
    Table::set(&table.medium, None);
    let (steer, stop) = nobody();
    dumps.make("meos", steer, stop).await.unwrap();
    assert_eq!(*lock(&table.known), ["4A21-0001"]);
    dumps.shutdown().await;
}
