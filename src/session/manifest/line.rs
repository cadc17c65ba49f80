//! Lines of manifests. Pure.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};

use super::Seen;

/// The longest path that is read.
const LONGEST: usize = 64 << 10;

/// A line of a `.sizes` file, and of the journal of a copy that goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::session) struct Line {
    /// Path below the session's folder.
    pub(in crate::session) path: PathBuf,
    pub(in crate::session) seen: Seen,
    /// `None`: the `.b3` file has it.
    pub(in crate::session) hash: Option<blake3::Hash>,
}

/// A line as b3sum writes it; `None` where the name is not UTF-8 or holds U+FFFD, which b3sum refuses to check.
///
/// As b3sum does, a backslash before the sum says that the path is escaped. A carriage return stays as it is, as b3sum
/// 1.2 writes and reads it; its escape, should a newer one write it, is read too.
pub(super) fn sum(path: &Path, hash: &blake3::Hash) -> Option<String> {
    let text = path.to_str().filter(|text| !text.contains('\u{fffd}'))?;
    let hash = hash.to_hex();
    Some(if text.contains(['\\', '\n']) {
        format!("\\{hash}  {}\n", text.replace('\\', "\\\\").replace('\n', "\\n"))
    } else {
        format!("{hash}  {text}\n")
    })
}

/// Reads what [`sum`] wrote, without the end of the line.
pub(super) fn read_sum(line: &[u8]) -> Result<(blake3::Hash, PathBuf), &'static str> {
    let line = std::str::from_utf8(line).map_err(|_not_utf8| "not UTF-8")?;
    let (escaped, line) = line.strip_prefix('\\').map_or((false, line), |rest| (true, rest));
    let (hash, path) = line.split_once("  ").ok_or("no two spaces between sum and path")?;
    if path.contains('\u{fffd}') {
        // b3sum writes so a name that is not UTF-8, and does not check it: whose sum it is nobody can tell.
        return Err("a name with U+FFFD, which b3sum does not check");
    }
    let path = if escaped { unescape(path.as_bytes())? } else { path.as_bytes().to_vec() };
    Ok((read_hash(hash)?, read_path(path)?))
}

/// A line `size modified changed sum path`; the sum is `-` where the `.b3` file has it.
pub(in crate::session) fn facts(path: &Path, seen: Seen, hash: Option<blake3::Hash>) -> Vec<u8> {
    let Seen { size, modified, changed } = seen;
    let hash = hash.map_or_else(|| "-".to_owned(), |hash| hash.to_hex().to_string());
    let mut line = format!("{size} {modified} {changed} {hash} ").into_bytes();
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'\\' => line.extend_from_slice(b"\\\\"),
            b'\n' => line.extend_from_slice(b"\\n"),
            other => line.push(*other),
        }
    }
    line.push(b'\n');
    line
}

/// Reads what [`facts`] wrote, without the end of the line.
pub(in crate::session) fn read_facts(line: &[u8]) -> Result<Line, &'static str> {
    let mut parts = line.splitn(5, |byte| *byte == b' ');
    let mut word = || parts.next().and_then(|word| std::str::from_utf8(word).ok()).ok_or("too few words");
    let size = word()?.parse().map_err(|_not_a_number| "not a size")?;
    let mut time = || word()?.parse().map_err(|_not_a_number| "not a time");
    let (modified, changed) = (time()?, time()?);
    let hash = match word()? {
        "-" => None,
        hash => Some(read_hash(hash)?),
    };
    let path = read_path(unescape(parts.next().ok_or("no path")?)?)?;
    Ok(Line { path, seen: Seen { size, modified, changed }, hash })
}

fn read_hash(text: &str) -> Result<blake3::Hash, &'static str> {
    let plain = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !plain {
        return Err("not a BLAKE3 sum");
    }
    blake3::Hash::from_hex(text).map_err(|_not_hex| "not a BLAKE3 sum")
}

/// A path that stays below its folder.
fn read_path(bytes: Vec<u8>) -> Result<PathBuf, &'static str> {
    if bytes.len() > LONGEST || bytes.contains(&0) {
        return Err("not a path");
    }
    let path = PathBuf::from(OsString::from_vec(bytes));
    // Comparing with what the parts make again refuses `a//b`, `./a` and `a/` too: each file has one spelling.
    let parts: PathBuf = path.components().filter(|part| matches!(part, Component::Normal(_))).collect();
    if path.as_os_str().is_empty() || parts.as_os_str() != path.as_os_str() {
        return Err("a path that is not plain");
    }
    Ok(path)
}

fn unescape(text: &[u8]) -> Result<Vec<u8>, &'static str> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'\\' => match bytes.next() {
                Some(b'\\') => b'\\',
                Some(b'n') => b'\n',
                Some(b'r') => b'\r',
                _ => return Err("not an escape"),
            },
            other => *other,
        });
    }
    Ok(out)
}
