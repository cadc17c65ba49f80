use super::*;
use crate::standin::desk::Desk;

const FLEET: &str = r#"
name = "harbour"
[hosts.studio-1]
address = "10.77.0.11"
ssh = "ops@10.77.0.11"
service = "10.77.0.101/24"
[hosts.studio-2]
address = "10.77.0.12"
service = "10.77.0.102/24"
[hosts.cedar]
address = "10.77.0.13"
[pools.people]
protects = ["studio-1", "studio-2"]
spares = ["cedar"]
takeover = "take"
GIVEBACK
[runbooks.take]
steps = [
  { name = "fence", kind = "command", on = "failed", run = "sudo poweroff", fence = true, on_error = "continue" },
  { name = "take", kind = "address", on = "spare", take = "{failed.service}", device = "eth0" },
  { name = "start", kind = "command", on = "spare", run = "./start.sh {failed.name}\n./look.sh", undo = "./stop.sh {failed.name}" },
  { name = "stack", kind = "compose", on = "spare", folder = "people count", undo = "down" },
  { name = "name", kind = "dns", server = "10.77.0.53:53", zone = "cupola.local", record = "slave", address = "{spare.address}", ttl = 5, tsig = { name = "hotspare", secret_file = "/etc/tsig.key" } },
  { name = "routes", kind = "http", method = "POST", url = "http://ops@mw/api/switch", json = { to = "{spare.name}" } },
  { name = "promote", kind = "mysql-promote", url = "mysql://ops:sesame@{spare.address}/" },
  { name = "serving", kind = "wait", check = { kind = "http", url = "http://{spare.address}:5000/" }, within = "60s" },
  { name = "tell", kind = "ask", text = "Call the duty officer, then confirm." },
  { name = "scale", kind = "scale", on = "spare", service = "judicator", to = 5 },
]
[runbooks.back]
steps = [{ name = "drop", kind = "address", on = "spare", drop = "{failed.service}", device = "eth0" }]
"#;

fn written(giveback: &str) -> String {
    let text = FLEET.replace("GIVEBACK", giveback);
    let loaded = crate::fleet::load(text.as_bytes(), std::path::Path::new("/nowhere/fleet.toml"));
    let errors: Vec<String> = loaded.errors().map(|error| format!("{error:?}")).collect();
    let fleet = loaded.fleet.unwrap_or_else(|| panic!("{errors:?}"));
    let pool = fleet.pools.first().expect("a pool");
    let mut view = PoolView::clone(&Desk::new(pool, Timestamp::UNIX_EPOCH).view());
    view.spares.first_mut().expect("a spare").state = SpareState::Ready;
    card(&fleet, pool, &view, "2026-11-21T05:40:11Z".parse().expect("a time"))
}

#[test]
fn a_card_says_everything_in_order() {
    insta::assert_snapshot!(written("giveback = \"back\""));
}

#[test]
fn without_a_giveback_the_takeover_is_undone() {
    let card = written("");
    let back = card.split("TO GIVE THE WORK BACK from cedar to studio-1").nth(1).expect("a way back");
    let at = |text: &str| back.find(text).unwrap_or_else(|| panic!("{text}: {back}"));
    assert!(at("docker compose down") < at("./stop.sh") && at("./stop.sh") < at("ip addr del"), "last first");
}

#[test]
fn no_password_is_on_paper() {
    assert!(!written("").contains("sesame"));
}

#[test]
fn words_keep_to_the_width_and_commands_stay_whole() {
    let card = written("giveback = \"back\"");
    let too_long = |line: &&str| line.chars().count() > WIDTH && !line.starts_with("        ");
    assert_eq!(card.lines().filter(too_long).count(), 0, "{card}");
    assert!(card.lines().any(|line| line.chars().count() > WIDTH), "a long command is there");
}
