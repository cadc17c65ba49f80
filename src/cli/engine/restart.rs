//! `hotspare engine restart`: the engine that runs ends, and one of this program's version begins.
//!
//! What one wants after an update. Also an engine that this program cannot speak to is ended, by a signal, which every version
//! takes for a request to end cleanly.

use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};
use serde::Serialize;

use super::super::context::Context;
use super::super::exit::{Exit, Failure};
use super::super::join;
use super::left;
use crate::engine::client::Client;
use crate::engine::command::Command;
use crate::engine::lock::Lock;

/// What `engine restart --json` prints.
#[derive(Serialize)]
struct Document {
    /// Version of the engine that ended; `None`: none ran, or it could not be asked.
    before: Option<String>,
    /// Version of the engine that runs now.
    version: String,
    pid: u32,
}

pub(super) async fn restart(context: &Context, force: bool) -> Result<Exit, Failure> {
    let place = join::place(context)?;
    let holder = Lock::holder(&place.state.lock());
    if let Some(unit) = holder.flatten().and_then(unit_of) {
        return Err(Failure::refused(format!("nothing was changed: the engine is the service {}", unit.name))
            .hint(format!("`systemctl {}restart {}` restarts it", unit.of_user, unit.name)));
    }
    let before = match (holder, join::running(context, &place).await) {
        (None, _) | (Some(_), Ok(None)) => None,
        (Some(_), Ok(Some(engine))) => {
            let version = engine.snapshots().borrow().head.engine.version.clone();
            engine.command(Command::Stop { force }).await?;
            Some(version)
        }
        (Some(Some(pid)), Err(_cannot_be_asked)) if force => {
            let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
            let asked = pid.map(|pid| kill_process(pid, Signal::TERM));
            if let Some(Err(error)) = asked {
                return Err(Failure::failed(format!("the engine cannot be asked to end: {error}"))
                    .hint("run this as the user that the engine runs as"));
            }
            None
        }
        (Some(_), Err(failure)) => return Err(failure),
    };
    left(&place, holder.flatten()).await?;
    let engine = join::started(context, place).await?;
    let now = engine.snapshots().borrow().head.engine.clone();
    if context.json {
        context.document(&Document { before, version: now.version, pid: now.pid })?;
    } else {
        context.line(&format!("the engine runs (pid {}, version {})", now.pid, now.version))?;
    }
    Ok(Exit::Done)
}

/// A unit of systemd.
#[derive(Debug, PartialEq, Eq)]
struct Unit {
    name: String,
    /// `--user ` where it is a unit of a user.
    of_user: &'static str,
}

/// The unit as which this process runs: an engine that took its place beside it would be nobody's service.
fn unit_of(pid: u32) -> Option<Unit> {
    unit(&std::fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?)
}

fn unit(cgroups: &str) -> Option<Unit> {
    let path = cgroups.lines().find_map(|line| line.splitn(3, ':').nth(2).filter(|path| path.ends_with(".service")))?;
    let name = Path::new(path).file_name()?.to_str()?;
    // One that was started by hand is in the unit of whatever let the person in.
    let of_user = if path.contains("/user@") { "--user " } else { "" };
    name.starts_with("hotspare").then(|| Unit { name: name.to_owned(), of_user })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_known_by_its_group_and_an_engine_of_a_login_is_none() {
        let service = unit("0::/system.slice/hotspare.service\n").unwrap();
        assert_eq!((service.name.as_str(), service.of_user), ("hotspare.service", ""));
        let of_user = unit("0::/user.slice/user-1000.slice/user@1000.service/app.slice/hotspare.service\n").unwrap();
        assert_eq!(of_user.of_user, "--user ");
        for other in
            ["0::/system.slice/ssh.service\n", "0::/user.slice/user-1000.slice/session-3.scope\n", "0::/\n", ""]
        {
            assert_eq!(unit(other), None, "{other}");
        }
    }
}
