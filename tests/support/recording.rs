//! A recorded session on this computer, and its copy somewhere.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hotspare::session::copy::{Copied, CopyError, Order, ReadBack, copy};
use hotspare::session::key::Key;
use hotspare::session::root::Root;
use hotspare::session::verify::{Outcome, Question, VerifyError, verify};
use hotspare::work::steer::{Alone, Steer};

/// Where the copy lies below the destination.
pub(crate) const COPY: &str = "20250104/p001";

/// A session in a folder of its own.
pub(crate) struct Recording {
    folder: tempfile::TempDir,
}

impl Recording {
    /// A few large files and some small ones, none like another.
    pub(crate) fn new(large: u32, bytes: usize, small: u32) -> Self {
        let recording = Self { folder: tempfile::tempdir().unwrap() };
        for number in 0..large {
            recording.write(&format!("walk_{number}.mp4"), &noise(number, bytes));
        }
        for number in 0..small {
            recording.write(&format!("images/{number}.json"), &noise(1_000 + number, 3_000));
        }
        recording
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("p001")
    }

    pub(crate) fn write(&self, name: &str, content: &[u8]) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    pub(crate) fn copy(&self, root: &Path) -> Result<Copied, CopyError> {
        self.copy_steered(root, &Alone)
    }

    pub(crate) fn copy_steered(&self, root: &Path, steer: &dyn Steer) -> Result<Copied, CopyError> {
        copy_folder(&self.path(), root, steer)
    }

    pub(crate) fn verify(&self, root: &Path) -> Result<Outcome, VerifyError> {
        let root = Root::now(root)?;
        verify(&Question {
            root: &root,
            relative: Path::new(COPY),
            source: Some(&self.path()),
            exclude: &|_| false,
            level: None,
            parallel: 0,
            throttle: None,
            steer: &Alone,
        })
    }

    /// Compares every byte by plain reading, as any other program would.
    pub(crate) fn same(&self, root: &Path) -> bool {
        contents(&self.path()) == contents(&root.join(COPY))
    }

    /// Nothing of the copy's preparation is left.
    pub(crate) fn clean(root: &Path) -> bool {
        std::fs::read_dir(root.join(".hotspare/staging")).map_or(true, |mut rests| rests.next().is_none())
    }
}

/// Copies the folder of a session.
pub(crate) fn copy_folder(source: &Path, root: &Path, steer: &dyn Steer) -> Result<Copied, CopyError> {
    let root = Root::now(root)?;
    copy(&Order {
        key: &Key::new("p001", "20250104").unwrap(),
        source,
        root: &root,
        relative: Path::new(COPY),
        exclude: &|_| false,
        parallel: 0,
        throttle: None,
        steer,
        read_back: ReadBack::Everything,
        dry_run: false,
    })
}

/// All files below a folder with their contents.
pub(crate) fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).into_iter().flatten().flatten() {
            let path = entry.path();
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
            } else {
                let content = std::fs::read(&path).unwrap();
                found.insert(path.strip_prefix(folder).unwrap().to_owned(), content);
            }
        }
    }
    found
}

/// Bytes that repeat nowhere.
pub(crate) fn noise(seed: u32, bytes: usize) -> Vec<u8> {
    let mut out = vec![0; bytes];
    blake3::Hasher::new_keyed(&[u8::try_from(seed % 251).unwrap(); 32])
        .update(&seed.to_le_bytes())
        .finalize_xof()
        .fill(&mut out);
    out
}
