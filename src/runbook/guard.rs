//! Guard: keeps steps of an old generation from acting, on the host itself, and notes there how a step ended.
//!
//! A small POSIX shell script travels with each remote step, in the same command. It keeps the highest generation that the
//! host has seen for a pool and refuses lower ones; a resumed laptop, a second console and a command that was delayed
//! on the way are all stopped where they would do harm.
//!
//! **No lock.** Each step first makes an empty file with its generation in the name and then looks for one with a higher number.
//! Making a file is atomic and a folder never hides a file that was there before it was opened, so of two steps at least
//! the later one to look sees the other; the highest file is never removed. A lock would need to be broken when its holder dies.
//!
//! Where: `$HOTSPARE_GUARD`, or `/var/lib/hotspare/guard` for root and `~/.local/state/hotspare/guard` for others
//! (`$XDG_STATE_HOME` is honoured). Every console should log in as the same user.
//!
//! **Durable.** The generation and the beginning of the step are on the disk (fsync, folder included) before the step begins.
//!
//! The same folder holds a note of each step, with how it ended, so that a connection that is lost in mid-step
//! does not leave the question open for ever. Notes older than 30 days are removed.

use crate::reach::plain;
use crate::reach::quote::{join, quote};
use crate::reach::ssh::Output;

/// What travels with each remote step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guard {
    /// Whose generations are counted: the pool. `None`: nobody's, and no step is refused.
    pub scope: Option<String>,
    /// The generation.
    pub generation: u64,
    /// Unique to the run.
    pub token: String,
}

const SCRIPT: &str = include_str!("guard.sh");

/// The step's generation is an old one.
const REFUSED: i32 = 213;
/// The guard could not do its work, and the step was not begun.
const BROKEN: i32 = 214;

/// How a step ended, as its host remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remembered {
    /// It was never begun there.
    Never,
    /// It is still at work.
    Running,
    /// It ended with this status.
    Ended(i32),
    /// It was begun, runs no more, and nobody noted how it ended: the host went down, or it was killed.
    Gone,
}

impl Guard {
    /// The command, guarded: text for the host's shell.
    pub fn wrap(&self, step: &str, command: &str) -> String {
        let scope = self.scope.as_deref().map(plain_name).unwrap_or_default();
        let generation = self.generation.to_string();
        let words = join([scope.as_str(), &generation, &self.mark(step), command]);
        format!("set -- {words}\n{SCRIPT}")
    }

    /// Asks the host how a step ended: text for its shell, whose output [`Remembered::read`] understands.
    pub fn question(&self, step: &str) -> String {
        let mark = quote(&self.mark(step));
        format!(
            r#"if [ -n "${{HOTSPARE_GUARD-}}" ]; then d=$HOTSPARE_GUARD
elif [ "$(id -u)" = 0 ]; then d=/var/lib/hotspare/guard
else d=${{XDG_STATE_HOME:-${{HOME:?}}/.local/state}}/hotspare/guard; fi
m=$d/run.{mark}
[ -r "$m" ] || {{ echo never; exit 0; }}
read -r w n <"$m"
if [ "$w" = began ] && kill -0 "$n" 2>/dev/null; then echo running; exit 0; fi
read -r w n <"$m"
if [ "$w" = ended ]; then echo "ended $n"; else echo gone; fi"#
        )
    }

    fn mark(&self, step: &str) -> String {
        format!("{}.{}", plain_name(&self.token), plain_name(step))
    }
}

impl Remembered {
    /// What a host said.
    pub fn read(said: &str) -> Option<Self> {
        match said.trim().split_once(' ') {
            Some(("ended", status)) => status.trim().parse().ok().map(Self::Ended),
            None if said.trim() == "never" => Some(Self::Never),
            None if said.trim() == "running" => Some(Self::Running),
            None if said.trim() == "gone" => Some(Self::Gone),
            _ => None,
        }
    }
}

/// Why the guard kept a command from being begun; `None`: it did not.
pub fn stopped(output: &Output) -> Option<String> {
    let said = output.error_text();
    let word = said.lines().find_map(|line| line.strip_prefix("hotspare: "));
    match (output.status, word) {
        (REFUSED, Some(word)) if word.starts_with("refused: ") => {
            Some(format!("{}; somebody else has acted since: look who holds the lease", plain::line(word, 200)))
        }
        (BROKEN, Some(word)) => Some(plain::line(word, 200)),
        _ => None,
    }
}

/// A name of letters, digits and `-` that no other name shares; everything else as its number.
fn plain_name(name: &str) -> String {
    let mut plain = String::with_capacity(name.len());
    for symbol in name.chars() {
        if symbol.is_ascii_alphanumeric() || symbol == '-' {
            plain.push(symbol);
        } else {
            plain.extend(["_", &format!("{:x}", u32::from(symbol)), "_"]);
        }
    }
    plain
}

#[cfg(test)]
mod tests;
