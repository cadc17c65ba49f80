//! Where disks and shares are mounted by custom. Pure: asks no disk.

use std::path::{Path, PathBuf};

/// Folders of mount points, and how many names below each make one: `/media/usb`, `/run/media/ana/STICK`.
const CUSTOMS: [(&str, usize); 4] = [("/mnt", 1), ("/media", 1), ("/Volumes", 1), ("/run/media", 2)];

/// The mount point below which a path lies by custom, and the folder of all such mount points.
pub fn customary(path: &Path) -> Option<(PathBuf, &'static Path)> {
    CUSTOMS.iter().find_map(|(root, deep)| {
        let below: PathBuf = path.strip_prefix(root).ok()?.components().take(*deep).collect();
        (below.components().count() == *deep).then(|| (Path::new(root).join(below), Path::new(*root)))
    })
}
