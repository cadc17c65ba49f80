//! Reads a secret: from a file, an environment variable, a command, or what systemd hands the engine.

use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Mode, OFlags};

use crate::fleet::disk;
use crate::fleet::secret::{Secret, SecretSource};
use crate::reach::{plain, program};

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

/// The secret as it is now, or `None` where none is declared.
pub async fn resolve(source: &SecretSource) -> Result<Option<Secret>, SecretError> {
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
fn from_file(path: &Path) -> Result<Secret, SecretError> {
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
}
