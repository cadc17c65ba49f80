use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::session::verify::{self, Question};
use crate::session::view::Level;
use crate::work::progress::Event;
use crate::work::steer::Alone;
use crate::work::view::Part;

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

/// Does something to the world whenever a piece is done; may end the work.
struct Meddler<F: Fn(u64) -> bool + Send + Sync> {
    pieces: AtomicU64,
    ended: std::sync::atomic::AtomicBool,
    meddle: F,
}

impl<F: Fn(u64) -> bool + Send + Sync> Meddler<F> {
    fn new(meddle: F) -> Self {
        Self { pieces: AtomicU64::new(0), ended: false.into(), meddle }
    }
}

impl<F: Fn(u64) -> bool + Send + Sync> Steer for Meddler<F> {
    fn go_on(&self) -> bool {
        !self.ended.load(Ordering::SeqCst)
    }

    fn event(&self, event: Event) {
        if matches!(event, Event::Advance(_)) && !(self.meddle)(self.pieces.fetch_add(1, Ordering::SeqCst)) {
            self.ended.store(true, Ordering::SeqCst);
        }
    }

    fn part(&self, _: Option<Part>) {}

    fn note(&self, _: &str) {}
}

fn meddled(bench: &Bench, meddle: impl Fn(u64) -> bool + Send + Sync) -> Result<Copied, CopyError> {
    let root = Root::now(&bench.root()).unwrap();
    let steer = Meddler::new(meddle);
    copy(&Order { steer: &steer, parallel: 1, ..bench.order(&root) })
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
fn names_of_any_bytes_are_copied_and_odd_things_are_named_and_never_followed() {
    let bench = Bench::new();
    let outside = bench.folder.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("secret"), "secret").unwrap();
    let long = "n".repeat(255);
    let names: [&[u8]; 6] =
        [b"new\nline", b"quo'te\"s", b"not\xffutf8", long.as_bytes(), b"x$(touch y)", b"back\\slash"];
    for name in names {
        std::fs::write(bench.source().join(OsStr::from_bytes(name)), name).unwrap();
    }
    std::os::unix::fs::symlink(&outside, bench.source().join("link")).unwrap();
    std::os::unix::fs::symlink(".", bench.source().join("loop")).unwrap();
    std::os::unix::fs::symlink("/nowhere", bench.source().join("dangling")).unwrap();
    let fifo = rustix::fs::mkfifoat(rustix::fs::CWD, bench.source().join("fifo"), rustix::fs::Mode::RUSR);
    fifo.unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(bench.source().join("socket")).unwrap();
    let copied = bench.copy();
    assert_eq!(copied.written, 6);
    let odd: Vec<_> = copied.odd.iter().map(|odd| (odd.path.as_str(), odd.what.as_str())).collect();
    let link = "a symbolic link";
    assert_eq!(odd, [("dangling", link), ("fifo", "a fifo"), ("link", link), ("loop", link), ("socket", "a socket")]);
    assert!(!copied.whole());
    for name in names {
        assert_eq!(std::fs::read(bench.copy_of().join(OsStr::from_bytes(name))).unwrap(), name);
    }
    assert!(bench.verify().ok());
    assert_eq!(bench.copy().written, 0, "names that b3sum refuses are known too");
}

#[test]
fn links_within_the_copy_lead_nowhere() {
    let bench = Bench::new();
    bench.write("images/a", b"new");
    bench.write("b", b"b");
    let outside = bench.folder.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("a"), "theirs").unwrap();
    std::fs::create_dir_all(bench.copy_of()).unwrap();
    std::os::unix::fs::symlink(&outside, bench.copy_of().join("images")).unwrap();
    let root = Root::now(&bench.root()).unwrap();
    let copied = copy(&bench.order(&root));
    assert!(copied.as_ref().map_or(true, |copied| !copied.failed.is_empty()), "{copied:?}");
    assert_eq!(std::fs::read_to_string(outside.join("a")).unwrap(), "theirs");
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 1);

    let other = Bench::new();
    other.write("a", b"a");
    std::os::unix::fs::symlink(&outside, other.root().join(".hotspare")).unwrap();
    let root = Root::now(&other.root()).unwrap();
    assert!(copy(&other.order(&root)).is_err());
    std::os::unix::fs::symlink(&outside, other.root().join("20250104")).unwrap();
    std::fs::remove_file(other.root().join(".hotspare")).unwrap();
    assert!(copy(&other.order(&root)).is_err());
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 1);
}

#[test]
fn hard_links_and_holes_stay_what_they_are() {
    let bench = Bench::new();
    bench.write("a", &vec![3; 1_500_000]);
    std::fs::create_dir(bench.source().join("sub")).unwrap();
    std::fs::hard_link(bench.source().join("a"), bench.source().join("sub/b")).unwrap();
    let holes = std::fs::File::create(bench.source().join("holes")).unwrap();
    for at in [0, 5_000_000, 40_000_123] {
        std::os::unix::fs::FileExt::write_all_at(&holes, b"island", at).unwrap();
    }
    holes.set_len(64 << 20).unwrap();
    let copied = bench.copy();
    assert!(copied.whole() && copied.notes.is_empty(), "{copied:?}");
    let of = |name: &str| std::fs::metadata(bench.copy_of().join(name)).unwrap();
    assert_eq!(of("a").ino(), of("sub/b").ino());
    assert_eq!(of("holes").size(), 64 << 20);
    assert!(of("holes").blocks() * 512 < 1 << 20, "{} blocks", of("holes").blocks());
    let same = |name: &str| {
        std::fs::read(bench.source().join(name)).unwrap() == std::fs::read(bench.copy_of().join(name)).unwrap()
    };
    assert!(same("holes") && same("a"));
    assert!(bench.verify().ok());
    assert_eq!(bench.copy().written, 0);
    // One name less in the copy: it comes back as a name and not as a second file.
    std::fs::remove_file(bench.copy_of().join("sub/b")).unwrap();
    bench.copy();
    assert_eq!(of("a").ino(), of("sub/b").ino());
}

#[test]
fn what_changes_while_it_is_copied_is_copied_again() {
    let bench = Bench::new();
    bench.write("a", &vec![1; 3_000_000]);
    bench.write("z", b"z");
    let source = bench.source();
    let copied = meddled(&bench, |piece| {
        if piece == 1 {
            std::fs::write(source.join("a"), vec![2; 2_900_000]).unwrap();
            std::fs::write(source.join("late"), "late").unwrap();
        }
        true
    })
    .unwrap();
    assert!(copied.whole() && copied.files == 3, "{copied:?}");
    assert_eq!(std::fs::read(bench.copy_of().join("a")).unwrap(), vec![2; 2_900_000]);
    assert_eq!(std::fs::read_to_string(bench.copy_of().join("late")).unwrap(), "late");
}

#[test]
fn what_never_stops_changing_fails_by_name_and_nothing_half_appears() {
    let bench = Bench::new();
    bench.write("a", &vec![1; 3_000_000]);
    let source = bench.source();
    let wrong = meddled(&bench, |piece| {
        std::fs::write(source.join("a"), vec![2; 2_000_000 + usize::try_from(piece).unwrap()]).unwrap();
        true
    });
    assert!(matches!(&wrong, Err(CopyError::StillWritten { file, .. }) if file == "a"), "{wrong:?}");
    assert!(!bench.copy_of().exists());
}

#[test]
fn what_vanishes_while_it_is_copied_is_named_and_not_in_the_copy() {
    let bench = Bench::new();
    bench.write("a", &vec![1; 3_000_000]);
    bench.write("gone", b"gone");
    bench.write("read", &vec![1; 2_000_000]);
    let source = bench.source();
    let copied = meddled(&bench, |piece| {
        if piece == 4 {
            for name in ["gone", "read"] {
                std::fs::remove_file(source.join(name)).unwrap();
            }
        }
        true
    })
    .unwrap();
    assert!(copied.whole() && copied.files == 1, "{copied:?}");
    assert!(copied.vanished.contains(&"read".to_owned()));
    // Neither whole nor torn ones are published.
    assert!(!bench.copy_of().join("gone").exists() && !bench.copy_of().join("read").exists());
    assert!(bench.verify().ok());
}

#[test]
fn a_cancelled_copy_shows_nothing_and_goes_on_from_what_is_whole() {
    let bench = Bench::new();
    for number in 0..6 {
        bench.write(&format!("{number}"), &vec![number; 3_000_000]);
    }
    let wrong = meddled(&bench, |piece| piece < 10);
    assert!(matches!(wrong, Err(CopyError::Cancelled)), "{wrong:?}");
    assert!(!bench.copy_of().exists());
    // One of the whole ones was torn by a power cut: it has its size and time, and other bytes.
    let staged = bench.root().join(".hotspare/staging/20250104_p001/files/1");
    let modified = std::fs::metadata(&staged).unwrap().modified().unwrap();
    std::fs::write(&staged, vec![0; 3_000_000]).unwrap();
    std::fs::File::options().write(true).open(&staged).unwrap().set_modified(modified).unwrap();
    let root = Root::now(&bench.root()).unwrap();
    let copied = copy(&Order { read_back: ReadBack::Nothing, ..bench.order(&root) }).unwrap();
    assert_eq!(
        (copied.resumed, copied.written, copied.repaired.as_slice()),
        (3, 4, ["1".to_owned()].as_slice()),
        "{copied:?}"
    );
    assert!(bench.verify().ok());
    assert!(!staged.exists());
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
    assert!(meddled(&bench, |piece| piece < 7).is_err());
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

#[test]
fn each_level_finds_its_differences_with_and_without_the_source() {
    let bench = Bench::new();
    for name in ["a", "b", "c", "d"] {
        bench.write(name, name.as_bytes());
    }
    bench.copy();
    std::fs::write(bench.copy_of().join("a"), "A").unwrap();
    std::fs::write(bench.copy_of().join("b"), "longer").unwrap();
    std::fs::remove_file(bench.copy_of().join("c")).unwrap();
    std::fs::write(bench.copy_of().join("e"), "e").unwrap();
    let root = Root::now(&bench.root()).unwrap();
    let source = bench.source();
    let ask = |level, with| {
        let question = Question {
            root: &root,
            relative: Path::new("20250104/p001"),
            source: if with { Some(source.as_path()) } else { None },
            exclude: &|_| false,
            level: Some(level),
            parallel: 3,
            throttle: None,
            steer: &Alone,
        };
        verify::verify(&question).unwrap()
    };
    for with in [true, false] {
        for (level, different) in [(Level::Count, 0), (Level::Sizes, 1), (Level::Content, 2)] {
            let found = ask(level, with);
            assert_eq!(
                (found.missing.as_slice(), found.extra.as_slice()),
                (["c".to_owned()].as_slice(), ["e".to_owned()].as_slice())
            );
            assert_eq!(found.different.len(), different, "{level:?} {with} {found:?}");
            assert_eq!(found.read.is_some(), level == Level::Content);
        }
    }
    std::fs::remove_file(bench.root().join("20250104/p001.b3")).unwrap();
    let question = Question {
        root: &root,
        relative: Path::new("20250104/p001"),
        source: Some(Path::new("/not/there")),
        exclude: &|_| false,
        level: None,
        parallel: 0,
        throttle: None,
        steer: &Alone,
    };
    assert!(matches!(verify::verify(&question), Err(verify::VerifyError::Nothing(_))));
}

#[test]
fn a_limit_is_kept_and_can_be_changed_meanwhile() {
    let bench = Bench::new();
    bench.write("a", &vec![1; 8 << 20]);
    let clock = crate::clock::Clock::real();
    let throttle = Throttle::new(Some(1), clock.clone());
    let root = Root::now(&bench.root()).unwrap();
    let from = clock.tick();
    // At a byte a second the first piece overdraws the bucket: only the new limit lets the others pass.
    let steer = Meddler::new(|piece| {
        if piece == 0 {
            throttle.change(Some(64 << 20));
        }
        true
    });
    copy(&Order { throttle: Some(&throttle), steer: &steer, parallel: 1, ..bench.order(&root) }).unwrap();
    let took = clock.tick().since(from);
    assert!(took >= std::time::Duration::from_millis(100), "{took:?}");
}
