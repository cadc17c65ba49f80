//! A stick: an exFAT file system in a file, by the driver that runs as a program, so that any kernel will do.

use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) struct Stick {
    folder: tempfile::TempDir,
}

impl Stick {
    /// One of so many megabytes, mounted.
    pub(crate) fn new(megabytes: u64) -> Self {
        let stick = Self::blank(megabytes);
        stick.mount();
        stick
    }

    /// The same, not mounted.
    pub(crate) fn blank(megabytes: u64) -> Self {
        let stick = Self { folder: tempfile::Builder::new().prefix("hsstick").tempdir().unwrap() };
        std::fs::create_dir(stick.path()).unwrap();
        std::fs::File::create(stick.image()).unwrap().set_len(megabytes << 20).unwrap();
        let made = Command::new("mkfs.exfat").arg(stick.image()).output();
        let made = made.expect("mkfs.exfat is there: apt-get install exfatprogs exfat-fuse");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        stick
    }

    /// Where it is mounted.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("usb")
    }

    fn image(&self) -> PathBuf {
        self.folder.path().join("image")
    }

    pub(crate) fn mount(&self) {
        self.mount_at(&self.path());
    }

    pub(crate) fn mount_at(&self, point: &Path) {
        // Two drivers must not have it at once: the one before may still be writing out.
        for _try in 0..1000 {
            if self.device().is_empty() {
                break;
            }
            std::thread::park_timeout(std::time::Duration::from_millis(10));
        }
        let point = point.to_str().unwrap();
        run("mount", &["-t", "exfat-fuse", "-o", "loop", self.image().to_str().unwrap(), point]);
    }

    /// The block device that the image is for now; empty: none.
    fn device(&self) -> String {
        let mut ask = Command::new("losetup");
        ask.args(["--noheadings", "--output", "NAME", "--associated"]).arg(self.image());
        String::from_utf8(ask.output().unwrap().stdout).unwrap().trim().to_owned()
    }

    /// Its end is gone, and nobody remembers what was there.
    pub(crate) fn lose(&self, from: u64) {
        run("sync", &["-f", self.path().to_str().unwrap()]);
        std::fs::File::options().write(true).open(self.image()).unwrap().set_len(from).unwrap();
        run("blockdev", &["--flushbufs", &self.device()]);
    }

    pub(crate) fn unmount(&self) {
        run("umount", &[self.path().to_str().unwrap()]);
    }

    /// Pulled out: gone from its place at once, whoever writes to it.
    pub(crate) fn pull(&self) {
        run("umount", &["--lazy", self.path().to_str().unwrap()]);
    }

    pub(crate) fn remount(&self, how: &str) {
        run("mount", &["-o", &format!("remount,{how}"), self.path().to_str().unwrap()]);
    }
}

pub(crate) fn run(program: &str, arguments: &[&str]) {
    let ended = Command::new(program).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(ended.status.success(), "{program} {arguments:?} (sticks need root): {said}");
}

impl Drop for Stick {
    fn drop(&mut self) {
        let _gone_already = Command::new("umount").arg("--lazy").arg(self.path()).output();
    }
}
