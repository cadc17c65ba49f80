//! A mount namespace for one test (`unshare`, util-linux), so that nothing is mounted for anybody else and all of it is gone
//! when the test ends, however it ends. The test binary runs itself again inside.

use std::process::Command;

/// Says that a test is in its own namespace already.
const APART: &str = "HOTSPARE_TEST_APART";

/// Runs the body of the test of this full name apart.
pub(crate) fn apart(name: &str, body: impl FnOnce()) {
    if std::env::var_os(APART).is_some_and(|apart| apart == name) {
        return body();
    }
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "--"]).arg(std::env::current_exe().expect("this program"));
    command.args(["--exact", name, "--nocapture"]).env(APART, name);
    let output = command.output().expect("unshare is there: apt-get install util-linux");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
}
