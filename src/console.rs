//! Floor 5, console: the full-screen program. It draws a snapshot and sends commands; no rule of the domain lives here.
//!
//! What comes in (keys, snapshots, answers, the time) changes the state in [`app`]; [`draw`] makes a frame of the state;
//! [`terminal`] writes what has changed. Everything a person can do is one row of the table in [`action`].

pub mod action;
pub mod app;
pub mod draw;
pub mod filter;
pub mod format;
pub mod input;
pub mod keymap;
pub mod library;
pub mod list;
pub mod look;
pub mod modal;
mod pace;
pub mod page;
pub mod pane;
pub mod problems;
mod run;
pub mod shell;
mod signals;
pub mod table;
pub mod terminal;
pub mod theme;
pub mod toasts;
mod watch;
mod watchdog;
pub mod window;
pub mod world;

use std::path::PathBuf;

use jiff::tz::TimeZone;

pub use app::Choices;
pub use run::run;
use theme::color::Depth;

use crate::clock::Clock;

/// How the console is opened.
#[derive(Debug, Clone)]
pub struct ConsoleOptions {
    /// `auto`, or the name of a theme.
    pub theme: String,
    /// The name of a keymap.
    pub keymap: String,
    /// Draw without Unicode.
    pub ascii: bool,
    /// How many colours the terminal has.
    pub depth: Depth,
    /// Nothing may be changed from here.
    pub read_only: bool,
    /// The user's folder with `themes/` and `keymaps/` in it; it is watched.
    pub config: Option<PathBuf>,
    /// Where a report of a crash goes: the state folder.
    pub crashes: PathBuf,
    /// Whether the engine goes on when the console ends.
    pub engine_stays: bool,
    /// What to look at now, where somebody tells: a line below the title; empty: nothing.
    pub guide: tokio::sync::watch::Receiver<String>,
    /// What the person likes.
    pub choices: Choices,
    /// Where the person is.
    pub zone: TimeZone,
    /// Knows the time.
    pub clock: Clock,
}

impl ConsoleOptions {
    /// Everything at its default, with colours and letters as the environment says.
    pub fn new(crashes: PathBuf) -> Self {
        let var = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let no_color = var("NO_COLOR").is_some();
        Self {
            theme: look::AUTO.into(),
            keymap: "default".into(),
            ascii: !speaks_unicode(var),
            depth: Depth::of(no_color, var("COLORTERM").as_deref(), var("TERM").as_deref()),
            read_only: false,
            config: None,
            crashes,
            engine_stays: true,
            guide: tokio::sync::watch::channel(String::new()).1,
            choices: Choices::default(),
            zone: TimeZone::system(),
            clock: Clock::real(),
        }
    }
}

/// Whether the locale has Unicode. Where none is set the terminal decides: only the bare ones of Unix have none.
fn speaks_unicode(var: impl Fn(&str) -> Option<String>) -> bool {
    match ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(&var) {
        Some(locale) => {
            let locale = locale.to_ascii_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        }
        None => !var("TERM").is_some_and(|term| matches!(term.as_str(), "linux" | "dumb") || term.starts_with("vt")),
    }
}

/// How the console ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsoleEnd {
    /// The person left.
    Quit,
    /// The terminal went away (SIGHUP).
    HungUp,
    /// Somebody asked for it (SIGTERM, SIGINT).
    Terminated,
}

/// Why there is no console.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    /// The terminal cannot be used.
    #[error("the terminal cannot be used: {0}; the console needs one, `hotspare status --watch` does not")]
    Terminal(#[from] std::io::Error),
    /// A built-in theme or keymap is broken.
    #[error(transparent)]
    File(#[from] library::FileError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_follow_the_locale() {
        let with = |name: &'static str, value: &'static str| {
            speaks_unicode(move |asked: &str| (asked == name).then(|| value.to_owned()))
        };
        assert!(with("LANG", "de_DE.UTF-8"));
        assert!(!with("LC_ALL", "C"));
        assert!(with("TERM", "xterm-256color"));
        assert!(!with("TERM", "linux"));
    }
}
