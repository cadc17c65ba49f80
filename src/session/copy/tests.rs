use std::os::unix::fs::{MetadataExt, PermissionsExt};

use super::*;
use crate::session::verify::{self, Question};
use crate::work::steer::Alone;

/// A source and a destination, each in a folder of its own.
struct Bench {
    folder: tempfile::TempDir,
    key: Key,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bench = Self { folder, key: Key::new("p001", "20250104").unwrap() };
        std::fs::create_dir_all(bench.source()).unwrap();
        std::fs::create_dir_all(bench.root()).unwrap();
        bench
    }

    fn source(&self) -> PathBuf {
        self.folder.path().join("data/p001/20250104")
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("share")
    }

    fn copy_of(&self) -> PathBuf {
        self.root().join("20250104/p001")
    }

    fn write(&self, name: &str, content: &[u8]) {
        let path = self.source().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    fn order<'a>(&'a self, root: &'a Root) -> Order<'a> {
        Order {
            key: &self.key,
            source: Box::leak(Box::new(self.source())),
            root,
            relative: Path::new("20250104/p001"),
            exclude: &|path| path.extension().is_some_and(|ending| ending == "tmp"),
            parallel: 0,
            throttle: None,
            steer: &Alone,
            read_back: ReadBack::Everything,
            dry_run: false,
        }
    }

    fn copy(&self) -> Copied {
        let root = Root::now(&self.root()).unwrap();
        copy(&self.order(&root)).unwrap()
    }

    fn verify(&self) -> verify::Outcome {
        let root = Root::now(&self.root()).unwrap();
        let question = Question {
            root: &root,
            relative: Path::new("20250104/p001"),
            source: Some(&self.source()),
            exclude: &|path| path.extension().is_some_and(|ending| ending == "tmp"),
            level: None,
            parallel: 0,
            throttle: None,
            steer: &Alone,
        };
        verify::verify(&question).unwrap()
    }
}

#[test]
fn a_session_is_copied_whole_and_a_second_time_nothing_is_done() {
    let bench = Bench::new();
    bench.write("walk.mp4", &vec![7; 3_000_000]);
    bench.write("walk.json", b"{}");
    bench.write("images/a.jpg", b"jpg");
    bench.write("empty", b"");
    bench.write("not-this.tmp", b"x");
    std::fs::create_dir(bench.source().join("nothing")).unwrap();
    std::fs::set_permissions(bench.source().join("walk.json"), std::fs::Permissions::from_mode(0o640)).unwrap();
    let copied = bench.copy();
    assert_eq!((copied.files, copied.written, copied.written_bytes), (4, 4, 3_000_005));
    assert!(copied.whole() && copied.notes.is_empty() && copied.extra.is_empty(), "{copied:?}");
    assert!(copied.proof.as_ref().unwrap().from_storage);
    for name in ["walk.mp4", "walk.json", "images/a.jpg", "empty", "images", "nothing", ""] {
        let (one, other) = (bench.source().join(name), bench.copy_of().join(name));
        let (one, other) = (std::fs::metadata(one).unwrap(), std::fs::metadata(other).unwrap());
        assert_eq!(
            (one.mtime(), one.mtime_nsec(), one.mode()),
            (other.mtime(), other.mtime_nsec(), other.mode()),
            "{name}"
        );
    }
    assert_eq!(std::fs::read(bench.copy_of().join("walk.mp4")).unwrap(), vec![7; 3_000_000]);
    assert!(!bench.copy_of().join("not-this.tmp").exists());
    assert!(std::fs::read_dir(bench.root().join(".hotspare/staging")).unwrap().next().is_none());
    let verified = bench.verify();
    assert!(verified.ok() && verified.from_storage, "{verified:?}");
    let again = bench.copy();
    assert_eq!((again.files, again.written), (4, 0));
    assert!(again.proof.is_some());
}
