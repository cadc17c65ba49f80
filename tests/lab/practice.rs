//! Practice: drills by hand and by themselves, broken off when the spare is needed, and the recovery card followed word by
//! word after the engine is gone.

use crate::site::pool::{PATIENCE, Site};
use crate::site::within;

/// Whether a page is served on the spare.
fn serves(site: &Site) -> bool {
    let asked = site.lan.machine("cedar").command(&["ss", "-ltnH", "sport = :5000"]).output();
    asked.is_ok_and(|output| !output.stdout.is_empty())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_measures_the_way_there_and_leaves_nothing_behind() {
    let site = Site::new("mode = \"manual\"").await;
    let (exit, plan) = site.lan.ask(&["pool", "drill", "people", "--dry-run"]);
    assert_eq!((exit, plan["steps"].as_array().map(Vec::len)), (0, Some(2)), "{plan}");
    assert!(!serves(&site), "a dry run starts nothing");
    let (exit, done) = site.lan.ask(&["pool", "drill", "people"]);
    assert_eq!((exit, &done["state"]), (0, &"done".into()), "{done}");
    assert_eq!((&done["steps"][0]["state"], serves(&site)), (&"undone".into(), false), "{done}");
    within(PATIENCE, "the spare is free", || site.spare()["state"] == "ready").await;
    site.audit("a");
    let last = site.pool()["last_drill"].clone();
    assert_eq!((&last["state"], &last["promised"]), (&"done".into(), &180.0.into()), "{last}");
    let there: f64 = done["timeline"]
        .as_array()
        .expect("phases")
        .iter()
        .filter(|phase| !phase["name"].as_str().expect("a name").starts_with("undo "))
        .filter_map(|phase| phase["seconds"].as_f64())
        .sum();
    assert!((last["seconds"].as_f64().expect("measured") - there).abs() < 1e-6, "{last} {done}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_that_is_due_begins_by_itself_and_gives_way_to_a_host_that_is_gone() {
    let mut site = Site::new("fence = \"required\"\ncooldown = \"1h\"\ndrill_every = \"10m\"").await;
    within(PATIENCE, "a drill went well", || site.pool()["last_drill"]["state"] == "done").await;
    let last = site.pool()["last_drill"].clone();
    assert_eq!((&last["host"], &last["spare"]), (&"a".into(), &"cedar".into()), "the first turn");
    within(PATIENCE, "the spare is free", || site.spare()["state"] == "ready" && !serves(&site)).await;

    // One that waits for what never comes, and a host that dies meanwhile.
    let path = site.lan.path("fleet.toml");
    let fleet = std::fs::read_to_string(&path).expect("read");
    let never =
        fleet.replace("5000/\" }, within = \"10s\" },\n]\n", "5999/\" }, within = \"10m\", timeout = \"10m\" },\n]\n");
    assert_ne!(never, fleet);
    let (_, practice) = never.rsplit_once("[runbooks.practice]").expect("the drill");
    let (whole, _) = fleet.rsplit_once("[runbooks.practice]").expect("the drill");
    std::fs::write(&path, format!("{whole}[runbooks.practice]{practice}")).expect("written");
    let plans = || site.lan.ask(&["pool", "drill", "people", "--dry-run"]).1["steps"][1].to_string();
    within(PATIENCE, "the engine has read it", || plans().contains("10 min")).await;
    let mut asking = site.lan.hotspare(&["pool", "drill", "people", "--json"]);
    let asking = asking.stdout(std::process::Stdio::piped()).spawn().expect("asked");
    within(PATIENCE, "it waits", || serves(&site) && site.spare()["state"] == "activating").await;
    assert_eq!(site.stand("a"), "serving", "practice changes nothing for the host");
    site.lan.power_off("b");
    within(PATIENCE, "the spare stands in", || {
        site.spare()["state"] == "active" && site.spare()["standing_in_for"] == "b"
    })
    .await;
    let ended = asking.wait_with_output().expect("it ended");
    let drill: serde_json::Value = serde_json::from_slice(&ended.stdout).expect("a document");
    assert_eq!((ended.status.code(), &drill["state"]), (Some(1), &"undone".into()), "{drill}");
    let said = site.lan.ask(&["journal"]).1.to_string();
    assert!(said.contains("the drill is broken off") && said.contains("b is gone: the spare is needed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_recovery_card_is_enough_without_hotspare() {
    let medium = tempfile::tempdir().expect("a folder");
    let card = medium.path().join("CARD.txt");
    let mut site = Site::new(&format!("mode = \"manual\"\ncard = \"{}\"", card.display())).await;
    within(PATIENCE, "the card is written", || {
        std::fs::read_to_string(&card).is_ok_and(|text| text.contains("At that time: cedar is free."))
    })
    .await;
    let text = std::fs::read_to_string(&card).expect("read");
    assert_eq!(std::fs::read_to_string(site.lan.path("state/cards/people.txt")).expect("read"), text);
    // A medium that is gone is told, and nothing is made in its place; one that comes back gets its card.
    let place = medium.path().to_owned();
    medium.close().expect("gone");
    let told = || site.pool()["alarms"].to_string().contains("plug its medium in");
    within(PATIENCE, "the missing medium is told", told).await;
    assert!(!place.exists());
    std::fs::create_dir(&place).expect("plugged in");
    within(PATIENCE, "the medium has its card", || card.exists() && !told()).await;
    std::fs::remove_dir_all(&place).expect("gone");
    site.lan.power_off("a");
    within(PATIENCE, "the host is gone", || site.stand("a") == "waiting").await;
    let told = site.lan.tell(&["engine", "stop", "--force"]);
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));

    // A person with the paper, in front of the machines.
    let part = text.split("IF a IS GONE: cedar takes its place\n").nth(1).expect("what to do");
    let part = part.split("\nIF ").next().expect("its end");
    let mut machine = None;
    let mut typed = 0;
    for line in part.lines() {
        match line.strip_prefix("        ") {
            Some(command) if machine == Some("cedar") || machine.is_none() && typed > 0 => {
                let site = &site;
                let type_it = || {
                    let on = site.lan.machine(machine.unwrap_or("client"));
                    let mut typing = on.command(&["env", "MACHINE=cedar", "sh", "-c", command]);
                    typing.output().expect("typed").status.success()
                };
                // What is waited for is typed again until it is well.
                within(PATIENCE, command, type_it).await;
                typed += 1;
            }
            // The machine is gone: nothing can be typed on it.
            Some(_) => {}
            None => {
                if line.contains(": ssh ") {
                    machine = line.split_whitespace().skip_while(|word| *word != "on").nth(1);
                    machine = machine.map(|name| name.trim_end_matches(':'));
                } else if line.contains("  on this computer") {
                    machine = None;
                }
            }
        }
    }
    assert!(typed >= 4, "{part}");
    assert_eq!(site.holders(), ["cedar"]);
    assert_eq!(site.lan.owners("client", site.service).len(), 1);
    let page = format!("http://{}:5000/", site.service);
    let page = site.lan.machine("client").exec(&["curl", "-sS", "-m", "5", &page]);
    assert_eq!(page, "cedar");
}
