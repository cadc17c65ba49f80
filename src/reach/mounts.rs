//! What is mounted where, as the kernel tells it.
//!
//! `/proc/self/mountinfo` asks the kernel and not the mounts, so reading it never waits, however dead a share is. This
//! room only looks things up: whether a mount answers is for its callers to find out, from a thread that can be left
//! behind.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// Where the kernel of Linux tells of mounts.
const TABLE: &str = "/proc/self/mountinfo";

/// One line of `mountinfo`, by `proc_pid_mountinfo(5)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Number of the mount, until it is unmounted.
    pub id: u64,
    /// Number of the mount that it lies on.
    pub parent: u64,
    /// Major and minor number of its device.
    pub device: (u32, u32),
    /// Which part of the file system is mounted.
    pub root: PathBuf,
    /// Where.
    pub point: PathBuf,
    /// Options of the mount: `rw,relatime`.
    pub options: String,
    /// Type of its file system: `cifs`, `ext4`, `fuse.sshfs`.
    pub kind: String,
    /// Its source: `//nas/share`, `/dev/sda1`.
    pub source: String,
    /// Options of the file system.
    pub super_options: String,
}

/// Mounts cannot be looked up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("mounts cannot be looked up on this system: {TABLE}: {0}")]
pub struct NoTable(String);

/// All mounts that this process sees.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mounts(Vec<Mount>);

impl Mount {
    /// Type and source in a few words: `cifs from //nas/share`.
    pub fn words(&self) -> String {
        format!("{} from {}", super::plain::line(&self.kind, 40), super::plain::line(&self.source, 80))
    }

    /// Whether nothing may be written to it.
    pub fn read_only(&self) -> bool {
        self.options.split(',').chain(self.super_options.split(',')).any(|option| option == "ro")
    }

    /// Whether each question to it travels: over a network, or to another process.
    pub fn is_far(&self) -> bool {
        const FAR: [&str; 10] = ["nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "ceph", "afs", "glusterfs", "virtiofs"];
        FAR.contains(&self.kind.as_str()) || self.kind == "fuse" || self.kind.starts_with("fuse.")
    }

    /// Whether it only waits to be replaced by the real one at the first touch.
    pub fn is_automatic(&self) -> bool {
        self.kind == "autofs"
    }

    fn parse(line: &str) -> Option<Self> {
        let (mount, file_system) = line.split_once(" - ")?;
        let mut mount = mount.split(' ');
        let (id, parent) = (mount.next()?.parse().ok()?, mount.next()?.parse().ok()?);
        let (major, minor) = mount.next()?.split_once(':')?;
        let device = (major.parse().ok()?, minor.parse().ok()?);
        let (root, point, options) = (mount.next()?, mount.next()?, mount.next()?);
        let mut words = file_system.split(' ');
        let (kind, source) = (words.next()?, words.next()?);
        Some(Self {
            id,
            parent,
            device,
            root: path(root),
            point: path(point),
            options: options.to_owned(),
            kind: kind.to_owned(),
            source: path(source).to_string_lossy().into_owned(),
            super_options: words.next().unwrap_or_default().to_owned(),
        })
    }
}

impl Mounts {
    /// The mounts of this moment.
    pub fn read() -> Result<Self, NoTable> {
        let table = std::fs::read(TABLE).map_err(|error| NoTable(error.to_string()))?;
        Ok(Self::parse(&table))
    }

    /// A table in the format of `mountinfo`; lines that are none are left out.
    pub fn parse(table: &[u8]) -> Self {
        // The kernel escapes what separates words; other bytes of a path need not be UTF-8 and must survive.
        let lines = table.split(|byte| *byte == b'\n').map(latin);
        Self(lines.filter_map(|line| Mount::parse(&line)).collect())
    }

    /// The mount on which a path lies, as a walk from the root finds it: what another mount covers is not seen.
    pub fn holding(&self, path: &Path) -> Option<&Mount> {
        let ids: HashSet<u64> = self.0.iter().map(|mount| mount.id).collect();
        let over: Vec<&Mount> = self.0.iter().filter(|mount| path.starts_with(&mount.point)).collect();
        let root = over.iter().rev().find(|mount| mount.parent == mount.id || !ids.contains(&mount.parent));
        let mut held = *root?;
        let mut above: HashMap<u64, Vec<&Mount>> = HashMap::new();
        for mount in over.into_iter().filter(|mount| mount.parent != mount.id) {
            above.entry(mount.parent).or_default().push(mount);
        }
        // What lies on a mount is gone through once, so that the walk ends whatever the table says.
        while let Some(next) = above.remove(&held.id) {
            // The one met first on the way down; among several at one place, the newest is on top.
            held = next.into_iter().rev().min_by_key(|mount| mount.point.components().count()).unwrap_or(held);
        }
        Some(held)
    }

    /// Every mount, also those that another one covers.
    pub fn all(&self) -> impl Iterator<Item = &Mount> {
        self.0.iter()
    }

    /// What is mounted exactly here.
    pub fn at(&self, point: &Path) -> Option<&Mount> {
        self.holding(point).filter(|mount| mount.point == point)
    }
}

/// Each byte as the character of that number: reversible, and a text.
fn latin(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

/// Undoes [`latin`] and the escapes of `mountinfo`, which writes blanks and backslashes as three octal digits.
fn path(word: &str) -> PathBuf {
    let mut bytes = Vec::with_capacity(word.len());
    let mut rest = word.chars();
    while let Some(char) = rest.next() {
        let octal = (char == '\\').then(|| rest.as_str().get(..3)).flatten();
        match octal.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(code) => {
                bytes.push(code);
                rest.nth(2);
            }
            None => bytes.push(u8::try_from(u32::from(char)).unwrap_or(b'?')),
        }
    }
    OsString::from_vec(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[u8] = b"22 1 8:1 / / rw - ext4 /dev/sda1 rw\n\
        40 22 0:35 / /mnt/my\\040share rw,relatime shared:1 - cifs //nas/my\\040share rw,vers=3\n\
        41 22 0:36 / /media/usb rw - vfat /dev/sdb1 rw\n\
        42 41 0:37 /part /media/usb ro,nosuid master:3 propagate_from:2 - exfat /dev/sdc1 rw\nnonsense\n\
        43 22 0:38 / /mnt/d\xff rw - fuse.sshfs nas:/ rw\n\
        44 22 0:39 / /srv/a/b rw - tmpfs tmpfs rw\n\
        45 22 0:40 / /srv/a rw - tmpfs tmpfs rw\n";

    #[test]
    fn mountinfo_is_read_with_blanks_and_stacked_mounts() {
        let mounts = Mounts::parse(TABLE);
        let words = |path: &str| mounts.at(Path::new(path)).map(Mount::words);
        assert_eq!(words("/mnt/my share").as_deref(), Some("cifs from //nas/my share"));
        assert_eq!(words("/media/usb").as_deref(), Some("exfat from /dev/sdc1"), "the one on top");
        assert_eq!(words("/media"), None);
        let usb = mounts.at(Path::new("/media/usb")).unwrap();
        assert!(usb.read_only() && !usb.is_far());
        assert_eq!((usb.id, usb.device, usb.root.as_path()), (42, (0, 37), Path::new("/part")));
        assert_eq!(mounts.at(Path::new("/mnt/my share")).unwrap().super_options, "rw,vers=3");
    }

    #[test]
    fn a_path_lies_on_what_a_walk_from_the_root_finds() {
        let mounts = Mounts::parse(TABLE);
        let held = |path: &str| mounts.holding(Path::new(path)).map(|mount| mount.id);
        assert_eq!(held("/media/usb/deep/er"), Some(42));
        assert_eq!(held("/media/usbx"), Some(22));
        assert_eq!(held("/srv/a/b/c"), Some(45), "the mount on /srv/a/b is covered by the one on /srv/a");
        assert_eq!(mounts.at(Path::new("/srv/a/b")), None);
        assert_eq!(Mounts::default().holding(Path::new("/")), None);
    }

    #[test]
    fn a_mount_point_need_not_be_utf8() {
        use std::os::unix::ffi::OsStrExt;
        let mounts = Mounts::parse(TABLE);
        let found = mounts.at(Path::new(std::ffi::OsStr::from_bytes(b"/mnt/d\xff"))).unwrap();
        assert!(found.is_far());
    }

    #[test]
    fn the_mounts_of_this_process_hold_its_root() {
        let mounts = Mounts::read().unwrap();
        assert!(mounts.holding(Path::new("/")).is_some());
        assert_eq!(mounts.holding(Path::new("/proc/self")).map(|mount| mount.kind.as_str()), Some("proc"));
    }

    #[test]
    fn a_table_that_leads_in_a_circle_or_is_long_has_its_answer_soon() {
        let circle = Mounts::parse(b"1 9 0:1 / / rw - t s rw\n2 1 0:1 / /a rw - t s rw\n1 2 0:1 / /a rw - t s rw\n");
        assert!(circle.holding(Path::new("/a/b")).is_some());
        // A machine of many containers; before, each question took the square of it.
        let line = |number: u64| format!("{} 1 0:{number} / /run/c/{number} rw - overlay o rw\n", number + 2);
        let table: String =
            std::iter::once("1 0 8:1 / / rw - ext4 d rw\n".into()).chain((0..20_000).map(line)).collect();
        let mounts = Mounts::parse(table.as_bytes());
        assert_eq!(mounts.holding(Path::new("/run/c/777/x")).map(|mount| mount.id), Some(779));
        assert_eq!(mounts.at(Path::new("/run/c")), None);
        let lost: Vec<String> = (0..5_000).map(|number| format!("{number} 9999 0:1 / / rw - t s rw")).collect();
        let lost = lost.join("\n");
        assert_eq!(Mounts::parse(lost.as_bytes()).holding(Path::new("/a")).map(|mount| mount.id), Some(4_999));
    }

    proptest::proptest! {
        #[test]
        fn no_table_makes_it_panic(table in "([0-9]{1,2} [0-9]{1,2} 0:1 / (/[ab\\\\0-7é]{0,5}){1,3} rw - t s rw\n|[\\\\0-7é -]*\n){0,9}") {
            let mounts = Mounts::parse(table.as_bytes());
            let _held = mounts.holding(Path::new("/a/b/ab"));
        }
    }
}
