//! A private sshd for each demo machine, with a host key of its own, if the system has one installed.

use std::io;
use std::net::IpAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Pid;
use tokio::process::{Child, Command};

/// Where sshd is usually installed: rarely on the path of an ordinary user.
const PLACES: [&str; 4] = ["/usr/sbin/sshd", "/usr/local/sbin/sshd", "/usr/bin/sshd", "/opt/homebrew/sbin/sshd"];

/// What all machines share: the sshd program, and the key that opens them.
#[derive(Debug, Clone)]
pub struct Kit {
    sshd: PathBuf,
    authorized_keys: PathBuf,
    /// A client configuration that reaches the machines and nothing else of the operator's.
    pub client_config: PathBuf,
    known_hosts: PathBuf,
}

impl Kit {
    /// Prepares a key pair and a client configuration in `dir`; `None` where this system has no sshd or no ssh-keygen.
    pub async fn prepare(dir: &Path) -> io::Result<Option<Self>> {
        let Some(sshd) = PLACES.iter().map(PathBuf::from).find(|place| place.exists()) else { return Ok(None) };
        let folder = dir.join("ssh");
        private_folder(&folder)?;
        if rustix::process::geteuid().is_root() && !Path::new("/run/sshd").exists() {
            // sshd run by root insists on its privilege separation folder, which its service unit would have made.
            std::fs::DirBuilder::new().mode(0o755).recursive(true).create("/run/sshd")?;
        }
        let key = folder.join("id");
        if !key.exists() && !keygen(&key).await? {
            return Ok(None);
        }
        let kit = Self {
            sshd,
            authorized_keys: key.with_extension("pub"),
            client_config: folder.join("config"),
            known_hosts: folder.join("known_hosts"),
        };
        write_private(
            &kit.client_config,
            &format!(
                "Host *\n  IdentityFile \"{}\"\n  IdentitiesOnly yes\n  IdentityAgent none\n  UserKnownHostsFile \"{}\"\n  \
                 GlobalKnownHostsFile /dev/null\n  StrictHostKeyChecking yes\n",
                key.display(),
                kit.known_hosts.display()
            ),
        )?;
        write_private(&kit.known_hosts, "")?;
        Ok(Some(kit))
    }
}

/// Makes an ed25519 key without a passphrase; `false` where ssh-keygen is missing.
async fn keygen(path: &Path) -> io::Result<bool> {
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "hotspare demo", "-f"])
        .arg(path)
        .stdin(Stdio::null())
        .output()
        .await;
    match made {
        Ok(output) if output.status.success() => Ok(true),
        Ok(output) => Err(io::Error::other(format!("ssh-keygen: {}", String::from_utf8_lossy(&output.stderr).trim()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// One running sshd.
#[derive(Debug)]
pub struct Sshd {
    child: Child,
}

impl Sshd {
    /// Starts one with its own host key, and returns when it accepts connections.
    pub async fn start(kit: &Kit, folder: &Path, address: IpAddr, port: u16) -> io::Result<Self> {
        let host_key = folder.join("host_key");
        if !host_key.exists() {
            keygen(&host_key).await?;
        }
        // A folder that is used again has host keys, perhaps of other addresses.
        let public = std::fs::read_to_string(host_key.with_extension("pub"))?;
        let line = format!("[{address}]:{port} {public}");
        if !std::fs::read_to_string(&kit.known_hosts)?.contains(&line) {
            let mut known = std::fs::OpenOptions::new().append(true).open(&kit.known_hosts)?;
            io::Write::write_all(&mut known, line.as_bytes())?;
        }
        let config = folder.join("sshd_config");
        // A bash that sshd starts as the first shell reads the person's ~/.bashrc, which is not the machine's and may take
        // longer than a check; the second does not.
        write_private(
            &config,
            &format!(
                "ListenAddress {address}:{port}\nHostKey \"{}\"\nAuthorizedKeysFile \"{}\"\nPidFile none\nStrictModes no\n\
                 PasswordAuthentication no\nKbdInteractiveAuthentication no\nUsePAM no\nPermitRootLogin yes\n\
                 PrintMotd no\nMaxStartups 100\nSubsystem sftp internal-sftp\nSetEnv SHLVL=1 HOTSPARE_GUARD=\"{}\"\n",
                host_key.display(),
                kit.authorized_keys.display(),
                folder.join("guard").display()
            ),
        )?;
        let mut child = Command::new(&kit.sshd)
            .arg("-D")
            .arg("-e")
            .arg("-f")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(folder.join("sshd.log"))?)
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        for _ in 0..100 {
            if tokio::net::TcpStream::connect((address, port)).await.is_ok() {
                return Ok(Self { child });
            }
            if child.try_wait()?.is_some() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let log = std::fs::read_to_string(folder.join("sshd.log")).unwrap_or_default();
        Err(io::Error::other(format!("sshd on {address}:{port} did not start: {}", log.trim())))
    }

    /// Its process; `None`: it has ended.
    pub fn pid(&self) -> Option<Pid> {
        self.child.id().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw)
    }

    /// Kills it, with every session it serves, as a power cut would.
    pub async fn kill(mut self) {
        if let Some(pid) = self.pid() {
            for session in descendants(pid.as_raw_nonzero().get()) {
                if let Some(session) = Pid::from_raw(session) {
                    let _gone = rustix::process::kill_process(session, rustix::process::Signal::KILL);
                }
            }
        }
        let _gone = self.child.kill().await;
    }
}

/// Processes below `parent`, from `/proc`; empty on systems without it, where sessions end with their connection.
pub(super) fn descendants(parent: i32) -> Vec<i32> {
    let mut found = Vec::new();
    let mut look = vec![parent];
    while let Some(pid) = look.pop() {
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        for child in children.split_whitespace().filter_map(|child| child.parse().ok()) {
            found.push(child);
            look.push(child);
        }
    }
    found
}

fn private_folder(path: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().mode(0o700).recursive(true).create(path)
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    io::Write::write_all(&mut file, text.as_bytes())
}
