//! Sources that change, and copies that are steered, while they are under way.

use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::work::progress::Event;
use crate::work::view::Part;

/// Does something to the world whenever a piece is done; may end the work.
struct Meddler<F: Fn(u64) -> bool + Send + Sync> {
    pieces: AtomicU64,
    ended: std::sync::atomic::AtomicBool,
    meddle: F,
}

impl<F: Fn(u64) -> bool + Send + Sync> Meddler<F> {
    fn new(meddle: F) -> Self {
        Self { pieces: AtomicU64::new(0), ended: false.into(), meddle }
    }
}

impl<F: Fn(u64) -> bool + Send + Sync> Steer for Meddler<F> {
    fn go_on(&self) -> bool {
        !self.ended.load(Ordering::SeqCst)
    }

    fn event(&self, event: Event) {
        if matches!(event, Event::Advance(_)) && !(self.meddle)(self.pieces.fetch_add(1, Ordering::SeqCst)) {
            self.ended.store(true, Ordering::SeqCst);
        }
    }

    fn part(&self, _: Option<Part>) {}

    fn note(&self, _: &str) {}
}

pub(super) fn meddled(bench: &Bench, meddle: impl Fn(u64) -> bool + Send + Sync) -> Result<Copied, CopyError> {
    let root = Root::now(&bench.root()).unwrap();
    let steer = Meddler::new(meddle);
    copy(&Order { steer: &steer, parallel: 1, ..bench.order(&root) })
}

#[test]
fn what_changes_while_it_is_copied_is_copied_again() {
    let bench = Bench::new();
    bench.write("a", &vec![1; 3_000_000]);
    bench.write("z", b"z");
    let source = bench.source();
    let copied = meddled(&bench, |piece| {
        if piece == 1 {
            std::fs::write(source.join("a"), vec![2; 2_900_000]).unwrap();
            std::fs::write(source.join("late"), "late").unwrap();
        }
        true
    })
    .unwrap();
    assert!(copied.whole() && copied.files == 3, "{copied:?}");
    assert_eq!(std::fs::read(bench.copy_of().join("a")).unwrap(), vec![2; 2_900_000]);
    assert_eq!(std::fs::read_to_string(bench.copy_of().join("late")).unwrap(), "late");
}

#[test]
fn what_never_stops_changing_fails_by_name_and_nothing_half_appears() {
    let bench = Bench::new();
    bench.write("a", &vec![1; 3_000_000]);
    let source = bench.source();
    let wrong = meddled(&bench, |piece| {
        std::fs::write(source.join("a"), vec![2; 2_000_000 + usize::try_from(piece).unwrap()]).unwrap();
        true
    });
    assert!(matches!(&wrong, Err(CopyError::StillWritten { file, .. }) if file == "a"), "{wrong:?}");
    assert!(!bench.copy_of().exists());
}

#[test]
fn what_vanishes_while_it_is_copied_is_named_and_not_in_the_copy() {
    let bench = Bench::new();
    bench.write("a", &vec![1; 3_000_000]);
    bench.write("gone", b"gone");
    bench.write("read", &vec![1; 2_000_000]);
    let source = bench.source();
    let copied = meddled(&bench, |piece| {
        if piece == 4 {
            for name in ["gone", "read"] {
                std::fs::remove_file(source.join(name)).unwrap();
            }
        }
        true
    })
    .unwrap();
    assert!(copied.whole() && copied.files == 1, "{copied:?}");
    assert!(copied.vanished.contains(&"read".to_owned()));
    // Neither whole nor torn ones are published.
    assert!(!bench.copy_of().join("gone").exists() && !bench.copy_of().join("read").exists());
    assert!(bench.verify().ok());
}

#[test]
fn a_cancelled_copy_shows_nothing_and_goes_on_from_what_is_whole() {
    let bench = Bench::new();
    for number in 0..6 {
        bench.write(&format!("{number}"), &vec![number; 3_000_000]);
    }
    let wrong = meddled(&bench, |piece| piece < 10);
    assert!(matches!(wrong, Err(CopyError::Cancelled)), "{wrong:?}");
    assert!(!bench.copy_of().exists());
    // One of the whole ones was torn by a power cut: it has its size and time, and other bytes.
    let staged = bench.root().join(".hotspare/staging/20250104_p001/files/1");
    let modified = std::fs::metadata(&staged).unwrap().modified().unwrap();
    std::fs::write(&staged, vec![0; 3_000_000]).unwrap();
    std::fs::File::options().write(true).open(&staged).unwrap().set_modified(modified).unwrap();
    let root = Root::now(&bench.root()).unwrap();
    let copied = copy(&Order { read_back: ReadBack::Nothing, ..bench.order(&root) }).unwrap();
    assert_eq!(
        (copied.resumed, copied.written, copied.repaired.as_slice()),
        (3, 4, ["1".to_owned()].as_slice()),
        "{copied:?}"
    );
    assert!(bench.verify().ok());
    assert!(!staged.exists());
}

#[test]
fn a_limit_is_kept_and_can_be_changed_meanwhile() {
    let bench = Bench::new();
    bench.write("a", &vec![1; 8 << 20]);
    let clock = crate::clock::Clock::real();
    let throttle = Throttle::new(Some(1), clock.clone());
    let root = Root::now(&bench.root()).unwrap();
    let from = clock.tick();
    // At a byte a second the first piece overdraws the bucket: only the new limit lets the others pass.
    let steer = Meddler::new(|piece| {
        if piece == 0 {
            throttle.change(Some(64 << 20));
        }
        true
    });
    copy(&Order { throttle: Some(&throttle), steer: &steer, parallel: 1, ..bench.order(&root) }).unwrap();
    let took = clock.tick().since(from);
    assert!(took >= std::time::Duration::from_millis(100), "{took:?}");
}
