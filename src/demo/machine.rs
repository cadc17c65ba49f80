//! A demo machine: one loopback address with servers on it, that can lose its power and get it back.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use tokio_util::task::TaskTracker;

use super::server::{Protocol, Server};
use super::sshd::Sshd;

/// One server that a machine runs while it has power.
#[derive(Debug, Clone, Copy)]
pub struct Listens {
    /// What it speaks.
    pub protocol: Protocol,
    /// Its port.
    pub port: u16,
}

/// What a machine is made of.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Its name in the fleet.
    pub name: &'static str,
    /// Last part of its address.
    pub number: u8,
    /// Its place, as a label.
    pub site: &'static str,
    /// Its servers.
    pub listens: &'static [Listens],
}

/// The machines of the demo: two hosts of a people-count system, two of a streaming one, a spare each, and a file server.
pub const PLANS: [Plan; 6] = [
    Plan { name: "studio-1", number: 11, site: "hall-a", listens: STUDIO },
    Plan { name: "studio-2", number: 12, site: "hall-a", listens: STUDIO },
    Plan { name: "studio-spare", number: 19, site: "hall-a", listens: STUDIO },
    Plan { name: "cupola-1", number: 21, site: "roof", listens: CUPOLA },
    Plan { name: "cupola-2", number: 22, site: "roof", listens: CUPOLA },
    Plan { name: "nas", number: 30, site: "cellar", listens: NAS },
];

const STUDIO: &[Listens] = &[
    Listens { protocol: Protocol::Tcp, port: 7022 },
    Listens { protocol: Protocol::Http("People Count"), port: 5000 },
];
const CUPOLA: &[Listens] = &[
    Listens { protocol: Protocol::Tcp, port: 7022 },
    Listens { protocol: Protocol::Http("Cupola"), port: 8080 },
    Listens { protocol: Protocol::Rtmp, port: 1935 },
    Listens { protocol: Protocol::Rtsp, port: 8554 },
];
const NAS: &[Listens] =
    &[Listens { protocol: Protocol::Tcp, port: 7022 }, Listens { protocol: Protocol::Http("Files"), port: 8080 }];

/// How machines get their addresses and ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addressing {
    /// Each machine has its own address in 127.77.N.0/24 and the usual ports.
    Own {
        /// N: the first such network that no other demo uses.
        network: u8,
    },
    /// All share 127.0.0.1 (systems with a single loopback address) and have ports of their own.
    Shared,
}

impl Addressing {
    /// What this system allows.
    pub fn find() -> Self {
        let free = |network: &u8| {
            PLANS.iter().all(|plan| {
                let address = Self::Own { network: *network }.address(plan);
                // The sshd of a demo that was killed goes on, and would be taken for ours.
                let mut ports = plan.listens.iter().map(|listens| listens.port).chain([SSH_PORT]);
                ports.all(|port| std::net::TcpListener::bind((address, port)).is_ok())
            })
        };
        (0..=255).find(free).map_or(Self::Shared, |network| Self::Own { network })
    }

    /// The address of a machine.
    pub fn address(self, plan: &Plan) -> IpAddr {
        IpAddr::V4(match self {
            Self::Own { network } => Ipv4Addr::new(127, 77, network, plan.number),
            Self::Shared => Ipv4Addr::LOCALHOST,
        })
    }

    /// The port on which a machine really listens where it would like `wanted`.
    pub fn port(self, plan: &Plan, wanted: u16) -> u16 {
        match self {
            Self::Own { .. } => wanted,
            Self::Shared => 20_000 + u16::from(plan.number) * 100 + wanted % 100,
        }
    }
}

/// The file by which a machine knows in whose place it serves.
pub const ROLE: &str = "serving";
/// The port of a machine's sshd, before [`Addressing::port`].
pub const SSH_PORT: u16 = 7023;

/// A machine of the demo.
#[derive(Debug)]
pub struct Machine {
    /// What it is made of.
    pub plan: &'static Plan,
    /// Its own files: what its disk would hold.
    pub folder: PathBuf,
    addressing: Addressing,
    servers: Vec<Server>,
    sshd: Option<Sshd>,
    tracker: TaskTracker,
}

impl Machine {
    /// A machine without power, with its folder below `dir`.
    pub fn new(plan: &'static Plan, addressing: Addressing, dir: &Path) -> io::Result<Self> {
        let folder = dir.join("machines").join(plan.name);
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("raid"), "clean\n")?;
        Ok(Self { plan, folder, addressing, servers: Vec::new(), sshd: None, tracker: TaskTracker::new() })
    }

    /// Gives it power: every server listens, and its sshd where one is installed. Nothing happens if it has power.
    pub async fn power_on(&mut self, sshd: Option<&super::sshd::Kit>) -> io::Result<()> {
        if !self.servers.is_empty() {
            return Ok(());
        }
        // Whoever boots serves in nobody's place.
        let role = self.folder.join(ROLE);
        match std::fs::remove_file(&role) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let address = self.addressing.address(self.plan);
        let mut servers = Vec::with_capacity(self.plan.listens.len());
        for listens in self.plan.listens {
            let port = self.addressing.port(self.plan, listens.port);
            servers.push(Server::start(listens.protocol, address, port, role.clone(), &self.tracker).map_err(
                |error| {
                    io::Error::new(
                        error.kind(),
                        format!(
                            "{}: port {port} of {address} cannot be taken ({error}): is another demo running?",
                            self.plan.name
                        ),
                    )
                },
            )?);
        }
        self.servers = servers;
        self.start_ssh(sshd).await
    }

    /// Starts its sshd, where it has power and none runs.
    pub async fn start_ssh(&mut self, sshd: Option<&super::sshd::Kit>) -> io::Result<()> {
        if let Some(kit) = sshd.filter(|_kit| !self.servers.is_empty() && self.sshd.is_none()) {
            let address = self.addressing.address(self.plan);
            let port = self.addressing.port(self.plan, SSH_PORT);
            self.sshd = Some(Sshd::start(kit, &self.folder, address, port).await?);
        }
        Ok(())
    }

    /// Where its sshd listens.
    pub fn ssh_door(&self) -> (IpAddr, u16) {
        (self.addressing.address(self.plan), self.addressing.port(self.plan, SSH_PORT))
    }

    /// The process of its sshd, while one runs.
    pub fn ssh_process(&self) -> Option<rustix::process::Pid> {
        self.sshd.as_ref().and_then(Sshd::pid)
    }

    /// Kills its sshd with every session that it serves.
    pub async fn kill_ssh(&mut self) {
        if let Some(sshd) = self.sshd.take() {
            sshd.kill().await;
        }
    }

    /// Takes its power: every port closes, every connection breaks, its sshd is killed.
    pub async fn power_off(&mut self) {
        self.servers.clear();
        self.kill_ssh().await;
    }

    /// Hangs or wakes its web server: it accepts and never answers.
    pub fn hang_web(&self, hung: bool) {
        for (listens, server) in self.plan.listens.iter().zip(&self.servers) {
            if matches!(listens.protocol, Protocol::Http(_)) {
                server.set_silent(hung);
            }
        }
    }

    /// Writes what its RAID controller would say.
    pub fn set_raid(&self, state: &str) -> io::Result<()> {
        std::fs::write(self.folder.join("raid"), format!("{state}\n"))
    }
}
