//! What one machine's `keepalived.conf` says: its instances, their addresses, their scripts. What is not understood is noted by
//! its first word alone: what stands behind may be a password.

use std::net::IpAddr;

use super::words::Statement;

/// One machine.
#[derive(Debug, Default)]
pub(super) struct Machine {
    /// `router_id`, as a rule its name.
    pub(super) router: Option<String>,
    /// Its own address, where one is written.
    pub(super) address: Option<String>,
    /// What is asked of it now and then.
    pub(super) scripts: Vec<Script>,
    /// In the order of the file.
    pub(super) instances: Vec<Instance>,
    /// What was not carried.
    pub(super) notes: Vec<String>,
}

/// A `vrrp_script`.
#[derive(Debug, Default)]
pub(super) struct Script {
    pub(super) name: String,
    pub(super) run: String,
    /// Whole seconds.
    pub(super) every: u64,
}

/// A `vrrp_instance`.
#[derive(Debug, Default)]
pub(super) struct Instance {
    pub(super) name: String,
    router: Option<String>,
    /// What it is called on every machine.
    pub(super) id: String,
    pub(super) master: bool,
    pub(super) priority: u32,
    pub(super) device: String,
    pub(super) peers: Vec<String>,
    /// With prefix length, and the device where another one is written.
    pub(super) addresses: Vec<(String, Option<String>)>,
    /// Names of scripts.
    pub(super) tracked: Vec<String>,
    pub(super) when_master: Option<String>,
    pub(super) when_backup: Option<String>,
}

/// Reads the statements of one file.
pub(super) fn of(statements: &[Statement]) -> Machine {
    let mut machine = Machine::default();
    for statement in statements {
        match (statement.name.as_str(), &statement.block) {
            ("global_defs", Some(block)) => globals(&mut machine, block),
            ("vrrp_script", Some(block)) => script(&mut machine, statement, block),
            ("vrrp_instance", Some(block)) => instance(&mut machine, statement, block),
            ("vrrp_sync_group", _) => {
                machine.left(statement, "instances of the same machines become one pool, and move together");
            }
            ("virtual_server" | "virtual_server_group", _) => machine.left(statement, "hotspare balances no load"),
            ("include", _) => machine.left(statement, "import that file too, or write its text here"),
            _ => machine.left(statement, ""),
        }
    }
    name_each(&mut machine.instances);
    machine
}

/// By the number of its virtual router, which all machines share; by its name where two devices have the same number.
fn name_each(instances: &mut [Instance]) {
    let routers: Vec<Option<String>> = instances.iter().map(|instance| instance.router.clone()).collect();
    for instance in instances {
        let alone = routers.iter().filter(|router| **router == instance.router).count() == 1;
        let router = instance.router.as_ref().filter(|_router| alone);
        instance.id = router.map_or_else(|| instance.name.clone(), |router| format!("router {router}"));
    }
}

impl Machine {
    /// Notes a statement that is not carried.
    fn left(&mut self, statement: &Statement, why: &str) {
        let why = if why.is_empty() { String::new() } else { format!(": {why}") };
        self.notes.push(format!("line {}: `{}`{why}", statement.line, statement.name));
    }
}

/// The first word behind the name.
fn first(statement: &Statement) -> Option<String> {
    statement.words.first().cloned()
}

fn globals(machine: &mut Machine, block: &[Statement]) {
    for statement in block {
        match statement.name.as_str() {
            "router_id" => machine.router = first(statement),
            "enable_script_security" | "script_user" => machine.left(statement, "commands run as the user of ssh"),
            "notification_email"
            | "notification_email_from"
            | "smtp_server"
            | "smtp_connect_timeout"
            | "smtp_alert" => {
                machine.left(statement, "who is told stands in [[notify]]");
            }
            _ => machine.left(statement, ""),
        }
    }
}

fn script(machine: &mut Machine, named: &Statement, block: &[Statement]) {
    let mut script = Script { name: first(named).unwrap_or_default(), every: 1, ..Script::default() };
    for statement in block {
        match statement.name.as_str() {
            "script" => script.run = statement.words.join(" "),
            "interval" => script.every = first(statement).and_then(|text| text.parse().ok()).unwrap_or(1).max(1),
            "fall" | "rise" | "weight" => {
                machine.left(statement, "a check degrades its host; with `vital = true` it decides that it is down");
            }
            "timeout" | "user" | "init_fail" => {
                machine.left(statement, "a check takes `timeout`, and runs as the user of ssh");
            }
            _ => machine.left(statement, ""),
        }
    }
    if script.run.is_empty() { machine.left(named, "it has no `script`") } else { machine.scripts.push(script) }
}

fn instance(machine: &mut Machine, named: &Statement, block: &[Statement]) {
    let mut instance = Instance { name: first(named).unwrap_or_default(), priority: 100, ..Instance::default() };
    for statement in block {
        let inside = || statement.block.iter().flatten();
        match statement.name.as_str() {
            "state" => instance.master = first(statement).is_some_and(|state| state == "MASTER"),
            "interface" => instance.device = first(statement).unwrap_or_default(),
            "virtual_router_id" => instance.router = first(statement),
            "priority" => instance.priority = first(statement).and_then(|text| text.parse().ok()).unwrap_or(100),
            "unicast_src_ip" | "mcast_src_ip" => machine.address = bare(first(statement).as_ref()),
            "unicast_peer" => instance.peers.extend(inside().filter_map(|peer| bare(Some(&peer.name)))),
            "virtual_ipaddress" => {
                for address in inside() {
                    match virtual_address(address) {
                        Some(address) => instance.addresses.push(address),
                        None => machine.left(address, "only IPv4 addresses are moved"),
                    }
                }
            }
            "track_script" => instance.tracked.extend(inside().map(|tracked| tracked.name.clone())),
            "notify_master" => instance.when_master = Some(statement.words.join(" ")),
            "notify_backup" => instance.when_backup = Some(statement.words.join(" ")),
            "notify" | "notify_fault" | "notify_stop" => {
                machine.left(statement, "write what it does as steps of the runbooks");
            }
            "authentication" | "advert_int" | "garp_master_delay" => machine.left(statement, "VRRP is not spoken"),
            "nopreempt" => {}
            "preempt_delay" => machine.left(statement, "giving back is decided by a person, or by `giveback_mode`"),
            "track_interface" => machine.left(statement, "each host is pinged"),
            _ => machine.left(statement, ""),
        }
    }
    machine.instances.push(instance);
}

/// An address without its prefix length.
fn bare(text: Option<&String>) -> Option<String> {
    let (address, _length) = text?.split_once('/').unwrap_or((text?, ""));
    address.parse::<IpAddr>().ok().map(|address| address.to_string())
}

/// `10.0.0.100/24 dev eth1 label eth1:0`; without a length it is /32.
fn virtual_address(statement: &Statement) -> Option<(String, Option<String>)> {
    let (address, length) = statement.name.split_once('/').unwrap_or((&statement.name, "32"));
    let address = address.parse::<IpAddr>().ok().filter(IpAddr::is_ipv4)?;
    let length = length.parse::<u8>().ok()?;
    let device = statement.words.iter().skip_while(|word| *word != "dev").nth(1).cloned();
    Some((format!("{address}/{length}"), device))
}
