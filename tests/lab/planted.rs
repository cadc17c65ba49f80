//! Faults that are planted one at a time: the doctor finds each, and says what to do about it. The same site without the
//! fault has no such finding.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use serde_json::Value;

use crate::farm::{Host, Ssh, run};
use crate::place::{Place, text};
use crate::program::script;
use crate::server::Server;

#[path = "planted/faults.rs"]
mod faults;

use faults::FAULTS;

/// A host with a service, a server of databases, a stick and a share: all of it well.
struct Site {
    web: Host,
    ssh: Ssh,
    /// A host whose clock is wrong.
    late: Host,
    late_ssh: Ssh,
    server: Server,
    folder: tempfile::TempDir,
}

impl Site {
    async fn new() -> Self {
        let (mut web, mut late) = (Host::new(), Host::new());
        let ssh = web.sshd().await;
        let late_ssh = late.sshd_with(&[("date", "#!/bin/sh\nexec /usr/bin/date -d '-5 minutes' \"$@\"\n")]).await;
        let server = Server::start(11, false).await;
        server.sql("CREATE USER dump@'127.0.0.1' IDENTIFIED BY 'pw'; GRANT ALL ON *.* TO dump@'127.0.0.1'");
        let site = Self { web, ssh, late, late_ssh, server, folder: tempfile::tempdir().expect("a folder") };
        for folder in ["usb", "data", "nas", "plain"] {
            std::fs::create_dir(site.at(folder)).expect("a folder");
        }
        for (name, content) in [("main.pid", "1\n"), ("main.log", ""), ("app.conf", ""), ("password", "pw\n")] {
            std::fs::write(site.at(name), content).expect("written");
        }
        run("chmod", &["600", &site.shown("password")]);
        run("mount", &["-t", "tmpfs", "lab", &site.shown("usb")]);
        site
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn shown(&self, name: &str) -> String {
        self.at(name).display().to_string()
    }

    fn fleet(&self) -> String {
        let (web, at, port) = (self.web.address, self.folder.path().display(), self.server.port);
        format!(
            "name = \"lab\"\n\
             [hosts.web]\naddress = \"{web}\"\nchecks = [{{ kind = \"ping\" }}, {{ kind = \"tcp\", port = 22 }}, \
             {{ kind = \"disk\", path = \"/\", min_free = \"1KiB\" }}]\n\
             [dumps.meos]\nserver = \"mysql://dump@127.0.0.1:{port}/\"\npassword_file = \"{at}/password\"\nto = \"{at}/usb\"\n\
             [sessions.mocap]\nsource = \"{at}/data\"\nlayout = \"{{participant}}/{{date}}\"\n\
             destinations = [{{ name = \"nas\", path = \"ssh://{web}{at}/nas\" }}]\n\
             [services.judicator]\nhost = \"web\"\npid_files = [\"{at}/main.pid\"]\nlogs = [\"{at}/main.log\"]\n\
             [configs.machines]\nhosts = \"all\"\nfiles = [\"{at}/app.conf\"]\n"
        )
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _gone = Command::new("umount").args(["-l", &self.shown("usb")]).status();
    }
}

/// What a fault changes: the fleet file, the programs and files of the console, or its environment.
struct Console<'a> {
    site: &'a Site,
    place: Place,
    fleet: String,
    path: String,
    environment: Vec<(&'static str, String)>,
    /// A line of the shell before the doctor is called.
    before: &'static str,
    /// Ended with the case.
    children: Vec<Child>,
}

impl<'a> Console<'a> {
    fn new(site: &'a Site) -> Self {
        let place = Place::new("");
        let (at, config) = (place.path().display().to_string(), place.path().join("ssh_config"));
        std::fs::create_dir(place.path().join("bin")).expect("a folder");
        script(
            &place.path().join("bin/ssh"),
            &format!("#!/bin/sh\nexec /usr/bin/ssh -F {} \"$@\"\n", config.display()),
        );
        let known = [&site.ssh, &site.late_ssh].map(|ssh| std::fs::read_to_string(&ssh.known_hosts).expect("keys"));
        std::fs::write(place.path().join("known_hosts"), known.concat()).expect("written");
        let console = Self {
            fleet: site.fleet(),
            path: format!("{at}/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
            environment: Vec::new(),
            before: "",
            children: Vec::new(),
            site,
            place,
        };
        console.ssh_config(&[&site.web, &site.late]);
        console
    }

    /// How the ssh client of this console reaches hosts: with the key of each.
    fn ssh_config(&self, hosts: &[&Host]) {
        let host = |host: &&Host| {
            let key = host.folder.path().join("user_key");
            format!("Host {}\n  IdentityFile {}\n", host.address, key.display())
        };
        let config: String = hosts.iter().map(host).collect();
        let known = self.place.path().join("known_hosts");
        let rest = format!(
            "Host *\n  IdentitiesOnly yes\n  UserKnownHostsFile {}\n  GlobalKnownHostsFile /dev/null\n  User root\n",
            known.display()
        );
        std::fs::write(self.place.path().join("ssh_config"), config + &rest).expect("written");
    }

    /// Replaces a part of the fleet file.
    fn swap(&mut self, from: &str, to: &str) {
        assert!(self.fleet.contains(from), "{from}: {}", self.fleet);
        self.fleet = self.fleet.replace(from, to);
    }

    /// A program of the console that is found before the system's.
    fn program(&self, name: &str, text: &str) {
        script(&self.place.path().join("bin").join(name), text);
    }

    /// What the doctor finds.
    fn findings(&self) -> Vec<Value> {
        std::fs::write(self.place.file(), &self.fleet).expect("written");
        let program = self.place.program(&["--json", "doctor"]);
        let line = format!("{}\nexec \"$0\" \"$@\"", self.before);
        let mut command = Command::new("/bin/sh");
        command.args(["-c", &line]).arg(program.get_program()).args(program.get_args()).stdin(Stdio::null());
        command.current_dir(self.place.path()).env("PATH", &self.path).env_remove("RUST_BACKTRACE");
        command.envs(self.environment.iter().map(|(name, value)| (*name, value)));
        let output = command.output().expect("a shell");
        let document: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}{}", text(&output.stdout), text(&output.stderr)));
        document["findings"].as_array().unwrap_or_else(|| panic!("{document}")).clone()
    }
}

impl Drop for Console<'_> {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _gone = child.kill();
            let _reaped = child.wait();
        }
    }
}

/// A fault, and what the doctor is to say of it.
struct Fault {
    name: &'static str,
    plant: fn(&mut Console<'_>),
    /// What stands in the finding, and in what is to be done.
    found: &'static str,
    remedy: &'static str,
}

/// The finding that is not good and says this.
fn find<'a>(findings: &'a [Value], fault: &Fault) -> Option<&'a Value> {
    let holds = |finding: &Value, key: &str, part: &str| finding[key].as_str().is_some_and(|said| said.contains(part));
    findings.iter().find(|finding| {
        finding["grade"] != "good" && holds(finding, "found", fault.found) && holds(finding, "remedy", fault.remedy)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn every_planted_fault_is_found_with_its_remedy() {
    assert!(FAULTS.len() >= 20, "{}", FAULTS.len());
    let site = Site::new().await;
    let well = Console::new(&site).findings();
    let wrong: Vec<&Value> = well.iter().filter(|finding| finding["grade"] != "good").collect();
    assert!(wrong.is_empty() && well.len() > 12, "a site that is well: {well:#?}");
    let (queue, missed) = (Mutex::new(FAULTS.iter()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(fault) = next(&queue) {
                    let mut console = Console::new(&site);
                    (fault.plant)(&mut console);
                    let findings = console.findings();
                    println!("{}: {:?}", fault.name, find(&findings, fault).map(Value::to_string));
                    if find(&findings, fault).is_none() {
                        let said: Vec<&Value> = findings.iter().filter(|found| found["grade"] != "good").collect();
                        missed.lock().expect("whole").push(format!("{}: {said:#?}", fault.name));
                    }
                    assert!(find(&well, fault).is_none(), "{} is found where it is not", fault.name);
                }
            });
        }
    });
    let missed = missed.into_inner().expect("whole");
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

fn next(queue: &Mutex<std::slice::Iter<'static, Fault>>) -> Option<&'static Fault> {
    queue.lock().expect("whole").next()
}
