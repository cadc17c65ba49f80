//! Shares that stop answering, go stale or turn slow in the middle of a copy or of a verification: the job ends in time, says
//! what to do, shows nothing half, and the next one completes.
//!
//! Each test is a process of its own: one that is started while files of a hanging share are open inherits them, and waits for
//! that share when it closes them.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use hotspare::clock::{Clock, Timestamp};
use hotspare::fleet::bucket::Access;
use hotspare::fleet::data::{Destination, Store};
use hotspare::session::copy::Copied;
use hotspare::session::filter::Filter;
use hotspare::session::key::Key as Session;
use hotspare::session::side::{CopyWish, Folder, Owner, Side, Undone, VerifyWish};
use hotspare::session::verify::Outcome;
use hotspare::session::view::Level;
use hotspare::work::progress::Event;
use hotspare::work::steer::{Alone, Steer};
use hotspare::work::throttle::Throttle;
use hotspare::work::view::Part;

use crate::apart::apart;
use crate::recording::{COPY, Recording};
use crate::share::{Key, Share};

/// The share may be silent for thirty seconds; then there are a few questions with their own deadlines.
const DEADLINE: Duration = Duration::from_secs(50);

/// A share as a destination of a store.
struct Site {
    share: Share,
    session: Recording,
    side: Folder,
    marker: String,
    clock: Clock,
}

impl Site {
    fn new() -> Self {
        let (share, session, clock) = (Share::new(), Recording::new(3, 2_500_000, 40), Clock::real());
        let destination = Destination {
            name: "NAS".into(),
            mount: Some(share.path()),
            path: share.path(),
            layout: "{date}/{participant}".into(),
            access: Access::default(),
        };
        let store = Store {
            name: "mocap".into(),
            source: session.path(),
            layout: "{participant}/{date}".into(),
            participants: Vec::new(),
            exclude: Vec::new(),
            count: "*.mp4".into(),
            settle: Duration::ZERO,
            destinations: Vec::new(),
            parallel: 0,
            limit: None,
            imported: None,
        };
        let side = Folder::destination(&destination, &Filter::new(&store));
        let owner = Owner { fleet: "harbour".into(), store: "mocap".into(), destination: "NAS".into() };
        let marker = side.prepare(None, &owner, Timestamp::UNIX_EPOCH).marker.expect("a marker");
        Self { share, session, side, marker, clock }
    }

    fn copy(&self, steer: &dyn Steer) -> Result<Copied, Undone> {
        self.side.copy(&CopyWish {
            key: &Session::new("p001", "20250104").expect("a session"),
            source: &self.session.path(),
            kept: Some(&self.marker),
            parallel: 0,
            throttle: &Throttle::new(None, self.clock.clone()),
            steer,
            dry_run: false,
        })
    }

    fn verify(&self, steer: &dyn Steer) -> Result<Outcome, Undone> {
        self.side.verify(&VerifyWish {
            key: &Session::new("p001", "20250104").expect("a session"),
            source: &self.session.path(),
            kept: Some(&self.marker),
            level: Some(Level::Content),
            parallel: 0,
            throttle: &Throttle::new(None, self.clock.clone()),
            steer,
        })
    }

    fn named(&self) -> PathBuf {
        self.share.behind().join(COPY)
    }

    /// Lets the share go wrong after so many calls, while the work goes on.
    fn in_the_middle<T>(&self, calls: i64, wrong: Key, work: impl FnOnce() -> T) -> T {
        let (until, ended) = (self.share.get(Key::Calls) + calls, AtomicBool::new(false));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while self.share.get(Key::Calls) < until && !ended.load(Ordering::SeqCst) {
                    std::thread::park_timeout(Duration::from_micros(200));
                }
                self.share.set(wrong, 1);
            });
            let came = work();
            ended.store(true, Ordering::SeqCst);
            came
        })
    }

    /// Once the share is well again: what was left behind has ended, and the session is copied whole.
    fn completes(&self) {
        for key in [Key::Hang, Key::Stale] {
            self.share.set(key, 0);
        }
        let began = self.clock.tick();
        let copied = loop {
            match self.copy(&Alone) {
                Ok(copied) => break copied,
                Err(why) => assert!(self.clock.tick().since(began) < DEADLINE, "{why}"),
            }
        };
        assert!(copied.whole() && copied.proof.is_some_and(|proof| proof.ok()));
        assert!(self.session.same(&self.share.behind()) && Recording::clean(&self.share.behind()));
        assert!(self.verify(&Alone).expect("verified").ok());
    }
}

/// How many calls a whole copy takes, and a verification.
fn calls() -> (i64, i64) {
    let site = Site::new();
    let begun = site.share.get(Key::Calls);
    site.copy(&Alone).expect("copied");
    let copied = site.share.get(Key::Calls);
    site.verify(&Alone).expect("verified");
    (copied - begun, site.share.get(Key::Calls) - copied)
}

fn why(undone: &Undone) -> String {
    match undone {
        Undone::Failed(why) => why.clone(),
        Undone::Cancelled => panic!("nobody cancelled it"),
    }
}

#[test]
fn a_share_that_hangs_in_the_middle_of_a_copy_ends_the_copy_in_time() {
    apart("midway::a_share_that_hangs_in_the_middle_of_a_copy_ends_the_copy_in_time", || {
        // In its first files, among its last ones, and while it is read back or published.
        let whole = calls().0;
        let sites: Vec<(i64, Site)> = [1, 5, 8].map(|tenths| (whole * tenths / 10, Site::new())).into();
        std::thread::scope(|scope| {
            for (calls, site) in &sites {
                scope.spawn(move || {
                    let began = site.clock.tick();
                    let undone = site.in_the_middle(*calls, Key::Hang, || site.copy(&Alone)).expect_err("it hangs");
                    let took = site.clock.tick().since(began);
                    let why = why(&undone);
                    assert!(took < DEADLINE, "{took:?}");
                    assert!(why.contains("did not answer") && why.contains("umount -l"), "{why}");
                    println!("a copy whose share hung after {calls} calls ended after {took:.1?}: {why}");
                    assert!(!site.named().exists() || site.session.same(&site.share.behind()), "nothing half");
                    site.completes();
                });
            }
        });
    });
}

#[test]
fn a_share_that_hangs_in_the_middle_of_a_verification_ends_it_in_time() {
    apart("midway::a_share_that_hangs_in_the_middle_of_a_verification_ends_it_in_time", || {
        let (site, read) = (Site::new(), calls().1);
        site.copy(&Alone).expect("copied");
        let began = site.clock.tick();
        let undone = site.in_the_middle(read / 2, Key::Hang, || site.verify(&Alone)).expect_err("it hangs");
        let took = site.clock.tick().since(began);
        assert!(took < DEADLINE && why(&undone).contains("did not answer"), "{took:?}: {undone}");
        println!("a verification whose share hung ended after {took:.1?}: {undone}");
        site.completes();
    });
}

#[test]
fn a_copy_that_hangs_can_be_cancelled_before_its_deadline() {
    apart("midway::a_copy_that_hangs_can_be_cancelled_before_its_deadline", || {
        /// Cancels as soon as nothing more is heard of.
        struct Impatient(AtomicU64);
        impl Steer for Impatient {
            fn go_on(&self) -> bool {
                self.0.fetch_add(1, Ordering::SeqCst) < 20
            }

            fn event(&self, _: Event) {
                self.0.store(0, Ordering::SeqCst);
            }

            fn part(&self, _: Option<Part>) {}

            fn note(&self, _: &str) {}
        }
        let site = Site::new();
        let began = site.clock.tick();
        let undone =
            site.in_the_middle(60, Key::Hang, || site.copy(&Impatient(AtomicU64::new(0)))).expect_err("it hangs");
        let took = site.clock.tick().since(began);
        assert!(took < Duration::from_secs(20), "{took:?}: {undone}");
        site.completes();
    });
}

#[test]
fn a_share_that_goes_stale_in_the_middle_is_named_and_the_next_run_completes() {
    apart("midway::a_share_that_goes_stale_in_the_middle_is_named_and_the_next_run_completes", || {
        let (whole, read) = calls();
        for calls in [whole / 10, whole / 2, whole * 8 / 10] {
            let site = Site::new();
            let undone = site.in_the_middle(calls, Key::Stale, || site.copy(&Alone));
            match undone {
                Err(undone) => {
                    let why = why(&undone);
                    assert!(why.contains("tale") && why.contains("then repeat"), "{why}");
                    println!("a copy whose share went stale after {calls} calls: {why}");
                }
                // Single files had been given up by then.
                Ok(copied) => assert!(!copied.whole() && copied.proof.is_none(), "{copied:?}"),
            }
            assert!(!site.named().exists() || site.session.same(&site.share.behind()), "nothing half");
            site.completes();

            match site.in_the_middle(read / 2, Key::Stale, || site.verify(&Alone)) {
                Err(undone) => println!("a verification whose share went stale: {}", why(&undone)),
                Ok(found) => assert!(!found.ok() && found.different.iter().any(|file| file.reason.contains("tale"))),
            }
            site.completes();
        }
    });
}

#[test]
fn a_share_that_turns_slow_is_waited_for() {
    apart("midway::a_share_that_turns_slow_is_waited_for", || {
        let site = Site::new();
        let slow = |work: &mut dyn FnMut()| {
            site.share.set(Key::DelayUs, 60_000);
            work();
            site.share.set(Key::DelayUs, 0);
        };
        slow(&mut || assert!(site.copy(&Alone).expect("copied").whole()));
        slow(&mut || assert!(site.verify(&Alone).expect("verified").ok()));
        assert!(site.session.same(&site.share.behind()));
    });
}
