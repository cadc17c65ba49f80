//! A host behind a real sshd of its own on this machine, as commands that go there see it. Needs no root.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use hotspare::demo::sshd::{Kit, Sshd};

use crate::place::{PATIENCE, Place, text};

/// Whoever logs in begins in the login folder, with the rights of nobody where the tests run as root: else there would be no
/// file that may not be read.
const LOGIN: &str = r#"#!/bin/sh
HOME=$(dirname "$0")/home
export HOME
cd "$HOME" || exit 1
[ "$(id -u)" -ne 0 ] || exec setpriv --reuid=65534 --regid=65534 --clear-groups -- sh -c "$SSH_ORIGINAL_COMMAND"
exec sh -c "$SSH_ORIGINAL_COMMAND"
"#;

/// A fleet of one host that is there, `kv-1`, and one whose sshd is not, `kv-2`.
pub(crate) struct Far {
    place: Place,
    _sshd: Sshd,
    _nobody: socket2::Socket,
}

impl Far {
    /// With this at the end of the fleet file, in which `HOME` stands for the login folder.
    pub(crate) async fn new(fleet: &str) -> Self {
        let place = Place::new("");
        let folder = place.path().to_owned();
        let kit = Kit::prepare(&folder).await.unwrap().expect("apt-get install openssh-server");
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let port = TcpListener::bind((address, 0)).unwrap().local_addr().unwrap().port();
        std::fs::create_dir_all(folder.join("home/log")).unwrap();
        std::fs::create_dir(folder.join("bin")).unwrap();
        // The user nobody is to come in, whatever the mask of whoever runs the tests.
        for folder in [&folder, &folder.join("home"), &folder.join("home/log"), &folder.join("bin")] {
            std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        let login = folder.join("login");
        crate::program::script(&login, LOGIN);
        let key = folder.join("ssh/id.pub");
        let public = std::fs::read_to_string(&key).unwrap();
        std::fs::write(&key, format!("command=\"{}\" {public}", login.display())).unwrap();
        // The client as hotspare finds it, with a configuration of its own.
        let script = format!("#!/bin/sh\nexec /usr/bin/ssh -F '{}' \"$@\"\n", kit.client_config.display());
        crate::program::script(&folder.join("bin/ssh"), &script);
        let sshd = Sshd::start(&kit, &folder, address, port).await.unwrap();
        // Bound and not listening: whoever knocks is refused, and nobody else gets the port.
        let nobody = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        nobody.bind(&SocketAddr::new(address, 0).into()).unwrap();
        let closed = nobody.local_addr().unwrap().as_socket().unwrap().port();
        let host = |name: &str, port: u16| {
            let checks = format!("checks = [{{ kind = \"tcp\", port = {port}, every = \"1s\" }}]");
            format!("[hosts.{name}]\naddress = \"{address}\"\nssh = \"ssh://{address}:{port}\"\n{checks}\n")
        };
        let hosts = host("kv-1", port) + &host("kv-2", closed);
        let fleet = fleet.replace("HOME", folder.join("home").to_str().unwrap());
        std::fs::write(place.file(), format!("name = \"harbour\"\n{hosts}{fleet}")).unwrap();
        Self { place, _sshd: sshd, _nobody: nobody }
    }

    /// A path in the login folder.
    pub(crate) fn home(&self, name: &str) -> PathBuf {
        self.place.path().join("home").join(name)
    }

    /// Writes a file in the login folder, which all may read.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.home(name), content).unwrap();
        self.allow(name, 0o644);
    }

    /// Sets the permission bits of a file there.
    pub(crate) fn allow(&self, name: &str, mode: u32) {
        std::fs::set_permissions(self.home(name), std::fs::Permissions::from_mode(mode)).unwrap();
    }

    /// The program, with the client of this place.
    pub(crate) fn program(&self, arguments: &[&str]) -> Command {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = self.place.program(arguments);
        command.env("PATH", format!("{}:{path}", self.place.path().join("bin").display()));
        command
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        Said::from(self.program(arguments).output().unwrap())
    }

    /// Runs it to its end with `--json`: how it ended, and its document.
    pub(crate) fn json(&self, arguments: &[&str]) -> (i32, serde_json::Value) {
        let said = self.run(&[&["--json"], arguments].concat());
        let document = serde_json::from_str(&said.out);
        (said.code, document.unwrap_or_else(|error| panic!("{arguments:?}: {error}: {}{}", said.out, said.err)))
    }

    /// The folder of everything here.
    pub(crate) fn path(&self) -> &Path {
        self.place.path()
    }

    /// The state folder.
    pub(crate) fn state(&self) -> PathBuf {
        self.place.state()
    }

    /// An engine in the background, which other commands join.
    pub(crate) async fn engine(&self) -> Background {
        let engine = self.begin("engine", &["engine"]);
        let _joined = self.place.join().await;
        engine
    }

    /// Begins a command whose words go into files of this name.
    pub(crate) fn begin(&self, name: &str, arguments: &[&str]) -> Background {
        let file = |kind: &str| self.path().join(format!("{name}.{kind}"));
        let (out, err) = (file("out"), file("err"));
        let mut command = self.program(arguments);
        command.stdout(std::fs::File::create(&out).unwrap()).stderr(std::fs::File::create(&err).unwrap());
        Background { running: crate::place::Running::from(command.spawn().unwrap()), out, err }
    }
}

/// How a command ended, and what it said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self { code: output.status.code().unwrap(), out: text(&output.stdout), err: text(&output.stderr) }
    }
}

impl Said {
    /// The lines of standard output.
    pub(crate) fn lines(&self) -> Vec<&str> {
        self.out.lines().collect()
    }
}

/// A command that goes on.
pub(crate) struct Background {
    pub(crate) running: crate::place::Running,
    out: PathBuf,
    err: PathBuf,
}

impl Background {
    /// What it wrote to standard output so far.
    pub(crate) fn out(&self) -> String {
        std::fs::read_to_string(&self.out).unwrap()
    }

    /// What it wrote to standard error so far.
    pub(crate) fn err(&self) -> String {
        std::fs::read_to_string(&self.err).unwrap()
    }

    /// Waits until it has said this, on either.
    pub(crate) async fn says(&self, part: &str) {
        let waiting = async {
            while !self.out().contains(part) && !self.err().contains(part) {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        };
        let said = tokio::time::timeout(PATIENCE, waiting).await;
        assert!(said.is_ok(), "{part:?} was not said; out: {}\nerr: {}", self.out(), self.err());
    }
}
