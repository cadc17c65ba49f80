//! Socket paths longer than the 107 bytes that fit into a socket address.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What fits on every Unix: 104 bytes on BSD and macOS, 108 on Linux, the end mark included.
const FITS: usize = 103;

/// A path for bind or connect that leads to the same socket and is short enough. The detour exists as long as this does.
#[derive(Debug)]
pub(super) struct Short {
    path: PathBuf,
    _detour: Option<tempfile::TempDir>,
}

impl Short {
    /// The path itself where it fits, else through a link in a private folder below the system's temporary one.
    pub(super) fn of(path: &Path) -> std::io::Result<Self> {
        if path.as_os_str().as_bytes().len() <= FITS {
            return Ok(Self { path: path.to_owned(), _detour: None });
        }
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(std::io::ErrorKind::InvalidFilename.into());
        };
        let detour = tempfile::Builder::new().prefix("hs-").tempdir_in("/tmp")?;
        let link = detour.path().join("l");
        std::os::unix::fs::symlink(std::path::absolute(folder)?, &link)?;
        Ok(Self { path: link.join(name), _detour: Some(detour) })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::{UnixListener, UnixStream};

    use super::*;

    #[test]
    fn a_path_of_three_hundred_bytes_can_be_bound_and_joined() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("a".repeat(150)).join("b".repeat(150));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("engine.sock");
        let _listener = UnixListener::bind(Short::of(&path).unwrap().path()).unwrap();
        assert!(path.exists());
        UnixStream::connect(Short::of(&path).unwrap().path()).unwrap();
    }

    #[test]
    fn a_short_path_is_taken_as_it_is() {
        assert_eq!(Short::of(Path::new("/run/x/engine.sock")).unwrap().path(), Path::new("/run/x/engine.sock"));
    }
}
