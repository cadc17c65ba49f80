//! Ending a process that holds locks of a service, whosever it is. The last resort, for a shell that somebody forgot.
//!
//! Only a process whose own open file was seen to have the lock is ended, seen twice some seconds apart: the boot program
//! takes each lock for a moment every now and then, and must not be hit.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Services;
use crate::service::trouble::Trouble;
use crate::service::view::{HolderView, Left, Released};

/// Between the two looks.
const APART: Duration = Duration::from_secs(3);
/// It has so long to go after it was told.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks whether it has gone.
const LOOK: Duration = Duration::from_millis(500);

/// Proves once more that the process has one of these lock files locked, and tells it to end.
const END: &str = r#"pid=$1; shift
for file do
  for place in /proc/"$pid"/fd/*; do
    if [ "$place" -ef "$file.lock" ] && grep -q "FLOCK" "/proc/$pid/fdinfo/${place##*/}"; then
      kill -TERM "$pid"; exit
    fi
  done
done
echo "it has none of the locks any more"; exit 1"#;

impl Services {
    /// Releases a service by force: a hold of this engine is given back, of anybody else the process is ended.
    pub async fn force(&self, name: &str, cancel: &CancellationToken) -> Result<Released, Trouble> {
        let service = self.known(name).map_err(Trouble::Refused)?;
        if self.holds().iter().any(|(held, ..)| held == name) {
            return self.release(name, None).await;
        }
        let first = self.look_at(&service).await?.holders();
        if first.is_empty() {
            return Err(Trouble::Refused(format!("nobody holds a lock of {name} on {}", service.host)));
        }
        if let Some(unproven) = first.iter().find(|holder| !holder.proven) {
            return Err(Trouble::Refused(format!(
                "nothing was ended: that {} has a lock of {name} cannot be proven from this login; look at it there: ssh {} ps \
                 -fp {}",
                unproven.said(),
                service.host,
                unproven.pid
            )));
        }
        if cancel.run_until_cancelled(tokio::time::sleep(APART)).await.is_none() {
            return Err(Trouble::Stopped);
        }
        let second = self.look_at(&service).await?.holders();
        let same = |holder: &&HolderView| second.iter().any(|other| other.pid == holder.pid && other.proven);
        let meant: Vec<HolderView> = first.iter().filter(same).cloned().collect();
        if meant.is_empty() {
            return Err(Trouble::Refused(format!(
                "nothing was ended: who held locks of {name} has let go within {} s",
                APART.as_secs()
            )));
        }
        let mut ended = Vec::new();
        for holder in meant {
            let pid = holder.pid.to_string();
            let mut words = vec![pid.as_str()];
            words.extend(service.pid_files.iter().map(String::as_str));
            let (well, said) = self.shell(&service.host, END, &words).await?;
            if !well {
                return Err(Trouble::Failed(format!("pid {pid} on {} was not ended: {said}", service.host)));
            }
            ended.push(holder);
        }
        let began = self.0.clock.tick();
        loop {
            let holders = self.look_at(&service).await?.holders();
            let free = !holders.iter().any(|holder| ended.iter().any(|gone| gone.pid == holder.pid));
            if free || self.0.clock.tick().since(began) >= PATIENCE {
                let host = service.host.clone();
                let service = name.to_owned();
                return Ok(Released { service, host, free: Some(free), holders, ended, left: Left::Nothing });
            }
            if cancel.run_until_cancelled(tokio::time::sleep(LOOK)).await.is_none() {
                return Err(Trouble::Stopped);
            }
        }
    }
}
