//! Files of the log: the one that is written, and a few before it, each no larger than [`LARGEST`].
//!
//! By size and not by day: a fleet in trouble writes more in an hour than a calm one in a year, and neither fills the disk.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The file that is written.
const NAME: &str = "engine.log";
/// Bytes of one file.
pub(super) const LARGEST: u64 = 8 << 20;
/// Files before the one that is written: `engine.log.1` is the youngest of them.
pub(super) const BEFORE: u32 = 7;

/// Writes lines; each whole line comes in one call.
#[derive(Debug)]
pub(super) struct Rolling {
    folder: PathBuf,
    file: File,
    written: u64,
    largest: u64,
}

impl Rolling {
    /// Goes on with what is in this folder.
    pub(super) fn open(folder: &Path, largest: u64) -> std::io::Result<Self> {
        forget_days(folder);
        let file = append(folder)?;
        let written = file.metadata()?.len();
        Ok(Self { folder: folder.to_owned(), file, written, largest })
    }

    fn roll(&mut self) -> std::io::Result<()> {
        let path = |number: u32| match number {
            0 => self.folder.join(NAME),
            number => self.folder.join(format!("{NAME}.{number}")),
        };
        for number in (0..BEFORE).rev() {
            match std::fs::rename(path(number), path(number + 1)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        self.file = append(&self.folder)?;
        self.written = 0;
        Ok(())
    }
}

impl Write for Rolling {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        if self.written > 0 && self.written + line.len() as u64 > self.largest {
            self.roll()?;
        }
        let written = self.file.write(line)?;
        self.written += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

fn append(folder: &Path) -> std::io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(folder.join(NAME))
}

/// Versions before this one had a file a day: `engine.2026-11-21.log`. The last of them is kept.
fn forget_days(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let day = |name: &str| {
        name.strip_prefix("engine.")
            .and_then(|rest| rest.strip_suffix(".log"))
            .is_some_and(|day| day.len() == 10 && day.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-'))
    };
    let mut days: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
    days.retain(|name| name.to_str().is_some_and(day));
    days.sort();
    days.pop();
    for name in days {
        let _gone_already = std::fs::remove_file(folder.join(name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_much_is_written_the_files_stay_few_and_small_and_the_youngest_lines_are_there() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("engine.2026-11-20.log"), "old").unwrap();
        std::fs::write(folder.path().join("engine.2026-11-21.log"), "the last of its kind").unwrap();
        std::fs::write(folder.path().join("engine.out"), "").unwrap();
        let mut log = Rolling::open(folder.path(), 1_000).unwrap();
        for number in 0..1_000 {
            log.write_all(format!("line {number:>20}\n").as_bytes()).unwrap();
        }
        // Another engine goes on with the same file.
        drop(log);
        let mut log = Rolling::open(folder.path(), 1_000).unwrap();
        log.write_all(b"the last line\n").unwrap();
        let mut names: Vec<String> = Vec::new();
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            let entry = entry.unwrap();
            assert!(entry.metadata().unwrap().len() <= 1_000, "{entry:?}");
            names.push(entry.file_name().into_string().unwrap());
        }
        assert_eq!(names.len(), 1 + BEFORE as usize + 2, "{names:?}");
        assert!(!names.contains(&"engine.2026-11-20.log".to_owned()));
        let last = std::fs::read_to_string(folder.path().join(NAME)).unwrap();
        let before = std::fs::read_to_string(folder.path().join("engine.log.1")).unwrap();
        assert!(last.ends_with("the last line\n"), "{last}");
        assert!(format!("{before}{last}").contains("line                  999\n"), "{before}{last}");
    }
}
