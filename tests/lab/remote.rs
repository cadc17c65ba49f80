//! Copies on another machine, over a real sshd with the real rsync.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use hotspare::clock::Clock;
use hotspare::fleet::share::SshFolder;
use hotspare::session::key::Key;
use hotspare::session::lock::Who;
use hotspare::session::remote::{Order, Question, Remote, RemoteError};
use hotspare::session::view::Level;
use hotspare::work::progress::Event;
use hotspare::work::steer::{Alone, Steer};
use hotspare::work::throttle::Throttle;
use hotspare::work::view::Part;

use crate::farm::{Host, Ssh, processes, run, until};

const MARKER: &str = "0123456789abcdef0123456789abcdef";

/// A source here, a destination there.
struct Lab {
    host: Host,
    ssh: Ssh,
    remote: Remote,
    source: tempfile::TempDir,
    key: Key,
    participant: String,
}

impl Lab {
    async fn start() -> Self {
        Self::with(&[], "p001").await
    }

    async fn with(programs: &[(&str, &str)], participant: &str) -> Self {
        let mut host = Host::new();
        let ssh = host.sshd_with(programs).await;
        let there = host.folder.path().join("copies of all");
        std::fs::create_dir(&there).expect("a folder");
        let folder = SshFolder { destination: ssh.destination.clone(), path: there.display().to_string() };
        let remote = Remote::new(ssh.pool(), tokio::runtime::Handle::current(), folder);
        let key = Key::new(participant, "20250104").expect("a key");
        Self { host, ssh, remote, source: tempfile::tempdir().expect("a folder"), key, participant: participant.into() }
    }

    fn there(&self) -> PathBuf {
        self.host.folder.path().join("copies of all")
    }

    fn copy_at(&self) -> PathBuf {
        self.there().join(self.relative())
    }

    fn relative(&self) -> PathBuf {
        Path::new("20250104").join(&self.participant)
    }

    fn write(&self, name: impl AsRef<Path>, bytes: &[u8]) {
        let path = self.source.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, bytes).expect("written");
    }

    /// Leaves the marker, as the first sync does.
    async fn mark(&self) {
        let text = format!("{{\"id\": \"{MARKER}\"}}\n");
        let left = self.blocking(move |remote| remote.leave(text.as_bytes(), "fresh")).await.expect("left");
        assert_eq!(left, format!("{{\"id\": \"{MARKER}\"}}\n").into_bytes());
    }

    async fn blocking<T: Send + 'static>(&self, work: impl FnOnce(&Remote) -> T + Send + 'static) -> T {
        let remote = self.remote.clone();
        tokio::task::spawn_blocking(move || work(&remote)).await.expect("it ends")
    }

    async fn copy_with(
        &self,
        steer: Arc<dyn Steer>,
        dry_run: bool,
    ) -> Result<hotspare::session::copy::Copied, RemoteError> {
        self.copy_slowly(steer, dry_run, None).await
    }

    async fn copy_slowly(
        &self,
        steer: Arc<dyn Steer>,
        dry_run: bool,
        throttle: Option<Throttle>,
    ) -> Result<hotspare::session::copy::Copied, RemoteError> {
        let (key, source, relative) = (self.key.clone(), self.source.path().to_owned(), self.relative());
        self.blocking(move |remote| {
            let order = Order {
                key: &key,
                source: &source,
                relative: &relative,
                marker: MARKER,
                who: &Who::us("being copied", Clock::real().now()),
                exclude: &|path| path.extension() == Some(OsStr::new("tmp")),
                throttle: throttle.as_ref(),
                steer: steer.as_ref(),
                dry_run,
            };
            remote.copy(&order)
        })
        .await
    }

    async fn copy(&self) -> Result<hotspare::session::copy::Copied, RemoteError> {
        self.copy_with(Arc::new(Alone), false).await
    }

    async fn verify(
        &self,
        level: Option<Level>,
        with_source: bool,
    ) -> Result<hotspare::session::verify::Outcome, RemoteError> {
        let (source, relative) = (self.source.path().to_owned(), self.relative());
        self.blocking(move |remote| {
            remote.verify(&Question {
                relative: &relative,
                source: with_source.then_some(source.as_path()),
                exclude: &|_| false,
                level,
                throttle: None,
                steer: &Alone,
            })
        })
        .await
    }

    /// As anybody can check the copy who has nothing but b3sum.
    fn checked(&self) {
        let folder = self.there().join("20250104");
        let script = format!("cd '{}' && b3sum --check --quiet \"$1\"", folder.display());
        run("sh", &["-c", &script, "sh", &format!("{}.b3", self.participant)]);
    }
}

fn trouble<T: std::fmt::Debug>(ended: Result<T, RemoteError>) -> (&'static str, String) {
    match ended {
        Err(RemoteError::Trouble { word, why, remedy }) => {
            assert!(!remedy.is_empty());
            (word, why)
        }
        other => panic!("trouble expected: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_copied_read_back_and_checked_by_others() {
    let lab = Lab::start().await;
    lab.write("walk_20250104_100100.1.mp4", &vec![7; 3_000_000]);
    lab.write("images/photo.jpg", b"jpeg");
    lab.write("half.tmp", b"not part of it");
    std::fs::create_dir(lab.source.path().join("empty")).expect("a folder");
    lab.mark().await;
    let dry = lab.copy_with(Arc::new(Alone), true).await.expect("a dry run");
    assert_eq!((dry.written, dry.written_bytes, lab.copy_at().exists()), (2, 3_000_004, false));

    let copied = lab.copy().await.expect("copied");
    assert!(copied.whole() && copied.repaired.is_empty(), "{copied:?}");
    assert_eq!((copied.files, copied.bytes, copied.written), (2, 3_000_004, 2));
    let proof = copied.proof.expect("it was read back");
    assert!(proof.ok() && proof.from_storage && proof.read == Some("after the cache was dropped"), "{proof:?}");
    lab.checked();
    assert!(lab.copy_at().join("empty").is_dir() && !lab.copy_at().join("half.tmp").exists());
    let time = |path: PathBuf| std::fs::metadata(path).expect("there").modified().expect("a time");
    assert_eq!(time(lab.source.path().join("images/photo.jpg")), time(lab.copy_at().join("images/photo.jpg")));
    assert!(!lab.there().join(".hotspare/staging/p001_20250104").exists(), "nothing half is left");

    let again = lab.copy().await.expect("there already");
    assert_eq!((again.written, again.whole()), (0, true));
    let listing = lab.blocking(|remote| remote.list_all(&|| true)).await.expect("listed");
    let names: Vec<_> = listing.files.iter().map(|file| file.path.display().to_string()).collect();
    let all = ["p001/images/photo.jpg", "p001/walk_20250104_100100.1.mp4", "p001.b3", "p001.sizes"];
    assert_eq!(names, all.map(|name| format!("20250104/{name}")), "nothing of hotspare's own is listed");
    let folders = lab.blocking(|remote| remote.list_folders(&|| true)).await.expect("listed");
    assert_eq!((folders.files.len(), &folders.folders), (0, &listing.folders), "the same folders with the same times");
    let relative = lab.relative();
    let some = lab.blocking(move |remote| remote.list_some(&[relative], &|| true)).await.expect("listed");
    let inside: Vec<_> = listing.files.iter().filter(|file| file.path.starts_with(lab.relative())).cloned().collect();
    assert_eq!(some.files, inside);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_names_and_nothing_is_followed() {
    let bait = std::env::temp_dir().join(format!("hotspare-bait-{}", std::process::id()));
    let participant = format!("x$(touch {})'\"`;", bait.file_name().expect("a name").display());
    let lab = Lab::with(&[], &participant).await;
    lab.mark().await;
    let hard: [&[u8]; 9] =
        [b"a\nb.mp4", b"-rf", b"--delete", b"#c", b"q'\"`$(touch x)`", b"\xff\xfe.mp4", b"a b\\c", b"*", &[b'n'; 255]];
    for name in hard {
        lab.write(OsStr::from_bytes(name), name);
    }
    symlink("/etc/passwd", lab.source.path().join("link")).expect("a link");
    let copied = lab.copy().await.expect("copied");
    assert!(copied.failed.is_empty(), "{:?}", copied.failed);
    assert_eq!((copied.files, copied.odd.len(), copied.whole()), (9, 1, false), "a link is named, not copied");
    for name in hard {
        assert_eq!(std::fs::read(lab.copy_at().join(OsStr::from_bytes(name))).expect("there"), name);
    }
    assert!(!lab.copy_at().join("link").exists() && !bait.exists() && !lab.there().join("x").exists());
    lab.checked();
    let verified = lab.verify(None, true).await.expect("verified");
    assert!(verified.ok() && verified.level == Level::Content && verified.files == 9, "{verified:?}");
    assert!(lab.verify(Some(Level::Content), false).await.expect("verified").ok(), "by the manifest alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_differs_is_found_and_copied_again() {
    let lab = Lab::start().await;
    lab.mark().await;
    for number in 0..5 {
        lab.write(format!("{number}.mp4"), &vec![number; 10_000]);
    }
    lab.copy().await.expect("copied");
    let at = |name: &str| lab.copy_at().join(name);
    // The same size and the same time: only the content tells.
    let time = std::fs::metadata(at("0.mp4")).expect("there").modified().expect("a time");
    let mut bytes = vec![0; 10_000];
    bytes[5_000] = 1;
    std::fs::write(at("0.mp4"), bytes).expect("written");
    std::fs::File::options().append(true).open(at("0.mp4")).expect("open").set_modified(time).expect("set");
    std::fs::write(at("1.mp4"), b"").expect("cut");
    std::fs::remove_file(at("2.mp4")).expect("removed");
    std::fs::write(at("stranger"), b"x").expect("written");

    let count = lab.verify(Some(Level::Count), true).await.expect("verified");
    assert_eq!(
        (count.missing.as_slice(), count.different.len(), count.extra.as_slice()),
        (&["2.mp4".into()][..], 0, &["stranger".into()][..])
    );
    let sizes = lab.verify(Some(Level::Sizes), true).await.expect("verified");
    assert_eq!(sizes.different.iter().map(|it| it.path.as_str()).collect::<Vec<_>>(), ["1.mp4"]);
    for with_source in [true, false] {
        let content = lab.verify(None, with_source).await.expect("verified");
        let mut different: Vec<_> = content.different.iter().map(|it| (it.path.as_str(), it.reason.as_str())).collect();
        different.sort_unstable();
        assert_eq!(different, [("0.mp4", "content"), ("1.mp4", "size")], "source: {with_source}");
    }
    let copied = lab.copy().await.expect("copied");
    assert!(copied.whole() && copied.repaired == ["0.mp4"] && copied.extra == ["stranger"], "{copied:?}");
    std::fs::remove_file(at("stranger")).expect("removed");
    assert!(lab.verify(None, true).await.expect("verified").ok());
    lab.checked();
    std::fs::remove_dir_all(lab.copy_at()).expect("removed");
    assert_eq!(lab.verify(None, true).await.expect("verified").missing.len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_not_the_one_it_was_is_left_alone() {
    let lab = Lab::start().await;
    lab.write("a.mp4", b"a");
    let seen = lab.blocking(|remote| remote.look(Duration::from_secs(5))).await.expect("seen");
    assert!(seen.writable && seen.marker.is_none() && seen.free.is_some_and(|free| free > 0), "{seen:?}");
    let (word, why) = trouble(lab.copy().await);
    assert!(word == "replaced" && why.contains("its marker is gone"), "{why}");
    assert_eq!(std::fs::read_dir(lab.there()).expect("read").count(), 0, "nothing was made there");
    lab.mark().await;
    let other = lab.blocking(|remote| remote.leave(b"{\"id\": \"another\"}", "late")).await.expect("there");
    assert!(String::from_utf8_lossy(&other).contains(MARKER), "who comes later takes what is there");
    std::fs::remove_dir_all(lab.there()).expect("unmounted");
    let (word, _) = trouble(lab.copy().await);
    assert_eq!(word, "no folder");
    assert!(!lab.there().exists(), "it is not made");
}

/// Ends the work when so many bytes have moved.
struct EndsAt(u64, AtomicU64, AtomicBool);

impl Steer for EndsAt {
    fn go_on(&self) -> bool {
        !self.2.load(Ordering::Relaxed)
    }

    fn event(&self, event: Event) {
        if let Event::Reached(done) = event {
            self.1.fetch_max(done, Ordering::Relaxed);
            if done >= self.0 {
                self.2.store(true, Ordering::Relaxed);
            }
        }
    }

    fn part(&self, _: Option<Part>) {}

    fn note(&self, _: &str) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_interrupted_is_taken_up_again() {
    let lab = Lab::start().await;
    lab.mark().await;
    for number in 0..40 {
        lab.write(format!("{number}.mp4"), &vec![number; 1_000_000]);
    }
    let ended = lab.copy_with(Arc::new(EndsAt(10_000_000, AtomicU64::new(0), AtomicBool::new(false))), false).await;
    assert!(matches!(ended, Err(RemoteError::Cancelled)), "{ended:?}");
    assert!(!lab.copy_at().exists(), "nothing half has its name");
    let copied = lab.copy().await.expect("copied");
    assert!(copied.whole() && copied.files == 40, "{copied:?}");
    lab.checked();
}

/// Holds the work from its first megabyte on until it is let go.
#[derive(Default)]
struct Held {
    begun: AtomicBool,
    free: AtomicBool,
}

impl Steer for Held {
    fn go_on(&self) -> bool {
        while self.begun.load(Ordering::Relaxed) && !self.free.load(Ordering::Relaxed) {
            std::thread::park_timeout(std::time::Duration::from_millis(10));
        }
        true
    }

    fn event(&self, event: Event) {
        if matches!(event, Event::Reached(done) if done >= 1_000_000) {
            self.begun.store(true, Ordering::Relaxed);
        }
    }

    fn part(&self, _: Option<Part>) {}

    fn note(&self, _: &str) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_held_let_go_and_its_limit_changed_while_it_runs() {
    let lab = Lab::start().await;
    lab.mark().await;
    for number in 0..4 {
        lab.write(format!("{number}.mp4"), &vec![number; 10_000_000]);
    }
    let steer = Arc::new(Held::default());
    let throttle = Throttle::new(Some(4_000_000), Clock::real());
    let from = lab.source.path().display().to_string();
    let copying = lab.copy_slowly(steer.clone(), false, Some(throttle.clone()));
    let watching = async {
        until("it has begun", || steer.begun.load(Ordering::Relaxed)).await;
        until("rsync is ended while the copy is held", || processes(&from).is_empty()).await;
        throttle.change(None);
        steer.free.store(true, Ordering::Relaxed);
    };
    let (copied, ()) = tokio::join!(copying, watching);
    assert!(copied.expect("copied").whole());
    lab.checked();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cable_pulled_in_the_middle_leaves_nothing_half() {
    let lab = Lab::start().await;
    lab.mark().await;
    lab.write("long.mp4", &vec![3; 30_000_000]);
    let seen = Arc::new(EndsAt(u64::MAX, AtomicU64::new(0), AtomicBool::new(false)));
    let throttle = Throttle::new(Some(2_000_000), Clock::real());
    let copying = lab.copy_slowly(seen.clone(), false, Some(throttle));
    let pulling = async {
        until("it has begun", || seen.1.load(Ordering::Relaxed) > 1_000_000).await;
        lab.host.unplug();
    };
    let (ended, ()) = tokio::join!(copying, pulling);
    let (word, why) = trouble(ended);
    assert!(matches!(word, "unreachable" | "no answer"), "{word}: {why}");
    assert!(!lab.copy_at().exists());
    lab.host.plug();
    let mut copied = lab.copy().await;
    for _try in 0..30 {
        if copied.is_ok() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        copied = lab.copy().await;
    }
    assert!(copied.expect("copied in the end").whole());
    lab.checked();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_does_not_answer_is_unknown() {
    let lab = Lab::start().await;
    lab.mark().await;
    lab.write("a.mp4", b"a");
    lab.copy().await.expect("copied");
    lab.host.unplug();
    for ended in [lab.copy().await.map(drop), lab.verify(None, true).await.map(drop)] {
        let (word, why) = trouble(ended);
        assert!(matches!(word, "unreachable" | "no answer") && why.contains(&lab.ssh.destination), "{word}: {why}");
    }
    lab.host.plug();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_without_b3sum_is_asked_for_sha256() {
    // A shell whose programs are those that are needed, without b3sum.
    let tools = tempfile::tempdir().expect("a folder");
    for tool in [
        "rsync",
        "find",
        "sort",
        "xargs",
        "dd",
        "sync",
        "flock",
        "sha256sum",
        "timeout",
        "df",
        "tail",
        "head",
        "cat",
        "mkdir",
        "ln",
        "rm",
        "mv",
        "grep",
        "sh",
    ] {
        symlink(run("sh", &["-c", &format!("command -v {tool}")]).trim(), tools.path().join(tool)).expect("a link");
    }
    let shell = format!("#!/bin/sh\nPATH={}\nexport PATH\nexec /bin/sh \"$@\"\n", tools.path().display());
    let lab = Lab::with(&[("sh", &shell)], "p001").await;
    lab.mark().await;
    lab.write("a\nb.mp4", &vec![1; 100_000]);
    lab.write("c\\d.mp4", b"c");
    let copied = lab.copy().await.expect("copied");
    assert!(copied.whole() && copied.proof.is_some_and(|proof| proof.ok()), "it was read back");
    lab.checked();
    std::fs::write(lab.copy_at().join("c\\d.mp4"), b"x").expect("written");
    let verified = lab.verify(Some(Level::Content), true).await.expect("verified");
    assert_eq!(verified.different.len(), 1, "{verified:?}");
    let alone = lab.verify(Some(Level::Content), false).await;
    assert!(matches!(alone, Err(RemoteError::Nothing(..))), "{alone:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_computers_do_not_copy_one_session_at_once() {
    let lab = Lab::start().await;
    lab.mark().await;
    lab.write("long.mp4", &vec![3; 20_000_000]);
    let throttle = Throttle::new(Some(2_000_000), Clock::real());
    let seen = Arc::new(EndsAt(u64::MAX, AtomicU64::new(0), AtomicBool::new(false)));
    let lock = lab.there().join(".hotspare/locks/p001_20250104");
    let other = Who { pid: 4321, host: "studio-2".into(), ..Who::us("being copied", Clock::real().now()) };
    let from_elsewhere = async |other: &Who| {
        let (key, source, relative, who) =
            (lab.key.clone(), lab.source.path().to_owned(), lab.relative(), other.clone());
        lab.blocking(move |remote| {
            remote.copy(&Order {
                key: &key,
                source: &source,
                relative: &relative,
                marker: MARKER,
                who: &who,
                exclude: &|_| false,
                throttle: None,
                steer: &Alone,
                dry_run: false,
            })
        })
        .await
    };
    let copying = lab.copy_slowly(seen.clone(), false, Some(throttle.clone()));
    let meanwhile = async {
        until("it has begun", || seen.1.load(Ordering::Relaxed) > 1_000_000).await;
        let refused = from_elsewhere(&other).await.expect_err("somebody else copies it").to_string();
        assert!(refused.contains("being copied since") && refused.contains("repeat when it has ended"), "{refused}");
        assert!(lock.exists());
        throttle.change(None);
    };
    let (copied, ()) = tokio::join!(copying, meanwhile);
    assert!(copied.expect("copied").whole());
    assert!(!lock.exists(), "it was given back");
    assert_eq!(from_elsewhere(&other).await.expect("free again").written, 0);

    // Whoever is cut off keeps nobody out for long, and nothing has to be cleared by hand.
    std::fs::remove_dir_all(lab.copy_at()).expect("removed");
    let throttle = Throttle::new(Some(2_000_000), Clock::real());
    let cut = Arc::new(EndsAt(u64::MAX, AtomicU64::new(0), AtomicBool::new(false)));
    let copying = lab.copy_slowly(cut.clone(), false, Some(throttle));
    let pulling = async {
        until("it has begun", || cut.1.load(Ordering::Relaxed) > 1_000_000).await;
        lab.host.unplug();
    };
    trouble(tokio::join!(copying, pulling).0);
    let held = || !lab.host.try_exec(&["flock", "-n", &lock.display().to_string(), "true"]);
    for _try in 0..60 {
        if !held() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert!(!held(), "it is let go where nobody asks for it any more");
    lab.host.plug();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_read_there_hides_nothing_else() {
    // Who logs in is nobody, who may read everything but the folder that each disk has for what it lost.
    let nobody = "#!/bin/sh\n[ \"$(id -u)\" = 65534 ] && exec /bin/sh \"$@\"\nexec setpriv --reuid=65534 --regid=65534 --clear-groups /bin/sh \"$@\"\n";
    let lab = Lab::with(&[("sh", nobody)], "p001").await;
    run("chmod", &["755", &lab.host.folder.path().display().to_string()]);
    let lost = lab.there().join("lost+found");
    std::fs::create_dir(&lost).expect("a folder");
    run("chmod", &["700", &lost.display().to_string()]);
    std::fs::create_dir_all(lab.copy_at()).expect("a folder");
    std::fs::write(lab.copy_at().join("a.mp4"), b"a").expect("written");
    let listing = lab.blocking(|remote| remote.list_all(&|| true)).await.expect("listed");
    assert_eq!(listing.files.len(), 1, "{listing:?}");
    assert_eq!((listing.odd.len(), listing.odd[0].path.as_str()), (1, "lost+found"));
    let seen = lab.blocking(|remote| remote.look(Duration::from_secs(5))).await.expect("seen");
    assert!(!seen.writable, "{seen:?}");
    // Where others may write they may write to what is hotspare's own, too.
    run("chmod", &["777", &lab.there().display().to_string()]);
    lab.mark().await;
    let own = std::fs::metadata(lab.there().join(".hotspare")).expect("there");
    assert_eq!(own.permissions().mode() & 0o777, 0o777);
    // A link in a copy's place is not taken for one.
    symlink(lab.copy_at(), lab.there().join("20250104/p002")).expect("a link");
    let (_, why) = trouble(lab.blocking(|remote| remote.list(Path::new("20250104/p002"))).await);
    assert!(why.contains("the copy is a symbolic link"), "{why}");
}
