//! From an Ansible inventory to a fleet file with its hosts: who they are, how ssh reaches them, their groups as labels. Pure.
//!
//! Both forms are read into one [`inventory`]: [`ini`] and [`tree`] (YAML). What only playbooks understand is named, never with
//! its value: it may be a password.

use std::fmt::Write as _;

use super::text::{Made, Names, head, key, quoted};
use super::yaml::{Leaf, Wrong};
use inventory::{Inventory, Variables};

mod ini;
mod inventory;
mod range;
mod tree;

/// Variables that have a place in a fleet file, the newer name first.
const CARRIED: [[&str; 2]; 3] =
    [["ansible_host", "ansible_ssh_host"], ["ansible_user", "ansible_ssh_user"], ["ansible_port", "ansible_ssh_port"]];

/// Makes a fleet file of an INI inventory; `file` is named in its first line, `fleet` becomes its name.
pub(super) fn of_ini(text: &str, file: &str, fleet: &str) -> Result<Made, Wrong> {
    made(&ini::read(text)?, file, fleet)
}

/// The same of a YAML inventory.
pub(super) fn of_yaml(leaves: Vec<Leaf>, file: &str, fleet: &str) -> Result<Made, Wrong> {
    made(&tree::read(leaves)?, file, fleet)
}

/// One host of the fleet file.
struct Host {
    name: String,
    address: String,
    ssh: Option<String>,
    groups: Vec<String>,
}

fn made(inventory: &Inventory, file: &str, fleet: &str) -> Result<Made, Wrong> {
    let (mut names, mut notes, mut hosts) = (Names::default(), Vec::new(), Vec::new());
    for listed in inventory.hosts() {
        let variables = inventory.variables(listed)?;
        if variables.get(&["ansible_connection"]).is_some_and(|value| value == "local") {
            notes.push(format!("{listed}, because it is this machine itself (`ansible_connection=local`)"));
            continue;
        }
        let name = names.give(listed);
        if name != *listed {
            notes.push(format!("the name {listed}, which is no name here: it is {name}"));
        }
        let (address, ssh) = reached(listed, &variables, &mut notes);
        hosts.push(Host { name, address, ssh, groups: inventory.groups(listed)? });
    }
    if hosts.is_empty() {
        return Err(Wrong { line: 1, what: "no host stands in it".into() });
    }
    notes.extend(inventory.others(&CARRIED.concat()));
    Ok(Made { text: written(&hosts, &notes, file, fleet), notes })
}

/// Its address and, where that is not enough, the destination for ssh.
fn reached(listed: &str, variables: &Variables<'_>, notes: &mut Vec<String>) -> (String, Option<String>) {
    let [host, user, port] = CARRIED.map(|names| {
        let value = variables.get(&names)?;
        if value.contains("{{") {
            let [newer, _older] = names;
            notes.push(format!("`{newer}` of {listed}, because it is a template"));
            return None;
        }
        Some(value.to_owned())
    });
    let address = host.unwrap_or_else(|| listed.to_owned());
    let at = user.map_or_else(String::new, |user| format!("{user}@"));
    let bracketed = if address.contains(':') { format!("[{address}]") } else { address.clone() };
    let ssh = match port.filter(|port| port != "22") {
        Some(port) => Some(format!("ssh://{at}{bracketed}:{port}")),
        None => Some(format!("{at}{address}")).filter(|ssh| *ssh != address),
    };
    (address, ssh)
}

fn written(hosts: &[Host], notes: &[String], file: &str, fleet: &str) -> String {
    let mut text = head(file, notes);
    let _a_string_takes_all = writeln!(text, "\nname = {}", quoted(fleet));
    for host in hosts {
        let _a_string_takes_all = writeln!(text, "\n[hosts.{}]\naddress = {}", key(&host.name), quoted(&host.address));
        if let Some(ssh) = &host.ssh {
            let _a_string_takes_all = writeln!(text, "ssh     = {}", quoted(ssh));
        }
        if !host.groups.is_empty() {
            let labels: Vec<String> = host.groups.iter().map(|group| format!("{} = \"yes\"", key(group))).collect();
            let _a_string_takes_all = writeln!(text, "labels  = {{ {} }}", labels.join(", "));
        }
    }
    text.push_str(
        "\n# Each host is pinged. How else it is asked, who stands in for whom and what is done then does not stand in an\n\
         # inventory: `hotspare init --print` shows [hosts.NAME] checks, [pools.NAME] and [runbooks.NAME].\n",
    );
    text
}

#[cfg(test)]
mod tests;
