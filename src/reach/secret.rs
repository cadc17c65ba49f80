//! Reads a secret from where the fleet file says it is, and remembers it for a short while: a check that runs each second
//! must not start a program each second.

use std::ffi::OsStr;
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use rustix::fs::{Mode, OFlags};

use super::{plain, program};
use crate::clock::{Clock, Tick};
use crate::fleet::disk;
use crate::fleet::secret::{Secret, SecretSource};

/// Longest secret, bytes.
const LONGEST: usize = 64 * 1024;
/// How long a `password_command`, or the disk of a secret file, may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why a secret could not be had. Never holds any part of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct SecretError {
    /// What, where and why.
    pub what: String,
    /// What to do now.
    pub remedy: String,
}

impl SecretError {
    fn new(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { what: what.into(), remedy: remedy.into() }
    }
}

/// How long a secret is remembered.
const REMEMBERED: Duration = Duration::from_secs(60);
/// How long one is that could not be had, or that was refused by the server it is for.
const DOUBTED: Duration = Duration::from_secs(5);

/// Secrets for a short while. Cheap to clone; the clones share what they remember.
#[derive(Clone)]
pub struct Secrets {
    clock: Clock,
    known: Arc<Mutex<Vec<Known>>>,
}

type Resolved = Result<Option<Secret>, SecretError>;

/// One secret, or the question for it that is under way, which everybody who needs it shares.
struct Known {
    source: SecretSource,
    doubted: bool,
    asking: Shared<BoxFuture<'static, (Tick, Resolved)>>,
}

impl Known {
    fn holds(&self, now: Tick) -> bool {
        match self.asking.peek() {
            None => true,
            Some((read, Ok(_))) if !self.doubted => now.since(*read) < REMEMBERED,
            Some((read, _)) => now.since(*read) < DOUBTED,
        }
    }
}

impl Secrets {
    /// Nothing is remembered yet.
    pub fn new(clock: Clock) -> Self {
        Self { clock, known: Arc::default() }
    }

    /// The secret, or `None` where none is declared. Asks anew where what is remembered is too old.
    pub async fn resolve(&self, source: &SecretSource) -> Resolved {
        if matches!(source, SecretSource::None | SecretSource::Inline(_)) {
            return resolve(source).await;
        }
        let asking = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.retain(|known| known.holds(self.clock.tick()));
            if let Some(known) = known.iter().find(|known| known.source == *source) {
                known.asking.clone()
            } else {
                let (clock, from) = (self.clock.clone(), source.clone());
                let asking = async move {
                    let resolved = resolve(&from).await;
                    (clock.tick(), resolved)
                };
                let asking = asking.boxed().shared();
                // A task of its own: whoever asked first may give up before the answer comes.
                tokio::spawn(asking.clone());
                known.push(Known { source: source.clone(), doubted: false, asking: asking.clone() });
                asking
            }
        };
        asking.await.1
    }

    /// A server refused it: it may have been changed, so it is soon asked for again.
    pub fn doubt(&self, source: &SecretSource) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter_mut().filter(|known| known.source == *source).for_each(|known| known.doubted = true);
    }

    /// Forgets everything.
    pub fn forget(&self) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(…)")
    }
}

/// The secret as it is now, or `None` where none is declared.
pub async fn resolve(source: &SecretSource) -> Resolved {
    match source {
        SecretSource::None => Ok(None),
        SecretSource::Inline(secret) => Ok(Some(secret.clone())),
        SecretSource::Env(name) => from_env(name).map(Some),
        SecretSource::Command(words) => from_command(words).await.map(Some),
        SecretSource::File(path) => read_aside(path.clone(), from_file).await.map(Some),
        SecretSource::Credential(name) => {
            let folder = std::env::var_os("CREDENTIALS_DIRECTORY");
            let path = credential(name, folder.as_deref())?;
            let name = name.clone();
            read_aside(path, move |path| from_credential(&name, path)).await.map(Some)
        }
    }
}

/// Reads from a thread that can be left behind.
async fn read_aside(
    path: PathBuf,
    read: impl FnOnce(&Path) -> Result<Secret, SecretError> + Send + 'static,
) -> Result<Secret, SecretError> {
    let read = tokio::task::spawn_blocking(move || disk::ask(&path, PATIENCE, read)).await;
    read.ok().flatten().unwrap_or_else(|| {
        Err(SecretError::new("the disk of the secret file does not answer", "is it on a share that hangs?"))
    })
}

/// Where systemd lays a credential of this name; `folder` is what it says in `$CREDENTIALS_DIRECTORY`.
fn credential(name: &str, folder: Option<&OsStr>) -> Result<PathBuf, SecretError> {
    let Some(folder) = folder.filter(|folder| !folder.is_empty()) else {
        return Err(SecretError::new(
            format!(
                "credential {name} cannot be read: systemd hands this engine none ($CREDENTIALS_DIRECTORY is not set)"
            ),
            format!(
                "start the engine as a service with LoadCredential={name}:/path/of/the/file, or use a password_file"
            ),
        ));
    };
    Ok(Path::new(folder).join(name))
}

/// The first line of a credential. Its folder is the service's alone; systemd lets its user in by an access list, which looks
/// like a right of the group.
fn from_credential(name: &str, path: &Path) -> Result<Secret, SecretError> {
    let remedy = || {
        format!(
            "LoadCredential={name}:/path/of/the/file in the unit of the engine (systemctl edit), then restart it; {} has those that are there",
            path.parent().unwrap_or(path).display()
        )
    };
    let text = open_secret(path, Mode::RWXO)
        .map_err(|unfit| SecretError::new(format!("credential {name} {}", unfit.why()), remedy()))?;
    first_line(&text).ok_or_else(|| SecretError::new(format!("credential {name} is empty"), remedy()))
}

/// The first line of a file that nobody else may read. Symbolic links are followed; what counts is the file itself.
pub fn from_file(path: &Path) -> Result<Secret, SecretError> {
    let shown = path.display();
    let text = open_secret(path, Mode::RWXG | Mode::RWXO).map_err(|unfit| {
        let remedy = match &unfit {
            Unfit::Unreadable(_) => "check the path and its owner".to_owned(),
            Unfit::NoFile => "name a regular file".to_owned(),
            Unfit::Open(_) => format!("chmod 600 {shown}"),
        };
        SecretError::new(format!("secret file {shown} {}", unfit.why()), remedy)
    })?;
    first_line(&text).ok_or_else(|| {
        SecretError::new(format!("secret file {shown} is empty"), "write the secret into its first line")
    })
}

/// Why a file is no place for a secret.
enum Unfit {
    Unreadable(std::io::Error),
    NoFile,
    /// Others may read it; its mode.
    Open(u32),
}

impl Unfit {
    fn why(&self) -> String {
        match self {
            Self::Unreadable(error) => format!("cannot be read: {error}"),
            Self::NoFile => "is not a file".to_owned(),
            Self::Open(mode) => format!("can be read by others (mode {mode:03o})"),
        }
    }
}

/// The text of a file that gives none of these rights.
fn open_secret(path: &Path, forbidden: Mode) -> Result<String, Unfit> {
    // Not blocking, so that a fifo in its place does not hold the thread.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = rustix::fs::open(path, flags, Mode::empty()).map_err(|errno| Unfit::Unreadable(errno.into()))?;
    // Asked of the open file, so that it cannot be exchanged between the question and the reading.
    let stat = rustix::fs::fstat(&file).map_err(|errno| Unfit::Unreadable(errno.into()))?;
    if rustix::fs::FileType::from_raw_mode(stat.st_mode) != rustix::fs::FileType::RegularFile {
        return Err(Unfit::NoFile);
    }
    if Mode::from_raw_mode(stat.st_mode).intersects(forbidden) {
        return Err(Unfit::Open(stat.st_mode & 0o777));
    }
    let mut text = String::new();
    std::fs::File::from(file).take(LONGEST as u64).read_to_string(&mut text).map_err(Unfit::Unreadable)?;
    Ok(text)
}

fn from_env(name: &str) -> Result<Secret, SecretError> {
    std::env::var(name).ok().and_then(|text| first_line(&text)).ok_or_else(|| {
        SecretError::new(
            format!("environment variable {name} is not set for the engine"),
            format!("set {name} where the engine is started, or use password_file"),
        )
    })
}

async fn from_command(words: &[String]) -> Result<Secret, SecretError> {
    let Some((program, arguments)) = words.split_first() else {
        return Err(SecretError::new("password_command is empty", "name a program"));
    };
    let failed = |why: String| {
        SecretError::new(
            format!("password_command {program} {why}"),
            format!("run {program} by hand and see what it says"),
        )
    };
    let mut command = program::command(program);
    command.args(arguments);
    let Ok(ended) = tokio::time::timeout(PATIENCE, program::run(command, b"", LONGEST)).await else {
        return Err(failed(format!("did not end in {} s", PATIENCE.as_secs())));
    };
    let ended = ended.map_err(|error| failed(format!("cannot be started: {error}")))?;
    if ended.status.success() {
        return first_line(&String::from_utf8_lossy(&ended.stdout)).ok_or_else(|| failed("printed nothing".into()));
    }
    let said = plain::last_line(&String::from_utf8_lossy(&ended.stderr), 120);
    Err(failed(format!("ended with {}: {said}", ended.status)))
}

fn first_line(text: &str) -> Option<Secret> {
    text.lines().next().filter(|line| !line.is_empty()).map(Secret::new)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn file(mode: u32, text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(file.path(), text).expect("written");
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).expect("rights set");
        file
    }

    #[test]
    fn a_private_file_is_read_and_an_open_one_refused() {
        let private = file(0o600, "s3cret\nsecond line\n");
        assert_eq!(from_file(private.path()), Ok(Secret::new("s3cret")));
        for mode in [0o640, 0o604, 0o644, 0o620] {
            let open = file(mode, "s3cret\n");
            let error = from_file(open.path()).expect_err("others may read it");
            assert!(error.what.contains("can be read by others"), "{error}");
            assert!(error.remedy.starts_with("chmod 600"), "{error:?}");
        }
        assert!(from_file(file(0o600, "").path()).is_err());
        assert!(from_file(Path::new("/nowhere/at/all")).is_err());
        assert!(from_file(Path::new("/dev")).is_err());
    }

    #[test]
    fn a_credential_of_systemd_is_read_from_its_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("probe");
        std::fs::write(&path, "s3cret\nsecond\n").expect("written");
        let found = credential("probe", Some(folder.path().as_os_str())).expect("a place");
        // An access list for the service's user shows as a right of the group.
        for (mode, fine) in [(0o400, true), (0o440, true), (0o444, false)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("rights set");
            assert_eq!(from_credential("probe", &found).is_ok(), fine, "{mode:o}");
        }
        let missing = credential("prob", Some(folder.path().as_os_str())).expect("a place");
        let error = from_credential("prob", &missing).expect_err("there is none");
        assert!(error.what.contains("credential prob cannot be read") && error.remedy.contains("LoadCredential=prob:"));
        for none in [None, Some(OsStr::new(""))] {
            let error = credential("probe", none).expect_err("no systemd");
            assert!(error.what.contains("$CREDENTIALS_DIRECTORY is not set"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_command_prints_it() {
        let words = |script: &str| SecretSource::Command(vec!["sh".into(), "-c".into(), script.into()]);
        assert_eq!(resolve(&words("echo pw; echo more")).await, Ok(Some(Secret::new("pw"))));
        let error = resolve(&words("echo locked >&2; exit 3")).await.expect_err("it failed");
        assert!(error.what.contains("locked"), "{error}");
        assert!(resolve(&words("true")).await.is_err());
        assert_eq!(resolve(&SecretSource::None).await, Ok(None));
        assert!(resolve(&SecretSource::Env("HOTSPARE_NO_SUCH_VARIABLE".into())).await.is_err());
    }

    #[tokio::test]
    async fn a_program_is_asked_once_a_minute_and_soon_again_when_in_doubt() {
        let folder = tempfile::tempdir().expect("a folder");
        let count = folder.path().join("count");
        let script = format!("echo x >> {0}; wc -l < {0}", count.display());
        let source = SecretSource::Command(vec!["sh".into(), "-c".into(), script]);
        let clock = Clock::held(crate::clock::Timestamp::UNIX_EPOCH);
        let secrets = Secrets::new(clock.clone());
        let told = async || secrets.resolve(&source).await.expect("told").expect("one").expose().trim().to_owned();
        let all = futures_util::future::join_all((0..20).map(|_one| secrets.resolve(&source))).await;
        assert!(all.iter().all(|one| *one == all[0]), "one question for all");
        clock.advance(Duration::from_secs(59));
        assert_eq!(told().await, "1");
        clock.advance(Duration::from_secs(2));
        assert_eq!(told().await, "2");
        secrets.doubt(&source);
        assert_eq!(told().await, "2", "not with every run of the check");
        clock.advance(DOUBTED);
        assert_eq!(told().await, "3");
        secrets.forget();
        assert_eq!(told().await, "4");
        assert_eq!(format!("{secrets:?}"), "Secrets(…)");
    }

    #[tokio::test]
    async fn what_could_not_be_had_is_tried_again_soon() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("pass");
        let clock = Clock::held(crate::clock::Timestamp::UNIX_EPOCH);
        let secrets = Secrets::new(clock.clone());
        let source = SecretSource::File(path.clone());
        assert!(secrets.resolve(&source).await.is_err());
        std::fs::write(&path, "pw\n").expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("rights set");
        clock.advance(DOUBTED);
        assert_eq!(secrets.resolve(&source).await, Ok(Some(Secret::new("pw"))));
    }
}
