//! Copies of sessions in an object store, on good days and on bad ones: against a real S3 server, over real connections.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a helper of a test may fail like a test")]

mod bad_days;
mod lab;
#[path = "../support/place.rs"]
mod place;
mod proxy;
mod store;
mod whole_way;

use std::process::Command;

use hotspare::session::side::Side;
use hotspare::session::view::{Level, SideState};

use lab::{COPY, Lab, different, key, noise};
use store::{KEY, SECRET, Store, text};

const MEBI: usize = 1 << 20;

/// A few files of all kinds.
fn recorded(lab: &Lab) {
    lab.noise("walk.mp4", 20 * MEBI + 77);
    lab.noise("exactly.mp4", 8 * MEBI);
    lab.write("empty", b"");
    lab.write("notes.json", b"{}");
    lab.write("images/a b é%20+&?#.json", b"odd");
    lab.write(" ends with a space ", b"spaces");
    lab.write("images/back\\slash", b"escaped");
    lab.write("left.tmp", b"excluded");
    std::fs::create_dir(lab.source().join("nothing")).expect("an empty folder");
}

#[test]
fn a_copy_is_the_session_and_other_programs_can_check_it() {
    let store = Store::new();
    let lab = Lab::new(store.address());
    recorded(&lab);
    let copied = lab.copied();
    assert_eq!((copied.files, copied.written, copied.resumed), (7, 7, 0));
    assert_eq!(copied.notes, ["empty folders are not kept there"]);
    assert_eq!(store.parts(), Vec::<String>::new());
    assert_eq!(store.objects("mocap/.hotspare"), ["mocap/.hotspare/store.json"]);

    let outcome = lab.verified();
    assert!(outcome.ok() && outcome.level == Level::Content && outcome.from_storage, "{outcome:?}");
    assert_eq!((outcome.files, outcome.read), (7, Some("from the object store")));
    let listing = lab.side.list(&key()).expect("listed").expect("there");
    assert_eq!(listing.facts(|_| false).state, copied.proof.expect("read back").copy);
    let manifest = lab.side.manifest(&key()).expect("read").expect("there");
    assert_eq!(manifest.sums.len(), 7);

    let again = lab.copied();
    assert_eq!((again.written, again.resumed), (0, 0), "sums of the manifest count, nothing is sent again");

    // Elsewhere, with nothing but rclone and b3sum.
    let elsewhere = tempfile::tempdir().expect("a folder");
    let rclone = Command::new("rclone")
        .args(["copy", "cloud:recordings/mocap/20250104/"])
        .arg(elsewhere.path())
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("RCLONE_CONFIG", "/dev/null")
        .env("RCLONE_CONFIG_CLOUD_TYPE", "s3")
        .env("RCLONE_CONFIG_CLOUD_PROVIDER", "Other")
        .env("RCLONE_CONFIG_CLOUD_ENDPOINT", format!("http://{}", store.address()))
        .env("RCLONE_CONFIG_CLOUD_ACCESS_KEY_ID", KEY)
        .env("RCLONE_CONFIG_CLOUD_SECRET_ACCESS_KEY", SECRET)
        .output()
        .expect("apt-get install rclone");
    assert!(rclone.status.success(), "{}", String::from_utf8_lossy(&rclone.stderr));
    let checked = Command::new("b3sum").args(["--check", "p001.b3"]).current_dir(elsewhere.path()).output();
    let checked = checked.expect("apt-get install b3sum");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
    let modified = |folder: std::path::PathBuf| {
        std::fs::metadata(folder.join("walk.mp4")).expect("there").modified().expect("a time")
    };
    assert_eq!(modified(lab.source()), modified(elsewhere.path().join("p001")), "rclone restores times");
}

#[test]
fn what_is_not_as_it_should_be_is_named_and_sent_again() {
    let store = Store::new();
    let lab = Lab::new(store.address());
    recorded(&lab);
    lab.copied();
    let object = |name: &str| store.object(&format!("{COPY}/{name}"));
    // Same size, same time: only the content tells.
    let mut bytes = noise("walk.mp4", 20 * MEBI + 77);
    bytes[10 * MEBI] ^= 1;
    std::fs::write(object("walk.mp4"), &bytes).expect("corrupted");
    std::fs::remove_file(object("notes.json")).expect("removed");
    store.put(&format!("{COPY}/foreign"), b"x");
    let outcome = lab.verified();
    assert_eq!(different(&outcome), [("walk.mp4", "content")]);
    assert_eq!(
        (outcome.missing.as_slice(), outcome.extra.as_slice()),
        (&["notes.json".into()][..], &["foreign".into()][..])
    );
    let sizes = lab.verify(Some(Level::Sizes)).expect("compared");
    assert_eq!((sizes.different.len(), sizes.missing.len(), sizes.read), (0, 1, None), "sizes do not tell");

    let repaired = lab.copied();
    assert_eq!((repaired.written, repaired.repaired.as_slice()), (2, &["walk.mp4".into()][..]));
    assert_eq!(repaired.extra, ["foreign"]);
    std::fs::remove_file(object("foreign")).expect("removed");
    assert!(lab.verified().ok());
}

#[test]
fn a_copy_without_its_own_manifest_is_not_whole() {
    let store = Store::new();
    let lab = Lab::new(store.address());
    lab.noise("walk.mp4", 3 * MEBI);
    lab.write("notes.json", b"{}");
    lab.copied();
    // The manifest of an older file, though source and object are alike.
    lab.write("notes.json", b"{ }");
    std::fs::write(store.object(&format!("{COPY}/notes.json")), b"{ }").expect("written");
    let outcome = lab.verified();
    assert_eq!(different(&outcome), [("notes.json", "the manifest is older than the file: copy the session again")]);
    let again = lab.copied();
    assert_eq!((again.written, again.resumed), (0, 1), "the content is there already");
    assert!(lab.verified().ok());

    let manifest = store.object("mocap/20250104/p001.b3");
    let kept = std::fs::read(&manifest).expect("there");
    std::fs::remove_file(&manifest).expect("removed");
    let outcome = lab.verified();
    assert_eq!(outcome.level, Level::Sizes);
    assert!(!outcome.ok() && different(&outcome)[0].0 == "p001.b3", "{outcome:?}");
    assert_eq!(lab.side.manifest(&key()), Ok(None));
    // With the source gone there is nothing to compare with; with the manifest there is.
    std::fs::rename(lab.source(), lab.source().with_extension("gone")).expect("moved");
    let error = lab.verify(None).expect_err("nothing to compare with").to_string();
    assert!(error.contains("no manifest lies beside the copy"), "{error}");
    std::fs::write(&manifest, kept).expect("put back");
    let outcome = lab.verified();
    assert!(outcome.ok() && outcome.source.is_none(), "{outcome:?}");
    std::fs::write(&manifest, b"torn \n").expect("damaged");
    let error = lab.verify(None).expect_err("damaged").to_string();
    assert!(error.contains("copy the session again"), "{error}");
}

#[test]
fn names_that_objects_cannot_have_are_named_and_nothing_is_mangled() {
    let store = Store::new();
    let lab = Lab::new(store.address());
    lab.write("good.mp4", b"good");
    lab.write_bytes(b"not\xffutf8", b"odd");
    lab.write("two\nlines", b"odd");
    std::os::unix::fs::symlink("good.mp4", lab.source().join("link")).expect("a link");
    let copied = lab.copy().expect("a copy of the rest");
    let failed: Vec<&str> = copied.failed.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(failed, ["not\\xffutf8", "two\nlines"]);
    assert_eq!((copied.written, copied.odd.len(), copied.proof), (1, 1, None));
    assert_eq!(store.objects("mocap/2025"), [format!("{COPY}/good.mp4")], "and no manifest says that it is whole");
}

#[test]
fn all_sessions_are_found_whatever_lies_beside_them() {
    let store = Store::new();
    let lab = Lab::new(store.address());
    for number in 0..2_300 {
        store.put(&format!("mocap/20250105/p{:03}/{number}.mp4", number % 23), b"12345");
    }
    store.put("mocap/20250105/p000/left.tmp", b"excluded");
    store.put("mocap/20250105/p000.b3", b"a manifest is no session");
    store.put("mocap/whatever/p000/a", b"no date");
    store.put("mocapped/20250105/p000/a", b"another prefix");
    let scan = lab.scan();
    assert_eq!((scan.found.len(), scan.looked, scan.strays, scan.blind.len()), (23, 23, 1, 0));
    assert!(scan.found.values().all(|found| found.facts.files == 100 && found.facts.bytes == 500));
    assert!(scan.found.values().all(|found| found.facts.videos == 100 && found.stamp.folders.is_none()));
}

#[test]
fn the_first_one_leaves_the_marker_and_who_comes_later_adopts_it() {
    let store = Store::new();
    let mut lab = Lab::new(store.address());
    let other = Lab::new(store.address());
    assert!(lab.kept.is_some() && lab.kept == other.kept);
    assert_eq!(lab.stand().state, SideState::Ready);
    let marker = store.object("mocap/.hotspare/store.json");
    assert!(text(&marker).contains(lab.kept.as_deref().expect("an identity")));
    lab.write("a", b"a");

    std::fs::write(&marker, text(&marker).replace(lab.kept.as_deref().expect("an identity"), "another"))
        .expect("changed");
    let word = |state: SideState| match state {
        SideState::Trouble { word, .. } => word,
        state => panic!("{state:?}"),
    };
    assert_eq!(word(lab.stand().state), "replaced");
    assert!(lab.copy().expect_err("another one").to_string().contains("its marker is another one"));
    std::fs::remove_file(&marker).expect("removed");
    assert_eq!(word(lab.prepare().state), "replaced", "one that had a marker is not given a new one");
    lab.kept = None;
    assert_eq!(lab.stand().state, SideState::Ready);
    assert!(lab.copy().expect_err("not prepared").to_string().contains("no marker yet"));
    assert_eq!(store.objects("mocap/2025"), Vec::<String>::new());
}
