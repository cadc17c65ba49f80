//! Sums of files: here by reading them, on the other machine by its own program, from its disk and not from its memory.

use std::collections::BTreeMap;
use std::io::Read;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use sha2::Digest;

use super::{LONGEST, Remote, RemoteError, found, within};
use crate::session::beneath;
use crate::session::listing::File;
use crate::work::progress::Event;
use crate::work::steer::Steer;
use crate::work::throttle::Throttle;

/// Bytes of files in one command, so that it can be steered between two.
const BATCH: u64 = 2 << 30;
/// Files in one command.
const MOST: usize = 2_000;
/// A machine reads at least so many bytes a second, or it is given up.
const SLOWEST: u64 = 2 << 20;
/// Bytes read at once.
const PIECE: usize = 1 << 20;

/// Which sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    Blake3,
    Sha256,
}

/// A sum.
pub(super) type Sum = [u8; 32];

/// Both sums of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Both {
    pub(super) blake3: blake3::Hash,
    /// Only where the other machine has no other.
    pub(super) sha256: Option<Sum>,
}

impl Both {
    pub(super) fn of(&self, algorithm: Algorithm) -> Option<Sum> {
        match algorithm {
            Algorithm::Blake3 => Some(*self.blake3.as_bytes()),
            Algorithm::Sha256 => self.sha256,
        }
    }
}

/// Who steers the reading of files here.
pub(super) struct Hand<'a> {
    pub(super) steer: &'a dyn Steer,
    pub(super) throttle: Option<&'a Throttle>,
}

/// Reads a file of a session whose folder is held open. `Ok(None)`: it was told to end.
pub(super) fn here(
    folder: impl AsFd,
    path: &Path,
    algorithm: Algorithm,
    hand: &Hand<'_>,
) -> std::io::Result<Option<Both>> {
    let opened = beneath::open(folder, path, OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty())?;
    let mut file = std::fs::File::from(opened);
    let (mut blake3, mut sha256) = (blake3::Hasher::new(), sha2::Sha256::new());
    let mut piece = vec![0; PIECE];
    loop {
        if !hand.steer.go_on() {
            return Ok(None);
        }
        let read = match file.read(&mut piece) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let bytes = piece.get(..read).unwrap_or_default();
        blake3.update(bytes);
        if algorithm == Algorithm::Sha256 {
            sha256.update(bytes);
        }
        if let Some(throttle) = hand.throttle {
            throttle.pass_blocking(read as u64, &|| !hand.steer.go_on());
        }
    }
    let sha256 = (algorithm == Algorithm::Sha256).then(|| sha256.finalize().into());
    Ok(Some(Both { blake3: blake3.finalize(), sha256 }))
}

impl Remote {
    /// Sums of files below a folder of the other machine, read from its disk: what its memory holds of them is dropped
    /// first. A file that cannot be read has no sum. The second value: whether all could be dropped.
    pub(super) fn sums(
        &self,
        folder: &Path,
        files: &[&File],
        algorithm: Algorithm,
        steer: &dyn Steer,
    ) -> Result<(BTreeMap<PathBuf, Sum>, bool), RemoteError> {
        let (mut sums, mut dropped) = (BTreeMap::new(), true);
        let mut rest = files;
        while !rest.is_empty() {
            if !steer.go_on() {
                return Err(RemoteError::Cancelled);
            }
            let (mut count, mut bytes) = (0, 0_u64);
            while let Some(file) = rest.get(count)
                && count < MOST
                && (count == 0 || bytes.saturating_add(file.size) <= BATCH)
            {
                bytes = bytes.saturating_add(file.size);
                count += 1;
            }
            let (batch, after) = rest.split_at(count);
            rest = after;
            dropped &= self.batch(folder, batch, bytes, algorithm, &mut sums)?;
            steer.event(Event::Advance(bytes));
        }
        Ok((sums, dropped))
    }

    fn batch(
        &self,
        folder: &Path,
        files: &[&File],
        bytes: u64,
        algorithm: Algorithm,
        sums: &mut BTreeMap<PathBuf, Sum>,
    ) -> Result<bool, RemoteError> {
        let time = Duration::from_secs(60 + bytes / SLOWEST);
        let names = found::names(files.iter().map(|file| file.path.as_path()));
        let folder = within(folder)?;
        // A line for each file, in the order in which they were named: a sum and whether the disk was read for it.
        let sum = match algorithm {
            Algorithm::Blake3 => r#"b3sum --no-names -- "$1" 2>/dev/null"#,
            // Read from standard input, so that no name has to be escaped.
            Algorithm::Sha256 => r#"sha256sum < "$1" 2>/dev/null"#,
        };
        let one = format!(
            "for name do set -- \"$name\"; kept=; [ -f \"$1\" ] && [ ! -L \"$1\" ] || {{ echo -; continue; }}\n\
             dd if=\"$1\" iflag=nocache count=0 2>/dev/null || kept=kept\n\
             sum=$({sum}) || sum=-; echo \"${{sum%% *}} $kept\"; done"
        );
        let one = crate::reach::quote::quote(&one);
        let script = format!("{}cd -- {folder} || exit 41; sync -f . ; xargs -0 -r sh -c {one} sh", self.enter());
        let printed = self.run(&script, Some(names), time, LONGEST)?;
        let printed = String::from_utf8_lossy(&printed);
        let lines: Vec<&str> = printed.lines().collect();
        if lines.len() != files.len() {
            return Err(RemoteError::trouble(
                "garbled",
                format!("{} answered with {} sums for {} files", self.place(), lines.len(), files.len()),
                "repeat; if it happens again, run b3sum there by hand",
            ));
        }
        let mut dropped = true;
        for (file, line) in files.iter().zip(lines) {
            let (sum, kept) = line.split_once(' ').unwrap_or((line, ""));
            if let Some(sum) = parse(sum) {
                sums.insert(file.path.clone(), sum);
                dropped &= kept.trim().is_empty();
            }
        }
        Ok(dropped)
    }
}

/// 64 hexadecimal digits.
pub(super) fn parse(text: &str) -> Option<Sum> {
    blake3::Hash::from_hex(text).ok().map(|hash| *hash.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sums_are_those_of_the_usual_programs() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a"), b"abc").unwrap();
        let root = beneath::root(folder.path()).unwrap();
        let hand = Hand { steer: &crate::work::steer::Alone, throttle: None };
        let both = here(&root, Path::new("a"), Algorithm::Sha256, &hand).unwrap().unwrap();
        let blake3 = "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85";
        let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(both.of(Algorithm::Blake3), parse(blake3));
        assert_eq!(both.of(Algorithm::Sha256), parse(sha256));
        assert_eq!(here(&root, Path::new("a"), Algorithm::Blake3, &hand).unwrap().unwrap().sha256, None);
        assert_eq!((parse("-"), parse("zz")), (None, None));
    }
}
