//! Machines on one switch: network namespaces whose cables end on a bridge, each with an address, an sshd and a service.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A machine.
struct Machine {
    name: &'static str,
    space: String,
    address: Ipv4Addr,
    children: Vec<Child>,
}

/// The site.
pub(crate) struct Site {
    pub(crate) folder: tempfile::TempDir,
    machines: Vec<Machine>,
    switch: String,
    base: u32,
}

impl Site {
    /// Machines of these names; all of them are off.
    pub(crate) fn new(names: &[&'static str]) -> Self {
        assert!(rustix::process::geteuid().is_root(), "the lab needs root: it makes network namespaces");
        let base = u32::from(Ipv4Addr::new(10, 192, 0, 0)) + std::process::id() % (1 << 13) * 256;
        let switch = space("switch");
        let folder = tempfile::tempdir().unwrap();
        let mut site = Self { folder, machines: Vec::new(), switch: switch.clone(), base };
        run(&["ip", "netns", "add", &switch]);
        run(&["ip", "-n", &switch, "link", "add", "br0", "type", "bridge", "stp_state", "0", "forward_delay", "0"]);
        run(&["ip", "-n", &switch, "link", "set", "br0", "up"]);
        run(&["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", &site.path("user_key")]);
        std::fs::create_dir_all("/run/sshd").unwrap();
        let mut known = String::new();
        for (number, name) in (10..).zip(names) {
            let (own, cable, address) = (space(name), cable(name), site.address(number));
            run(&["ip", "netns", "add", &own]);
            run(&[
                "ip", "link", "add", &cable, "netns", &switch, "type", "veth", "peer", "name", "eth0", "netns", &own,
            ]);
            run(&["ip", "-n", &switch, "link", "set", &cable, "master", "br0", "up"]);
            run(&["ip", "-n", &own, "link", "set", "lo", "up"]);
            std::fs::create_dir_all(site.path(&format!("{name}/guard"))).unwrap();
            let key = site.path(&format!("{name}/host_key"));
            run(&["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", &key]);
            let public = std::fs::read_to_string(format!("{key}.pub")).unwrap();
            known.extend([&address.to_string(), " ", &public]);
            site.machines.push(Machine { name, space: own, address, children: Vec::new() });
        }
        std::fs::write(site.path("known_hosts"), known).unwrap();
        let config = format!(
            "Host *\n  IdentityFile {}\n  IdentitiesOnly yes\n  UserKnownHostsFile {}\n  GlobalKnownHostsFile /dev/null\n  \
             User root\n  ConnectTimeout 3\n",
            site.path("user_key"),
            site.path("known_hosts"),
        );
        std::fs::write(site.path("ssh_config"), config).unwrap();
        // The operator's own client with its own configuration, without touching anybody's home.
        std::fs::create_dir_all(site.path("bin")).unwrap();
        let client = format!("#!/bin/sh\nexec /usr/bin/ssh -F {} \"$@\"\n", site.path("ssh_config"));
        std::fs::write(site.path("bin/ssh"), client).unwrap();
        run(&["chmod", "755", &site.path("bin/ssh")]);
        site
    }

    /// The address with this last number.
    pub(crate) fn address(&self, last: u32) -> Ipv4Addr {
        Ipv4Addr::from(self.base + last)
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn own_address(&self, name: &str) -> Ipv4Addr {
        self.machine(name).address
    }

    fn machine(&self, name: &str) -> &Machine {
        self.machines.iter().find(|machine| machine.name == name).unwrap()
    }

    /// A command on a machine.
    pub(crate) fn command(&self, name: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.machine(name).space]).args(arguments).stdin(Stdio::null());
        command
    }

    pub(crate) fn exec(&self, name: &str, arguments: &[&str]) -> String {
        let output = self.command(name, arguments).output().unwrap();
        assert!(output.status.success(), "{name}: {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    pub(crate) fn start(&mut self, name: &str, arguments: &[&str]) {
        let child = self.command(name, arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        self.machines.iter_mut().find(|machine| machine.name == name).unwrap().children.push(child);
    }

    /// A command on the switch itself.
    pub(crate) fn switch(&self, arguments: &[&str]) {
        run(&[&["ip", "netns", "exec", self.switch.as_str()], arguments].concat());
    }

    /// Switches a machine on: its own address, its sshd, and the service where it has one.
    pub(crate) fn boot(&mut self, name: &str, serves: bool) {
        let own = self.machine(name).space.clone();
        run(&["ip", "-n", &self.switch, "link", "set", &cable(name), "up"]);
        run(&["ip", "-n", &own, "link", "set", "eth0", "up"]);
        run(&["ip", "-n", &own, "addr", "flush", "dev", "eth0"]);
        run(&["ip", "-n", &own, "addr", "replace", &format!("{}/24", self.own_address(name)), "dev", "eth0"]);
        let config = self.path(&format!("{name}/sshd_config"));
        let lines = format!(
            "Port 22\nListenAddress 0.0.0.0\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\nStrictModes no\nUsePAM no\n\
             PasswordAuthentication no\nPermitRootLogin yes\nPrintMotd no\n\
             SetEnv SHLVL=1 PATH=/usr/sbin:/sbin:/usr/bin:/bin HOTSPARE_GUARD={}\n",
            self.path(&format!("{name}/host_key")),
            self.path("user_key.pub"),
            self.path(&format!("{name}/guard")),
        );
        std::fs::write(&config, lines).unwrap();
        self.start(name, &["/usr/sbin/sshd", "-D", "-f", &config]);
        if serves {
            let program = std::env::current_exe().unwrap();
            self.start(name, &[program.to_str().unwrap(), "--serve", &name[..1]]);
        }
        until(Duration::from_secs(10), name, || {
            self.exec(name, &["ss", "-ltnH"]).contains(if serves { ":5001" } else { ":22" })
        });
    }

    /// Pulls the plug: the link is down, then nothing of it runs any more.
    pub(crate) fn power_off(&mut self, name: &str) {
        run(&["ip", "-n", &self.switch, "link", "set", &cable(name), "down"]);
        self.halt(name);
    }

    /// Ends everything on a machine.
    pub(crate) fn halt(&mut self, name: &str) {
        let pids = Command::new("ip").args(["netns", "pids", &self.machine(name).space]).output().unwrap().stdout;
        for pid in String::from_utf8_lossy(&pids).split_whitespace() {
            let _gone = Command::new("kill").args(["-KILL", pid]).stderr(Stdio::null()).status();
        }
        let machine = self.machines.iter_mut().find(|machine| machine.name == name).unwrap();
        for mut child in machine.children.drain(..) {
            let _gone = child.kill();
            child.wait().unwrap();
        }
    }

    /// The program under measurement, on the console.
    pub(crate) fn hotspare(&self, arguments: &[&str]) -> Command {
        let mut command = self.command("console", &[env!("CARGO_BIN_EXE_hotspare")]);
        command.args(["--fleet", &self.path("fleet.toml"), "--state", &self.path("state")]).args(arguments);
        command.env("PATH", format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", self.path("bin"))).env_remove("RUST_BACKTRACE");
        command
    }

    /// Its answer with `--json`.
    pub(crate) fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let output = self.hotspare(arguments).arg("--json").output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let names: Vec<&str> = self.machines.iter().map(|machine| machine.name).collect();
        for name in names {
            self.halt(name);
            run(&["ip", "netns", "del", &self.machine(name).space]);
        }
        run(&["ip", "netns", "del", &self.switch]);
    }
}

fn space(name: &str) -> String {
    format!("hf{}{name}", std::process::id())
}

pub(crate) fn run(arguments: &[&str]) {
    let output = Command::new(arguments[0]).args(&arguments[1..]).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Waits until it holds, at most so long.
pub(crate) fn until(time: Duration, what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < time, "{what}: not within {time:?}");
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

/// The end of a machine's cable at the switch.
fn cable(name: &str) -> String {
    format!("to-{name}")
}
