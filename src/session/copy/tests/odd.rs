//! Names of any bytes, links, holes, and what is no file.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use super::*;

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
fn a_destination_that_leads_back_to_the_source_is_refused() {
    let bench = Bench::new();
    bench.write("walk.mp4", &vec![7; 1_000]);
    let back = bench.folder.path().join("back");
    std::os::unix::fs::symlink(bench.folder.path().join("data"), &back).unwrap();
    let root = Root::now(&back).unwrap();
    let relative = Path::new("p001/20250104");
    let own = format!("{} is the session's own folder", back.join(relative).display());
    for dry_run in [true, false] {
        let refused = copy(&Order { relative, dry_run, ..bench.order(&root) }).unwrap_err().to_string();
        assert!(refused.starts_with(&own), "{refused}");
    }
    let question = Question {
        root: &root,
        relative,
        source: Some(&bench.source()),
        exclude: &|_| false,
        level: None,
        parallel: 0,
        throttle: None,
        steer: &Alone,
    };
    let refused = verify::verify(&question).unwrap_err().to_string();
    assert!(refused.starts_with(&own), "{refused}");
    assert_eq!(std::fs::read_dir(bench.source()).unwrap().count(), 1);
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
