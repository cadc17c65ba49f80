//! A source and two destinations on this disk: real copies, real verifications and real deletions, without an engine.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hotspare::clock::Clock;
use hotspare::session::copy::{self, Copied, CopyError, ReadBack};
use hotspare::session::delete::{self, Approved, Deleted, Order, Seen, Witness};
use hotspare::session::key::Key;
use hotspare::session::manifest::Manifest;
use hotspare::session::root::Root;
use hotspare::session::tree::{self, ListError};
use hotspare::session::verify::{self, Outcome, Question, VerifyError};
use hotspare::session::view::{Imported, Level, SideState, Verified};
use hotspare::work::steer::Alone;

/// Destinations.
pub(crate) const DESTINATIONS: [&str; 2] = ["Network", "Stick"];

pub(crate) struct Site {
    place: tempfile::TempDir,
    pub(crate) imported: Imported,
    pub(crate) settle: Duration,
    /// What is wrong with the first destination.
    pub(crate) network: SideState,
    /// Destinations that the fleet file declares.
    pub(crate) destinations: usize,
    /// Done when a deletion writes down what it is about to do.
    pub(crate) on_record: Box<dyn Fn()>,
    /// What deletions wrote down.
    pub(crate) journal: RefCell<Vec<Approved>>,
    verified: RefCell<BTreeMap<(usize, Key), Verified>>,
}

pub(crate) fn key(participant: &str) -> Key {
    Key::new(participant, "20250104").unwrap()
}

impl Site {
    /// Everything in order, nothing recorded, one destination.
    pub(crate) fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        for folder in ["data", DESTINATIONS[0], DESTINATIONS[1]] {
            std::fs::create_dir(place.path().join(folder)).unwrap();
        }
        Self {
            place,
            imported: Imported::Yes,
            settle: Duration::ZERO,
            network: SideState::Ready,
            destinations: 1,
            on_record: Box::new(|| {}),
            journal: RefCell::default(),
            verified: RefCell::default(),
        }
    }

    pub(crate) fn place(&self) -> &Path {
        self.place.path()
    }

    pub(crate) fn source(&self) -> PathBuf {
        self.place().join("data")
    }

    pub(crate) fn session(&self, key: &Key) -> PathBuf {
        self.source().join(relative(key))
    }

    /// The first destination turns the layout round, as the documented one does.
    pub(crate) fn copied(&self, key: &Key) -> PathBuf {
        self.destination(0).join(turned(key))
    }

    fn destination(&self, number: usize) -> PathBuf {
        self.place().join(DESTINATIONS[number])
    }

    /// As the acquisition leaves it: a few videos and many small files whose names sort first.
    pub(crate) fn record(&self, key: &Key) {
        std::fs::create_dir_all(self.session(key)).unwrap();
        for number in 0..12 {
            self.write(key, &format!("a_{number:02}.json"), b"{}");
        }
        for camera in ["17391304", "17391305"] {
            self.write(key, &format!("walk_20250104_100100.{camera}.mp4"), &vec![7; 50_000]);
        }
    }

    pub(crate) fn write(&self, key: &Key, name: &str, content: &[u8]) {
        std::fs::write(self.session(key).join(name), content).unwrap();
    }

    /// Copies to every destination; what is read back counts as verified.
    pub(crate) fn sync(&self, key: &Key) -> Result<Vec<Copied>, CopyError> {
        (0..self.destinations).map(|number| self.sync_to(number, key)).collect()
    }

    pub(crate) fn sync_to(&self, number: usize, key: &Key) -> Result<Copied, CopyError> {
        let copied = copy::copy(&copy::Order {
            key,
            source: &self.session(key),
            root: &Root::now(&self.destination(number))?,
            relative: &turned(key),
            exclude: &|_| false,
            parallel: 0,
            throttle: None,
            steer: &Alone,
            read_back: ReadBack::Everything,
            dry_run: false,
        })?;
        if let Some(proof) = &copied.proof {
            self.verified.borrow_mut().insert((number, key.clone()), proof.verified(Clock::real().now()));
        }
        Ok(copied)
    }

    /// Compares the first copy, and remembers what came of it.
    pub(crate) fn verify(&self, key: &Key, level: Option<Level>) -> Result<Outcome, VerifyError> {
        let outcome = verify::verify(&Question {
            root: &Root::now(&self.destination(0))?,
            relative: &turned(key),
            source: Some(&self.session(key)),
            exclude: &|_| false,
            level,
            parallel: 0,
            throttle: None,
            steer: &Alone,
        })?;
        self.verified.borrow_mut().insert((0, key.clone()), outcome.verified(Clock::real().now()));
        Ok(outcome)
    }

    /// Every reason why it may not be deleted.
    pub(crate) fn why_not(&self, key: &Key) -> Vec<String> {
        self.order(key, &relative(key), true).err().unwrap_or_default()
    }

    pub(crate) fn delete(&self, key: &Key) -> Result<Deleted, Vec<String>> {
        self.order(key, &relative(key), false)
    }

    /// Deletes what lies in this folder below the source.
    pub(crate) fn delete_folder(&self, key: &Key, folder: &Path) -> Result<Deleted, Vec<String>> {
        self.order(key, folder, false)
    }

    fn order(&self, key: &Key, folder: &Path, dry_run: bool) -> Result<Deleted, Vec<String>> {
        delete::delete(&Order {
            source: &self.source(),
            key,
            folder,
            settle: self.settle,
            dry_run,
            clock: &Clock::real(),
            steer: &Alone,
            witness: &World { site: self, key },
        })
    }
}

fn relative(key: &Key) -> PathBuf {
    Path::new(&key.participant).join(key.day())
}

fn turned(key: &Key) -> PathBuf {
    Path::new(&key.day()).join(&key.participant)
}

struct World<'a> {
    site: &'a Site,
    key: &'a Key,
}

impl Witness for World<'_> {
    fn source(&self) -> SideState {
        SideState::Ready
    }

    fn excluded(&self, _: &Path) -> bool {
        false
    }

    fn imported(&self) -> Imported {
        self.site.imported.clone()
    }

    fn copies(&self) -> Vec<Seen> {
        let seen = |number: usize| {
            let folder = self.site.destination(number).join(turned(self.key));
            Seen {
                name: DESTINATIONS[number].into(),
                folder: folder.display().to_string(),
                state: if number == 0 { self.site.network.clone() } else { SideState::Ready },
                listing: match tree::list(&folder, &|_| false) {
                    Ok(listing) => Ok(Some(listing)),
                    Err(ListError::Missing(_)) => Ok(None),
                    Err(error) => Err(error.to_string()),
                },
                manifest: Manifest::beside(&folder).map_err(|error| error.to_string()),
                verified: self.site.verified.borrow().get(&(number, self.key.clone())).cloned(),
            }
        };
        (0..self.site.destinations).map(seen).collect()
    }

    fn busy(&self) -> Vec<String> {
        Vec::new()
    }

    fn record(&self, approved: &Approved) -> Result<(), String> {
        self.site.journal.borrow_mut().push(approved.clone());
        (self.site.on_record)();
        Ok(())
    }
}
