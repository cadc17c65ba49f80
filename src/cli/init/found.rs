//! What `init` finds on this machine before it asks: machines of the ssh client, disks, shares, a server of databases.
//!
//! It only looks, and each look has an end: a file in the home folder, a table of the kernel, connections that are closed
//! at once.

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::io::AsyncReadExt;

use super::Host;
use crate::reach::mounts::Mounts;
use crate::reach::{dial, plain, program};

/// How long a machine may take to accept a connection.
const PATIENCE: Duration = Duration::from_millis(1500);
/// More machines than that nobody picks from a list.
const MOST: usize = 40;
/// The longest configuration of the ssh client that is read.
const LONGEST: usize = 1 << 20;

/// What there is.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) hosts: Vec<Seen>,
    /// Where removable disks are mounted.
    pub(super) media: Vec<PathBuf>,
    /// Where shares of other machines are mounted.
    pub(super) shares: Vec<PathBuf>,
    /// What a MySQL or MariaDB server at port 3306 of this machine calls itself.
    pub(super) server: Option<String>,
}

/// A machine that the ssh client knows by name.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) name: String,
    pub(super) address: String,
    /// The port of its sshd; `None` where it is reached through another machine.
    pub(super) port: Option<u16>,
    /// Whether somebody listens there.
    pub(super) answers: bool,
}

impl Found {
    /// Looks at everything at once.
    pub(super) async fn look() -> Self {
        let config = etcetera::home_dir().unwrap_or_default().join(".ssh/config");
        let (hosts, server) = tokio::join!(hosts(&config), server());
        let (media, shares) = Mounts::read().map(|mounts| places(&mounts)).unwrap_or_default();
        Self { hosts, media, shares, server }
    }

    /// Those that can be watched now.
    pub(super) fn answering(&self) -> impl Iterator<Item = Host> {
        self.hosts.iter().filter(|seen| seen.answers || seen.port.is_none()).map(Seen::host)
    }

    /// The machines, numbered, one a line.
    pub(super) fn words(&self) -> String {
        let word = |(number, seen): (usize, &Seen)| {
            let answers = match seen.port {
                None => ", through another machine",
                Some(_) if seen.answers => ", answers",
                Some(_) => ", no answer",
            };
            format!("{} {} ({}{answers})", number + 1, seen.name, seen.address)
        };
        let words: Vec<String> = self.hosts.iter().enumerate().map(word).collect();
        if words.is_empty() {
            "~/.ssh/config names no machine".to_owned()
        } else {
            format!("~/.ssh/config names:\n  {}", words.join("\n  "))
        }
    }
}

impl Seen {
    pub(super) fn host(&self) -> Host {
        Host { name: self.name.clone(), address: self.address.clone(), ssh: Some(self.name.clone()), port: self.port }
    }
}

/// The machines that a configuration of the ssh client names, as the client itself understands it.
async fn hosts(config: &Path) -> Vec<Seen> {
    let Ok(text) = tokio::fs::read(config).await else { return Vec::new() };
    let text = String::from_utf8_lossy(text.get(..LONGEST).unwrap_or(&text)).into_owned();
    let seen = join_all(names(&text).into_iter().take(MOST).map(|name| look_at(config, name))).await;
    seen.into_iter().flatten().collect()
}

/// The names behind `Host`, without patterns and without what could not be a name in a fleet file.
fn names(config: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for line in config.lines() {
        let mut words = line.split([' ', '\t', '=', '"']).filter(|word| !word.is_empty());
        if !words.next().is_some_and(|word| word.eq_ignore_ascii_case("host")) {
            continue;
        }
        let plain = |name: &&str| {
            name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
                && !name.starts_with(['-', '.'])
                && name.len() < 64
                && !matches!(*name, "spare" | "failed" | "console")
        };
        for name in words.filter(plain) {
            if names.iter().all(|known| known != name) {
                names.push(name.to_owned());
            }
        }
    }
    names
}

/// Asks the ssh client where a name leads, and whether somebody listens there. A place that is only for git is none.
async fn look_at(config: &Path, name: String) -> Option<Seen> {
    let mut ssh = program::command("ssh");
    ssh.arg("-G").arg("-F").arg(config).arg(&name);
    let ended = tokio::time::timeout(PATIENCE, program::run(ssh, b"", 1 << 16)).await.ok()?.ok()?;
    let said = String::from_utf8_lossy(&ended.stdout).into_owned();
    let value = |key: &str| said.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '));
    let address = value("hostname").unwrap_or(&name).to_owned();
    if value("user") == Some("git") {
        return None;
    }
    let direct = value("proxyjump").is_none() && value("proxycommand").is_none();
    let port = direct.then(|| value("port").and_then(|port| port.parse().ok()).unwrap_or(22));
    let answers = match port {
        Some(port) => matches!(tokio::time::timeout(PATIENCE, dial::connect(&address, port)).await, Ok(Ok(_accepted))),
        None => false,
    };
    Some(Seen { name, address, port, answers })
}

/// What a server at the port of MySQL greets with: a packet of protocol 10 begins with its version.
async fn server() -> Option<String> {
    let greeting = async {
        let mut stream = dial::connect("127.0.0.1", 3306).await.ok()?;
        let mut greeting = [0; 64];
        let count = stream.read(&mut greeting).await.ok()?;
        version(greeting.get(..count)?)
    };
    tokio::time::timeout(PATIENCE, greeting).await.ok().flatten()
}

/// MariaDB puts a version of old before its own, for old clients.
fn version(greeting: &[u8]) -> Option<String> {
    let text = greeting.get(4..)?.strip_prefix(b"\x0a")?;
    let end = text.iter().position(|byte| *byte == 0)?;
    let text = String::from_utf8_lossy(text.get(..end)?);
    Some(plain::line(text.strip_prefix("5.5.5-").unwrap_or(&text), 40))
}

/// For the door of imports: the names that stand in a configuration of the ssh client; and what a server may greet with.
#[cfg(any(test, fuzzing))]
pub(in crate::cli) fn foreign(bytes: &[u8]) -> Vec<String> {
    if let Some(version) = version(bytes) {
        crate::foreign::assert_plain(&version);
    }
    names(&String::from_utf8_lossy(bytes))
}

/// Removable disks, and shares: what lies where people mount such things.
fn places(mounts: &Mounts) -> (Vec<PathBuf>, Vec<PathBuf>) {
    const WHERE: [&str; 5] = ["/media", "/run/media", "/mnt", "/Volumes", "/srv"];
    let (mut media, mut shares) = (Vec::new(), Vec::new());
    for mount in mounts.all().filter(|mount| WHERE.iter().any(|above| mount.point.starts_with(above))) {
        let list = if mount.is_far() { &mut shares } else { &mut media };
        if !mount.is_automatic() && !mount.read_only() && !list.contains(&mount.point) {
            list.push(mount.point.clone());
        }
    }
    (media, shares)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_ssh_client_are_read_without_patterns() {
        let config = "# Host comment\nHost nas studio-1 *.lab !x\n  HostName 10.0.0.1\nhost=\"quoted\" nas\nHostName no\nMatch all\nHost spare\n";
        assert_eq!(names(config), ["nas", "studio-1", "quoted"]);
    }

    #[test]
    fn a_greeting_tells_the_version() {
        assert_eq!(version(b"\x4a\0\0\0\x0a5.5.5-10.11.6-MariaDB\0rest").as_deref(), Some("10.11.6-MariaDB"));
        assert_eq!(version(b"\x4a\0\0\0\x0a8.0.36\0").as_deref(), Some("8.0.36"));
        assert_eq!((version(b"SSH-2.0-x"), version(b"")), (None, None));
    }

    #[test]
    fn disks_and_shares_are_told_apart() {
        let table = b"22 1 8:1 / / rw - ext4 /dev/sda1 rw\n40 22 0:35 / /mnt/nas rw - cifs //nas/s rw\n\
            41 22 0:36 / /media/usb rw - vfat /dev/sdb1 rw\n42 22 0:37 / /media/cd ro - iso9660 /dev/sr0 ro\n\
            43 22 0:38 / /run/user/0/gvfs rw - fuse.gvfsd-fuse g rw\n";
        let (media, shares) = places(&Mounts::parse(table));
        assert_eq!((media, shares), (vec!["/media/usb".into()], vec!["/mnt/nas".into()]));
    }

    #[tokio::test]
    async fn a_machine_that_listens_answers() {
        let folder = tempfile::tempdir().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let (config, port) = (folder.path().join("config"), listener.local_addr().unwrap().port());
        let text = format!(
            "Host here\n HostName 127.0.0.1\n Port {port}\nHost closed\n HostName 127.0.0.1\n Port 9\n\
             Host behind\n HostName 10.0.0.9\n ProxyJump here\nHost forge\n User git\n"
        );
        std::fs::write(&config, text).unwrap();
        let seen = hosts(&config).await;
        let told: Vec<_> = seen.iter().map(|seen| (seen.name.as_str(), seen.port, seen.answers)).collect();
        assert_eq!(told, [("here", Some(port), true), ("closed", Some(9), false), ("behind", None, false)]);
        assert_eq!(hosts(&folder.path().join("none")).await.len(), 0);
    }
}
