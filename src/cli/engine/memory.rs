//! How much memory an engine keeps that it no longer uses.
//!
//! The allocator of glibc gives threads arenas of their own, eight for each processor, and each arena keeps what its threads
//! needed in their busiest moment. An engine has a dozen threads, any of which reads a dump or compares a feed now and then:
//! within minutes that came to three or four times what was in use. Two arenas hold little more than what is in use, and are
//! enough for a program that waits most of the time. Long buffers would lie between what is kept for longer and leave holes,
//! more of them as days go by: those have pages of their own, which go back when they are freed. (Left alone, the allocator
//! raises that length up to 32 MiB by itself.) Both are read from the environment when a process begins, so the engine begins
//! once more.

use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::reach::program;

/// What the allocator reads: how many arenas, and the bytes from which on a buffer has pages of its own (`mallopt(3)`).
const SETTINGS: [(&str, &str); 2] = [("MALLOC_ARENA_MAX", "2"), ("MALLOC_MMAP_THRESHOLD_", "65536")];

/// Begins this process anew with what keeps memory small, but for what somebody has chosen: same process, same arguments.
/// Before anything is opened or a thread is made.
pub(super) fn begin_with_little() {
    let missing = SETTINGS.into_iter().filter(|(name, _value)| std::env::var_os(name).is_none()).collect::<Vec<_>>();
    if cfg!(all(target_os = "linux", target_env = "gnu"))
        && !missing.is_empty()
        && let Ok(program) = std::env::current_exe()
    {
        let mut words = std::env::args_os();
        let mut again = Command::new(program);
        if let Some(name) = words.next() {
            again.arg0(name);
        }
        let error = again.args(words).envs(missing).exec();
        tracing::debug!(%error, "an engine whose allocator is as it is elsewhere");
    }
    // Servers for practice and other programs are as they would be without us.
    program::hide(SETTINGS.map(|(name, _value)| name.to_owned()));
}
