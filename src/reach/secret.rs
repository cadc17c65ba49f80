//! A secret from where the fleet file says it is, remembered for a short while: a check that runs each second must not start
//! a program each second.

mod source;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};

pub use self::source::{SecretError, resolve};
use crate::clock::{Clock, Tick};
use crate::fleet::secret::{Secret, SecretSource};

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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

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
