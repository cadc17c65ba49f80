//! Fetches the files of a host: one command over the warm connection, nothing is written there.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::reach::plain;
use crate::reach::quote;
use crate::reach::ssh::{Output, Remote};

/// What runs on the host.
const SCRIPT: &str = include_str!("fetch.sh");
/// The most bytes of one file: configuration files are small.
const LARGEST: usize = 1024 * 1024;
/// The most bytes of one host.
const ALL: usize = 32 * 1024 * 1024;
/// The longest time for one host.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a host has.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Fetched {
    /// By path.
    pub(super) files: BTreeMap<String, File>,
    /// Paths that are not there, and were asked for by name or by a pattern.
    pub(super) missing: Vec<String>,
    /// Paths that are there and cannot be had, with why.
    pub(super) left: Vec<(String, String)>,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct File {
    /// Permission bits, in octal.
    pub(super) mode: String,
    /// What is in it.
    pub(super) bytes: Vec<u8>,
}

/// The command that prints these files.
pub(super) fn command(files: &[String]) -> Remote {
    let most = LARGEST.to_string();
    let words = [most.as_str()].into_iter().chain(files.iter().map(String::as_str));
    let script: String = SCRIPT.lines().filter(|line| !line.starts_with('#')).flat_map(|line| [line, "\n"]).collect();
    Remote::new(format!("set -- {}\n{script}", quote::join(words)), PATIENCE).with_limit(ALL)
}

/// Reads what it printed.
pub(super) fn read(output: &Output) -> Result<Fetched, String> {
    let mut fetched = Fetched::default();
    let mut rest = output.stdout.as_slice();
    loop {
        let Some(end) = memchr::memchr(b'\n', rest) else {
            let said = plain::last_line(&output.error_text(), 120);
            return Err(if said.is_empty() { "the host's answer ends in the middle".into() } else { said });
        };
        let (line, after) = rest.split_at(end);
        rest = after.get(1..).unwrap_or_default();
        let line = String::from_utf8_lossy(line);
        // No path holds it, and in the index of git what follows would be a file of any other host.
        if line.contains('\0') {
            return Err(unasked(&line));
        }
        let mut words = line.splitn(2, ' ');
        match (words.next(), words.next()) {
            (Some("Z"), None) => return Ok(fetched),
            (Some("X"), Some(said)) => match said.split_once(' ') {
                Some(("missing", path)) => fetched.missing.push(path.to_owned()),
                Some(("folder", path)) => {
                    fetched.left.push((path.to_owned(), "is a folder; name the files in it".into()));
                }
                Some(("unreadable", path)) => {
                    fetched.left.push((path.to_owned(), "may not be read by the user that logs in".into()));
                }
                Some((_, path)) => fetched.left.push((path.to_owned(), "is larger than 1 MiB".into())),
                None => return Err(unasked(&line)),
            },
            (Some("F"), Some(said)) => {
                let mut said = said.splitn(3, ' ');
                let size = said.next().and_then(|size| size.parse::<usize>().ok());
                let (Some(size), Some(mode), Some(path)) = (size, said.next(), said.next()) else {
                    return Err(unasked(&line));
                };
                let Some((bytes, after)) = rest.split_at_checked(size) else {
                    return Err("the host's answer ends in the middle of a file".into());
                };
                rest = after;
                fetched.files.insert(path.to_owned(), File { mode: mode.to_owned(), bytes: bytes.to_vec() });
            }
            _ => return Err(unasked(&line)),
        }
    }
}

fn unasked(line: &str) -> String {
    format!("the host printed what was not asked for: {}", plain::line(line, 80))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Runs on this machine what would run on a host.
    pub(in crate::configs) fn here(files: &[String]) -> Result<Fetched, String> {
        let command = command(files);
        let ended = std::process::Command::new("sh").args(["-c", &command.script]).output().unwrap();
        read(&Output { status: 0, stdout: ended.stdout, stderr: ended.stderr })
    }

    #[test]
    fn files_come_whole_whatever_their_names_and_contents_are() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let hard = "it's $(hard) `here` \\ * \"x\".conf";
        std::fs::write(path(hard), b"no line end\0\xff").unwrap();
        std::fs::write(path("b.conf"), "F 3 644 /x\nZ\n").unwrap();
        std::fs::write(path("empty.conf"), "").unwrap();
        std::fs::write(path("large"), vec![b'x'; LARGEST + 1]).unwrap();
        std::fs::create_dir(path("sub")).unwrap();
        let asked = [path("*.conf"), path("large"), path("sub"), path("no such"), path("[xyz]*")];
        let fetched = here(&asked).unwrap();
        let names: Vec<&String> = fetched.files.keys().collect();
        assert_eq!(names, [&path("b.conf"), &path("empty.conf"), &path(hard)]);
        assert_eq!(fetched.files[&path(hard)].bytes, b"no line end\0\xff");
        assert_eq!(fetched.files[&path("b.conf")].bytes, b"F 3 644 /x\nZ\n");
        assert!(u32::from_str_radix(&fetched.files[&path("b.conf")].mode, 8).is_ok());
        assert_eq!(fetched.missing, [path("no such"), path("[xyz]*")]);
        let left: Vec<&str> = fetched.left.iter().map(|(_, why)| why.as_str()).collect();
        assert_eq!(left, ["is larger than 1 MiB", "is a folder; name the files in it"]);
    }

    #[test]
    fn nothing_of_a_path_is_run() {
        let folder = tempfile::tempdir().unwrap();
        let mark = folder.path().join("mark");
        let evil = format!("/$(touch {0})/`touch {0}`/; touch {0}", mark.display());
        assert_eq!(here(std::slice::from_ref(&evil)).unwrap().missing, [evil]);
        assert!(!mark.exists());
    }

    #[test]
    fn a_path_that_would_be_two_is_refused() {
        for said in ["F 0 644 /a\x00100644 0123456789\tother/etc/passwd\nZ\n", "X missing /a\0b\nZ\n"] {
            let output = Output { status: 0, stdout: said.into(), stderr: Vec::new() };
            let refused = read(&output).unwrap_err();
            assert!(refused.contains("what was not asked for"), "{refused}");
        }
    }

    #[test]
    fn an_answer_that_ends_early_is_an_error() {
        let read = |stdout: &[u8]| read(&Output { status: 0, stdout: stdout.to_vec(), stderr: Vec::new() });
        for early in [&b""[..], b"F 10 644 /a\nabc", b"F 3 644 /a\nabc", b"X missing /b\n"] {
            assert!(read(early).is_err(), "{}", String::from_utf8_lossy(early));
        }
        assert!(read(b"Welcome\nZ\n").unwrap_err().contains("Welcome"));
        assert_eq!(read(b"F 3 644 /a\nabcZ\n").unwrap().files.len(), 1);
    }
}
