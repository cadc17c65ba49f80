//! A share that misbehaves (`tests/lab/faultfs/faultfs.c`), and disks in files: mounted for one test, gone with it.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// Numbers of the control file; the order is that of `enum key` in the C source.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Key {
    DelayUs,
    Hang,
    Stale,
    DropWrites,
    EioWriteAt,
    EioReadAt,
    EioFsyncAt,
    EioRenameAt,
    EioFsyncAlways,
    CorruptWriteAt,
    CorruptWritesFrom,
    FullAfterBytes,
    Fat,
    Writes,
    Reads,
    Fsyncs,
    Renames,
    Bytes,
    Calls,
}

/// The share. Its server runs as long as this value.
pub(crate) struct Share {
    folder: tempfile::TempDir,
    server: Child,
    control: std::fs::File,
}

impl Share {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["behind", "share"] {
            std::fs::create_dir(at(name)).unwrap();
        }
        let mut server = Command::new(program());
        server.arg(at("behind")).arg(at("control")).arg(at("share")).arg("-f");
        let server = server.stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        wait_until(&format!("{} is mounted", at("share").display()), || mounted(&at("share")));
        let control = std::fs::File::options().read(true).write(true).open(at("control")).unwrap();
        Self { folder, server, control }
    }

    /// Where it is mounted.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("share")
    }

    /// What the server keeps, looked at behind its back.
    pub(crate) fn behind(&self) -> PathBuf {
        self.folder.path().join("behind")
    }

    pub(crate) fn set(&self, key: Key, value: i64) {
        self.control.write_all_at(&value.to_ne_bytes(), key as u64 * 8).unwrap();
    }

    pub(crate) fn get(&self, key: Key) -> i64 {
        let mut bytes = [0; 8];
        self.control.read_exact_at(&mut bytes, key as u64 * 8).unwrap();
        i64::from_ne_bytes(bytes)
    }

    /// The server dies and the mount goes: the path is a bare folder.
    pub(crate) fn vanish(&self) {
        let unmounted = Command::new("umount").arg("--lazy").arg(self.path()).status();
        assert!(unmounted.expect("umount is there").success());
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        for key in [Key::Hang, Key::DelayUs] {
            self.set(key, 0);
        }
        let _gone_already = Command::new("umount").arg("--lazy").arg(self.path()).stderr(Stdio::null()).status();
        let _ended_already = self.server.kill();
        let _body = self.server.wait();
    }
}

/// The share's server, built once.
fn program() -> &'static Path {
    static BUILT: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, program) = BUILT.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("faultfs");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/faultfs/faultfs.c");
        let script = r#"gcc -O2 "$1" -o "$2" $(pkg-config fuse3 --cflags --libs)"#;
        let built = Command::new("sh").args(["-c", script, "sh"]).arg(source).arg(&program).output().unwrap();
        let said = String::from_utf8_lossy(&built.stderr).into_owned();
        assert!(built.status.success(), "apt-get install gcc libc6-dev libfuse3-dev fuse3 pkg-config: {said}");
        (folder, program)
    });
    program
}

/// A file system in a file.
pub(crate) struct Disk {
    folder: tempfile::TempDir,
}

impl Disk {
    /// `program` is one such as `mkfs.ext4` with its arguments.
    pub(crate) fn new(megabytes: u64, program: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let disk = Self { folder };
        std::fs::create_dir(disk.path()).unwrap();
        std::fs::File::create(disk.image()).unwrap().set_len(megabytes << 20).unwrap();
        let made = Command::new(program[0]).args(&program[1..]).arg(disk.image()).output();
        let made = made.unwrap_or_else(|_| panic!("{} is there: apt-get install e2fsprogs xfsprogs", program[0]));
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        disk.mount();
        disk
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("disk")
    }

    fn image(&self) -> PathBuf {
        self.folder.path().join("image")
    }

    fn mount(&self) {
        let mounted = Command::new("mount").args(["-o", "loop"]).arg(self.image()).arg(self.path()).output().unwrap();
        assert!(mounted.status.success(), "a test of disks needs root: {}", String::from_utf8_lossy(&mounted.stderr));
    }

    /// Nothing more reaches the disk; then it is mounted again, as after the power came back.
    pub(crate) fn cut(&self) {
        let shut = Command::new("xfs_io").args(["-x", "-c", "shutdown"]).arg(self.path()).output();
        let shut = shut.expect("xfs_io is there: apt-get install xfsprogs");
        assert!(shut.status.success(), "{}", String::from_utf8_lossy(&shut.stderr));
        assert!(Command::new("umount").arg(self.path()).status().unwrap().success());
        self.mount();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _gone_already = Command::new("umount").arg("--lazy").arg(self.path()).status();
    }
}

fn mounted(path: &Path) -> bool {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    mounts.lines().any(|line| line.split(' ').nth(4) == path.to_str())
}

fn wait_until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..2_000 {
        if holds() {
            return;
        }
        std::thread::park_timeout(std::time::Duration::from_millis(5));
    }
    panic!("never: {what}");
}
