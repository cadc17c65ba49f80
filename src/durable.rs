//! Small files that appear whole or not at all, and are there after a power cut.

use std::fs::{File, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::{NamedTempFile, PersistError};

/// Gives a file this content. A new file has this mode, less the umask. The folder must be there.
pub(crate) fn put(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    place(path, bytes, mode, NamedTempFile::persist)
}

/// As [`put`], but one that is there stays as it is: [`ErrorKind::AlreadyExists`].
pub(crate) fn put_new(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    place(path, bytes, mode, NamedTempFile::persist_noclobber)
}

fn place<'a>(
    path: &'a Path,
    bytes: &[u8],
    mode: u32,
    name: impl FnOnce(NamedTempFile, &'a Path) -> Result<File, PersistError>,
) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let mut fresh = tempfile::Builder::new();
    fresh.prefix(".hotspare-").permissions(Permissions::from_mode(mode));
    let mut file = fresh.tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    name(file, path).map_err(|error| error.error)?;
    match File::open(folder)?.sync_all() {
        // A file system that knows no folders to sync has nothing to add.
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => Ok(()),
        synced => synced,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_or_left_and_nothing_else_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("card");
        put_new(&path, b"one", 0o600).unwrap();
        assert_eq!(put_new(&path, b"two", 0o600).unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&path).unwrap(), b"one");
        put(&path, b"two", 0o600).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        // What cannot get its name leaves what was there, and nothing beside it.
        let taken = folder.path().join("folder");
        std::fs::create_dir_all(taken.join("below")).unwrap();
        put(&taken, b"three", 0o600).unwrap_err();
        let mut left: Vec<_> =
            std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["card", "folder"]);
    }
}
