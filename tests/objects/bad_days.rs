//! Stores that stop, lines that break, keys that are wrong.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use hotspare::clock::Clock;
use hotspare::session::side::Undone;
use hotspare::session::view::SideState;
use hotspare::work::progress::Event;
use hotspare::work::steer::Steer;
use hotspare::work::view::Part;

use crate::MEBI;
use crate::lab::{COPY, Lab, destination, different};
use crate::proxy::Proxy;
use crate::store::{BUCKET, KEY, SECRET, Store};

/// Does something once so many bytes have moved.
struct At<'a> {
    bytes: u64,
    moved: AtomicU64,
    ended: AtomicBool,
    then: Mutex<Option<Box<dyn FnOnce() + Send + 'a>>>,
}

impl<'a> At<'a> {
    fn new(bytes: u64, then: impl FnOnce() + Send + 'a) -> Self {
        Self { bytes, moved: AtomicU64::new(0), ended: AtomicBool::new(false), then: Mutex::new(Some(Box::new(then))) }
    }
}

impl Steer for At<'_> {
    fn go_on(&self) -> bool {
        if self.moved.load(Ordering::Relaxed) >= self.bytes
            && let Some(then) = self.then.lock().expect("unbroken").take()
        {
            then();
        }
        !self.ended.load(Ordering::Relaxed)
    }

    fn event(&self, event: Event) {
        if let Event::Advance(bytes) = event {
            self.moved.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    fn part(&self, _: Option<Part>) {}

    fn note(&self, _: &str) {}
}

fn trouble(state: SideState) -> (String, String) {
    match state {
        SideState::Trouble { word, why, remedy } => {
            let said = format!("{why}; {remedy}");
            assert!(!said.contains(SECRET) && !said.contains("Signature="), "{said}");
            (word, said)
        }
        state => panic!("{state:?}"),
    }
}

#[test]
fn what_is_wrong_with_a_store_is_said_in_words_and_never_with_the_secret() {
    let mut store = Store::new();
    let address = store.address();
    let stand = |bucket: &str, key: &str, secret: &str| {
        let lab = Lab::with(&destination(address, bucket, key, secret));
        let side = format!("{:?}", lab.side);
        assert!(!side.contains(SECRET) && !side.contains("wrong-one"), "{side}");
        let stood = trouble(lab.stand().state);
        assert_eq!(trouble(lab.prepare().state).0, stood.0);
        stood
    };
    let (word, why) = stand(BUCKET, KEY, "wrong-one");
    assert_eq!(word, "refused");
    assert!(why.contains("`hotspare`") && why.contains("SignatureDoesNotMatch") && !why.contains("wrong-one"), "{why}");
    assert_eq!(stand(BUCKET, "nobody", SECRET).0, "refused");
    let (word, why) = stand("elsewhere", KEY, SECRET);
    assert_eq!(word, "no bucket");
    assert!(why.contains("no bucket `elsewhere`"), "{why}");
    store.stop();
    let (word, why) = stand(BUCKET, KEY, SECRET);
    assert_eq!(word, "unreachable");
    assert!(why.contains(&address.to_string()) && why.contains("connection refused"), "{why}");
}

#[test]
fn a_store_that_stops_in_the_middle_costs_no_file_that_is_whole() {
    let mut store = Store::new();
    let lab = Lab::new(store.address());
    lab.noise("a.mp4", 6 * MEBI);
    lab.noise("b.mp4", 40 * MEBI);
    for number in 0..50 {
        lab.noise(&format!("images/{number}.json"), 3_000);
    }
    // The parts of the large file pass one by one, so that it is on its way when the store stops.
    lab.throttle.change(Some(30 << 20));
    let stopping = Mutex::new(&mut store);
    let error = lab.copy_steered(&At::new(20 << 20, || stopping.lock().expect("unbroken").stop()));
    let error = error.expect_err("it stopped").to_string();
    assert!(!error.contains(SECRET), "{error}");
    assert!(error.contains("connection refused") || error.contains("closed"), "{error}");
    assert_ne!(store.parts(), Vec::<String>::new(), "it could not be given up");
    assert_eq!(store.objects("mocap/.hotspare/uploads").len(), 1);
    assert_eq!(store.objects("mocap/20250104/p001."), Vec::<String>::new(), "no manifest says that it is whole");
    let whole = store.objects(COPY).len();

    store.start();
    lab.throttle.change(None);
    let outcome = lab.verified();
    assert!(!outcome.ok() && outcome.missing.contains(&"b.mp4".to_owned()), "{outcome:?}");
    let copied = lab.copied();
    assert_eq!(usize::try_from(copied.resumed), Ok(whole), "{copied:?}");
    assert_eq!(copied.written + copied.resumed, 52);
    assert_eq!(store.parts(), Vec::<String>::new(), "what was begun before was given up");
    assert_eq!(store.objects("mocap/.hotspare"), ["mocap/.hotspare/store.json"]);
    assert!(lab.verified().ok());
}

#[test]
fn a_connection_that_is_cut_is_made_again() {
    let store = Store::new();
    let proxy = Proxy::new(store.address());
    let lab = Lab::new(proxy.address);
    lab.noise("a.mp4", 30 * MEBI);
    lab.noise("b.mp4", 5 * MEBI);
    proxy.weather.cut_after.store(11 << 20, Ordering::Relaxed);
    let weather = &proxy.weather;
    let again = At::new(14 << 20, || weather.cut_after.store(1 << 20, Ordering::Relaxed));
    let copied = lab.copy_steered(&again).expect("a copy");
    assert!(copied.whole() && copied.proof.is_some(), "{copied:?}");
    assert_eq!(proxy.weather.cuts.load(Ordering::Relaxed), 2);
    assert_eq!((copied.written, store.parts().len()), (2, 0));
    assert!(lab.verified().ok());
}

#[test]
fn cancelling_leaves_nothing_half_that_costs_money() {
    let store = Store::new();
    let proxy = Proxy::new(store.address());
    let lab = Lab::new(proxy.address);
    lab.noise("a.mp4", 64 * MEBI);
    let at = At::new(16 << 20, || {});
    // What is on its way is held up, so that it is cancelled in the middle of a request.
    proxy.weather.slow.store(4, Ordering::Relaxed);
    let ended = std::thread::scope(|scope| {
        let copying = scope.spawn(|| lab.copy_steered(&at));
        while at.then.lock().expect("unbroken").is_some() {
            std::thread::yield_now();
        }
        at.ended.store(true, Ordering::Relaxed);
        copying.join().expect("unbroken")
    });
    assert_eq!(ended, Err(Undone::Cancelled));
    assert_eq!(store.parts(), Vec::<String>::new());
    assert_eq!(store.objects("mocap"), ["mocap/.hotspare/store.json"]);
    proxy.weather.slow.store(0, Ordering::Relaxed);
    assert_eq!(lab.copied().written, 1);
}

#[test]
fn a_limit_holds_both_ways() {
    let store = Store::new();
    let lab = Lab::new(store.address());
    lab.noise("a.mp4", 6 * MEBI);
    lab.throttle.change(Some(4 << 20));
    let clock = Clock::real();
    let began = clock.tick();
    lab.copied();
    let took = clock.tick().since(began);
    // 12 MiB there and back, of which the last piece each way passes at once.
    assert!(took > Duration::from_millis(1_200), "{took:?}");
}

#[test]
fn a_file_that_changes_while_it_is_copied_is_copied_as_it_is_in_the_end() {
    let store = Store::new();
    let lab = Lab::new(store.address());
    lab.noise("a.mp4", 24 * MEBI);
    lab.noise("b.mp4", 3 * MEBI);
    let copied = lab.copy_steered(&At::new(9 << 20, || {
        lab.noise("a.mp4", 25 * MEBI);
        lab.write("late.json", b"{}");
        std::fs::remove_file(lab.source().join("b.mp4")).expect("removed");
    }));
    let copied = copied.expect("a copy");
    assert!(copied.failed.is_empty(), "{copied:?}");
    assert_eq!((copied.files, copied.vanished.as_slice()), (2, &["b.mp4".to_owned()][..]));
    assert_eq!(std::fs::metadata(store.object(&format!("{COPY}/a.mp4"))).expect("there").len(), 25 << 20);
    assert_eq!(store.parts(), Vec::<String>::new());
    // What had been sent before it vanished stays: nothing is ever deleted from a copy.
    let outcome = lab.verified();
    assert_eq!((different(&outcome), outcome.missing.len()), (Vec::new(), 0));
    assert!(outcome.extra.iter().all(|path| path == "b.mp4"), "{outcome:?}");
}

#[test]
fn a_line_on_which_nothing_moves_does_not_hold_a_question() {
    let store = Store::new();
    let proxy = Proxy::new(store.address());
    let lab = Lab::new(proxy.address);
    proxy.weather.silent.store(true, Ordering::Relaxed);
    let clock = Clock::real();
    let began = clock.tick();
    let (word, why) = trouble(lab.stand().state);
    assert_eq!(word, "no answer", "{why}");
    assert!(clock.tick().since(began) < Duration::from_secs(25));
    proxy.weather.silent.store(false, Ordering::Relaxed);
    assert_eq!(lab.stand().state, SideState::Ready);
}
