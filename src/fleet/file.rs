//! Where the fleet file is, and how it is read without trusting it: a folder, a pipe, a hundred megabytes or a picture
//! are each told in one sentence.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use etcetera::BaseStrategy;

use super::diagnostic::Diagnostic;
use super::disk;
use super::load::{Loaded, load};

/// How long the disk of the fleet file may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// The largest fleet file that is read. The largest sensible one, of thousands of hosts, is below 1 MiB.
const LARGEST: u64 = 4 << 20;

/// No fleet file in any of the places where one is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotFound {
    /// The places, in order.
    pub places: Vec<PathBuf>,
}

impl fmt::Display for NotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is no fleet file: looked for ")?;
        for (at, place) in self.places.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{}", place.display())?;
        }
        Ok(())
    }
}

impl std::error::Error for NotFound {}

/// The fleet file: `flag` (`--fleet`, or `$HOTSPARE_FLEET`) where there is one, else the first that exists of
/// `./hotspare.toml`, `$XDG_CONFIG_HOME/hotspare/hotspare.toml` and `/etc/hotspare/hotspare.toml`.
pub fn find(flag: Option<&Path>) -> Result<PathBuf, NotFound> {
    match flag {
        Some(path) => Ok(path.into()),
        None => first(places()),
    }
}

fn places() -> Vec<PathBuf> {
    let mut places = vec![PathBuf::from("hotspare.toml")];
    if let Ok(base) = etcetera::choose_base_strategy() {
        places.push(base.config_dir().join("hotspare").join("hotspare.toml"));
    }
    places.push(PathBuf::from("/etc/hotspare/hotspare.toml"));
    places
}

fn first(places: Vec<PathBuf>) -> Result<PathBuf, NotFound> {
    // One that is there but cannot be looked at is the one that was meant: reading it says why.
    let there = |place: &&PathBuf| match std::fs::symlink_metadata(place) {
        Ok(_) => true,
        Err(error) => error.kind() == std::io::ErrorKind::PermissionDenied,
    };
    match places.iter().find(there) {
        Some(place) => Ok(place.clone()),
        None => Err(NotFound { places }),
    }
}

/// Reads and loads a fleet file; one that cannot be read has one diagnostic that says why.
pub fn open(path: &Path) -> Loaded {
    match read(path) {
        Ok(bytes) => load(&bytes, path),
        Err(diagnostic) => Loaded::refused(*diagnostic),
    }
}

/// The bytes of a fleet file, at most 4 MiB, or why they cannot be had. Never blocks on a pipe, and on a share that hangs
/// for [`PATIENCE`] at most.
pub fn read(path: &Path) -> Result<Vec<u8>, Box<Diagnostic>> {
    disk::ask(path, PATIENCE, read_now).unwrap_or_else(|| {
        let message =
            format!("the fleet file cannot be read: its disk does not answer within {} s", PATIENCE.as_secs());
        Err(Box::new(Diagnostic::of_file(path, message, "is it on a share that hangs? a local copy can be read")))
    })
}

fn read_now(path: &Path) -> Result<Vec<u8>, Box<Diagnostic>> {
    let refuse = |message: &str, hint: &str| Box::new(Diagnostic::of_file(path, message, hint));
    let unreadable = |error: std::io::Error| {
        let hint = match error.kind() {
            std::io::ErrorKind::NotFound => "`hotspare init` writes one",
            std::io::ErrorKind::PermissionDenied => "let the user who runs hotspare read it",
            _ => "look at the disk it is on",
        };
        let why = match error.kind() {
            std::io::ErrorKind::NotFound => "is not there".to_owned(),
            std::io::ErrorKind::PermissionDenied => "may not be read by this user".to_owned(),
            _ => format!("cannot be read: {error}"),
        };
        Box::new(Diagnostic::of_file(path, format!("the fleet file {why}"), hint))
    };
    let check = |metadata: &std::fs::Metadata| {
        if metadata.is_dir() {
            return Err(refuse("the fleet file is a folder", "name the file in it, such as hotspare.toml"));
        }
        if !metadata.is_file() {
            return Err(refuse("the fleet file is a pipe or a device", "write its text into a file"));
        }
        if metadata.len() > LARGEST {
            let size = metadata.len() / (1 << 20);
            let message = format!("the fleet file is larger than any fleet file: {size} MiB, and 4 MiB is the most");
            return Err(refuse(&message, "is it the right file?"));
        }
        Ok(())
    };
    // Looked at before it is opened, because to open a pipe may wait for ever.
    check(&std::fs::metadata(path).map_err(unreadable)?)?;
    let mut file = open_file(path).map_err(unreadable)?;
    check(&file.metadata().map_err(unreadable)?)?;
    let mut bytes = Vec::new();
    // One byte more than is allowed tells of a file that grew meanwhile.
    file.by_ref().take(LARGEST + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > LARGEST {
        return Err(refuse("the fleet file is larger than any fleet file: 4 MiB is the most", "is it the right file?"));
    }
    Ok(bytes)
}

#[cfg(unix)]
fn open_file(path: &Path) -> std::io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    std::fs::OpenOptions::new().read(true).custom_flags(flags).open(path)
}

#[cfg(not(unix))]
fn open_file(path: &Path) -> std::io::Result<File> {
    File::open(path)
}

/// The text of a fleet file, without a byte order mark.
pub(super) fn text<'a>(bytes: &'a [u8], path: &Path) -> Result<&'a str, Box<Diagnostic>> {
    let refuse = |message: String, hint: &str| Box::new(Diagnostic::of_file(path, message, hint));
    if bytes.len() as u64 > LARGEST {
        let message = "the fleet file is larger than any fleet file: 4 MiB is the most";
        return Err(refuse(message.into(), "is it the right file?"));
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(refuse("the fleet file is written in UTF-16".into(), "save it as UTF-8"));
    }
    let bytes = bytes.strip_prefix(&[0xef, 0xbb, 0xbf]).unwrap_or(bytes);
    if bytes.contains(&0) {
        return Err(refuse("the fleet file is not a text: it holds zero bytes".into(), "is it the right file?"));
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let line = before.split(|byte| *byte == b'\n').count();
        let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let column = String::from_utf8_lossy(before.get(start..).unwrap_or_default()).chars().count() + 1;
        let byte = bytes.get(error.valid_up_to()).copied().unwrap_or_default();
        let message = format!("the fleet file is not UTF-8: the byte 0x{byte:02x} is no character");
        let refused = refuse(message, "save it as UTF-8; a Latin-1 umlaut is the usual cause");
        Box::new(Diagnostic { line, column, ..*refused })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(path: &Path) -> String {
        let loaded = open(path);
        assert_eq!((loaded.fleet, loaded.diagnostics.len()), (None, 1));
        loaded.diagnostics[0].message.clone()
    }

    #[test]
    fn what_is_no_fleet_file_is_told_in_one_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        assert_eq!(told(folder.path()), "the fleet file is a folder");
        assert_eq!(told(&at("none")), "the fleet file is not there");
        assert_eq!(told(Path::new("/dev/zero")), "the fleet file is a pipe or a device");

        let huge = at("huge");
        File::create(&huge).unwrap().set_len(100 << 20).unwrap();
        assert_eq!(told(&huge), "the fleet file is larger than any fleet file: 100 MiB, and 4 MiB is the most");

        for (name, bytes, message) in [
            ("binary", b"\x7fELF\x02\x01\x00\x00".as_slice(), "the fleet file is not a text: it holds zero bytes"),
            ("utf16", b"\xff\xfen\x00", "the fleet file is written in UTF-16"),
            ("latin", b"name = \"a\"\n# B\xfcro", "the fleet file is not UTF-8: the byte 0xfc is no character"),
        ] {
            std::fs::write(at(name), bytes).unwrap();
            assert_eq!(told(&at(name)), message);
        }
        let latin = open(&at("latin")).diagnostics.remove(0);
        assert_eq!((latin.line, latin.column), (2, 4));
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert_eq!(told(&pipe), "the fleet file is a pipe or a device");
    }

    #[test]
    fn a_byte_order_mark_is_no_harm() {
        let loaded = load(b"\xef\xbb\xbfname = \"harbour\"\n", Path::new("f.toml"));
        assert_eq!(loaded.fleet.map(|fleet| fleet.name), Some("harbour".into()));
    }

    #[test]
    fn the_first_place_that_has_one_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let places: Vec<PathBuf> = ["a", "b", "c"].iter().map(|name| folder.path().join(name)).collect();
        std::fs::write(&places[1], "").unwrap();
        std::fs::write(&places[2], "").unwrap();
        assert_eq!(first(places.clone()), Ok(places[1].clone()));
        let none = first(vec![places[0].clone()]).unwrap_err();
        assert!(none.to_string().contains("looked for") && none.places.len() == 1);
        assert_eq!(find(Some(Path::new("x"))), Ok("x".into()));
    }
}
