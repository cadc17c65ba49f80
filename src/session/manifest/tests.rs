use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::process::Command;

use proptest::prelude::*;

use super::*;

const B3SUM: &str = "b3sum is there: apt-get install b3sum";

fn path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}

fn sum(content: &[u8]) -> Sum {
    let seen = Seen { size: content.len() as u64, modified: -5, changed: 1_735_984_866_000_000_001 };
    Sum { hash: blake3::hash(content), seen: Some(seen) }
}

#[test]
fn b3sum_checks_what_is_written_and_finds_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("p\\001");
    std::fs::create_dir_all(copy.join("images")).unwrap();
    let mut manifest = Manifest::default();
    for name in
        ["a b.mp4", "images/\\n", "line\nbreak", "cr\rx", "end\r", "  two  spaces", "é", "*star", "\\", "bad\u{fffd}"]
    {
        std::fs::write(copy.join(name), name).unwrap();
        manifest.sums.insert(name.into(), sum(name.as_bytes()));
    }
    manifest.sums.insert(path(b"not\xffutf8"), sum(b"x"));
    let (sums, sizes) = manifest.render("p\\001");
    std::fs::write(sums_file(&copy), &sums).unwrap();
    std::fs::write(sizes_file(&copy), sizes).unwrap();
    let check = || {
        let mut command = Command::new("b3sum");
        command.arg("--check").arg(sums_file(Path::new("p\\001"))).current_dir(folder.path()).output().expect(B3SUM)
    };
    let checked = check();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
    assert_eq!(String::from_utf8_lossy(&checked.stdout).matches(": OK").count(), 9);
    assert_eq!(Manifest::beside(&copy).unwrap().unwrap(), manifest);
    std::fs::write(copy.join("line\nbreak"), "other").unwrap();
    assert!(!check().status.success());
}

#[test]
fn what_b3sum_writes_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("p001");
    std::fs::create_dir_all(&copy).unwrap();
    for name in ["plain", "back\\slash", "new\nline", "cr\rx"] {
        std::fs::write(copy.join(name), name).unwrap();
    }
    let written =
        || Command::new("sh").args(["-c", "b3sum p001/*"]).current_dir(folder.path()).output().expect(B3SUM).stdout;
    let manifest = Manifest::parse(&written(), None, &copy).unwrap();
    assert_eq!(manifest.sums.len(), 4);
    for (path, sum) in &manifest.sums {
        assert_eq!(sum.hash, blake3::hash(path.as_os_str().as_bytes()));
    }
    // It writes another name than the file has, and says so when it is to check it.
    std::fs::write(copy.join(std::ffi::OsStr::from_bytes(b"\xff")), "").unwrap();
    let error = Manifest::parse(&written(), None, &copy).unwrap_err().to_string();
    assert!(error.contains("U+FFFD"), "{error}");
}

#[test]
fn sizes_of_another_manifest_count_for_nothing() {
    let manifest = Manifest { sums: [("a".into(), sum(b"a"))].into() };
    let (sums, sizes) = manifest.render("p001");
    let other = Manifest { sums: [("a".into(), sum(b"b"))].into() }.render("p001").0;
    let read = |sums| Manifest::parse(sums, Some(&sizes), Path::new("/x/p001")).unwrap();
    assert_eq!(read(&sums), manifest);
    assert_eq!(read(&other).sums[Path::new("a")].seen, None);
}

#[test]
fn nothing_outside_the_copy_is_ever_named() {
    let hash = "0".repeat(64);
    for wrong in ["/etc/passwd", "../x", "p001/../x", "p002/x", "p001", "p001/", "p001//x", "./p001/x", "p001/./x", ""]
    {
        let line = format!("{hash}  {wrong}\n");
        assert!(Manifest::parse(line.as_bytes(), None, Path::new("p001")).is_err(), "{wrong}");
    }
    for line in ["x", "\\", "  p001/a", &format!("{hash} p001/a"), &format!("{}g  p001/a", "0".repeat(63))] {
        assert!(Manifest::parse(format!("{line}\n").as_bytes(), None, Path::new("p001")).is_err(), "{line}");
    }
}

#[test]
fn a_torn_end_is_not_a_line() {
    let manifest = Manifest { sums: [("a".into(), sum(b"a")), ("b".into(), sum(b"b"))].into() };
    let (sums, _) = manifest.render("p001");
    for length in 0..sums.len() {
        let read = Manifest::parse(&sums[..length], None, Path::new("p001")).unwrap();
        assert_eq!(read.sums.len(), usize::from(length >= sums.len() / 2));
    }
}

#[test]
fn a_file_beyond_the_limit_and_a_fifo_are_refused_without_a_wait() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("p001");
    let file = std::fs::File::create(sums_file(&copy)).unwrap();
    file.set_len(MOST_BYTES + 1).unwrap();
    assert!(Manifest::beside(&copy).unwrap_err().to_string().contains("larger than 100 MiB"));
    std::fs::remove_file(sums_file(&copy)).unwrap();
    let pipe = rustix::fs::mkfifoat(rustix::fs::CWD, sums_file(&copy), Mode::from_raw_mode(0o600));
    pipe.unwrap();
    let read = Manifest::beside(&copy).unwrap().unwrap();
    assert!(read.sums.is_empty(), "an empty pipe holds nothing");
    std::fs::remove_file(sums_file(&copy)).unwrap();
    assert!(Manifest::beside(&copy).unwrap().is_none());
}

fn name() -> impl Strategy<Value = Vec<u8>> {
    let part = proptest::collection::vec(any::<u8>().prop_filter("no parts", |b| *b != b'/' && *b != 0), 1..12)
        .prop_filter("a name", |part| part != b"." && part != b"..");
    proptest::collection::vec(part, 1..4).prop_map(|parts| parts.join(&b'/'))
}

proptest! {
    #[test]
    fn every_name_comes_back(names in proptest::collection::btree_map(name(), any::<[u8; 32]>(), 0..12)) {
        let seen = Seen { size: u64::MAX, modified: i128::from(i64::MIN), changed: 7 };
        let sums = names.into_iter().map(|(name, hash)| (path(&name), Sum { hash: hash.into(), seen: Some(seen) }));
        let manifest = Manifest { sums: sums.collect() };
        let (sums, sizes) = manifest.render("p 001");
        prop_assert_eq!(Manifest::parse(&sums, Some(&sizes), Path::new("/share/20250104/p 001")).unwrap(), manifest);
    }

    #[test]
    fn garbage_is_an_error_or_a_manifest_and_never_a_panic(sums in any::<Vec<u8>>(), sizes in any::<Vec<u8>>()) {
        let _either = Manifest::parse(&sums, Some(&sizes), Path::new("p001"));
    }

    #[test]
    fn damage_is_an_error_or_a_manifest_and_never_a_panic(at in 0_usize..400, byte in any::<u8>()) {
        let manifest = Manifest { sums: [("a\n".into(), sum(b"a")), (path(b"b\xff"), sum(b"b"))].into() };
        let (mut sums, mut sizes) = manifest.render("p001");
        for bytes in [&mut sums, &mut sizes] {
            if let Some(hit) = bytes.get_mut(at) {
                *hit = byte;
            }
        }
        let _either = Manifest::parse(&sums, Some(&sizes), Path::new("p001"));
    }
}
