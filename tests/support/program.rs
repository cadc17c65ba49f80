//! Programs that a test makes and then runs.
//!
//! Another process writes them: what anybody has open for writing cannot be run ("Text file busy"), and a child that another
//! test begins in that moment holds what this process has open until it is a program of its own.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Makes a program of this text that anybody may run.
#[track_caller]
pub(crate) fn script(path: &Path, text: &str) {
    let mut install = Command::new("install");
    let mut writer =
        install.args(["-m", "755", "/dev/stdin"]).arg(path).stdin(Stdio::piped()).spawn().expect("install");
    writer.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("written");
    assert!(writer.wait().expect("install").success(), "{}", path.display());
}

/// Makes a copy of this test program that anybody may run, where anybody may go.
#[track_caller]
pub(crate) fn itself(path: &Path) {
    let mut install = Command::new("install");
    install.args(["-m", "755"]).arg(std::env::current_exe().expect("this program")).arg(path);
    assert!(install.status().expect("install").success(), "{}", path.display());
}
