//! A run that the engine of another machine goes on with: two real engines, each with a state folder of its own, and etcd.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::cluster::Cluster;
use crate::engine::until;

const WITHIN: Duration = Duration::from_secs(40);

/// One of the machines.
struct Machine {
    folder: PathBuf,
    engine: Child,
}

impl Machine {
    async fn start(folder: &Path, name: &str) -> Self {
        let engine = hotspare(folder, name, &["engine"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let machine = Self { folder: folder.join(name), engine: engine.expect("hotspare") };
        // Any other command would have an engine of its own before this one has its lock.
        let there = || machine.document(&["engine", "status", "--json"])["engine"]["pid"] == machine.engine.id();
        until("the engine is there", WITHIN, there).await;
        machine
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let (folder, name) = (self.folder.parent().expect("a folder"), self.folder.file_name().expect("a name"));
        hotspare(folder, name.to_str().expect("a name"), arguments)
    }

    /// How it ended, and what it said.
    fn tell(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let ended = self.command(arguments).output().expect("hotspare");
        let said = [ended.stdout, ended.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat();
        (ended.status.code(), said)
    }

    /// The last run of the runbook, as this machine sees it.
    fn run(&self) -> Value {
        self.document(&["run", "--json"])["runs"][0].clone()
    }

    fn document(&self, arguments: &[&str]) -> Value {
        let ended = self.command(arguments).output().expect("hotspare");
        serde_json::from_slice(&ended.stdout).unwrap_or_default()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _gone = self.engine.kill();
        let _reaped = self.engine.wait();
    }
}

fn hotspare(folder: &Path, name: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hotspare"));
    command.arg("--fleet").arg(folder.join("fleet.toml")).arg("--state").arg(folder.join(name)).args(arguments);
    // Where steps on the console note what they have begun: of both, as of one host that both can reach.
    command.env("HOTSPARE_GUARD", folder.join("host")).env_remove("RUST_BACKTRACE").stdin(Stdio::null());
    command
}

/// With the runbook `recover` of these steps.
fn fleet(cluster: &Cluster, steps: &str) -> String {
    let etcd = &cluster.urls()[0];
    format!(
        "name = \"lab\"\nengine.linger = \"always\"\n[lease]\nkind = \"etcd\"\nendpoints = [\"{etcd}\"]\nttl = \"8s\"\n\
         [runbooks.recover]\nsteps = [{steps}]\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn what_begins_an_engine_waits_until_the_engine_may_act() {
    let cluster = Cluster::start(1).await;
    let folder = tempfile::tempdir().expect("a folder");
    let steps = r#"{ name = "one", kind = "command", on = "console", run = "true" }"#;
    std::fs::write(folder.path().join("fleet.toml"), fleet(&cluster, steps)).expect("written");
    let ended = hotspare(folder.path(), "first", &["run", "recover"]).output().expect("hotspare");
    let stopped = hotspare(folder.path(), "first", &["engine", "stop"]).output().expect("hotspare");
    assert_eq!(ended.status.code(), Some(0), "{}", String::from_utf8_lossy(&ended.stderr));
    assert_eq!(stopped.status.code(), Some(0), "{}", String::from_utf8_lossy(&stopped.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_engine_was_killed_is_finished_by_the_other_one_and_no_step_is_done_twice() {
    let cluster = Cluster::start(1).await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (log, go) = (path("log"), path("go"));
    let steps = format!(
        r#"
  {{ name = "one", kind = "command", on = "console", run = "echo one >>{log}" }},
  {{ name = "two", kind = "command", on = "console", run = "echo begun >>{log}; until [ -e {go} ]; do sleep 0.1; done; echo two >>{log}" }},
  {{ name = "three", kind = "command", on = "console", run = "echo three >>{log}" }},
"#
    );
    std::fs::write(path("fleet.toml"), fleet(&cluster, &steps)).expect("written");
    let read = || std::fs::read_to_string(&log).unwrap_or_default();
    let mut first = Machine::start(folder.path(), "first").await;
    let held = |machine: &Machine| machine.tell(&["run", "recover", "--dry-run"]).0 == Some(0);
    until("the first answers", WITHIN, || held(&first)).await;
    // It is begun as soon as the lease is held.
    let mut begun: Option<Child> = None;
    until("the second step is under way", WITHIN, || {
        let over = begun.as_mut().is_none_or(|child| child.try_wait().expect("a child").is_some());
        if over && read().is_empty() {
            let mut command = first.command(&["run", "recover"]);
            begun = Some(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("hotspare"));
        }
        read() == "one\nbegun\n"
    })
    .await;
    let second = Machine::start(folder.path(), "second").await;
    until("the other one sees it", WITHIN, || second.run()["state"] == "running").await;
    let (code, said) = second.tell(&["run", "recover", "--resume"]);
    assert_eq!(code, Some(3), "it is under way where the lease is held: {said}");

    first.engine.kill().expect("killed");
    first.engine.wait().expect("reaped");
    until("the other one holds the lease", WITHIN, || second.run()["state"] == "interrupted").await;
    let (code, said) = second.tell(&["run", "recover"]);
    assert_eq!(code, Some(3), "it does not begin anew: {said}");
    let may_act = || second.document(&["engine", "status", "--json"])["lease"]["held"] == true;
    until("the other one may act", WITHIN, may_act).await;
    assert_eq!(second.run()["state"], "interrupted", "from the moment at which the lease was its own");
    assert_eq!(read(), "one\nbegun\n", "nothing goes on by itself");
    // What the dead engine began ends well by itself, and whoever resumes finds that out.
    std::fs::write(&go, "").expect("written");
    let (code, said) = second.tell(&["run", "recover", "--resume"]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(read(), "one\nbegun\ntwo\nthree\n", "{said}");
    // The first one is there again, and knows.
    let again = Machine::start(folder.path(), "first").await;
    until("it knows", WITHIN, || again.run()["state"] == "done").await;
    assert_eq!(again.tell(&["run", "recover", "--resume"]).0, Some(3), "there is nothing to go on with");
    begun.expect("begun").wait().expect("it ended when its engine was killed");
}
