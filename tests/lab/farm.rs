//! Hosts for the lab: a network namespace each, joined to this machine by a pair of virtual cables.
//!
//! Every name and address carries the process id, so that runs beside each other do not meet. A host takes everything with
//! it when it is dropped.

use std::io::Read;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use hotspare::clock::Clock;
use hotspare::reach::ssh::{SshOptions, SshPool};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// Runs a program to its end and returns what it printed; a failure names the package that cures a missing program.
pub(crate) fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{program} cannot be started ({error}): sh tests/install-deps, as root"));
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Processes of this machine whose command line holds `part`, which should be a path or a number of this run.
pub(crate) fn processes(part: &str) -> Vec<u32> {
    let holds = |pid: &u32| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).replace('\0', " ").contains(part) && *pid != std::process::id()
    };
    let entries = std::fs::read_dir("/proc").expect("/proc").flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(holds).collect()
}

/// Waits until `holds`, at most 10 s.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _try in 0..1000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what}: not within 10 s");
}

/// A machine: a namespace with one address, a folder, and whatever is started in it.
pub(crate) struct Host {
    namespace: String,
    /// What a command is put behind so that it runs on the host.
    inside: Vec<String>,
    /// The first process of a host that is [alone](Self::alone).
    init: Option<Child>,
    pub(crate) address: Ipv4Addr,
    pub(crate) folder: tempfile::TempDir,
    children: Vec<Child>,
}

impl Host {
    pub(crate) fn new() -> Self {
        assert!(rustix::process::geteuid().is_root(), "the lab needs root: it makes network namespaces");
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let pid = std::process::id();
        let namespace = format!("hs{pid}n{number}");
        // /30 networks out of 10.192.0.0/11; runs beside each other differ in their process ids.
        let network = (pid.wrapping_mul(31).wrapping_add(number) % (1 << 19)) * 4;
        let base = u32::from(Ipv4Addr::new(10, 192, 0, 0)) + network;
        let (near, far) = (Ipv4Addr::from(base + 1), Ipv4Addr::from(base + 2));
        // Interface names hold 15 characters.
        let cable = format!("hs{}x{number}", pid % 1_000_000);
        run("ip", &["netns", "add", &namespace]);
        let host = Self {
            inside: ["ip", "netns", "exec", namespace.as_str()].map(str::to_owned).to_vec(),
            namespace,
            init: None,
            address: far,
            folder: tempfile::tempdir().expect("a folder"),
            children: Vec::new(),
        };
        let inside = host.namespace.as_str();
        run("ip", &["link", "add", &cable, "type", "veth", "peer", "name", "eth0", "netns", inside]);
        run("ip", &["addr", "add", &format!("{near}/30"), "dev", &cable]);
        run("ip", &["link", "set", &cable, "up"]);
        run("ip", &["-n", inside, "addr", "add", &format!("{far}/30"), "dev", "eth0"]);
        run("ip", &["-n", inside, "link", "set", "eth0", "up"]);
        run("ip", &["-n", inside, "link", "set", "lo", "up"]);
        host
    }

    /// Starts a program on the host, which ends with it.
    pub(crate) fn start(&mut self, program: &str, arguments: &[&str]) -> u32 {
        let child = Command::new(&self.inside[0])
            .args(&self.inside[1..])
            .arg(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a program on the host");
        let pid = child.id();
        self.children.push(child);
        pid
    }

    /// Runs a program on the host to its end.
    pub(crate) fn exec(&self, arguments: &[&str]) -> String {
        let inside: Vec<&str> = self.inside.iter().map(String::as_str).collect();
        run(inside[0], &[&inside[1..], arguments].concat())
    }

    /// Runs a program on the host to its end and says whether it was content.
    pub(crate) fn try_exec(&self, arguments: &[&str]) -> bool {
        let mut command = Command::new(&self.inside[0]);
        command.args(&self.inside[1..]).args(arguments).stdin(Stdio::null());
        command.output().is_ok_and(|output| output.status.success())
    }

    /// Gives the host processes and mounts of its own, with an empty `/run` and the control groups: the room that an engine
    /// of containers needs, out of sight of this machine's. To be called before anything is started on it.
    ///
    /// Its first process ends with this one, however that ends, and takes all others along, also those that went into
    /// network namespaces of their own.
    pub(crate) async fn alone(&mut self) {
        // The unified control groups, whatever this machine uses: every kernel has them, if only without controllers.
        let script = "mount -t tmpfs -o mode=755 lab /run && mkdir /run/sshd && mount -t cgroup2 lab /sys/fs/cgroup && \
            : >\"$0\" && exec cat";
        let ready = self.path("ready");
        let unshare = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", script, text(&ready)];
        let init = Command::new("ip")
            .args(["netns", "exec", &self.namespace])
            .args(unshare)
            .stdin(Stdio::piped())
            .spawn()
            .expect("ip netns exec");
        let parent = init.id().to_string();
        self.init = Some(init);
        until("the host has its own mounts", || ready.exists()).await;
        let first = run("pgrep", &["--parent", &parent]);
        let namespaces = ["nsenter", "--target", first.trim(), "--net", "--pid", "--mount", "--"];
        self.inside = namespaces.map(str::to_owned).to_vec();
    }

    /// The control group below which an engine on this host is to put its own.
    pub(crate) fn control_group(&self) -> String {
        format!("/{}", self.namespace)
    }

    /// Gives the host neighbours that exist by address only: what it sends them goes nowhere, without a word back.
    pub(crate) fn silent_neighbours(&self, addresses: &[String]) {
        for (number, address) in addresses.iter().enumerate() {
            self.exec(&["ip", "route", "add", address, "dev", "eth0"]);
            let nobody = format!("02:00:00:00:01:{number:02x}");
            self.exec(&["ip", "neigh", "add", address, "lladdr", &nobody, "dev", "eth0", "nud", "permanent"]);
        }
    }

    /// Drops every packet to the host, without a word to the sender.
    pub(crate) fn unplug(&self) {
        self.exec(&[
            "nft",
            "add table inet lab; add chain inet lab in { type filter hook input priority 0; policy drop; }",
        ]);
    }

    /// Lets packets through again.
    pub(crate) fn plug(&self) {
        self.exec(&["nft", "delete table inet lab"]);
    }

    /// Its network namespace.
    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts an sshd with a host key of its own and waits until it answers.
    pub(crate) async fn sshd(&mut self) -> Ssh {
        self.sshd_with(&[]).await
    }

    /// The same, with these programs (name and text) found first by its users.
    pub(crate) async fn sshd_with(&mut self, programs: &[(&str, &str)]) -> Ssh {
        for (name, script) in programs {
            crate::program::script(&self.path(name), script);
        }
        let (host_key, user_key) = (self.path("host_key"), self.path("user_key"));
        for key in [&host_key, &user_key] {
            run("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", text(key)]);
        }
        std::fs::copy(user_key.with_extension("pub"), self.path("authorized_keys")).expect("copied");
        let public = std::fs::read_to_string(host_key.with_extension("pub")).expect("a public key");
        std::fs::write(self.path("known_hosts"), format!("{} {public}", self.address)).expect("written");
        let config = format!(
            // Level 2 for the shells of commands: at level 1 bash reads the profile of whoever runs the tests, and what is
            // in there is nobody's business here.
            "Port 22\nListenAddress {}\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\nStrictModes no\nUsePAM no\n\
             PasswordAuthentication no\nPermitRootLogin yes\nPrintMotd no\n\
             SetEnv SHLVL=1 PATH={}:/usr/bin:/bin HOTSPARE_GUARD={}\n",
            self.address,
            text(&host_key),
            text(&self.path("authorized_keys")),
            text(self.folder.path()),
            text(&self.path("guard")),
        );
        std::fs::write(self.path("sshd_config"), config).expect("written");
        std::fs::create_dir_all("/run/sshd").expect("the folder that sshd wants");
        let config = self.path("sshd_config");
        self.start("/usr/sbin/sshd", &["-D", "-e", "-f", text(&config)]);
        let client = format!(
            "Host *\n  IdentityFile {}\n  IdentitiesOnly yes\n  UserKnownHostsFile {}\n  GlobalKnownHostsFile /dev/null\n  \
             User root\n",
            text(&user_key),
            text(&self.path("known_hosts")),
        );
        std::fs::write(self.path("config"), client).expect("written");
        let address = self.address;
        until("sshd listens", || std::net::TcpStream::connect((address, 22)).is_ok()).await;
        let fingerprint = run("ssh-keygen", &["-l", "-f", text(&host_key.with_extension("pub"))]);
        Ssh {
            config: self.path("config"),
            known_hosts: self.path("known_hosts"),
            destination: self.address.to_string(),
            fingerprint: fingerprint.split_whitespace().nth(1).expect("a fingerprint").to_owned(),
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Some(init) = &mut self.init {
            // It reads until its input ends, and the kernel ends what it leaves behind.
            drop(init.stdin.take());
        }
        // Everything in the namespace, also what left its parent.
        let pids = Command::new("ip").args(["netns", "pids", &self.namespace]).output().map(|output| output.stdout);
        for pid in String::from_utf8_lossy(&pids.unwrap_or_default()).split_whitespace() {
            let _gone = Command::new("kill").args(["-KILL", pid]).stderr(Stdio::null()).status();
        }
        for child in &mut self.children {
            let _gone = child.kill();
            let _reaped = child.wait();
            let mut said = String::new();
            if std::thread::panicking()
                && let Some(mut pipe) = child.stderr.take()
            {
                let _cut = pipe.read_to_string(&mut said);
                eprintln!("{said}");
            }
        }
        if let Some(init) = &mut self.init {
            let _gone = init.wait();
            let script = "mount -t cgroup2 lab \"$0\" && find \"$0$1\" -depth -type d -exec rmdir {} +";
            let arguments = ["--mount", "sh", "-c", script, text(self.folder.path()), &self.control_group()];
            let _removed = Command::new("unshare").args(arguments).stderr(Stdio::null()).status();
        }
        let _gone = Command::new("ip").args(["netns", "del", &self.namespace]).status();
    }
}

/// How to reach a host's sshd.
pub(crate) struct Ssh {
    pub(crate) config: PathBuf,
    pub(crate) known_hosts: PathBuf,
    pub(crate) destination: String,
    pub(crate) fingerprint: String,
}

impl Ssh {
    pub(crate) fn options(&self) -> SshOptions {
        SshOptions {
            config: Some(self.config.clone()),
            connect_timeout: Duration::from_secs(3),
            ..SshOptions::default()
        }
    }

    pub(crate) fn pool(&self) -> SshPool {
        SshPool::new(self.options(), Clock::real())
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of plain characters")
}
