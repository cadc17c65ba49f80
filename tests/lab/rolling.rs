//! Work that goes over several hosts and replicas, and runs that outlive their engine: scaling with a docker that fails, hangs
//! and has sick replicas; a rolling restart with a host that does not come back; a recovery that one person begins and
//! another one ends.

use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

use hotspare::fleet::pool::Fence;
use hotspare::fleet::runbook::{Place, ScalePace, StepKind};
use hotspare::runbook::cast::{Cast, Machine};
use hotspare::runbook::run::Way;
use hotspare::runbook::view::{RunState, StepState};
use serde_json::Value;

use crate::farm::Host;
use crate::runbooks::{go, record, step, tools};
use crate::site::pool::PATIENCE;
use crate::site::{Lan, text, within};

/// Plays docker: what is wanted lies in a file, and so does what is wrong with it.
const DOCKER: &str = r#"#!/bin/sh
d=$(dirname "$0")/../docker
for last; do :; done
wanted=$(cat "$d/wanted"); fault=$(cat "$d/fault" 2>/dev/null); from=$(cat "$d/from" 2>/dev/null || echo 99)
echo "$(date +%s.%N) $*" >>"$d/calls"
case "$*" in
"service inspect "*) echo "$wanted" ;;
"service ps "*desired-state=running*) seq 1 "$wanted" | sed 's/^/t/' ;;
"service ps "*) echo; echo "task: non-zero exit (3)" ;;
"inspect --type task "*) echo "task running c${last#t}" ;;
"inspect --type container "*)
  if [ "$fault" = sick ] && [ "${last#c}" -ge "$from" ]; then echo "health $last unhealthy"; else echo "health $last healthy"; fi ;;
"service scale "*)
  to=${last#*=}
  if [ "$to" -ge "$from" ]; then
    case "$fault" in
    fails) echo "Error response from daemon: rpc error: no suitable node" >&2; exit 1 ;;
    hangs) exec sleep 600 ;;
    esac
  fi
  echo "$to" >"$d/wanted" ;;
*) echo "docker: unknown: $*" >&2; exit 1 ;;
esac
"#;

/// A site of hosts `kv-1` and so on, without pools.
struct Site {
    lan: Lan,
}

impl Site {
    async fn new(hosts: u32, rest: impl FnOnce(&Lan) -> String) -> Self {
        let names: Vec<String> = (1..=hosts).map(|number| format!("kv-{number}")).collect();
        let all: Vec<&str> = std::iter::once("console").chain(names.iter().map(String::as_str)).collect();
        let lan = Lan::new(&all).await;
        let mut fleet = "name = \"site\"\n".to_owned();
        for name in &names {
            let address = lan.machine(name).address;
            let host = format!("[hosts.{name}]\naddress = \"{address}\"\nlabels = {{ role = \"kv\" }}\n");
            fleet += &host;
            fleet += "checks = [{ kind = \"tcp\", port = 22 }, { kind = \"http\", url = \"http://{address}:5000/\", timeout = \"2s\" }]\n";
        }
        fleet += &rest(&lan);
        std::fs::write(lan.path("fleet.toml"), fleet).expect("written");
        Self { lan }
    }

    /// Runs it, and answers with how it ended and what it said in all.
    fn tell(&self, arguments: &[&str]) -> (i32, String) {
        let ended = self.lan.tell(arguments);
        let said = [ended.stdout, ended.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat();
        (ended.status.code().expect("it ended by itself"), said)
    }

    /// Begins it, and lets it run.
    fn begin(&self, arguments: &[&str]) -> Child {
        let mut command = self.lan.hotspare(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().expect("hotspare runs")
    }

    /// The last run of a runbook.
    fn last(&self, runbook: &str) -> Value {
        let (_, runs) = self.lan.ask(&["run"]);
        let runs = runs["runs"].as_array().expect("runs").clone();
        runs.into_iter().find(|run| run["runbook"] == runbook).unwrap_or_default()
    }

    async fn comes_to(&self, runbook: &str, state: &str) -> Value {
        within(PATIENCE, &format!("{runbook} is {state}"), || self.last(runbook)["state"] == state).await;
        self.last(runbook)
    }

    async fn kill_engine(&self) {
        let lock = self.lan.path("state/engine.lock");
        let pid = std::fs::read_to_string(&lock).expect("an engine");
        crate::farm::run("kill", &["-KILL", pid.trim()]);
        let gone = || {
            let free = std::process::Command::new("flock").args(["--nonblock", text(&lock), "true"]).status();
            free.expect("flock is there: apt-get install util-linux").success()
        };
        within(PATIENCE, "the engine is gone", gone).await;
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _stopped = self.lan.tell(&["engine", "stop", "--force"]);
    }
}

fn note(report: &Value, step: usize) -> String {
    report["steps"][step]["note"].as_str().unwrap_or_default().to_owned()
}

/// The docker of a machine.
struct Docker(PathBuf);

impl Docker {
    fn on(lan: &Lan, machine: &str) -> Self {
        let (bin, state) = (lan.path(machine).join("bin"), lan.path(machine).join("docker"));
        for folder in [&bin, &state] {
            std::fs::create_dir_all(folder).expect("a folder");
        }
        crate::program::script(&bin.join("docker"), DOCKER);
        let docker = Self(state);
        docker.set("wanted", "1");
        docker.set("calls", "");
        docker
    }

    fn set(&self, name: &str, value: &str) {
        std::fs::write(self.0.join(name), value).expect("written");
    }

    fn wrong(&self, fault: &str, from: u32) {
        self.set("fault", fault);
        self.set("from", &from.to_string());
    }

    fn wanted(&self) -> u32 {
        std::fs::read_to_string(self.0.join("wanted")).expect("a number").trim().parse().expect("a number")
    }

    /// When it was told to scale, and to how many; forgets it.
    fn changes(&self) -> Vec<(f64, u32)> {
        let calls = std::fs::read_to_string(self.0.join("calls")).expect("calls");
        self.set("calls", "");
        let of = |line: &str| {
            let (at, call) = line.split_once(' ')?;
            let to = call.strip_prefix("service scale ")?.rsplit_once('=')?.1;
            Some((at.parse().ok()?, to.parse().ok()?))
        };
        calls.lines().filter_map(of).collect()
    }

    fn counts(&self) -> Vec<u32> {
        self.changes().into_iter().map(|(_, to)| to).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn scaling_ends_honestly_whatever_docker_does() {
    let site = Site::new(1, |_| {
        r#"
[services.web]
host = "kv-1"
docker = "www"
quorum = 2
shrink_interval = "1s"
[runbooks.grow]
steps = [{ kind = "scale", on = "kv-1", service = "web", to = 7, interval = "0s", within = "2s" }]
"#
        .into()
    })
    .await;
    let docker = Docker::on(&site.lan, "kv-1");

    let (code, rehearsed) = site.lan.ask(&["scale", "web", "3", "--dry-run", "--interval", "5s"]);
    let wanted = "1 of 1 run now; docker service scale www=2, 5 s, docker service scale www=3";
    assert_eq!((code, note(&rehearsed, 0).as_str()), (0, wanted), "{rehearsed}");
    assert!(docker.counts().is_empty(), "a rehearsal changes nothing");

    // Docker says no at the third step.
    docker.wrong("fails", 4);
    let (code, failed) = site.lan.ask(&["scale", "web", "5", "--interval", "0s"]);
    let stands = "www: 5 wanted, 3 run, stopped after 3: kv-1: exit status 1: Error response from daemon: rpc error: no suitable node";
    assert_eq!((code, note(&failed, 0).as_str()), (1, stands), "{failed}");
    assert_eq!((docker.wanted(), docker.counts()), (3, vec![2, 3, 4]));

    // A new run goes on from what is.
    docker.wrong("", 0);
    let (code, done) = site.lan.ask(&["scale", "web", "5", "--interval", "0s"]);
    assert_eq!((code, note(&done, 0).as_str()), (0, "5 of 5 run"), "{done}");
    assert_eq!(docker.counts(), [4, 5]);
    let (code, again) = site.lan.ask(&["scale", "web", "5"]);
    assert_eq!((code, again["steps"][0]["state"].as_str()), (0, Some("skipped")), "{again}");
    assert!(docker.counts().is_empty());

    // A replica runs and is not healthy.
    docker.wrong("sick", 7);
    let (code, sick) = site.lan.ask(&["run", "grow"]);
    let words = note(&sick, 0);
    assert_eq!(code, 1, "{sick}");
    assert!(words.starts_with("www: 7 wanted, 6 run, stopped after 6: not all were healthy within 2 s"), "{words}");
    assert!(words.contains("one is unhealthy") && words.contains("task: non-zero exit (3)"), "{words}");
    assert_eq!(docker.counts(), [6, 7]);

    // Docker hangs, and is ended.
    docker.wrong("hangs", 0);
    let began = std::time::Instant::now();
    let (code, hung) = site.lan.ask(&["scale", "web", "5", "--interval", "0s"]);
    let words = note(&hung, 0);
    assert_eq!(code, 1, "{hung}");
    assert!(
        words.contains("5 wanted, 7 run, stopped after 7") && words.contains("docker gave no answer within 10 s"),
        "{words}"
    );
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    let left = || crate::farm::processes("sleep 600").is_empty();
    within(PATIENCE, "nothing is left that would scale later", left).await;
    docker.counts();

    // Downwards: slowly, and never below the quorum.
    docker.wrong("", 0);
    let (code, fewer) = site.lan.ask(&["scale", "web", "5", "--interval", "0s"]);
    assert_eq!(code, 0, "{fewer}");
    let changes = docker.changes();
    let pause = changes[1].0 - changes[0].0;
    assert!(changes.len() == 2 && pause >= 1.0, "{changes:?}");
    let (code, said) = site.tell(&["scale", "web", "1"]);
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("web needs 2 replicas to serve, and 1 were asked for"), "{said}");
    docker.wrong("sick", 3);
    let (code, ill) = site.lan.ask(&["scale", "web", "4", "--interval", "0s"]);
    let words = note(&ill, 0);
    assert!(code == 1 && words.contains("2 are healthy and 2 are needed to serve: none may be taken away"), "{ill}");
    assert!(docker.counts().is_empty(), "nothing was taken away");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_stops_at_the_host_that_does_not_come_back() {
    let mut site = Site::new(4, |lan| {
        let (start, stop) = lan.page_commands();
        let folder = text(lan.folder.path());
        format!(
            r#"
[runbooks.roll]
each = {{ role = "kv" }}
gate_within = "4s"
steps = [
  {{ name = "restart", kind = "command", on = "each", run = '''
    echo $MACHINE {{each.name}} >>{folder}/restarted; {stop}; sleep 0.3; [ -e {folder}/broken.$MACHINE ] || {{ {start}; }}''' }},
]
"#
        )
    })
    .await;
    let names = ["kv-1", "kv-2", "kv-3", "kv-4"];
    let (start, _) = site.lan.page_commands();
    let page =
        |site: &Site, name: &str| site.lan.machine(name).exec(&["env", &format!("MACHINE={name}"), "sh", "-c", &start]);
    for name in names {
        page(&site, name);
    }
    site.lan.serving(&names, 5000).await;
    let restarted = || std::fs::read_to_string(site.lan.path("restarted")).unwrap_or_default();

    let (code, rehearsed) = site.lan.ask(&["run", "roll", "--dry-run"]);
    let steps: Vec<&str> =
        rehearsed["steps"].as_array().expect("steps").iter().filter_map(|step| step["name"].as_str()).collect();
    let expected = [
        "gate",
        "restart@kv-1",
        "gate@kv-1",
        "restart@kv-2",
        "gate@kv-2",
        "restart@kv-3",
        "gate@kv-3",
        "restart@kv-4",
        "gate@kv-4",
    ];
    assert_eq!((code, steps), (0, expected.to_vec()), "{rehearsed}");
    assert_eq!(restarted(), "", "a rehearsal changes nothing");

    std::fs::write(site.lan.path("broken.kv-3"), "").expect("written");
    let (code, stopped) = site.lan.ask(&["run", "roll"]);
    assert_eq!((code, stopped["state"].as_str()), (1, Some("failed")), "{stopped}");
    assert_eq!(restarted(), "kv-1 kv-1\nkv-2 kv-2\nkv-3 kv-3\n", "the fourth is untouched");
    let words = note(&stopped, 6);
    assert!(words.contains("kv-3: http: ") && words.contains("the hosts after it are untouched"), "{words}");
    assert_eq!(stopped["steps"][7]["state"], "waiting");
    let (code, status) = site.tell(&["run"]);
    assert!(code == 1 && status.contains("7 of 9 gate@kv-3"), "{status}");
    let (code, status) = site.tell(&["status"]);
    assert!(code == 1 && status.contains("run 1 of roll is failed: step gate@kv-3: closed for 4 s"), "{status}");

    // Mended, and gone on with.
    page(&site, "kv-3");
    site.lan.serving(&["kv-3"], 5000).await;
    let (code, done) = site.lan.ask(&["run", "roll", "--resume"]);
    assert_eq!((code, done["state"].as_str()), (0, Some("done")), "{done}");
    assert_eq!(restarted(), "kv-1 kv-1\nkv-2 kv-2\nkv-3 kv-3\nkv-4 kv-4\n", "none was done twice");

    // A fleet that is not whole is left alone.
    site.lan.power_off("kv-2");
    let (code, closed) = site.lan.ask(&["run", "roll"]);
    assert_eq!((code, closed["steps"][0]["state"].as_str()), (1, Some("failed")), "{closed}");
    assert_eq!(std::fs::read_to_string(site.lan.path("restarted")).expect("lines").lines().count(), 4);
}

/// The shape of a recovery: what must not be forgotten comes last.
fn recovery(lan: &Lan) -> String {
    let folder = text(lan.folder.path());
    format!(
        r#"
[runbooks.recover]
steps = [
  {{ name = "stop", kind = "command", on = "kv-1", run = "cd {folder}; echo stop >>log", undo = "cd {folder}; echo unstop >>log" }},
  {{ name = "fill", kind = "command", on = "kv-1", run = "cd {folder}; mkdir mongodb_init; echo fill >>log", undo = "cd {folder}; echo unfill >>log" }},
  {{ name = "start", kind = "command", on = "kv-1", run = "cd {folder}; echo start >>log; while [ -e shut ]; do sleep 0.05; done; echo started >>log", undo = "cd {folder}; echo unstart >>log" }},
  {{ name = "members", kind = "ask", text = "Are all members there?", show = "cat {folder}/log", on = "kv-1" }},
  {{ name = "clean", kind = "command", on = "kv-1", run = "cd {folder}; rm -r mongodb_init && echo clean >>log", cleanup = true }},
]
"#
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recovery_that_one_person_begins_is_ended_by_another() {
    let site = Site::new(1, recovery).await;
    let log = || std::fs::read_to_string(site.lan.path("log")).unwrap_or_default();
    let shut = site.lan.path("shut");
    let init = site.lan.path("mongodb_init");

    // Ana begins it, and her engine is killed in the middle of a step.
    std::fs::write(&shut, "").expect("written");
    let mut ana = site.begin(&["run", "recover"]);
    within(PATIENCE, "the third step is at work", || log().ends_with("start\n")).await;
    let (code, said) = site.tell(&["run", "recover"]);
    assert!(code == 3 && said.contains("run 1 of recover is under way"), "{said}");
    site.kill_engine().await;
    assert!(!ana.wait().expect("her command ends").success(), "and says that it lost the engine");

    // Bob finds it, with what it owes.
    assert_eq!(site.tell(&["run", "recover"]).0, 3);
    let found = site.comes_to("recover", "interrupted").await;
    assert_eq!(found["owed"][0], "clean", "{found}");
    let (code, status) = site.tell(&["status"]);
    assert!(code == 1 && status.contains("clean-up is owed by run 1 (recover): clean"), "{status}");
    let (code, said) = site.tell(&["run", "recover"]);
    assert!(code == 3 && said.contains("still owes its clean-up (clean)"), "{said}");

    // He goes on with it. The step that the dead engine had sent ended meanwhile, and is not done again.
    std::fs::remove_file(&shut).expect("it was shut");
    let mut bob = site.begin(&["run", "recover", "--resume"]);
    let asking = site.comes_to("recover", "asking").await;
    let evidence = |run: &Value| run["question"]["evidence"].as_array().cloned().unwrap_or_default();
    assert_eq!(evidence(&asking), ["stop", "fill", "start", "started"].map(Value::from), "{asking}");
    std::fs::write(site.lan.path("log"), log() + "a member joined\n").expect("written");
    assert_eq!(site.tell(&["run", "recover", "--answer", "again"]).0, 0);
    let newer = || evidence(&site.last("recover")).last() == Some(&Value::from("a member joined"));
    within(PATIENCE, "the evidence is as new as the log", newer).await;
    let (code, said) = site.tell(&["run", "recover", "--answer", "yes"]);
    assert!(code == 0 && said.contains("members of run 1 is answered: yes"), "{said}");
    assert!(bob.wait().expect("his command ends").success());
    let done = site.last("recover");
    assert_eq!((done["state"].as_str(), done["owed"].as_array()), (Some("done"), None), "{done}");
    assert_eq!(log(), "stop\nfill\nstart\nstarted\na member joined\nclean\n");
    assert!(!init.exists());
    // A second time somebody says no: what it owes is done also when it is abandoned, after everything is undone.
    std::fs::remove_file(site.lan.path("log")).expect("a log");
    let mut ana = site.begin(&["run", "recover"]);
    site.comes_to("recover", "asking").await;
    assert_eq!(site.tell(&["run", "recover", "--answer", "no"]).0, 0);
    assert!(!ana.wait().expect("her command ends").success());
    let failed = site.last("recover");
    let next = failed["next"].as_str().unwrap_or_default();
    assert!(failed["state"] == "failed" && next.contains("a clean-up is owed: clean"), "{failed}");
    let (code, said) = site.tell(&["run", "recover"]);
    assert!(code == 3 && said.contains("still owes its clean-up"), "{said}");
    // One that cannot be done stays owed.
    std::fs::remove_dir(&init).expect("a folder");
    let (code, stuck) = site.lan.ask(&["run", "recover", "--abandon"]);
    assert_eq!(
        (code, stuck["state"].as_str(), &stuck["owed"][0]),
        (1, Some("failed"), &Value::from("clean")),
        "{stuck}"
    );
    std::fs::create_dir(&init).expect("a folder");
    let (code, undone) = site.lan.ask(&["run", "recover", "--abandon"]);
    assert_eq!((code, undone["state"].as_str()), (0, Some("undone")), "{undone}");
    assert_eq!(log(), "stop\nfill\nstart\nstarted\nunstart\nunfill\nunstop\nclean\n");
    assert!(!init.exists());
    let (code, status) = site.tell(&["run"]);
    assert!(code == 0 && status.contains("undone"), "{status}");
}

/// The examples that are shipped: without an error or a warning, and every step of them is looked at on real hosts. What they
/// would wait for is not there, which a rehearsal says in the note of the step; a command is read by the host's shell.
#[tokio::test(flavor = "multi_thread")]
async fn the_shipped_runbooks_are_rehearsed() {
    let site = Site::new(3, |_| String::new()).await;
    let docker = Docker::on(&site.lan, "kv-1");
    docker.set("wanted", "3");
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/runbooks");
    let mut rehearsed = 0;
    for entry in std::fs::read_dir(folder).expect("the examples") {
        let path = entry.expect("an example").path();
        let name = path.file_stem().and_then(|name| name.to_str()).expect("a name").to_owned();
        let mut fleet = std::fs::read_to_string(&path).expect("an example");
        for number in 1..=3 {
            let address = site.lan.machine(&format!("kv-{number}")).address.to_string();
            fleet = fleet.replace(&format!("192.0.2.1{number}"), &address);
        }
        std::fs::write(site.lan.path("fleet.toml"), fleet).expect("written");
        let _another_fleet = site.lan.tell(&["engine", "stop"]);
        let (code, said) = site.tell(&["check"]);
        assert!(code == 0 && !said.contains("warning"), "{name}: {said}");
        let (code, report) = site.lan.ask(&["run", &name, "--dry-run"]);
        assert_eq!((code, report["refused"].as_array().map(Vec::len)), (0, Some(0)), "{name}: {report}");
        let steps = report["steps"].as_array().expect("steps");
        assert!(steps.iter().all(|step| step["state"] == "waiting"), "{name}: {report}");
        rehearsed += steps.len();
    }
    assert!(rehearsed > 40, "{rehearsed}");
    assert!(docker.counts().is_empty());
}

/// The same against Docker's own swarm, alone on a host of the lab. Its fourth replica ends at once, whatever is done.
#[tokio::test(flavor = "multi_thread")]
async fn a_real_swarm_is_scaled_by_health() {
    let mut host = Host::new();
    crate::docker::engine(&mut host).await;
    host.exec(&["docker", "swarm", "init", "--advertise-addr", &host.address.to_string()]);
    let live = "[ $SLOT -lt 4 ] || exit 3; while :; do /bin/busybox sleep 1; done";
    let health = ["--health-interval", "300ms", "--health-retries", "1", "--health-cmd", "test ! -e /sick"];
    let service = ["docker", "service", "create", "--detach", "--name", "web", "--network", "host", "--replicas", "1"];
    let rest = ["--env", "SLOT={{.Task.Slot}}", "lab", "/bin/sh", "-c", live];
    host.exec(&[&service[..], &health, &rest].concat());
    let ssh = host.sshd().await;
    let tools = tools(ssh.pool());
    let spare =
        Machine { name: "m".into(), address: host.address.to_string(), ssh: ssh.destination.clone(), service: None };
    let scale = |to: u32, token: &str| {
        let second = Duration::from_secs(1);
        let pace = ScalePace { interval: second / 2, shrink: second, quorum: Some(2), within: second * 12 };
        let kind = StepKind::Scale { service: "web".into(), to, pace };
        let mut scale = step("scale", Some(Place::Spare), kind);
        scale.timeout = Duration::from_secs(120);
        let cast = Cast { spare: Some(spare.clone()), token: token.into(), ..Cast::default() };
        go(&tools, record(vec![scale], &cast, 1, Fence::None), Way::Begin)
    };
    let counts = || host.exec(&["docker", "service", "ls", "--format", "{{.Replicas}}"]).trim().to_owned();
    let note = |ended: &hotspare::runbook::record::RunRecord| ended.view.steps[0].note.clone().unwrap_or_default();

    let up = scale(3, "1").await;
    assert_eq!((up.view.state, note(&up).as_str()), (RunState::Done, "3 of 3 run"), "{:?}", up.view);
    assert_eq!(counts(), "3/3");
    let stuck = scale(5, "2").await;
    let words = note(&stuck);
    assert_eq!(stuck.view.state, RunState::Failed);
    assert!(words.starts_with("web: 5 wanted, 3 run, stopped after 3: not all were healthy within 12 s"), "{words}");
    assert!(words.contains("non-zero exit (3)"), "docker's own words: {words}");
    let undone = go(&tools, stuck, Way::Abandon).await;
    assert_eq!((undone.view.state, counts().as_str()), (RunState::Undone, "3/3"), "{:?}", undone.view);
    let down = scale(2, "3").await;
    assert_eq!(down.view.state, RunState::Done, "{:?}", down.view);
    // The one that was taken away gets its time to end.
    within(PATIENCE, "two are left", || counts() == "2/2").await;
    let below = scale(1, "4").await;
    assert_eq!((below.view.steps[0].state, counts().as_str()), (StepState::Refused, "2/2"), "{:?}", below.view);
    let unknown = host.try_exec(&["docker", "service", "rm", "web"]);
    assert!(unknown, "removed");
    let gone = scale(2, "5").await;
    assert!(gone.view.state == RunState::Failed && note(&gone).contains("no such service"), "{:?}", gone.view);
    tools.ssh.shutdown().await;
}
