//! Reads a secret from where the fleet file says it is, at the moment it is needed.

use std::io::Read;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use tokio::io::AsyncReadExt;

use super::plain;
use crate::fleet::secret::{Secret, SecretSource};

/// Longest secret, bytes.
const LONGEST: u64 = 64 * 1024;
/// How long a `password_command` may take.
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

/// The secret, or `None` where none is declared.
pub async fn resolve(source: &SecretSource) -> Result<Option<Secret>, SecretError> {
    match source {
        SecretSource::None => Ok(None),
        SecretSource::Inline(secret) => Ok(Some(secret.clone())),
        SecretSource::Env(name) => from_env(name).map(Some),
        SecretSource::Command(words) => from_command(words).await.map(Some),
        SecretSource::File(path) => {
            let path = path.clone();
            // A secret may lie on a share that hangs: the thread that reads it can be left behind.
            let reading = tokio::task::spawn_blocking(move || from_file(&path));
            match tokio::time::timeout(PATIENCE, reading).await {
                Ok(Ok(read)) => read.map(Some),
                _ => Err(SecretError::new("the secret file cannot be read in time", "is it on a share that hangs?")),
            }
        }
    }
}

/// The first line of a file that nobody else may read. Symbolic links are followed; what counts is the file itself.
pub fn from_file(path: &Path) -> Result<Secret, SecretError> {
    let shown = path.display();
    let unreadable = |error: std::io::Error| {
        SecretError::new(format!("secret file {shown} cannot be read: {error}"), "check the path and its owner")
    };
    // Not blocking, so that a fifo in its place does not hold the thread.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = rustix::fs::open(path, flags, Mode::empty()).map_err(|errno| unreadable(errno.into()))?;
    // Asked of the open file, so that it cannot be exchanged between the question and the reading.
    let stat = rustix::fs::fstat(&file).map_err(|errno| unreadable(errno.into()))?;
    if rustix::fs::FileType::from_raw_mode(stat.st_mode) != rustix::fs::FileType::RegularFile {
        return Err(SecretError::new(format!("secret file {shown} is not a file"), "name a regular file"));
    }
    if Mode::from_raw_mode(stat.st_mode).intersects(Mode::RWXG | Mode::RWXO) {
        return Err(SecretError::new(
            format!("secret file {shown} can be read by others (mode {:03o})", stat.st_mode & 0o777),
            format!("chmod 600 {shown}"),
        ));
    }
    let mut text = String::new();
    std::fs::File::from(file).take(LONGEST).read_to_string(&mut text).map_err(unreadable)?;
    first_line(&text).ok_or_else(|| {
        SecretError::new(format!("secret file {shown} is empty"), "write the secret into its first line")
    })
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
    let mut child = tokio::process::Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failed(format!("cannot be started: {error}")))?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let ended = tokio::time::timeout(PATIENCE, async {
        let (printed, said) = tokio::join!(bounded(out), bounded(err));
        (child.wait().await, printed, said)
    });
    let Ok((status, printed, said)) = ended.await else {
        return Err(failed(format!("did not end in {} s", PATIENCE.as_secs())));
    };
    match status {
        Ok(status) if status.success() => first_line(&printed).ok_or_else(|| failed("printed nothing".into())),
        Ok(status) => Err(failed(format!("ended with {status}: {}", plain::last_line(&said, 120)))),
        Err(error) => Err(failed(format!("was lost: {error}"))),
    }
}

async fn bounded(pipe: Option<impl tokio::io::AsyncRead + Unpin>) -> String {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        // What could be read before an error is all there is to see; the exit status tells of the rest.
        let _cut = pipe.take(LONGEST).read_to_end(&mut bytes).await;
    }
    String::from_utf8_lossy(&bytes).into_owned()
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
