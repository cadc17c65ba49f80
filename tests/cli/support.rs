//! Runs the program in a folder of its own, away from the fleet files of this machine.

use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Runs `hotspare` with these arguments and waits for its end.
pub(crate) fn hotspare(folder: &Path, arguments: &[&str]) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hotspare"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    command.env_clear().env("HOME", folder).env("XDG_CONFIG_HOME", folder.join("config"));
    Ended(command.output().unwrap())
}

/// What a run left behind.
pub(crate) struct Ended(Output);

impl Ended {
    /// The exit code.
    pub(crate) fn code(&self) -> i32 {
        self.0.status.code().unwrap()
    }

    /// Standard output.
    pub(crate) fn out(&self) -> String {
        String::from_utf8(self.0.stdout.clone()).unwrap()
    }

    /// Standard error.
    pub(crate) fn err(&self) -> String {
        String::from_utf8(self.0.stderr.clone()).unwrap()
    }

    /// Standard output as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.0.stdout).unwrap()
    }
}
