//! `status`.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::place::{FLEET, Place, Running, text};

/// One host that answers.
const WELL: &str = "name = \"harbour\"\n[hosts.studio-1]\naddress = \"127.0.0.1\"\nchecks = [{ kind = \"ping\" }]\n";

#[test]
fn the_table_tells_what_is_wrong_first_and_the_exit_code_too() {
    let place = Place::new(FLEET);
    let ended = place.run(&["status"]);
    assert_eq!(ended.status.code(), Some(1));
    let table = text(&ended.stdout);
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].trim_start().starts_with("host"), "{table}");
    assert!(lines[1].contains("studio-2") && lines[1].contains("tcp: connection refused"), "{table}");
    assert!(lines[2].contains("studio-1") && lines[2].contains(" ms"), "{table}");
    assert!(!table.contains('\x1b'), "no colour into a pipe");
    assert_eq!(place.run(&["status", "studio-1"]).status.code(), Some(0));
}

#[test]
fn a_spare_that_could_not_serve_is_told_although_every_host_is_up() {
    let place = Place::new(
        "name = \"harbour\"\n[hosts.a]\naddress = \"127.0.0.1\"\nchecks = [{ kind = \"ping\" }]\n\
         [hosts.b]\naddress = \"127.0.0.1\"\nssh = \"ssh://127.0.0.1:9\"\nchecks = [{ kind = \"ping\" }]\n\
         [pools.main]\nprotects = [\"a\"]\nspares = [\"b\"]\nmode = \"observe\"\ntakeover = \"takeover\"\n\
         [runbooks.takeover]\nsteps = [{ name = \"off\", kind = \"ask\", text = \"Off?\", fence = true }]\n",
    );
    let ended = place.run(&["status"]);
    let said = text(&ended.stdout);
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(said.contains("harbour: 2 up\n") && said.contains("\npool main: b is unready: "), "{said}");
}

#[test]
fn a_fresh_engine_is_not_asked_before_it_knows() {
    // One that listens nowhere, and one of whose checks one that is not vital fails: each needs two runs to be told.
    let place = Place::new(
        "name = \"harbour\"\n[hosts.gone]\naddress = \"127.0.0.1\"\nchecks = [{ kind = \"tcp\", port = 9 }]\n\
         [hosts.half]\naddress = \"127.0.0.1\"\nchecks = [{ kind = \"ping\" }, { kind = \"rtmp\", port = 9 }]\n",
    );
    let ended = place.run(&["status", "--json"]);
    assert_eq!(ended.status.code(), Some(1), "{}", text(&ended.stderr));
    let document: serde_json::Value = serde_json::from_slice(&ended.stdout).unwrap();
    let health = |host: usize| document["hosts"][host]["health"].as_str().unwrap();
    assert!(matches!(health(0), "suspect" | "down"), "{}", health(0));
    assert_eq!(health(1), "degraded");
}

#[test]
fn the_document_has_the_promised_keys() {
    let place = Place::new(WELL);
    let ended = place.run(&["status", "--json"]);
    assert_eq!(ended.status.code(), Some(0), "{}", text(&ended.stderr));
    let document: serde_json::Value = serde_json::from_slice(&ended.stdout).unwrap();
    let host = &document["hosts"][0];
    assert_eq!(
        (&document["fleet"], &host["name"], &host["health"]),
        (&"harbour".into(), &"studio-1".into(), &"up".into())
    );
    assert!(host["since"].as_str().unwrap().ends_with('Z'));
    let check = &host["checks"][0];
    assert_eq!((&check["name"], &check["result"], &check["reason"]), (&"ping".into(), &"pass".into(), &().into()));
    assert!(check["latency"].as_f64().unwrap() < 1.0);
    for list in ["pools", "feeds", "dumps"] {
        assert_eq!(document[list], serde_json::json!([]), "{list}");
    }
    assert_eq!(document["leader"]["held"], true);
    assert!(document["leader"]["by"].is_string());
}

#[test]
fn a_check_that_does_not_pass_is_named_also_where_the_host_is_up() {
    let ssh_refused = "ssh = \"ssh://127.0.0.1:9\"\n";
    let checks = "checks = [{ kind = \"ping\" }, { kind = \"disk\", path = \"/\", min_free = \"1%\" }]\n";
    let place = Place::new(&format!("name = \"f\"\n[hosts.a]\naddress = \"127.0.0.1\"\n{ssh_refused}{checks}"));
    let table = text(&place.run(&["status"]).stdout);
    assert!(table.contains("1/2     disk: "), "{table}");
}

#[test]
fn an_unknown_host_is_wrong_usage_with_a_guess() {
    let place = Place::new(WELL);
    let ended = place.run(&["status", "studio1"]);
    assert_eq!(ended.status.code(), Some(2));
    assert!(text(&ended.stderr).contains("did you mean studio-1?"));
}

#[test]
fn a_host_where_a_pool_is_to_be_named_is_told_from_one() {
    let hosts =
        "name = \"harbour\"\n[hosts.studio-1]\naddress = \"127.0.0.1\"\n[hosts.spare-1]\naddress = \"127.0.0.2\"\n";
    let pool = "[pools.studios]\nprotects = [\"studio-1\"]\nspares = [\"spare-1\"]\nmode = \"manual\"\nfence = \"none\"\n\
                takeover = \"take\"\n[runbooks.take]\nsteps = [{ kind = \"ask\", text = \"done?\" }]\n";
    let place = Place::new(&format!("{hosts}{pool}"));
    for (words, host) in
        [(["pool", "takeover"], "studio-1"), (["pool", "show"], "spare-1"), (["pool", "unpause"], "spare-1")]
    {
        let ended = place.run(&[words.as_slice(), &[host]].concat());
        let said = text(&ended.stderr);
        assert_eq!(ended.status.code(), Some(2), "{said}");
        assert!(said.contains(&format!("there is no pool {host} in harbour")), "{said}");
        assert!(said.contains(&format!("{host} is a host of the pool studios")), "{said}");
    }
    for (named, what, near) in [
        (&["--failed", "studio-9"][..], "pool studios protects no host studio-9", "did you mean studio-1?"),
        (&["--failed", "web"], "pool studios protects no host web", "there are: studio-1"),
        (&["--failed", "studio-1", "--spare", "spare-2"], "has no spare spare-2", "did you mean spare-1?"),
    ] {
        let ended = place.run(&[&["pool", "takeover", "studios", "--dry-run"][..], named].concat());
        let said = text(&ended.stderr);
        assert_eq!(ended.status.code(), Some(2), "{said}");
        assert!(said.contains(what) && said.contains(near), "{said}");
    }
    let ended = place.run(&["run", "nosuch"]);
    assert_eq!(ended.status.code(), Some(2));
    assert!(text(&ended.stderr).contains("hint: there are: take"), "{}", text(&ended.stderr));
}

#[test]
fn without_a_store_of_sessions_the_list_says_so_and_starts_no_engine() {
    let place = Place::new("name = \"harbour\"\n");
    let ended = place.run(&["session", "list"]);
    let said = "no sessions: write [sessions.NAME] into the fleet file, with `source`, `layout` and `destinations`\n";
    assert_eq!((ended.status.code(), text(&ended.stdout).as_str()), (Some(0), said));
    let document: serde_json::Value =
        serde_json::from_slice(&place.run(&["session", "list", "--json"]).stdout).unwrap();
    assert_eq!(
        (&document["store"], &document["totals"]["sessions"]),
        (&serde_json::Value::Null, &serde_json::Value::from(0)),
        "{document}"
    );
    let ended = place.run(&["engine", "status"]);
    assert_eq!(ended.status.code(), Some(1), "none was started: {}", text(&ended.stdout));
    let ended = place.run(&["session", "show", "p001", "20250104"]);
    assert_eq!(ended.status.code(), Some(2));
    assert!(text(&ended.stderr).contains("hint: write [sessions.NAME] into the fleet file"), "{}", text(&ended.stderr));
}

#[test]
fn watching_prints_a_line_for_each_change() {
    let place = Place::new(FLEET);
    let mut child = place.program(&["status", "--watch"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let _watching = Running::from(child);
    let mut seen = Vec::new();
    // The test runner's own limit ends this if the line never comes.
    let down = lines
        .by_ref()
        .map_while(Result::ok)
        .inspect(|line| seen.push(line.clone()))
        .find(|line| line.contains("studio-2 down (was suspect): tcp: connection refused"));
    assert!(down.is_some(), "{seen:?}");
}

#[test]
fn a_host_is_asked_now_maintained_and_counts_again() {
    let place = Place::new(WELL);
    let said = |args: &[&str]| {
        let ended = place.run(args);
        (ended.status.code(), text(&ended.stdout) + &text(&ended.stderr))
    };
    assert_eq!(said(&["status"]).0, Some(0));
    let (code, words) = said(&["host", "probe"]);
    assert!(code == Some(0) && words.contains("all hosts are asked now"), "{words}");
    let (code, words) = said(&["host", "maintain", "studio-1", "--why", "new disk", "--for", "2h"]);
    assert!(code == Some(0) && words.contains("studio-1 is under maintenance until"), "{words}");
    // The next picture of the engine shows it.
    assert!((0..100).any(|_look| said(&["status"]).1.contains("new disk")), "the table never says it");
    let (code, words) = said(&["status"]);
    assert!(code == Some(0) && words.contains("maintenance"), "{words}");
    assert_eq!(said(&["host", "maintain", "studio-9", "--why", "new disk"]).0, Some(2));
    assert_eq!(said(&["host", "maintain", "studio-1", "--why", " "]).0, Some(2));
    assert_eq!(said(&["--read-only", "host", "end-maintenance", "studio-1"]).0, Some(3));
    let (code, words) = said(&["host", "end-maintenance", "studio-1"]);
    assert!(code == Some(0) && words.contains("maintenance of studio-1 ended"), "{words}");
    assert_eq!(said(&["host", "end-maintenance", "studio-1"]).0, Some(2));
    assert_eq!(said(&["engine", "stop"]).0, Some(0));
}
