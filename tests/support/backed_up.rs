//! A session on a disk, its copy at a destination, and a witness that looks at both: deletions without an engine.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use hotspare::clock::{Clock, Timestamp};
use hotspare::session::delete::{self, Approved, Deleted, Order, Seen, Witness};
use hotspare::session::key::Key;
use hotspare::session::manifest::{self, Manifest, Sum};
use hotspare::session::tree;
use hotspare::session::view::{Imported, Level, SideState, Verified};
use hotspare::work::progress::Event;
use hotspare::work::steer::Steer;
use hotspare::work::view::Part;

pub(crate) const FOLDER: &str = "p001/20250104";

/// A source and a destination in one folder.
#[derive(Debug)]
pub(crate) struct Recording {
    place: PathBuf,
    _own: Option<tempfile::TempDir>,
}

impl Recording {
    /// A recording in a folder of its own.
    pub(crate) fn new() -> Self {
        let own = tempfile::tempdir().unwrap();
        let recording = Self { place: own.path().to_owned(), _own: Some(own) };
        recording.record();
        recording
    }

    /// Three files, one of them in a folder, copied; another session beside it.
    pub(crate) fn record(&self) {
        self.write("walk.17391304.mp4", &vec![7; 70_000]);
        self.write("walk.json", b"{}");
        self.write("images/face\n.jpg", &[1; 3_000]);
        let neighbour = self.source().join("p001/20250105");
        std::fs::create_dir_all(&neighbour).unwrap();
        std::fs::write(neighbour.join("precious.mp4"), b"precious").unwrap();
        self.copy();
    }

    /// What another process made.
    pub(crate) fn at(place: &Path) -> Self {
        Self { place: place.to_owned(), _own: None }
    }

    pub(crate) fn place(&self) -> &Path {
        &self.place
    }

    pub(crate) fn key() -> Key {
        Key::new("p001", "20250104").unwrap()
    }

    pub(crate) fn source(&self) -> PathBuf {
        self.place.join("data")
    }

    pub(crate) fn session(&self) -> PathBuf {
        self.source().join(FOLDER)
    }

    pub(crate) fn trash(&self) -> PathBuf {
        self.source().join(delete::TRASH)
    }

    /// The session's folder in the trash.
    pub(crate) fn in_trash(&self) -> Option<PathBuf> {
        let entries = std::fs::read_dir(self.trash()).ok()?;
        entries.map(|entry| entry.unwrap().path()).find(|path| path.is_dir())
    }

    pub(crate) fn copied(&self) -> PathBuf {
        self.place.join("network/20250104/p001")
    }

    pub(crate) fn write(&self, path: &str, content: &[u8]) {
        let path = self.session().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// Copies all files and writes their sums beside the copy.
    pub(crate) fn copy(&self) {
        let listing = tree::list(&self.session(), &excluded).unwrap();
        let mut sums = BTreeMap::new();
        for file in &listing.files {
            let (from, to) = (self.session().join(&file.path), self.copied().join(&file.path));
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            let content = std::fs::read(&from).unwrap();
            std::fs::write(&to, &content).unwrap();
            let seen = manifest::Seen {
                size: file.size,
                modified: file.modified.as_nanosecond(),
                changed: file.changed.unwrap().as_nanosecond(),
            };
            sums.insert(file.path.clone(), Sum { hash: blake3::hash(&content), seen: Some(seen) });
        }
        let (sums, sizes) = Manifest { sums }.render("p001");
        std::fs::write(manifest::sums_file(&self.copied()), sums).unwrap();
        std::fs::write(manifest::sizes_file(&self.copied()), sizes).unwrap();
    }

    /// A witness to which all is well, verified a moment ago.
    pub(crate) fn witness(&self) -> Told {
        let state = |folder: &Path| tree::list(folder, &excluded).unwrap_or_default().facts(|_| false).state;
        let verified = Verified {
            level: Level::Content,
            at: Clock::real().now(),
            ok: true,
            read: None,
            from_storage: true,
            problems: 0,
            source: Some(state(&self.session())),
            copy: state(&self.copied()),
        };
        Told {
            copied: self.copied(),
            imported: Imported::Yes,
            verified: Some(verified),
            state: SideState::Ready,
            busy: Vec::new(),
            durable: Ok(()),
            on: Box::new(|_| {}),
            recorded: Mutex::default(),
        }
    }

    pub(crate) fn delete(&self, told: &Told) -> Result<Deleted, Vec<String>> {
        self.order(told, false)
    }

    pub(crate) fn dry_run(&self, told: &Told) -> Result<Deleted, Vec<String>> {
        self.order(told, true)
    }

    fn order(&self, told: &Told, dry_run: bool) -> Result<Deleted, Vec<String>> {
        delete::delete(&Order {
            source: &self.source(),
            key: &Self::key(),
            folder: Path::new(FOLDER),
            settle: Duration::ZERO,
            dry_run,
            clock: &Clock::real(),
            steer: told,
            witness: told,
        })
    }

    pub(crate) fn recover(&self) -> Vec<String> {
        let copies = |_: &Key| self.witness().copies();
        delete::recover(&self.source(), &Clock::real(), &copies).iter().map(ToString::to_string).collect()
    }

    /// Everything in the source.
    pub(crate) fn everything(&self) -> BTreeMap<PathBuf, String> {
        everything(&self.source())
    }
}

/// Every path below a folder with what it is: the sum of a file's bytes, the target of a link.
pub(crate) fn everything(root: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let stat = std::fs::symlink_metadata(&path).unwrap();
            let holds = if stat.is_dir() {
                folders.push(path.clone());
                "folder".into()
            } else if stat.is_file() {
                format!("{} bytes {}", stat.size(), blake3::hash(&std::fs::read(&path).unwrap()).to_hex())
            } else if stat.is_symlink() {
                format!("link to {}", std::fs::read_link(&path).unwrap().display())
            } else {
                format!("{:?}", stat.file_type())
            };
            found.insert(path.strip_prefix(root).unwrap().to_owned(), holds);
        }
    }
    found
}

fn excluded(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "tmp")
}

type Hook = Box<dyn Fn(&str) + Send + Sync>;

/// A witness that answers what it is told to, and calls `on` at each step.
pub(crate) struct Told {
    pub(crate) copied: PathBuf,
    pub(crate) imported: Imported,
    pub(crate) verified: Option<Verified>,
    pub(crate) state: SideState,
    pub(crate) busy: Vec<String>,
    pub(crate) durable: Result<(), String>,
    pub(crate) on: Hook,
    pub(crate) recorded: Mutex<Vec<Approved>>,
}

impl Witness for Told {
    fn source(&self) -> SideState {
        SideState::Ready
    }

    fn excluded(&self, path: &Path) -> bool {
        excluded(path)
    }

    fn imported(&self) -> Imported {
        (self.on)("imported");
        self.imported.clone()
    }

    fn copies(&self) -> Vec<Seen> {
        (self.on)("copies");
        let listing = match tree::list(&self.copied, &|_| false) {
            Ok(listing) => Ok(Some(listing)),
            Err(tree::ListError::Missing(_)) => Ok(None),
            Err(error) => Err(error.to_string()),
        };
        vec![Seen {
            name: "Network".into(),
            folder: self.copied.display().to_string(),
            state: self.state.clone(),
            listing,
            manifest: Manifest::beside(&self.copied).map_err(|error| error.to_string()),
            verified: self.verified.clone(),
        }]
    }

    fn busy(&self) -> Vec<String> {
        self.busy.clone()
    }

    fn record(&self, approved: &Approved) -> Result<(), String> {
        (self.on)("record");
        self.recorded.lock().unwrap().push(approved.clone());
        self.durable.clone()
    }
}

impl Steer for Told {
    fn go_on(&self) -> bool {
        (self.on)("go on");
        true
    }

    fn event(&self, _: Event) {
        (self.on)("removed");
    }

    fn part(&self, _: Option<Part>) {}

    fn note(&self, note: &str) {
        (self.on)(note);
    }
}

/// A time that no file of a test carries.
pub(crate) fn long_ago() -> Timestamp {
    Timestamp::UNIX_EPOCH
}
