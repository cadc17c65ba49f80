//! What can happen to a machine of a site, and how it is mended.

use std::process::{Command, Stdio};

use super::{Lan, Machine, PAGE};
use crate::farm::run;

/// Something that goes wrong with one machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing of it runs, its link is down, what it held beyond its own address is gone.
    PowerOff,
    /// Its cable is out; it runs on, and keeps its addresses.
    LinkDown,
    /// Nothing gets to it and nothing leaves it, ARP neither.
    Drop,
    /// Nothing gets to it.
    DropIn,
    /// Nothing leaves it.
    DropOut,
    /// A firewall that swallows everything but ARP.
    Firewall,
    /// Three of ten packets are lost, each way.
    Loss,
    /// Every process on it is stopped; its kernel goes on answering.
    Freeze,
    /// Its sshd and every session of it are killed.
    SshdKilled,
    /// Its ssh sessions are killed, and new ones are let in.
    SshCut,
}

impl Fault {
    /// In words.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::PowerOff => "power off",
            Self::LinkDown => "link down",
            Self::Drop => "drop",
            Self::DropIn => "drop in",
            Self::DropOut => "drop out",
            Self::Firewall => "firewall",
            Self::Loss => "30 % loss",
            Self::Freeze => "freeze",
            Self::SshdKilled => "sshd killed",
            Self::SshCut => "ssh cut",
        }
    }

    /// The rules of the packet filter that make it.
    fn rules(self) -> Option<String> {
        let hook = |hook: &str, does: &str| {
            format!(
                "add chain netdev NAME {hook} {{ type filter hook {hook} device eth0 priority 0; }}; add rule netdev NAME {hook} {does};"
            )
        };
        let loss = "numgen random mod 100 < 30 drop";
        let rules = match self {
            Self::Drop => hook("ingress", "drop") + &hook("egress", "drop"),
            Self::DropIn => hook("ingress", "drop"),
            Self::DropOut => hook("egress", "drop"),
            Self::Firewall => hook("ingress", "ether type != arp drop"),
            Self::Loss => hook("ingress", loss) + &hook("egress", loss),
            _ => return None,
        };
        Some(format!("add table netdev NAME; {rules}").replace("NAME", &self.table()))
    }

    fn table(self) -> String {
        format!("lab_{}", self.word().replace([' ', '%'], "_"))
    }
}

impl Lan {
    /// Something goes wrong.
    pub(crate) fn begin(&mut self, name: &str, fault: Fault) {
        if fault == Fault::PowerOff {
            return self.power_off(name);
        }
        let machine = self.machine(name);
        match fault {
            Fault::LinkDown => drop(run("ip", &["-n", &self.switch, "link", "set", &machine.cable, "down"])),
            Fault::Freeze => machine.signal("STOP", |_line| true),
            Fault::SshdKilled => machine.signal("KILL", |line| line.contains("sshd")),
            Fault::SshCut => machine.cut(),
            _ => drop(machine.exec(&["nft", &fault.rules().expect("a filter")])),
        }
    }

    /// It is mended.
    pub(crate) async fn mend(&mut self, name: &str, fault: Fault) {
        match fault {
            Fault::PowerOff => {
                self.boot(name).await;
                if name != "cedar" {
                    self.page(name);
                }
            }
            Fault::LinkDown => {
                let machine = self.machine(name);
                run("ip", &["-n", &self.switch, "link", "set", &machine.cable, "up"]);
            }
            Fault::Freeze => self.machine(name).signal("CONT", |_line| true),
            Fault::SshdKilled => self.boot(name).await,
            Fault::SshCut => {}
            _ => drop(self.machine(name).exec(&["nft", &format!("delete table netdev {}", fault.table())])),
        }
    }

    /// Starts a machine's page, as a machine does that begins anew.
    pub(crate) fn page(&mut self, name: &str) {
        let machine = self.machines.iter_mut().find(|machine| machine.name == name).expect("a machine");
        machine.start("python3", &["-c", PAGE, name]);
    }
}

impl Machine {
    /// The same machine for another thread, which looks and cuts, and does not own what runs on it.
    pub(crate) fn twin(&self) -> Self {
        Self {
            name: self.name.clone(),
            address: self.address,
            namespace: self.namespace.clone(),
            cable: self.cable.clone(),
            folder: self.folder.clone(),
            children: Vec::new(),
        }
    }

    /// Kills its ssh sessions.
    pub(crate) fn cut(&self) {
        self.signal("KILL", |line| line.starts_with("sshd: root"));
    }

    /// Ends what has this in its command line.
    pub(crate) fn end(&self, part: &str) {
        self.signal("KILL", |line| line.contains(part));
    }

    /// Sends a signal to its processes whose command line is wanted.
    fn signal(&self, signal: &str, wanted: impl Fn(&str) -> bool) {
        let pids = Command::new("ip").args(["netns", "pids", &self.namespace]).output().expect("ip").stdout;
        for pid in String::from_utf8_lossy(&pids).split_whitespace() {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            if wanted(&String::from_utf8_lossy(&line)) {
                let _gone = Command::new("kill").args([&format!("-{signal}"), pid]).stderr(Stdio::null()).status();
            }
        }
    }

    /// The highest generation that its guard has seen for a pool; 0: none.
    pub(crate) fn generation(&self, pool: &str) -> u64 {
        let files = std::fs::read_dir(self.folder.join("guard")).into_iter().flatten().flatten();
        let number = |name: String| name.strip_prefix(&format!("gen.{pool}."))?.parse().ok();
        files.filter_map(|file| number(file.file_name().into_string().ok()?)).max().unwrap_or(0)
    }

    /// How many steps its guard has seen begin.
    pub(crate) fn steps(&self) -> usize {
        let files = std::fs::read_dir(self.folder.join("guard")).into_iter().flatten().flatten();
        files.filter(|file| file.file_name().to_string_lossy().starts_with("run.")).count()
    }
}
