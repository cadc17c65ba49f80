use std::os::unix::fs::{MetadataExt, PermissionsExt};

use super::*;
use crate::session::verify::{self, Question};
use crate::work::steer::Alone;

mod levels;
mod meddled;
mod odd;

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

#[test]
fn a_second_copy_writes_what_is_new_and_takes_nothing_away() {
    let bench = Bench::new();
    for name in ["a", "b", "images/c"] {
        bench.write(name, name.as_bytes());
    }
    bench.copy();
    std::fs::write(bench.copy_of().join("theirs"), "kept").unwrap();
    bench.write("b", b"changed");
    bench.write("more/d", b"new");
    std::fs::remove_file(bench.source().join("a")).unwrap();
    let copied = bench.copy();
    assert_eq!((copied.files, copied.written), (3, 2));
    assert_eq!(copied.extra, ["a", "theirs"]);
    for (name, content) in
        [("a", "a"), ("theirs", "kept"), ("b", "changed"), ("more/d", "new"), ("images/c", "images/c")]
    {
        assert_eq!(std::fs::read_to_string(bench.copy_of().join(name)).unwrap(), content);
    }
    let manifest = crate::session::manifest::Manifest::beside(&bench.copy_of()).unwrap().unwrap();
    assert_eq!(manifest.sums.len(), 4, "the sum of what the source no longer has is kept");
    assert_eq!(bench.verify().extra, ["a", "theirs"]);
}

#[test]
fn same_size_and_time_but_other_bytes_is_found_and_repaired() {
    let bench = Bench::new();
    bench.write("walk.mp4", &vec![1; 2_500_000]);
    bench.write("other", b"x");
    bench.copy();
    let path = bench.copy_of().join("walk.mp4");
    let before = std::fs::metadata(&path).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[2_000_000] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    std::fs::File::options().write(true).open(&path).unwrap().set_modified(before.modified().unwrap()).unwrap();
    let verified = bench.verify();
    assert_eq!(verified.different, [Different { path: "walk.mp4".into(), reason: "content".into() }]);
    let copied = bench.copy();
    assert_eq!((copied.written, copied.repaired.as_slice()), (1, ["walk.mp4".to_owned()].as_slice()));
    assert!(copied.proof.is_some() && bench.verify().ok());
}

#[test]
fn a_copy_that_another_program_made_is_taken_over_and_not_made_again() {
    let bench = Bench::new();
    for name in ["right", "wrong"] {
        bench.write(name, name.as_bytes());
    }
    std::fs::create_dir_all(bench.copy_of()).unwrap();
    std::fs::write(bench.copy_of().join("right"), "right").unwrap();
    std::fs::write(bench.copy_of().join("wrong"), "wr0ng").unwrap();
    let copied = bench.copy();
    assert_eq!((copied.written, copied.written_bytes), (1, 5));
    assert!(bench.verify().ok());
    assert_eq!(bench.copy().written, 0);
    let (one, other) = (bench.source().join("right"), bench.copy_of().join("right"));
    assert_eq!(
        std::fs::metadata(one).unwrap().modified().unwrap(),
        std::fs::metadata(other).unwrap().modified().unwrap()
    );
}

#[test]
fn whoever_hides_a_change_behind_an_old_time_is_found_by_the_inode() {
    let bench = Bench::new();
    bench.write("a", b"before");
    bench.copy();
    let path = bench.source().join("a");
    let modified = std::fs::metadata(&path).unwrap().modified().unwrap();
    std::fs::write(&path, "behind").unwrap();
    std::fs::File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
    assert!(!bench.verify().ok());
    assert_eq!(bench.copy().written, 1);
    assert_eq!(std::fs::read_to_string(bench.copy_of().join("a")).unwrap(), "behind");
}

#[test]
fn a_rehearsal_writes_nothing() {
    let bench = Bench::new();
    bench.write("a", b"abc");
    bench.write("b", b"b");
    let root = Root::now(&bench.root()).unwrap();
    let copied = copy(&Order { dry_run: true, ..bench.order(&root) }).unwrap();
    assert_eq!((copied.written, copied.written_bytes), (2, 4));
    assert_eq!(std::fs::read_dir(bench.root()).unwrap().count(), 0);
}

#[test]
fn another_file_system_at_the_destination_is_not_written_to() {
    let bench = Bench::new();
    bench.write("a", b"a");
    let root = Root { device: Root::now(&bench.root()).unwrap().device ^ 1, path: bench.root() };
    assert!(matches!(copy(&bench.order(&root)), Err(CopyError::Root(RootError::Replaced(_)))));
    assert_eq!(std::fs::read_dir(bench.root()).unwrap().count(), 0);
}

#[test]
fn two_sessions_of_one_name_in_two_stores_do_not_mix_their_rests() {
    let bench = Bench::new();
    for number in 0..4 {
        bench.write(&format!("{number}"), &vec![number; 3_000_000]);
    }
    assert!(meddled::meddled(&bench, |piece| piece < 7).is_err());
    let root = Root::now(&bench.root()).unwrap();
    let copied = copy(&Order { relative: Path::new("other/p001"), ..bench.order(&root) }).unwrap();
    assert_eq!((copied.resumed, copied.written), (0, 4));
}

#[test]
fn a_session_without_files_is_copied_as_its_folders() {
    let bench = Bench::new();
    std::fs::create_dir_all(bench.source().join("a/b")).unwrap();
    let copied = bench.copy();
    assert_eq!((copied.files, copied.written), (0, 0));
    assert!(bench.copy_of().join("a/b").is_dir());
    std::fs::create_dir(bench.source().join("c")).unwrap();
    bench.copy();
    assert!(bench.copy_of().join("c").is_dir());
}
