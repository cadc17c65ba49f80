//! Where a session lies, held open: its source, the folder it is named in, and the folder itself.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Component, Path};

use rustix::fs::{AtFlags, Mode, Stat};
use rustix::io::Errno;

use crate::session::beneath::{self, FOLDER};
use crate::session::{lock, tree};

/// A session's folder and the way to it. Whoever replaces a part of the way does not lead a deletion astray: it works on
/// what it holds, and looks whether the name still means the same.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) source: OwnedFd,
    /// The folder in which the session is named.
    pub(super) parent: OwnedFd,
    /// Its name there.
    pub(super) name: OsString,
    pub(super) session: OwnedFd,
}

impl Place {
    /// Opens the way part by part; no part may be a link or lie on another file system.
    pub(super) fn open(source: &Path, folder: &Path) -> Result<Self, String> {
        let name = own_name(folder)?;
        let shown = source.join(folder);
        let say = |error: io::Error| match Errno::from_io_error(&error) {
            Some(Errno::NOENT) => format!("nothing lies on this computer: {} is not there", shown.display()),
            Some(Errno::LOOP | Errno::NOTDIR) => {
                format!("{} is a symbolic link or no folder, and links are not followed; look into it", shown.display())
            }
            Some(Errno::XDEV) => {
                format!("{} lies on another file system than its source; unmount or move it", shown.display())
            }
            _ => format!("{} cannot be opened: {}", shown.display(), tree::plain(&error)),
        };
        let source = lock::open_source(source).map_err(say)?;
        let above = folder.parent().unwrap_or(Path::new(""));
        let parent = beneath::open(&source, above, FOLDER, Mode::empty()).map_err(say)?;
        let session = beneath::open(&parent, Path::new(&name), FOLDER, Mode::empty()).map_err(say)?;
        Ok(Self { source, parent, name, session })
    }

    /// Whether what lies under this name is the session's folder that is held open.
    pub(super) fn is(&self, above: &OwnedFd, name: impl AsRef<Path>) -> io::Result<bool> {
        let found = rustix::fs::statat(above, name.as_ref(), AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(same(&found, &rustix::fs::fstat(&self.session)?))
    }
}

fn same(one: &Stat, other: &Stat) -> bool {
    (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)
}

/// The name of a session's folder; a path that could mean anything else than a folder below the source is refused.
fn own_name(folder: &Path) -> Result<OsString, String> {
    let plain = folder.components().all(|part| matches!(part, Component::Normal(_)));
    let ours = folder.to_str().is_some_and(|path| path.starts_with(lock::OWN));
    match folder.file_name() {
        Some(name) if plain && !ours => Ok(name.to_owned()),
        _ => Err(format!("`{}` is not the folder of a session; look at the store's layout", folder.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_folder_below_the_source_can_be_a_session() {
        for wrong in
            ["", ".", "/", "..", "../x", "p001/..", "p001/../..", "/data/p001", ".hotspare-trash/x", ".hotspare"]
        {
            assert!(own_name(Path::new(wrong)).is_err(), "{wrong}");
        }
        assert_eq!(own_name(Path::new("p001/20250104")).unwrap(), "20250104");
    }
}
