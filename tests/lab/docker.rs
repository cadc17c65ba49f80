//! The check `docker` against a real engine, Debian's, alone on a host of the lab.

use std::path::Path;
use std::time::Duration;

use hotspare::fleet::check::CheckKind;
use hotspare::health::observation::Outcome;
use hotspare::health::probe::Prober;

use crate::farm::{Host, Ssh, until};
use crate::probes::{ask, probe, prober};

/// A container of an image with one program, which is its shell too; it lives until it is told otherwise.
const LIVE: &str = "while :; do /bin/busybox sleep 1; done";

/// Starts the engine and waits until it answers.
pub(crate) async fn engine(host: &mut Host) {
    for program in ["/usr/sbin/dockerd", "/usr/bin/docker", "/bin/busybox"] {
        let there = Path::new(program).exists();
        assert!(there, "{program} is missing: apt-get install docker.io busybox-static, or sh tests/install-deps");
    }
    host.alone().await;
    // No network and no firewall: nothing of this machine is touched. All that it writes is in the `/run` of the host.
    let config = format!(
        r#"{{"data-root": "/run/docker-data", "group": "nogroup", "log-level": "error", "bridge": "none",
             "iptables": false, "ip6tables": false, "ip-forward": false, "ip-masq": false,
             "cgroup-parent": "{}", "exec-opts": ["native.cgroupdriver=cgroupfs"]}}"#,
        host.control_group()
    );
    let file = host.folder.path().join("daemon.json");
    std::fs::write(&file, config).expect("written");
    host.start("/usr/sbin/dockerd", &["--config-file", file.to_str().expect("a plain path")]);
    until("the engine answers", || host.try_exec(&["docker", "version"])).await;
    let image = "mkdir -p /run/image/bin && cd /run/image && cp /bin/busybox bin && ln -s busybox bin/sh && \
        tar -c . | docker import - lab";
    host.exec(&["sh", "-c", image]);
}

/// Starts a container with these options that runs a line of shell.
fn container(host: &Host, name: &str, options: &[&str], line: &str) {
    let plain = ["docker", "run", "--detach", "--network", "none", "--security-opt", "apparmor=unconfined", "--name"];
    host.exec(&[&plain, &[name][..], options, &["lab", "/bin/sh", "-c", line]].concat());
}

/// Two users who may log in besides root: `ops` may not ask the engine, `keeper` may, though it cannot read its own
/// settings of docker, as after a `sudo docker login`.
fn users(host: &Host) {
    let folder = host.folder.path();
    let home = folder.join("keeper");
    std::fs::create_dir_all(home.join(".docker")).expect("made");
    let lines = format!("ops:x:65532:65532::/:/bin/sh\nkeeper:x:65533:65534::{}:/bin/sh\n", home.display());
    let all = std::fs::read_to_string("/etc/passwd").expect("read") + &lines;
    std::fs::write(folder.join("passwd"), all).expect("written");
    let script = "chmod 755 . && chmod 700 keeper/.docker && mount --bind passwd /etc/passwd";
    host.exec(&["sh", "-c", &format!("cd \"$0\" && {script}"), folder.to_str().expect("a plain path")]);
}

/// One user's view of the engine.
struct Eye<'a> {
    prober: &'a Prober,
    destination: String,
}

impl Eye<'_> {
    async fn sees(&self, containers: &[&str]) -> (Outcome, String) {
        let containers = containers.iter().map(|&name| name.to_owned()).collect();
        probe(self.prober, &ask(&self.destination, CheckKind::Docker { containers })).await
    }

    /// Waits until the check ends so; an engine takes its time to learn what became of a container.
    async fn comes_to(&self, containers: &[&str], outcome: Outcome, reason: &str) {
        let wanted = (outcome, reason.to_owned());
        let mut seen = Vec::new();
        for _try in 0..100 {
            let now = self.sees(containers).await;
            if now == wanted {
                return;
            }
            if seen.last() != Some(&now) {
                seen.push(now);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{containers:?} never came to {wanted:?}, but went through {seen:?}");
    }

    async fn fails(&self, containers: &[&str], reason: &str) {
        self.comes_to(containers, Outcome::Fail, reason).await;
    }

    async fn passes(&self, containers: &[&str]) {
        self.comes_to(containers, Outcome::Pass, "").await;
    }
}

async fn set_up(host: &mut Host) -> (Ssh, Prober) {
    engine(host).await;
    users(host);
    let ssh = host.sshd().await;
    let prober = prober(Some(&ssh));
    (ssh, prober)
}

#[tokio::test(flavor = "multi_thread")]
async fn containers_of_a_real_engine() {
    let mut host = Host::new();
    let (ssh, prober) = set_up(&mut host).await;
    let eye = |user: &str| Eye { prober: &prober, destination: format!("{user}@{}", ssh.destination) };
    let root = eye("root");

    container(&host, "web", &[], LIVE);
    root.passes(&["web"]).await;
    container(&host, "done", &[], "exit 7");
    root.fails(&["web", "done"], "done has exited with 7").await;
    root.fails(&["web", "nobody"], "nobody is not there").await;
    assert_eq!(root.sees(&["nobody"]).await, (Outcome::Fail, "nobody is not there".into()));
    container(&host, "again", &["--restart", "always"], "exit 3");
    root.fails(&["again"], "again restarts again and again, last after exit 3").await;
    host.exec(&["docker", "pause", "web"]);
    root.fails(&["web", "done"], "web is paused, done has exited with 7").await;
    host.exec(&["docker", "unpause", "web"]);
    root.passes(&["web"]).await;

    let unstarted = ["run", "--detach", "--network", "none", "--name", "bad", "lab", "/bin/no-such-program"];
    assert!(!host.try_exec(&[&["docker"], &unstarted[..]].concat()), "it cannot start");
    let (outcome, reason) = root.sees(&["bad"]).await;
    assert_eq!(outcome, Outcome::Fail);
    assert!(reason.starts_with("bad never started: ") && reason.ends_with(": no such file or directory"), "{reason}");
    host.exec(&["docker", "create", "--network", "none", "--name", "new", "lab", "/bin/sh"]);
    root.fails(&["new"], "new never started").await;

    let often = ["--health-interval", "200ms", "--health-retries", "1", "--health-cmd"];
    container(&host, "db", &[&often[..], &["test ! -e /sick"]].concat(), LIVE);
    root.passes(&["web", "db"]).await;
    host.exec(&["docker", "exec", "db", "/bin/sh", "-c", ": >/sick"]);
    root.fails(&["web", "db"], "db is unhealthy").await;
    host.exec(&["docker", "exec", "db", "/bin/busybox", "rm", "/sick"]);
    root.passes(&["web", "db"]).await;
    let slowly = ["--health-start-period", "1h", "--health-cmd", "exit 1"];
    container(&host, "slow", &slowly, LIVE);
    root.fails(&["slow"], "slow is still starting").await;

    let refused = (Outcome::Unknown, "the ssh user may not ask docker".to_owned());
    assert_eq!(eye("ops").sees(&["web"]).await, refused);
    eye("keeper").passes(&["web", "db"]).await;
    eye("keeper").fails(&["nobody"], "nobody is not there").await;
    prober.ssh().shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_hangs_or_is_gone() {
    let mut host = Host::new();
    let (ssh, prober) = set_up(&mut host).await;
    let eye = |user: &str| Eye { prober: &prober, destination: format!("{user}@{}", ssh.destination) };
    container(&host, "web", &[], LIVE);
    eye("root").passes(&["web"]).await;
    let engine = |signal: &str| host.exec(&["sh", "-c", &format!("kill -{signal} $(cat /run/docker.pid)")]);
    engine("STOP");
    let hangs = (Outcome::Fail, "no answer in 2 s".to_owned());
    assert_eq!(eye("root").sees(&["web"]).await, hangs);
    engine("CONT");
    eye("root").passes(&["web"]).await;

    // Killed, it leaves its socket behind; stopped in order, it does not.
    engine("KILL");
    for user in ["root", "keeper"] {
        eye(user).fails(&["web"], "the docker daemon does not answer").await;
    }
    host.exec(&["rm", "/run/docker.sock"]);
    eye("root").fails(&["web"], "the docker daemon does not answer").await;
    prober.ssh().shutdown().await;
}
