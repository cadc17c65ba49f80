//! A site for stand-ins: machines on one switch, each with an sshd, a web page and addresses; a console with the real program
//! in it; a client that asks the service address all the time. Machines can be switched off, unplugged and cut off.
//!
//! A machine is a network namespace whose cable ends on a bridge in a namespace of its own; names carry the process id.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::farm::{run, until};

pub(crate) mod fault;
pub(crate) mod pool;
pub(crate) mod wire;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// Serves one page with the machine's name on every address, and a line that stays open on the next port.
const PAGE: &str = r#"
import http.server, socketserver, sys, threading
name = sys.argv[1].encode()
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.send_header("Content-Length", str(len(name))); self.end_headers(); self.wfile.write(name)
    def log_message(self, *a): pass
class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    allow_reuse_address = True; daemon_threads = True
Server(("0.0.0.0", 5000), Page).serve_forever()
"#;

/// Asks an address every 5 ms and writes who answered, with the time; runs until it is ended.
const CLIENT: &str = r#"
import socket, sys, time
address, out = sys.argv[1], open(sys.argv[2], "w", buffering=1)
while True:
    t = time.monotonic(); who = "-"
    try:
        s = socket.create_connection((address, 5000), 0.2); s.settimeout(0.2)
        s.sendall(b"GET / HTTP/1.0\r\n\r\n"); b = b""
        while True:
            c = s.recv(4096)
            if not c: break
            b += c
        s.close(); who = b.split(b"\r\n\r\n", 1)[1].decode() or "-"
    except Exception: pass
    out.write("%.4f %s\n" % (time.monotonic(), who))
    time.sleep(max(0, 0.005 - (time.monotonic() - t)))
"#;

/// A machine.
pub(crate) struct Machine {
    pub(crate) name: String,
    pub(crate) address: Ipv4Addr,
    namespace: String,
    cable: String,
    folder: PathBuf,
    children: Vec<Child>,
}

/// The site.
pub(crate) struct Lan {
    pub(crate) machines: Vec<Machine>,
    pub(crate) folder: tempfile::TempDir,
    switch: String,
    base: u32,
}

impl Lan {
    /// Machines of these names on one switch; the first is the console.
    pub(crate) async fn new(names: &[&str]) -> Self {
        assert!(rustix::process::geteuid().is_root(), "the lab needs root: it makes network namespaces");
        let (number, pid) = (NEXT.fetch_add(1, Ordering::Relaxed), std::process::id());
        let switch = format!("hl{pid}s{number}");
        let base =
            u32::from(Ipv4Addr::new(10, 128, 0, 0)) + (pid.wrapping_mul(17).wrapping_add(number) % (1 << 14)) * 256;
        run("ip", &["netns", "add", &switch]);
        run("ip", &["-n", &switch, "link", "add", "br0", "type", "bridge", "stp_state", "0", "forward_delay", "0"]);
        run("ip", &["-n", &switch, "link", "set", "br0", "up"]);
        let folder = tempfile::tempdir().expect("a folder");
        let mut lan = Self { machines: Vec::new(), folder, switch, base };
        run("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", text(&lan.path("user_key"))]);
        std::fs::create_dir_all("/run/sshd").expect("the folder that sshd wants");
        let mut known = String::new();
        for (at, name) in names.iter().enumerate() {
            let machine = lan.plug_in(name, u32::try_from(at).expect("few") + 10);
            if at > 0 {
                let key = machine.folder.join("host_key");
                run("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", text(&key)]);
                let public = std::fs::read_to_string(key.with_extension("pub")).expect("a key");
                known.extend([&machine.address.to_string(), " ", &public]);
            }
            lan.machines.push(machine);
        }
        std::fs::write(lan.path("known_hosts"), known).expect("written");
        let config = format!(
            "Host *\n  IdentityFile {}\n  IdentitiesOnly yes\n  UserKnownHostsFile {}\n  GlobalKnownHostsFile /dev/null\n  \
             User root\n  ConnectTimeout 3\n",
            text(&lan.path("user_key")),
            text(&lan.path("known_hosts")),
        );
        std::fs::write(lan.path("ssh_config"), config).expect("written");
        // The operator's own client with its own configuration, without touching anybody's home.
        std::fs::create_dir_all(lan.path("bin")).expect("a folder");
        let client = format!("#!/bin/sh\nexec /usr/bin/ssh -F {} \"$@\"\n", text(&lan.path("ssh_config")));
        crate::program::script(&lan.path("bin/ssh"), &client);
        for name in &names[1..] {
            lan.boot(name).await;
        }
        lan
    }

    /// The address with this last number.
    pub(crate) fn address(&self, last: u32) -> Ipv4Addr {
        Ipv4Addr::from(self.base + last)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn machine(&self, name: &str) -> &Machine {
        self.machines.iter().find(|machine| machine.name == name).expect("a machine of this name")
    }

    fn plug_in(&self, name: &str, last: u32) -> Machine {
        let (pid, at) = (std::process::id(), self.machines.len());
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let (namespace, cable) = (format!("hl{pid}m{number}"), format!("hl{number}x{at}"));
        run("ip", &["netns", "add", &namespace]);
        run(
            "ip",
            &[
                "link",
                "add",
                &cable,
                "netns",
                &self.switch,
                "type",
                "veth",
                "peer",
                "name",
                "eth0",
                "netns",
                &namespace,
            ],
        );
        run("ip", &["-n", &self.switch, "link", "set", &cable, "master", "br0", "up"]);
        run("ip", &["-n", &namespace, "link", "set", "lo", "up"]);
        let folder = self.path(name);
        std::fs::create_dir_all(&folder).expect("a folder");
        let machine =
            Machine { name: name.into(), address: self.address(last), namespace, cable, folder, children: Vec::new() };
        machine.exec(&["ip", "link", "set", "eth0", "up"]);
        machine.exec(&["ip", "addr", "add", &format!("{}/24", machine.address), "dev", "eth0"]);
        machine
    }

    /// Switches a machine on: its own address, its sshd. What it serves is started by whoever wants it.
    pub(crate) async fn boot(&mut self, name: &str) {
        let (switch, user_key) = (self.switch.clone(), self.path("user_key"));
        let machine = self.machines.iter_mut().find(|machine| machine.name == name).expect("a machine");
        run("ip", &["-n", &switch, "link", "set", &machine.cable, "up"]);
        machine.exec(&["ip", "link", "set", "eth0", "up"]);
        machine.exec(&["ip", "addr", "replace", &format!("{}/24", machine.address), "dev", "eth0"]);
        let config = machine.folder.join("sshd_config");
        std::fs::create_dir_all(machine.folder.join("guard")).expect("a folder");
        let lines = format!(
            "Port 22\nListenAddress 0.0.0.0\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\nStrictModes no\nUsePAM no\n\
             PasswordAuthentication no\nPermitRootLogin yes\nPrintMotd no\nMaxStartups 100:30:200\n\
             SetEnv SHLVL=1 PATH={}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin HOTSPARE_GUARD={} MACHINE={name}\n",
            text(&machine.folder.join("host_key")),
            text(&user_key.with_extension("pub")),
            // What a test puts there is found before what the system has.
            text(&machine.folder.join("bin")),
            text(&machine.folder.join("guard")),
        );
        std::fs::write(&config, lines).expect("written");
        machine.start("/usr/sbin/sshd", &["-D", "-e", "-f", text(&config)]);
        let namespace = machine.namespace.clone();
        let listens = || {
            let output = Command::new("ip").args(["netns", "exec", &namespace, "ss", "-ltnH", "sport = :22"]).output();
            output.is_ok_and(|output| !output.stdout.is_empty())
        };
        until("sshd listens", listens).await;
    }

    /// Has a machine serve, as it does in its own right: its page, and the service address.
    pub(crate) fn serve(&mut self, name: &str, service: Ipv4Addr) {
        let machine = self.machines.iter_mut().find(|machine| machine.name == name).expect("a machine");
        machine.exec(&["ip", "addr", "replace", &format!("{service}/24"), "dev", "eth0"]);
        machine.start("python3", &["-c", PAGE, name]);
        machine.exec(&["arping", "-q", "-U", "-c", "2", "-w", "1", "-I", "eth0", &service.to_string()]);
    }

    /// Waits until machines serve: whoever judges them earlier finds them down.
    pub(crate) async fn serving(&self, names: &[&str], port: u16) {
        for name in names {
            let filter = format!("sport = :{port}");
            let listens = || !self.machine(name).exec(&["ss", "-Hltn", &filter]).is_empty();
            within(Duration::from_secs(20), "it serves", listens).await;
        }
    }

    /// The command that starts the page on whatever machine it is run, and the one that ends it.
    pub(crate) fn page_commands(&self) -> (String, String) {
        let script = self.path("page.py");
        std::fs::write(&script, PAGE).expect("written");
        let start = format!(
            "setsid python3 {} $MACHINE >/dev/null 2>&1 </dev/null & echo $! > {}/$MACHINE/page.pid",
            text(&script),
            text(self.folder.path())
        );
        let pid = format!("{}/$MACHINE/page.pid", text(self.folder.path()));
        let stop = format!("kill $(cat {pid}) 2>/dev/null; rm -f {pid}");
        (start, stop)
    }

    /// Pulls the plug: nothing of it runs any more, its link is down, and addresses that were not its own are gone.
    pub(crate) fn power_off(&mut self, name: &str) {
        let switch = self.switch.clone();
        let machine = self.machines.iter_mut().find(|machine| machine.name == name).expect("a machine");
        machine.kill();
        run("ip", &["-n", &switch, "link", "set", &machine.cable, "down"]);
        machine.exec(&["ip", "addr", "flush", "dev", "eth0"]);
    }

    /// Who answers for an address, seen from a machine that has no part in it: hardware addresses.
    pub(crate) fn owners(&self, from: &str, address: Ipv4Addr) -> Vec<String> {
        let machine = self.machine(from);
        let mut said = machine.command(&["arping", "-c", "3", "-w", "1", "-I", "eth0", &address.to_string()]);
        let said = String::from_utf8_lossy(&said.output().expect("arping").stdout).into_owned();
        let mut found: Vec<String> = said
            .lines()
            .filter_map(|line| line.split_once('[')?.1.split_once(']'))
            .map(|(mac, _)| mac.to_lowercase())
            .collect();
        found.sort();
        found.dedup();
        found
    }

    /// The program under test, on the console.
    pub(crate) fn hotspare(&self, arguments: &[&str]) -> Command {
        let mut command = self.machine("console").command(&[env!("CARGO_BIN_EXE_hotspare")]);
        command.args(["--fleet", text(&self.path("fleet.toml")), "--state", text(&self.path("state"))]);
        let path = format!("{}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", text(&self.path("bin")));
        command.args(arguments).env("PATH", path).env_remove("RUST_BACKTRACE");
        command
    }

    /// Runs it to its end.
    pub(crate) fn tell(&self, arguments: &[&str]) -> Output {
        self.hotspare(arguments).stdin(Stdio::null()).output().expect("hotspare runs")
    }

    /// Runs it with `--json`: how it ended, and its document.
    pub(crate) fn ask(&self, arguments: &[&str]) -> (i32, Value) {
        let output = self.tell(&[arguments, &["--json"]].concat());
        let document = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{arguments:?}: {error}: {}", String::from_utf8_lossy(&output.stderr)));
        (output.status.code().expect("it ended by itself"), document)
    }

    /// Begins to ask the service address all the time.
    pub(crate) fn watch(&mut self, from: &str, service: Ipv4Addr) -> PathBuf {
        let log = self.path("client.log");
        let machine = self.machines.iter_mut().find(|machine| machine.name == from).expect("a machine");
        machine.start("python3", &["-c", CLIENT, &service.to_string(), text(&log)]);
        log
    }
}

impl Machine {
    /// A command on the machine.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace]).args(arguments);
        command
    }

    pub(crate) fn exec(&self, arguments: &[&str]) -> String {
        run("ip", &[&["netns", "exec", self.namespace.as_str()], arguments].concat())
    }

    pub(crate) fn start(&mut self, program: &str, arguments: &[&str]) {
        let mut command = self.command(&[program]);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.children.push(command.spawn().expect("a program on the machine"));
    }

    /// The addresses it has.
    pub(crate) fn addresses(&self) -> Vec<String> {
        let said = self.exec(&["ip", "-o", "-4", "addr", "show", "dev", "eth0"]);
        said.lines().filter_map(|line| line.split_whitespace().nth(3)).map(ToOwned::to_owned).collect()
    }

    fn kill(&mut self) {
        let pids = Command::new("ip").args(["netns", "pids", &self.namespace]).output().map(|output| output.stdout);
        for pid in String::from_utf8_lossy(&pids.unwrap_or_default()).split_whitespace() {
            let _gone = Command::new("kill").args(["-KILL", pid]).stderr(Stdio::null()).status();
        }
        for mut child in self.children.drain(..) {
            let _gone = child.kill();
            let _reaped = child.wait();
        }
    }
}

impl Drop for Lan {
    fn drop(&mut self) {
        for machine in &mut self.machines {
            machine.kill();
        }
        if std::thread::panicking() {
            eprintln!("{}", std::fs::read_to_string(self.path("engine.err")).unwrap_or_default());
            let log = std::fs::read_dir(self.path("state/log")).into_iter().flatten().flatten();
            for file in log {
                eprintln!("{}", std::fs::read_to_string(file.path()).unwrap_or_default());
            }
        }
        for machine in &self.machines {
            let _gone = Command::new("ip").args(["netns", "del", &machine.namespace]).status();
        }
        let _gone = Command::new("ip").args(["netns", "del", &self.switch]).status();
    }
}

/// The longest time without an answer in what the client wrote, seconds, and who answered before and after it.
pub(crate) fn gap(log: &Path) -> (f64, String, String) {
    let said = std::fs::read_to_string(log).expect("the client wrote");
    let answered: Vec<(f64, String)> = said
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter(|(_, who)| *who != "-")
        .filter_map(|(at, who)| Some((at.parse().ok()?, who.to_owned())))
        .collect();
    answered
        .windows(2)
        .map(|pair| (pair[1].0 - pair[0].0, pair[0].1.clone(), pair[1].1.clone()))
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .expect("it was answered twice")
}

/// Waits until `holds`, at most so long.
pub(crate) async fn within(time: Duration, what: &str, mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(time, waiting).await.is_ok(), "{what}: not within {time:?}");
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("a path of plain characters")
}
