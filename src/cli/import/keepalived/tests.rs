use super::*;
use crate::fleet::pool::Mode;
use crate::fleet::runbook::StepKind;
use crate::fleet::{self, Fleet};

/// As they are found: comments of both kinds, a brace on its own line, several addresses, a script, a password, load balancing.
const FIRST: &str = r#"
! Configuration File for keepalived
global_defs {
   notification_email { admin@example.org }
   router_id lb1
   enable_script_security
}
vrrp_script chk_haproxy
{
   script "killall -0 haproxy"   # cheaper than pidof
   interval 2
   weight 2
}
vrrp_instance VI_1 {
   state MASTER
   interface ens160
   virtual_router_id 51
   priority 101
   advert_int 1
   authentication {
      auth_type PASS
      auth_pass hunter2
   }
   unicast_src_ip 192.168.19.150/24
   unicast_peer {
      192.168.19.151
   }
   virtual_ipaddress {
      192.168.19.131/24 dev ens160 label ens160:vip
      192.168.19.132
      2001:db8::131/64
   }
   track_script { chk_haproxy }
   notify_master "/usr/local/bin/role master"
   notify_backup "/usr/local/bin/role backup"
}
virtual_server 192.168.19.131 443 {
   delay_loop 6
}
"#;

fn second() -> String {
    let text = FIRST.replace("router_id lb1", "router_id lb2").replace("state MASTER", "state BACKUP");
    text.replace("priority 101", "priority 90")
        .replace("192.168.19.151", "X")
        .replace("192.168.19.150", "192.168.19.151")
        .replace('X', "192.168.19.150")
}

fn made_of(texts: &[&str]) -> Made {
    let files: Vec<(String, String)> =
        texts.iter().zip(1..).map(|(text, at)| (format!("lb{at}.conf"), (*text).to_owned())).collect();
    made(&files).unwrap()
}

fn fleet(made: &Made) -> Fleet {
    let loaded = fleet::load(made.text.as_bytes(), std::path::Path::new("/tmp/hotspare.toml"));
    let errors: Vec<String> = loaded.errors().map(ToString::to_string).collect();
    assert_eq!(errors, Vec::<String>::new(), "{}", made.text);
    loaded.fleet.unwrap()
}

/// What a runbook does: kind, where, address or command.
fn steps(fleet: &Fleet, runbook: &str) -> Vec<String> {
    let runbook = fleet.runbooks.iter().find(|one| one.name == runbook).unwrap();
    let told = |kind: &StepKind| match kind {
        StepKind::Address { take, drop, device, .. } => format!("take {take:?} drop {drop:?} on {device}"),
        other => format!("{other:?}"),
    };
    runbook.steps.iter().map(|step| format!("{} fence={}", told(&step.kind), step.fence)).collect()
}

#[test]
fn two_machines_become_a_pool_that_only_observes() {
    let second = second();
    for made in [made_of(&[FIRST, &second]), made_of(&[&second, FIRST])] {
        let fleet = fleet(&made);
        let mut hosts: Vec<(&str, &str)> =
            fleet.hosts.iter().map(|host| (host.name.as_str(), host.address.as_str())).collect();
        hosts.sort_unstable();
        assert_eq!(hosts, [("lb1", "192.168.19.150"), ("lb2", "192.168.19.151")]);
        let [pool] = fleet.pools.as_slice() else { panic!("{}", made.text) };
        assert_eq!((pool.name.as_str(), pool.mode), ("VI_1", Mode::Observe));
        assert_eq!((pool.protects.join(" "), pool.spares.join(" ")), ("lb1".into(), "lb2".into()));
        let service = fleet.hosts.iter().find(|host| host.name == "lb1").and_then(|host| host.service.clone());
        assert_eq!(service.as_deref(), Some("192.168.19.131/24"));
        let takeover = steps(&fleet, "VI_1-takeover");
        assert_eq!(takeover.len(), 5, "{takeover:?}");
        assert!(takeover[0].contains("drop Some(\"{failed.service}\") on ens160 fence=true"), "{takeover:?}");
        assert!(takeover[1].contains("drop Some(\"192.168.19.132/32\") on ens160 fence=true"), "{takeover:?}");
        assert!(takeover[2].contains("take Some(\"{failed.service}\")"), "{takeover:?}");
        assert!(takeover[4].contains("role master"), "{takeover:?}");
        assert_eq!(steps(&fleet, "VI_1-giveback").len(), 5);
        for host in &fleet.hosts {
            let checks: Vec<&str> = host.checks.iter().map(|check| check.name.as_str()).collect();
            assert_eq!(checks, ["ping", "chk_haproxy"]);
        }
    }
}

#[test]
fn what_is_not_carried_is_named_and_a_password_is_not() {
    let made = made_of(&[FIRST]);
    assert!(!made.text.contains("hunter2"), "{}", made.text);
    let wanted = [
        "line 4: `notification_email`: who is told stands in [[notify]]",
        "line 6: `enable_script_security`: commands run as the user of ssh",
        "line 12: `weight`: a check degrades its host; with `vital = true` it decides that it is down",
        "line 19: `advert_int`: VRRP is not spoken",
        "line 20: `authentication`: VRRP is not spoken",
        "line 31: `2001:db8::131/64`: only IPv4 addresses are moved",
        "line 37: `virtual_server`: hotspare balances no load",
        "what the file of 192.168.19.151 says: import it beside this one, and its checks and its name come too",
    ];
    assert_eq!(made.notes, wanted);
}

#[test]
fn one_machine_stands_first_where_it_is_the_master_and_last_where_it_is_not() {
    let of = |text: &str| {
        let pool = fleet(&made_of(&[text])).pools.remove(0);
        (pool.protects.join(" "), pool.spares.join(" "))
    };
    assert_eq!(of(FIRST), ("lb1".into(), "192.168.19.151".into()));
    assert_eq!(of(&second()), ("192.168.19.150".into(), "lb2".into()));
}

const MULTICAST: &str = "vrrp_instance V {\n interface eth0\n virtual_ipaddress {\n 10.0.0.9/24\n }\n}\n";

#[test]
fn a_machine_that_names_no_other_has_no_pool_yet() {
    let made = made_of(&[&format!("global_defs {{\n router_id gw-a\n}}\n{MULTICAST}")]);
    let fleet = fleet(&made);
    assert_eq!((fleet.hosts.len(), fleet.pools.len()), (1, 0));
    assert!(
        made.notes.iter().any(|note| note.contains("import the files of all machines together")),
        "{:?}",
        made.notes
    );
    assert!(made.notes.iter().any(|note| note.starts_with("the address of gw-a")), "{:?}", made.notes);
}

#[test]
fn machines_that_stand_in_for_each_other_are_told_apart() {
    let cross = |text: &str, first: &str, second: &str| {
        let one = |name: &str, state: &str, router: u8| {
            format!(
                "vrrp_instance {name} {{\n state {state}\n interface eth0\n virtual_router_id {router}\n virtual_ipaddress {{\n 10.0.0.{router}/24\n }}\n}}\n"
            )
        };
        format!("global_defs {{\n router_id {text}\n}}\n{}{}", one("A", first, 1), one("B", second, 2))
    };
    let (a, b) = (cross("gw-a", "MASTER", "BACKUP"), cross("gw-b", "BACKUP", "MASTER"));
    let made = made_of(&[&a, &b]);
    assert_eq!(fleet(&made).pools.len(), 1);
    assert!(
        made.notes.iter().any(|note| note.starts_with("the pool of B, because its machines stand in")),
        "{:?}",
        made.notes
    );
    // Both of the same machine: one pool moves both.
    let (a, b) = (cross("gw-a", "MASTER", "MASTER"), cross("gw-b", "BACKUP", "BACKUP"));
    let fleet = fleet(&made_of(&[&a, &b]));
    assert_eq!((fleet.pools.len(), steps(&fleet, "A-takeover").len()), (1, 4));
}

#[test]
fn one_number_on_two_devices_is_two_instances() {
    let one = |name: &str, device: &str, last: u8| {
        format!(
            "vrrp_instance {name} {{\n state MASTER\n interface {device}\n virtual_router_id 51\n unicast_peer {{\n 10.0.0.2\n }}\n \
             virtual_ipaddress {{\n 10.0.{last}.9/24\n }}\n}}\n"
        )
    };
    let fleet = fleet(&made_of(&[&(one("IN", "eth0", 1) + &one("OUT", "eth1", 2))]));
    assert_eq!((fleet.pools.len(), steps(&fleet, "IN-takeover").len()), (1, 4));
}

#[test]
fn a_file_without_an_instance_is_refused() {
    let (file, wrong) = made(&[("a.conf".into(), "global_defs { }\n".into())]).unwrap_err();
    assert!(file == "a.conf" && wrong.what.contains("no `vrrp_instance`"), "{wrong:?}");
}
