//! How much memory an engine keeps that it no longer uses.
//!
//! The allocator of glibc gives threads arenas of their own, eight for each processor, and each arena keeps what its threads
//! needed in their busiest moment. An engine has a dozen threads, any of which reads a dump or compares a feed now and then:
//! within minutes that came to three or four times what was in use. Two arenas hold little more than what is in use, and are
//! enough for a program that waits most of the time. The number is read from the environment when a process begins, so the
//! engine begins once more.

use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::reach::program;

/// What the allocator reads.
const ARENAS: &str = "MALLOC_ARENA_MAX";

/// Begins this process anew with few arenas, unless somebody has chosen a number: same process, same arguments. Before
/// anything is opened or a thread is made.
pub(super) fn begin_with_few_arenas() {
    if cfg!(all(target_os = "linux", target_env = "gnu"))
        && std::env::var_os(ARENAS).is_none()
        && let Ok(program) = std::env::current_exe()
    {
        let mut words = std::env::args_os();
        let mut again = Command::new(program);
        if let Some(name) = words.next() {
            again.arg0(name);
        }
        let error = again.args(words).env(ARENAS, "2").exec();
        tracing::debug!(%error, "an engine with many arenas");
    }
    // Servers for practice and other programs are as they would be without us.
    program::hide([ARENAS.to_owned()]);
}
