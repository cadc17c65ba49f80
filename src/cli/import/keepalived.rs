//! From the `keepalived.conf` of one machine, or of each, to a fleet file with hosts, a pool for the addresses that move
//! together, and its runbooks. Pure.
//!
//! keepalived decides by itself on every machine, and whoever hears nothing takes the address. hotspare asks first, so the
//! pool begins with `mode = "observe"`: it says what it would do, until somebody trusts it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::text::{Made, Names, head, key, list, quoted};
use super::yaml::Wrong;
use machine::{Instance, Machine};

mod machine;
mod words;

/// A machine of the fleet file.
struct Host<'a> {
    name: String,
    address: String,
    /// `None`: it is only named as a peer.
    file: Option<&'a Machine>,
}

/// Machines with the addresses that move among them.
struct Pool<'a> {
    name: String,
    /// Places in the list of hosts, the one that has the addresses first.
    hosts: Vec<usize>,
    instances: Vec<&'a Instance>,
}

/// Makes a fleet file of these files, each with its name and its text.
pub(super) fn made(files: &[(String, String)]) -> Result<Made, (String, Wrong)> {
    let mut machines = Vec::new();
    for (file, text) in files {
        machines.push(machine::of(&words::read(text).map_err(|wrong| (file.clone(), wrong))?));
    }
    let several = files.len() > 1;
    let mut notes: Vec<String> = Vec::new();
    for ((file, _), machine) in files.iter().zip(&machines) {
        notes.extend(machine.notes.iter().map(|note| if several { format!("{file}, {note}") } else { note.clone() }));
    }
    if machines.iter().all(|machine| machine.instances.is_empty()) {
        let file = files.first().map_or_else(String::new, |(file, _)| file.clone());
        return Err((file, Wrong { line: 1, what: "it has no `vrrp_instance`: no address moves".into() }));
    }
    let hosts = hosts(&machines, &mut notes);
    let pools = pools(&machines, &hosts, &mut notes);
    let names: Vec<&str> = files.iter().map(|(file, _)| file.as_str()).collect();
    let mut text = head(&names.join(", "), &notes);
    text.push_str("\nname = \"keepalived\"\n");
    for (at, host) in hosts.iter().enumerate() {
        write_host(&mut text, host, pools.iter().find(|pool| pool.hosts.first() == Some(&at)));
    }
    for pool in &pools {
        write_pool(&mut text, pool, &hosts);
    }
    Ok(Made { text, notes })
}

/// The machines that have a file, then those that are only peers.
fn hosts<'a>(machines: &'a [Machine], notes: &mut Vec<String>) -> Vec<Host<'a>> {
    let mut names = Names::default();
    let mut hosts: Vec<Host<'a>> = Vec::new();
    for machine in machines {
        let wanted = machine.router.clone().or_else(|| machine.address.clone()).unwrap_or_else(|| "machine".into());
        let name = names.give(&wanted);
        let address = machine.address.clone().unwrap_or_else(|| {
            notes.push(format!("the address of {name}, which does not stand in its file: its name is taken for it"));
            name.clone()
        });
        hosts.push(Host { name, address, file: Some(machine) });
    }
    for peer in machines.iter().flat_map(|machine| &machine.instances).flat_map(|instance| &instance.peers) {
        if !hosts.iter().any(|host| host.address == *peer) {
            notes.push(format!(
                "what the file of {peer} says: import it beside this one, and its checks and its name come too"
            ));
            hosts.push(Host { name: names.give(peer), address: peer.clone(), file: None });
        }
    }
    hosts
}

/// Instances of the same machines, in the same order of importance, become one pool.
fn pools<'a>(machines: &'a [Machine], hosts: &[Host<'a>], notes: &mut Vec<String>) -> Vec<Pool<'a>> {
    let mut pools: Vec<Pool<'a>> = Vec::new();
    let mut done: BTreeSet<&str> = BTreeSet::new();
    for instance in machines.iter().flat_map(|machine| &machine.instances) {
        if !done.insert(&instance.id) {
            continue;
        }
        let order = order(&instance.id, machines, hosts);
        let Some((first, spares)) = order.split_first().filter(|(_first, spares)| !spares.is_empty()) else {
            notes.push(format!(
                "the pool of {}, because no other machine is named: import the files of all machines together",
                instance.name
            ));
            continue;
        };
        if instance.addresses.is_empty() || instance.device.is_empty() {
            notes.push(format!("the pool of {}, because no address with its `interface` moves", instance.name));
        } else if let Some(pool) = pools.iter_mut().find(|pool| pool.hosts == order) {
            pool.instances.push(instance);
        } else if pools
            .iter()
            .any(|pool| pool.hosts.contains(first) || spares.iter().any(|one| pool.hosts.contains(one)))
        {
            notes.push(format!(
                "the pool of {}, because its machines stand in for each other crosswise: a spare has no work of its own here",
                instance.name
            ));
        } else {
            let mut names = Names::default();
            for pool in &pools {
                names.give(&pool.name);
            }
            pools.push(Pool { name: names.give(&instance.name), hosts: order, instances: vec![instance] });
        }
    }
    pools
}

/// The machines of an instance: whoever has the addresses as a rule, then the others as they follow.
fn order(id: &str, machines: &[Machine], hosts: &[Host<'_>]) -> Vec<usize> {
    let of = |machine: &Machine| machine.instances.iter().any(|instance| instance.id == id);
    let mut ranked: Vec<(bool, u32, usize)> = Vec::new();
    let mut peers: Vec<&String> = Vec::new();
    for (at, machine) in machines.iter().enumerate().filter(|(_at, machine)| of(machine)) {
        for instance in machine.instances.iter().filter(|instance| instance.id == id) {
            ranked.push((instance.master, instance.priority, at));
            peers.extend(&instance.peers);
        }
    }
    // A lone BACKUP: one of its peers has the addresses.
    let led = ranked.iter().any(|(master, ..)| *master) || machines.len() > 1;
    ranked.sort_by_key(|(master, priority, at)| (!*master, std::cmp::Reverse(*priority), *at));
    let known: Vec<usize> = ranked.into_iter().map(|(_, _, at)| at).collect();
    let places = hosts.iter().enumerate().filter(|(_at, host)| host.file.is_none() && peers.contains(&&host.address));
    let others: Vec<usize> = places.map(|(at, _host)| at).collect();
    if led { [known, others].concat() } else { [others, known].concat() }
}

fn write_host(text: &mut String, host: &Host<'_>, pool: Option<&Pool<'_>>) {
    let _a_string_takes_all = writeln!(text, "\n[hosts.{}]\naddress = {}", key(&host.name), quoted(&host.address));
    if let Some((service, _)) = pool.and_then(|pool| pool.instances.first()?.addresses.first()) {
        let _a_string_takes_all = writeln!(text, "service = {}", quoted(service));
    }
    let tracked: Vec<&String> =
        host.file.iter().flat_map(|file| &file.instances).flat_map(|one| &one.tracked).collect();
    let scripts = host.file.iter().flat_map(|file| &file.scripts).filter(|script| tracked.contains(&&script.name));
    let checks: Vec<String> = scripts
        .map(|script| {
            let (name, run) = (quoted(&Names::default().give(&script.name)), quoted(&script.run));
            format!("  {{ kind = \"command\", name = {name}, run = {run}, every = \"{}s\" }},\n", script.every)
        })
        .collect();
    if !checks.is_empty() {
        let _a_string_takes_all = writeln!(text, "checks  = [\n  {{ kind = \"ping\" }},\n{}]", checks.concat());
    }
}

fn write_pool(text: &mut String, pool: &Pool<'_>, hosts: &[Host<'_>]) {
    let mut names = pool.hosts.iter().filter_map(|at| hosts.get(*at)).map(|host| host.name.clone());
    let protects: Vec<String> = names.next().into_iter().collect();
    let spares: Vec<String> = names.collect();
    let (take, back) = (format!("{}-takeover", pool.name), format!("{}-giveback", pool.name));
    let _a_string_takes_all = write!(
        text,
        "\n# Stop keepalived on all of its machines before you write \"auto\": two that decide are one too many.\n\
         [pools.{}]\nprotects = {}\nspares   = {}\nmode     = \"observe\"\nfence    = \"best-effort\"\n\
         takeover = {}\ngiveback = {}\n",
        key(&pool.name),
        list(&protects),
        list(&spares),
        quoted(&take),
        quoted(&back),
    );
    let addresses: Vec<(String, &str)> = pool
        .instances
        .iter()
        .flat_map(|instance| {
            instance.addresses.iter().map(|(address, device)| (address, device.as_deref().unwrap_or(&instance.device)))
        })
        .enumerate()
        .map(|(at, (address, device))| (if at == 0 { "{failed.service}".into() } else { address.clone() }, device))
        .collect();
    let steps = |on: &str, does: &str, more: &str| -> String {
        let step = |(address, device): &(String, &str)| {
            let (address, device) = (quoted(address), quoted(device));
            format!("  {{ kind = \"address\", on = \"{on}\", {does} = {address}, device = {device}{more} }},\n")
        };
        addresses.iter().map(step).collect()
    };
    let told = |script: fn(&Instance) -> &Option<String>, name: &str| -> String {
        let scripts: BTreeSet<&String> =
            pool.instances.iter().filter_map(|instance| script(instance).as_ref()).collect();
        let step = |run: &&String| {
            format!("  {{ name = \"{name}\", kind = \"command\", on = \"spare\", run = {} }},\n", quoted(run))
        };
        scripts.iter().take(1).map(step).collect()
    };
    let _a_string_takes_all = write!(
        text,
        "\n[runbooks.{}]\nsteps = [\n{}{}{}]\n\n[runbooks.{}]\nsteps = [\n{}{}{}]\n",
        key(&take),
        steps("failed", "drop", ", fence = true, timeout = \"10s\""),
        steps("spare", "take", ""),
        told(|instance| &instance.when_master, "notify-master"),
        key(&back),
        steps("spare", "drop", ""),
        steps("failed", "take", ""),
        told(|instance| &instance.when_backup, "notify-backup"),
    );
}

#[cfg(test)]
mod tests;
