//! Deletions that meet somebody who writes, replaces, locks or mounts at the worst moment: nothing that was not approved
//! is ever gone.

use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use hotspare::clock::Clock;
use hotspare::session::delete::{self, Approved, Order, Seen, Witness};
use hotspare::session::lock::Lock;
use hotspare::session::manifest::{Manifest, sizes_file, sums_file};
use hotspare::session::view::{Imported, SideState};

use crate::backed_up::{Recording, Told, everything};

/// Where the source is found a second time.
pub(crate) const BACK: &str = "back";
/// Why such a copy is none.
pub(crate) const ITSELF: &str = "is the session's own folder, reached another way";

/// A witness of a destination that leads back to the source: verified, with its manifest, because everything that is
/// compared with itself is right.
pub(crate) fn led_back(recording: &Recording) -> Told {
    let copied = recording.place().join(BACK).join(crate::backed_up::FOLDER);
    let proven = Manifest::beside(&recording.copied()).unwrap().expect("a manifest");
    let (sums, sizes) = proven.render("20250104");
    std::fs::write(sums_file(&copied), sums).unwrap();
    std::fs::write(sizes_file(&copied), sizes).unwrap();
    let mut told = recording.witness();
    let verified = told.verified.as_mut().unwrap();
    verified.copy = verified.source.unwrap();
    Told { copied, ..told }
}

/// As [`Told`], of a destination that does not tell which folder it is: a share, another machine.
struct Far<'a>(&'a Told);

impl Witness for Far<'_> {
    fn source(&self) -> SideState {
        self.0.source()
    }

    fn excluded(&self, path: &Path) -> bool {
        self.0.excluded(path)
    }

    fn imported(&self) -> Imported {
        self.0.imported()
    }

    fn copies(&self) -> Vec<Seen> {
        let mut copies = self.0.copies();
        for listing in copies.iter_mut().filter_map(|seen| seen.listing.as_mut().ok()?.as_mut()) {
            listing.identity = None;
        }
        copies
    }

    fn busy(&self) -> Vec<String> {
        self.0.busy()
    }

    fn record(&self, approved: &Approved) -> Result<(), String> {
        self.0.record(approved)
    }
}

/// Refused for this reason, with everything as it was.
#[track_caller]
pub(crate) fn refuses(recording: &Recording, told: &Told, reason: &str) {
    for dry in [true, false] {
        let mut before = recording.everything();
        let ended = if dry { recording.dry_run(told) } else { recording.delete(told) };
        let reasons = ended.unwrap_err();
        assert!(reasons.iter().any(|said| said.contains(reason)), "{reason}: {reasons:#?}");
        let mut after = recording.everything();
        for side in [&mut before, &mut after] {
            side.retain(|path, _| !path.starts_with(".hotspare") && path != Path::new(".hotspare-trash"));
        }
        assert_eq!(before, after, "everything is as it was");
    }
    assert_eq!(recording.recover(), Vec::<String>::new(), "and nothing is left in the trash");
}

/// As [`refuses`], where something happens at one step of the deletion itself.
#[track_caller]
fn put_back(recording: &Recording, told: &Told, reason: &str) {
    let reasons = recording.delete(told).unwrap_err();
    assert!(reasons.iter().any(|said| said.contains(reason)), "{reason}: {reasons:#?}");
    assert_eq!(std::fs::read(recording.session().join("walk.json")).unwrap(), b"{}");
    assert_eq!(std::fs::read(recording.session().join("walk.17391304.mp4")).unwrap().len(), 70_000);
    assert_eq!(std::fs::read_dir(recording.trash()).unwrap().count(), 0);
}

#[test]
fn a_proven_session_is_deleted_after_its_files_and_sums_were_written_down() {
    let recording = Recording::new();
    recording.write("left.tmp", b"excluded");
    let mut told = recording.witness();
    let session = recording.session();
    told.on = Box::new(move |step| {
        if step == "record" {
            assert!(session.join("walk.json").exists(), "written down before the first effect");
            assert_eq!(std::fs::read_dir(session.join("../../.hotspare-trash")).unwrap().count(), 0);
        }
    });
    let before = everything(&recording.copied());
    let deleted = recording.delete(&told).unwrap();
    assert_eq!((deleted.report.files, deleted.report.bytes, deleted.excluded), (3, 73_002, 1));
    assert!((73_728..200_000).contains(&deleted.freed), "{} bytes of disk", deleted.freed);
    assert_eq!(deleted.report.remains, [format!("Network: {}", recording.copied().display())]);
    assert_eq!(deleted.report.notes, ["1 file that `exclude` leaves out of the copies, too"]);
    assert_eq!(before, everything(&recording.copied()));
    let left: Vec<_> = recording.everything().into_keys().collect();
    let whole =
        [".hotspare", ".hotspare/locks", ".hotspare-trash", "p001", "p001/20250105", "p001/20250105/precious.mp4"];
    assert_eq!(left, whole.map(std::path::PathBuf::from));
    let recorded = told.recorded.lock().unwrap();
    assert_eq!(recorded.len(), 1);
    let files = recorded[0].files();
    assert_eq!(files[0].path, "images/face\n.jpg");
    assert_eq!(files[1].blake3, blake3::hash(&vec![7; 70_000]).to_hex().as_str());
}

#[test]
fn a_dry_run_changes_nothing_at_all() {
    let recording = Recording::new();
    let before = recording.everything();
    let deleted = recording.dry_run(&recording.witness()).unwrap();
    assert_eq!((deleted.report.files, deleted.report.bytes), (3, 73_002));
    assert!(deleted.freed >= 73_728);
    assert_eq!(before, recording.everything());
    assert!(!recording.source().join(".hotspare").exists());
}

#[test]
fn whatever_is_not_proven_refuses() {
    let recording = Recording::new();
    let mut told = recording.witness();
    told.imported = Imported::Unknown { why: "the database did not answer in 5 s".into() };
    refuses(&recording, &told, "imported unknown: the database did not answer in 5 s");
    told.imported = Imported::NotAsked;
    refuses(&recording, &told, "no `imported` is declared");
    told = recording.witness();
    told.busy = vec!["being copied".into()];
    refuses(&recording, &told, "being copied");
    told = recording.witness();
    told.state = SideState::Trouble { word: "stale".into(), why: "no answer".into(), remedy: "look".into() };
    refuses(&recording, &told, "Network: stale: no answer; look");
    told = recording.witness();
    told.verified.as_mut().unwrap().at = crate::backed_up::long_ago();
    refuses(&recording, &told, "before the source last changed; verify again");
    told = recording.witness();
    told.durable = Err("state.db cannot be written: No space left on device".into());
    let reasons = recording.delete(&told).unwrap_err();
    assert!(reasons[0].contains("without it nothing is deleted: state.db cannot be written"), "{reasons:?}");
    assert_eq!(std::fs::read_dir(recording.trash()).unwrap().count(), 0, "nothing was begun");
}

#[test]
fn copies_that_are_not_whole_refuse() {
    let recording = Recording::new();
    std::fs::write(recording.copied().join("walk.17391304.mp4"), b"").unwrap();
    refuses(&recording, &recording.witness(), "Network: walk.17391304.mp4: size differs");
    recording.copy();
    std::fs::remove_file(recording.copied().join("walk.json")).unwrap();
    refuses(&recording, &recording.witness(), "Network: walk.json: missing");
    recording.copy();
    std::fs::rename(recording.copied().join("walk.json"), recording.copied().join("walk.jsom")).unwrap();
    refuses(&recording, &recording.witness(), "Network: walk.jsom: extra");
    recording.copy();
    std::fs::remove_file(recording.copied().join("../p001.b3")).unwrap();
    refuses(&recording, &recording.witness(), "Network: no manifest lies beside the copy");
    std::fs::write(recording.copied().join("../p001.b3"), b"not a manifest\n").unwrap();
    refuses(&recording, &recording.witness(), "is damaged in line 1");
    recording.copy();
    std::fs::remove_dir_all(recording.copied()).unwrap();
    refuses(&recording, &recording.witness(), "Network: no copy; sync it");
}

#[test]
fn a_destination_that_is_a_link_to_the_source_refuses() {
    let recording = Recording::new();
    symlink(recording.source(), recording.place().join(BACK)).unwrap();
    refuses(&recording, &led_back(&recording), ITSELF);
}

#[test]
fn a_copy_that_turns_out_to_be_the_session_when_it_is_moved_brings_it_back() {
    let recording = Recording::new();
    symlink(recording.source(), recording.place().join(BACK)).unwrap();
    let told = led_back(&recording);
    let reasons = delete::delete(&Order {
        source: &recording.source(),
        key: &Recording::key(),
        folder: Path::new(crate::backed_up::FOLDER),
        settle: std::time::Duration::ZERO,
        dry_run: false,
        clock: &Clock::real(),
        steer: &told,
        witness: &Far(&told),
    })
    .unwrap_err();
    assert!(reasons[0].contains("20250104 went when the session was moved out of its place"), "{reasons:?}");
    assert_eq!(everything(&recording.session()), everything(&recording.copied()));
    assert_eq!(std::fs::read_dir(recording.trash()).unwrap().count(), 0);
}

#[test]
fn a_copy_that_goes_or_changes_in_the_very_last_moment_brings_the_session_back() {
    type Act = fn(&Path) -> std::io::Result<()>;
    let acts: [(Act, &str); 4] = [
        (|copy| std::fs::remove_dir_all(copy), "p001 went when the session was moved"),
        (|copy| std::fs::remove_file(copy.join("walk.json")), "the copy changed a moment ago"),
        (|copy| std::fs::write(copy.join("walk.17391304.mp4"), vec![7; 70_000]), "the copy changed a moment ago"),
        (|copy| std::fs::remove_file(copy.with_extension("b3")), "the manifest beside the copy changed a moment ago"),
    ];
    for (act, reason) in acts {
        let recording = Recording::new();
        let mut told = recording.witness();
        let copied = recording.copied();
        at(&recording, &mut told, "moved into the trash", move |_| act(&copied).unwrap());
        put_back(&recording, &told, reason);
        assert_eq!(everything(&recording.session()).len(), 4);
    }
}

#[test]
fn other_bytes_of_the_same_size_and_time_are_found_by_reading() {
    let recording = Recording::new();
    let path = recording.session().join("walk.17391304.mp4");
    let modified = std::fs::metadata(&path).unwrap().modified().unwrap();
    let touch = |content: &[u8]| {
        std::fs::write(&path, content).unwrap();
        std::fs::File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
    };
    touch(&vec![8; 70_000]);
    refuses(&recording, &recording.witness(), "Network: walk.17391304.mp4: content differs from the manifest");
    // The same bytes written again are no reason.
    touch(&vec![7; 70_000]);
    recording.delete(&recording.witness()).unwrap();
}

#[test]
fn odd_things_refuse_and_are_named() {
    let recording = Recording::new();
    symlink("/etc/passwd", recording.session().join("link")).unwrap();
    refuses(&recording, &recording.witness(), "link is a symbolic link");
    std::fs::remove_file(recording.session().join("link")).unwrap();
    symlink("..", recording.session().join("images/loop")).unwrap();
    refuses(&recording, &recording.witness(), "images/loop is a symbolic link");
    std::fs::remove_file(recording.session().join("images/loop")).unwrap();
    run("mkfifo", &[recording.session().join("fifo").to_str().unwrap()]);
    refuses(&recording, &recording.witness(), "fifo is a fifo");
}

#[test]
fn a_session_that_is_a_link_refuses() {
    let recording = Recording::new();
    let elsewhere = recording.place().join("elsewhere");
    std::fs::rename(recording.session(), &elsewhere).unwrap();
    symlink(&elsewhere, recording.session()).unwrap();
    let reasons = recording.delete(&recording.witness()).unwrap_err();
    assert!(reasons[0].contains("is a symbolic link or no folder"), "{reasons:?}");
    assert!(elsewhere.join("walk.json").exists());
    // Nor may a folder on the way to it be one.
    let recording = Recording::new();
    let elsewhere = recording.place().join("elsewhere");
    std::fs::rename(recording.source().join("p001"), &elsewhere).unwrap();
    symlink(&elsewhere, recording.source().join("p001")).unwrap();
    recording.delete(&recording.witness()).unwrap_err();
    assert!(elsewhere.join("20250104/walk.json").exists());
}

#[test]
fn a_trash_that_is_a_link_refuses() {
    let recording = Recording::new();
    let elsewhere = recording.place().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    symlink(&elsewhere, recording.trash()).unwrap();
    let reasons = recording.delete(&recording.witness()).unwrap_err();
    assert!(reasons[0].contains(".hotspare-trash cannot be used: it is a link"), "{reasons:?}");
    assert!(recording.session().join("walk.json").exists());
    assert_eq!(std::fs::read_dir(elsewhere).unwrap().count(), 0);
}

#[test]
fn a_folder_that_is_replaced_by_a_link_in_the_last_moment_is_left_alone() {
    let recording = Recording::new();
    let (session, aside, outside) =
        (recording.session(), recording.place().join("aside"), recording.place().join("outside"));
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("precious"), b"precious").unwrap();
    let mut told = recording.witness();
    let (once, target) = (std::sync::Once::new(), outside.clone());
    told.on = Box::new(move |step| {
        if step == "go on" {
            once.call_once(|| {
                std::fs::rename(&session, &aside).unwrap();
                symlink(&target, &session).unwrap();
            });
        }
    });
    let reasons = recording.delete(&told).unwrap_err();
    assert!(reasons[0].contains("was replaced by something else"), "{reasons:?}");
    assert_eq!(std::fs::read_link(recording.session()).unwrap(), outside);
    assert_eq!(std::fs::read(outside.join("precious")).unwrap(), b"precious");
    assert_eq!(everything(&recording.place().join("aside")).len(), 4);
    assert_eq!(std::fs::read_dir(recording.trash()).unwrap().count(), 0);
}

/// Does something to the session's folder in the trash at a step.
fn at(recording: &Recording, told: &mut Told, step: &'static str, act: impl Fn(&Path) + Send + Sync + 'static) {
    let (trash, once) = (Recording::at(recording.place()), std::sync::Once::new());
    told.on = Box::new(move |now| {
        if now == step {
            once.call_once(|| act(&trash.in_trash().expect("it lies in the trash")));
        }
    });
}

#[test]
fn a_file_written_in_the_very_last_moment_brings_the_session_back() {
    let recording = Recording::new();
    let mut told = recording.witness();
    at(&recording, &mut told, "moved into the trash", |trash| {
        let mut file = std::fs::File::options().append(true).open(trash.join("walk.json")).unwrap();
        file.write_all(b"").unwrap();
        std::fs::write(trash.join("late.mp4"), b"late").unwrap();
    });
    put_back(&recording, &told, "late.mp4 appeared a moment ago");
    assert_eq!(std::fs::read(recording.session().join("late.mp4")).unwrap(), b"late");
}

#[test]
fn bytes_changed_in_the_very_last_moment_bring_it_back_even_where_size_and_time_are_the_same() {
    let recording = Recording::new();
    let mut told = recording.witness();
    at(&recording, &mut told, "moved into the trash", |trash| {
        let path = trash.join("images/face\n.jpg");
        let modified = std::fs::metadata(&path).unwrap().modified().unwrap();
        std::fs::write(&path, [2; 3_000]).unwrap();
        std::fs::File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
    });
    put_back(&recording, &told, "images/face\n.jpg was written to a moment ago");
}

#[test]
fn putting_back_never_overwrites_a_folder_that_appeared_meanwhile() {
    let recording = Recording::new();
    let mut told = recording.witness();
    let session = recording.session();
    at(&recording, &mut told, "moved into the trash", move |trash| {
        std::fs::write(trash.join("late.mp4"), b"late").unwrap();
        std::fs::create_dir(&session).unwrap();
        std::fs::write(session.join("new.mp4"), b"new").unwrap();
    });
    let reasons = recording.delete(&told).unwrap_err();
    let trash = recording.in_trash().unwrap();
    assert!(reasons.iter().any(|said| said.contains("both are kept")), "{reasons:?}");
    assert!(reasons.iter().any(|said| said.contains(trash.to_str().unwrap())), "{reasons:?}");
    assert_eq!(everything(&trash).len(), 5);
    assert_eq!(everything(&recording.session()).len(), 1);
    // It is told again until somebody brings them together, and put back when its place is free.
    assert!(recording.recover()[0].contains("both are kept"));
    std::fs::remove_dir_all(recording.session()).unwrap();
    assert_eq!(recording.recover(), ["the deletion of p001/20250104 was interrupted before its end: it was put back"]);
    assert_eq!(everything(&recording.session()).len(), 5);
    assert_eq!(recording.recover(), Vec::<String>::new());
}

#[test]
fn what_appears_while_it_is_removed_is_kept() {
    let recording = Recording::new();
    let mut told = recording.witness();
    at(&recording, &mut told, "removed", |trash| {
        std::fs::write(trash.join("late.mp4"), b"late").unwrap();
        std::fs::create_dir(trash.join("take two")).unwrap();
        std::fs::write(trash.join("take two/late.mp4"), b"late too").unwrap();
    });
    let deleted = recording.delete(&told).unwrap();
    assert_eq!(deleted.report.notes.len(), 1);
    assert!(deleted.report.notes[0].contains("is kept in p001/20250104"), "{:?}", deleted.report.notes);
    let kept = everything(&recording.session());
    assert_eq!(
        kept.into_keys().collect::<Vec<_>>(),
        ["late.mp4", "take two", "take two/late.mp4"].map(std::path::PathBuf::from)
    );
    assert_eq!(std::fs::read_dir(recording.trash()).unwrap().count(), 0);
}

#[test]
fn whoever_has_a_file_open_is_named() {
    let recording = Recording::new();
    let file = recording.session().join("walk.17391304.mp4");
    let mut child = Command::new("sh")
        .args(["-c", "exec 3>>\"$1\"; echo; read _", "sh"])
        .arg(&file)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut [0]).unwrap();
    let said = format!("process {} (sh) has walk.17391304.mp4 open; end it or wait", child.id());
    refuses(&recording, &recording.witness(), &said);
    drop(child.stdin.take());
    child.wait().unwrap();
    recording.delete(&recording.witness()).unwrap();
}

#[test]
fn whoever_works_on_it_is_named() {
    let recording = Recording::new();
    let lock = Lock::take(&recording.source(), &Recording::key(), "being copied", Clock::real().now()).unwrap();
    refuses(&recording, &recording.witness(), "being copied since ");
    drop(lock);
    recording.delete(&recording.witness()).unwrap();
}

#[test]
fn two_deletions_of_one_session_delete_it_once() {
    let recording = Recording::new();
    let ended: Vec<_> = std::thread::scope(|scope| {
        let both: Vec<_> = (0..2).map(|_| scope.spawn(|| recording.delete(&recording.witness()))).collect();
        both.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(ended.iter().filter(|ended| ended.is_ok()).count(), 1, "{ended:?}");
    assert!(!recording.session().exists());
}

#[test]
fn what_hotspare_did_not_put_into_the_trash_stays() {
    let recording = Recording::new();
    std::fs::create_dir_all(recording.trash().join("my things")).unwrap();
    std::fs::write(recording.trash().join("20250104_p001_0123"), b"a file").unwrap();
    std::fs::write(recording.trash().join("20250104_p009_0123.approved"), b"torn").unwrap();
    let before = recording.everything();
    let said = recording.recover();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said.iter().all(|said| said.contains("hotspare has no note of it")), "{said:?}");
    let mut after = recording.everything();
    after.retain(|path, _| !path.starts_with(".hotspare"));
    after.extend(before.clone().into_iter().filter(|(path, _)| path.ends_with("20250104_p009_0123.approved")));
    assert_eq!(before, after);
    recording.delete(&recording.witness()).unwrap();
}

pub(crate) fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().expect(program);
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}
