use super::*;
use crate::cli::import::yaml;
use crate::fleet::{self, Fleet};

fn fleet(made: &Made) -> Fleet {
    let loaded = fleet::load(made.text.as_bytes(), std::path::Path::new("/tmp/hotspare.toml"));
    let errors: Vec<String> = loaded.errors().map(ToString::to_string).collect();
    assert_eq!(errors, Vec::<String>::new(), "{}", made.text);
    loaded.fleet.unwrap()
}

/// Name, address, ssh and labels of each host.
fn hosts(made: &Made) -> Vec<String> {
    let line = |host: &crate::fleet::host::Host| {
        let labels: Vec<&str> = host.labels.keys().map(String::as_str).collect();
        format!("{} {} {} [{}]", host.name, host.address, host.ssh, labels.join(" "))
    };
    fleet(made).hosts.iter().map(line).collect()
}

/// As they are found: groups in groups, ranges, ports, quotes, comments, secrets.
const INI: &str = r#"
# everything outside a group
bastion.example.org ansible_connection=local
10.20.0.9

[web]
web[01:02].example.org ansible_user=deploy http_port=80
web03.example.org:2222

[db:vars]
ansible_user = postgres
ansible_ssh_private_key_file=~/.ssh/db
[db]
db-a ansible_host=10.20.1.1 ansible_password='hunter2 hunter2' # primary
db-b ansible_host=10.20.1.2 ansible_user=root

[prod:children]
web
db
[prod:vars]
ansible_port=22
ansible_become_password="hunter2"
[all:vars]
ansible_user=ops
"#;

const YAML: &str = r"
all:
  vars: {ansible_user: ops}
  hosts:
    bastion.example.org: {ansible_connection: local}
    10.20.0.9:
  children:
    prod:
      vars:
        ansible_port: 22
        ansible_become_password: !vault |
          $ANSIBLE_VAULT;1.1;AES256
          6162
      children:
        web:
          hosts:
            web[01:02].example.org: {ansible_user: deploy, http_port: 80}
            web03.example.org: {ansible_port: 2222}
        db:
          vars: {ansible_user: postgres, ansible_ssh_private_key_file: ~/.ssh/db}
          hosts:
            db-a: {ansible_host: 10.20.1.1, ansible_password: hunter2 hunter2}
            db-b:
              ansible_host: 10.20.1.2
              ansible_user: root
";

const HOSTS: [&str; 6] = [
    "10.20.0.9 10.20.0.9 ops@10.20.0.9 []",
    "web01.example.org web01.example.org deploy@web01.example.org [prod web]",
    "web02.example.org web02.example.org deploy@web02.example.org [prod web]",
    "web03.example.org web03.example.org ssh://ops@web03.example.org:2222 [prod web]",
    "db-a 10.20.1.1 postgres@10.20.1.1 [db prod]",
    "db-b 10.20.1.2 root@10.20.1.2 [db prod]",
];

#[test]
fn both_forms_give_the_same_hosts() {
    let ini = of_ini(INI, "inventory.ini", "inventory").unwrap();
    let yaml = of_yaml(yaml::leaves(YAML).unwrap(), "inventory.yml", "inventory").unwrap();
    assert_eq!(hosts(&ini), HOSTS);
    assert_eq!(hosts(&yaml), HOSTS);
    assert_eq!(fleet(&ini).name, "inventory");
}

#[test]
fn what_is_not_carried_is_named_without_its_value() {
    let made = of_ini(INI, "inventory.ini", "inventory").unwrap();
    let wanted = [
        "bastion.example.org, because it is this machine itself (`ansible_connection=local`)",
        "line 7: `http_port`",
        "line 12: `ansible_ssh_private_key_file`: ssh logs in with the keys of ~/.ssh/config and the agent",
        "line 14: `ansible_password`: ssh logs in with the keys of ~/.ssh/config and the agent",
        "line 22: `ansible_become_password`: commands of a runbook say `sudo` themselves",
    ];
    assert_eq!(made.notes, wanted);
    let yaml = of_yaml(yaml::leaves(YAML).unwrap(), "inventory.yml", "inventory").unwrap();
    for made in [&made, &yaml] {
        assert!(!made.text.contains("hunter2") && !made.text.contains("VAULT"), "{}", made.text);
        assert!(made.notes.iter().all(|note| made.text.contains(&format!("# not carried: {note}\n"))));
    }
}

#[test]
fn odd_names_become_names() {
    let text = "spare\n[a b]\nfd00::1\nüber ansible_host=10.0.0.1\nt ansible_host='{{ ip }}'\n";
    let made = of_ini(text, "hosts", "hosts").unwrap();
    let wanted =
        ["spare-2 spare spare []", "fd00--1 fd00::1 fd00::1 [a b]", "ber 10.0.0.1 10.0.0.1 [a b]", "t t t [a b]"];
    assert_eq!(hosts(&made), wanted);
    assert!(made.notes.contains(&"`ansible_host` of t, because it is a template".to_owned()), "{:?}", made.notes);
}

#[test]
fn what_is_wrong_has_its_line() {
    let of = |text: &str| of_ini(text, "i", "i").map_err(|wrong| (wrong.line, wrong.what)).unwrap_err();
    assert_eq!(of("a\n[web\nb\n").0, 2);
    assert_eq!(of("a\n\n[web:hosts]\n").0, 3);
    let (line, what) = of("[web]\na pass=x hunter2\n");
    assert!(line == 2 && !what.contains("hunter2"), "{what}");
    assert_eq!(of("[web]\nhttp_port=80\n").0, 2);
    assert!(of("[a:children]\nb\n[b:children]\na\n[a]\nh\n").1.contains("part of itself"));
    assert!(of("# nothing\n").1.contains("no host"));
    let yaml = |text: &str| of_yaml(yaml::leaves(text).unwrap(), "i", "i").map_err(|wrong| wrong.line).unwrap_err();
    assert_eq!(yaml("all:\n  host:\n    a:\n"), 3);
}

#[test]
fn groups_in_groups_are_followed_once_and_a_circle_is_named() {
    // Each pair of groups lies in both of the pair above: as many ways to the top as there are subsets of them.
    let pair = |level: usize| {
        let above = level + 1;
        format!("[a{above}:children]\na{level}\nb{level}\n[b{above}:children]\na{level}\nb{level}\n")
    };
    let text = format!("[a0]\nh\n[b0]\nh\n{}", (0..60).map(pair).collect::<Vec<_>>().concat());
    assert_eq!(hosts(&of_ini(&text, "i.ini", "f").unwrap()).len(), 1);
    let circle = "[a]\nh\n[b:children]\na\n[c:children]\nb\n[b:children]\nc\n";
    assert_eq!(of_ini(circle, "i.ini", "f").unwrap_err().what, "the group b is part of itself");
    let long: Vec<String> = (0..1900).map(|at| format!("[g{}:children]\ng{at}\n", at + 1)).collect();
    assert!(of_ini(&format!("[g0]\nh\n{}", long.concat()), "i.ini", "f").is_ok());
}

#[test]
fn an_inventory_of_a_million_hosts_is_refused_soon() {
    let others: Vec<String> = (0..90_000).map(|at| format!("y{at}-[1:9999]\n")).collect();
    for text in ["x[1:9999]\n".repeat(90_000), others.concat()] {
        let made = of_ini(&text, "i.ini", "f");
        assert!(made.unwrap_err().what.contains("more than 2000 hosts"));
    }
}
