//! The manifest of a copy: the BLAKE3 sum of each of its files, kept beside the copy's folder.
//!
//! Two files lie beside a copy `p001/`:
//! - `p001.b3` is what `b3sum --check p001.b3` reads when it is run in the folder that holds both.
//! - `p001.sizes` holds what b3sum's format has no room for: sizes, the times that the source's files had when they were
//!   read, and the sums of files whose names are not UTF-8, which b3sum refuses. Its first line holds the sum of the
//!   `.b3` file that it belongs to; beside any other it counts for nothing.
//!
//! Both are written by [`super::copy`] and are read as what anybody may have put there.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

use super::beneath;

mod line;
#[cfg(test)]
mod tests;

pub(super) use line::{Line, facts, read_facts};

/// A larger file is no manifest.
const MOST_BYTES: u64 = 100 << 20;
/// First words of a `.sizes` file; the sum of the `.b3` file follows.
const SIZES: &str = "hotspare sizes 1 ";

/// What is known of one file of a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sum {
    /// BLAKE3 of its content.
    pub hash: blake3::Hash,
    /// `None`: only the `.b3` file is there.
    pub seen: Option<Seen>,
}

/// What the source's file was like when its content was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Bytes.
    pub size: u64,
    /// Last modification, nanoseconds since 1970.
    pub modified: i128,
    /// Last change of the inode, nanoseconds since 1970.
    pub changed: i128,
}

/// The sums of a copy, by path below its folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest {
    /// In the order of paths.
    pub sums: BTreeMap<PathBuf, Sum>,
}

/// Why a manifest cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Its file cannot be read.
    #[error("cannot read the manifest {}: {error}", path.display())]
    Io {
        /// File.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Its file is not what hotspare or b3sum writes.
    #[error("the manifest {} is damaged in line {line}: {what}; copy the session again to have a new one", path.display())]
    Damaged {
        /// File.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// What is wrong.
        what: &'static str,
    },
}

impl Manifest {
    /// The manifest beside the folder of a copy; `None`: there is none.
    pub fn beside(copy: &Path) -> Result<Option<Self>, ManifestError> {
        let io = |error| ManifestError::Io { path: sums_file(copy), error };
        let (Some(above), Some(name)) = (copy.parent(), copy.file_name()) else {
            return Err(io(io::ErrorKind::InvalidInput.into()));
        };
        match beneath::root(above) {
            Ok(above) => Self::read(above, Path::new(name), copy),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io(error)),
        }
    }

    /// As [`Manifest::beside`], below a folder that is held open; `shown` is the copy's folder in errors.
    pub(super) fn read(folder: impl AsFd, copy: &Path, shown: &Path) -> Result<Option<Self>, ManifestError> {
        let get = |file: PathBuf, path: PathBuf| match content(&folder, &file) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(ManifestError::Io { path, error }),
        };
        let Some(sums) = get(sums_file(copy), sums_file(shown))? else { return Ok(None) };
        let sizes = get(sizes_file(copy), sizes_file(shown))?;
        Self::parse(&sums, sizes.as_deref(), shown).map(Some)
    }

    /// Reads the content of both files; `copy` is the folder that they lie beside.
    pub fn parse(sums: &[u8], sizes: Option<&[u8]>, copy: &Path) -> Result<Self, ManifestError> {
        let name = copy.file_name().map(PathBuf::from).unwrap_or_default();
        let mut manifest = Self::default();
        for (number, text) in lines(sums) {
            let damaged = |what| ManifestError::Damaged { path: sums_file(copy), line: number, what };
            let (hash, path) = line::read_sum(text).map_err(damaged)?;
            let path = path.strip_prefix(&name).ok().filter(|path| !path.as_os_str().is_empty());
            let path = path.ok_or_else(|| damaged("a path of another folder"))?;
            manifest.sums.insert(path.to_owned(), Sum { hash, seen: None });
        }
        if let Some(sizes) = sizes {
            manifest.join(sums, sizes, copy)?;
        }
        Ok(manifest)
    }

    fn join(&mut self, sums: &[u8], sizes: &[u8], copy: &Path) -> Result<(), ManifestError> {
        let mut lines = lines(sizes);
        let first = lines.next().map(|(_, text)| text).unwrap_or_default();
        if [first, b"\n"].concat() != first_line(sums).as_bytes() {
            return Ok(());
        }
        for (number, text) in lines {
            let damaged = |what| ManifestError::Damaged { path: sizes_file(copy), line: number, what };
            let Line { path, seen, hash } = read_facts(text).map_err(damaged)?;
            match (self.sums.get_mut(&path), hash) {
                (Some(sum), _) => sum.seen = Some(seen),
                (None, Some(hash)) => drop(self.sums.insert(path, Sum { hash, seen: Some(seen) })),
                (None, None) => return Err(damaged("a file without a sum")),
            }
        }
        Ok(())
    }

    /// The content of the `.b3` and of the `.sizes` file of a copy whose folder is called `name`.
    pub fn render(&self, name: &str) -> (Vec<u8>, Vec<u8>) {
        let mut sums = Vec::new();
        let mut sizes = Vec::new();
        for (path, sum) in &self.sums {
            let listed = line::sum(&Path::new(name).join(path), &sum.hash);
            let apart = listed.is_none().then_some(sum.hash);
            sums.extend_from_slice(listed.unwrap_or_default().as_bytes());
            if let Some(seen) = sum.seen {
                sizes.extend_from_slice(&facts(path, seen, apart));
            }
        }
        let mut first = first_line(&sums).into_bytes();
        first.append(&mut sizes);
        (sums, first)
    }
}

/// The first line of the `.sizes` file that belongs to this `.b3` file.
pub(super) fn first_line(sums: &[u8]) -> String {
    format!("{SIZES}{}\n", blake3::hash(sums).to_hex())
}

/// `p001.b3` of `p001`.
pub fn sums_file(copy: &Path) -> PathBuf {
    with(copy, ".b3")
}

/// `p001.sizes` of `p001`.
pub fn sizes_file(copy: &Path) -> PathBuf {
    with(copy, ".sizes")
}

fn with(copy: &Path, ending: &str) -> PathBuf {
    let mut name = copy.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Lines that end as they should, each with its number from 1. A last one without its end was torn and counts for nothing.
pub(super) fn lines(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let lines = bytes.split_inclusive(|byte| *byte == b'\n').enumerate();
    lines.filter_map(|(at, line)| line.strip_suffix(b"\n").map(|line| (at + 1, line)))
}

/// A small file below an open folder.
pub(super) fn content(folder: impl AsFd, path: &Path) -> io::Result<Vec<u8>> {
    // A fifo of that name must not hold anybody.
    let file = beneath::open(folder, path, OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty())?;
    let expected = u64::try_from(rustix::fs::fstat(&file)?.st_size).unwrap_or(0).min(MOST_BYTES);
    let mut bytes = Vec::with_capacity(usize::try_from(expected).unwrap_or(0) + 1);
    let read = std::fs::File::from(file).take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    if read as u64 > MOST_BYTES {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 100 MiB"));
    }
    Ok(bytes)
}
