//! The engine is killed at every place of a takeover, one by one: before, in and after each step. A gate holds the step there;
//! it opens before the next engine begins, or only while the run is resumed or undone, so that what the dead engine
//! had sent arrives late.
//!
//! `HOTSPARE_KILLS` of the 52 cases (4), spread evenly; the random kills of `takeover` are as many.

use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

use crate::site::pool::{PATIENCE, Site};
use crate::site::wire::Wire;
use crate::site::{text, within};
use crate::takeover::kills;

/// Where the engine is killed, in the order in which a takeover comes by.
const PLACES: [&str; 13] = [
    "before.fence",
    "in.fence.before",
    "in.fence.after",
    "after.fence",
    "in.take.asked",
    "in.take.before",
    "in.take.after",
    "after.take",
    "in.start.before",
    "in.start.after",
    "after.start",
    "in.serving",
    "after.serving",
];

/// Where, and what is done then.
#[derive(Debug, Clone, Copy)]
struct Case {
    place: &'static str,
    resume: bool,
    /// What is held at the gate goes on only while the next engine acts.
    late: bool,
}

fn cases() -> Vec<Case> {
    let case = |number: usize| Case {
        place: PLACES[number % PLACES.len()],
        resume: (number / PLACES.len()).is_multiple_of(2),
        late: number / PLACES.len() / 2 == 0,
    };
    let all: Vec<Case> = (0..PLACES.len() * 4).map(case).collect();
    let wanted = usize::try_from(kills()).expect("few").clamp(1, all.len());
    // A step without a common divisor with the number of cases, so that few cases are of many kinds.
    (0..wanted).map(|number| all[number * 7 % all.len()]).collect()
}

/// Gates: files in a folder that all machines see.
struct Gates(PathBuf);

impl Gates {
    /// Holds whoever comes to this place from now on.
    fn shut(&self, place: &str) {
        for place in PLACES {
            let _not_yet = std::fs::remove_file(self.0.join(format!("at.{place}")));
        }
        std::fs::write(self.0.join(format!("shut.{place}")), "").expect("written");
    }

    fn open(&self, place: &str) {
        std::fs::remove_file(self.0.join(format!("shut.{place}"))).expect("it was shut");
    }

    fn reached(&self, place: &str) -> bool {
        self.0.join(format!("at.{place}")).exists()
    }

    /// For a shell: tells that it is here, and waits for the gate.
    fn command(&self, place: &str) -> String {
        let folder = text(&self.0);
        format!(": >{folder}/at.{place}; while [ -e {folder}/shut.{place} ]; do sleep 0.01; done")
    }

    /// A program that is found before the real one, with gates before and after what is done with these words.
    fn around(&self, program: &str, gates: &[(&str, Option<&str>, Option<&str>)]) -> String {
        let mut script = "#!/bin/sh\ncase \"$*\" in\n".to_owned();
        for (words, before, after) in gates {
            let gate = |place: Option<&str>| place.map_or_else(|| ":".into(), |place| self.command(place));
            let (before, after) = (gate(*before), gate(*after));
            let arm = format!("*'{words}'*) {before}; {program} \"$@\"; s=$?; {after}; exit $s ;;\n");
            script.push_str(&arm);
        }
        script + &format!("esac\nexec {program} \"$@\"\n")
    }

    /// Whether anything is held, or goes on behind a gate.
    fn at_work(&self) -> bool {
        let programs = ["a/bin/", "cedar/bin/"].map(|folder| self.0.with_file_name(folder));
        programs.iter().chain([&self.0]).any(|part| !crate::farm::processes(text(part)).is_empty())
    }

    /// Puts gates into the takeover of a site.
    async fn build(site: &Site) -> Self {
        let gates = Self(site.lan.path("gates"));
        std::fs::create_dir_all(&gates.0).expect("a folder");
        let fence = [("addr del", Some("in.fence.before"), Some("in.fence.after"))];
        // Between the question to the wire and the claim it is looked whether the device has the subnet.
        let take = [
            ("route show", Some("in.take.asked"), None),
            ("addr replace", Some("in.take.before"), Some("in.take.after")),
        ];
        for (machine, program, script) in
            [("a", "ip", gates.around("/usr/sbin/ip", &fence)), ("cedar", "ip", gates.around("/usr/sbin/ip", &take))]
        {
            let folder = site.lan.path(machine).join("bin");
            std::fs::create_dir_all(&folder).expect("a folder");
            crate::program::script(&folder.join(program), &script);
        }
        let fleet = std::fs::read_to_string(site.lan.path("fleet.toml")).expect("a fleet");
        let gate = |place: &str| {
            format!(
                "  {{ name = \"{place}\", kind = \"command\", on = \"spare\", run = '''{}''' }},\n",
                gates.command(place)
            )
        };
        let mut through = String::new();
        for line in fleet.lines() {
            if line.starts_with("  { name = \"fence\"") {
                through += &gate("before.fence");
            }
            if line.starts_with("  { name = \"start\"") {
                let (head, rest) = line.split_once("run = \"").expect("a command");
                let (run, tail) = rest.split_once('"').expect("its end");
                let run = run
                    .replace("python3", "sh -c 'GATE; exec python3 \"$@\"' page")
                    .replace("GATE", &gates.command("in.serving"));
                let (before, after) = (gates.command("in.start.before"), gates.command("in.start.after"));
                through.push_str(&[head, "run = '''", &before, "; ", &run, "; ", &after, "'''", tail, "\n"].concat());
            } else {
                // So that a test need not wait long for what hangs.
                through += &line.replace("name = \"take\",", "name = \"take\", timeout = \"6s\",");
                through.push('\n');
            }
            for step in ["fence", "take", "start", "serving"] {
                if line.starts_with(&format!("  {{ name = \"{step}\"")) {
                    through += &gate(&format!("after.{step}"));
                }
            }
        }
        std::fs::write(site.lan.path("fleet.toml"), through).expect("written");
        let steps = || {
            site.lan.ask(&["pool", "takeover", "people", "--failed", "a", "--dry-run"]).1["steps"]
                .as_array()
                .map(Vec::len)
        };
        within(PATIENCE, "the gates are there", || steps() == Some(9)).await;
        gates
    }
}

/// The command of a person, who loses the engine.
fn ask(site: &Site, arguments: &[&str]) -> Child {
    let mut asking = site.lan.hotspare(arguments);
    asking.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("asked")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_engine_that_is_killed_at_any_place_of_a_takeover_is_gone_on_with_or_undone() {
    let mut site = Site::new("mode = \"manual\"\nfence = \"required\"").await;
    let gates = Gates::build(&site).await;
    let mut wire = site.lan.listen("client", &[site.service]);
    let cases = cases();
    for case in &cases {
        kill_at(&site, &gates, &mut wire, *case).await;
    }
    no_step_had_begun(&site, &gates).await;
    hangs_on(&site, &gates).await;
    stands_still(&site, &gates).await;
    println!("{} kills at chosen places of a takeover; no address had two owners", cases.len());
}

/// How many steps the run has that the next engine shows as interrupted.
fn left(site: &Site) -> Option<usize> {
    let run = &site.lan.ask(&["pool", "show", "people"]).1["run"];
    run["steps"].as_array().filter(|_| run["state"] == "interrupted").map(Vec::len)
}

/// The engine dies between the decision and the first step: what was kept last is the run before.
async fn no_step_had_begun(site: &Site, gates: &Gates) {
    let state = site.lan.path("state/state.db");
    let query = |sql: &str| crate::farm::run("sqlite3", &[text(&state), sql]);
    let of_runs = "key = 'standin.lease/book/people.run'";
    let before = query(&format!("SELECT quote(value) FROM kept WHERE {of_runs}"));
    let place = "before.fence";
    gates.shut(place);
    let mut asking = ask(site, &["pool", "takeover", "people", "--failed", "a", "--yes", "people"]);
    within(PATIENCE, place, || gates.reached(place)).await;
    site.kill().await;
    let _told = asking.wait();
    gates.open(place);
    within(PATIENCE, "nothing is at work", || !gates.at_work()).await;
    query(&format!("UPDATE kept SET value = {} WHERE {of_runs}", before.trim()));
    site.start();
    within(PATIENCE, "the next engine has looked", || site.spare()["state"] == "activating").await;
    assert_eq!(left(site), Some(0));
    let resumed = site.lan.tell(&["pool", "resume", "people"]);
    let output = format!("{}{}", String::from_utf8_lossy(&resumed.stdout), String::from_utf8_lossy(&resumed.stderr));
    assert!(!resumed.status.success() && output.contains("had begun none of its steps"), "{output}");
    let abandoned = site.lan.tell(&["pool", "abandon", "people"]);
    assert!(abandoned.status.success(), "{}", String::from_utf8_lossy(&abandoned.stdout));
    within(PATIENCE, "the spare is free", || site.spare()["state"] == "ready").await;
    assert_eq!(site.holders(), ["a"]);
    site.as_it_was().await;
}

/// What the dead engine had sent hangs longer than anybody waits for it: it is not undone behind its back, and when it goes
/// on it is refused.
async fn hangs_on(site: &Site, gates: &Gates) {
    let place = "in.take.asked";
    gates.shut(place);
    // As on a machine that has no `timeout`.
    let limit = site.lan.path("cedar/bin/timeout");
    crate::program::script(&limit, "#!/bin/sh\nshift\nexec \"$@\"\n");
    let mut asking = ask(site, &["pool", "takeover", "people", "--failed", "a", "--yes", "people"]);
    within(PATIENCE, place, || gates.reached(place)).await;
    site.kill().await;
    let _told = asking.wait();
    std::fs::remove_file(&limit).expect("removed");
    site.start();
    within(PATIENCE, "the next engine has looked", || site.spare()["state"] == "activating").await;
    let first = site.lan.tell(&["pool", "abandon", "people"]);
    let output = String::from_utf8_lossy(&first.stdout).into_owned();
    assert!(gates.at_work(), "it does not hang: {output}");
    assert!(!first.status.success() && output.contains("take is still at work there"), "{output}");
    gates.open(place);
    within(PATIENCE, "nothing is at work", || !gates.at_work()).await;
    assert!(site.holders().is_empty(), "what came late took the address");
    site.as_it_was().await;
}

/// The spare stands still between the question to the wire and the claim, and the owner comes back meanwhile.
async fn stands_still(site: &Site, gates: &Gates) {
    let place = "in.take.asked";
    gates.shut(place);
    let mut asking = ask(site, &["pool", "takeover", "people", "--failed", "a", "--yes", "people"]);
    within(PATIENCE, place, || gates.reached(place)).await;
    tokio::time::sleep(Duration::from_millis(2500)).await;
    let address = format!("{}/32", site.service);
    site.lan.machine("a").exec(&["ip", "addr", "add", &address, "dev", "eth0"]);
    gates.open(place);
    let _told = asking.wait();
    within(PATIENCE, "the run has ended", || site.spare()["state"] == "failed").await;
    let run = site.lan.ask(&["pool", "show", "people"]).1["run"].to_string();
    assert!(run.contains("is answered by"), "{run}");
    assert_eq!(site.holders(), ["a"]);
    site.as_it_was().await;
}

async fn kill_at(site: &Site, gates: &Gates, wire: &mut Wire, case: Case) {
    let Case { place, resume, late } = case;
    gates.shut(place);
    let mut asking = ask(site, &["pool", "takeover", "people", "--failed", "a", "--yes", "people"]);
    within(PATIENCE, place, || gates.reached(place)).await;
    site.kill().await;
    let _told = asking.wait();
    if !late {
        gates.open(place);
    }
    site.start();
    within(PATIENCE, "the next engine runs", || site.lan.tell(&["engine", "status"]).status.success()).await;
    within(PATIENCE, "the next engine has looked", || site.spare()["state"] == "activating").await;
    assert!(left(site).is_some_and(|steps| steps > 0), "{place}: {:?}", left(site));
    let holders = site.holders();
    assert!(holders.len() < 2, "{case:?}: two owners: {holders:?}");
    let word = if resume { "resume" } else { "abandon" };
    let said = std::thread::scope(|scope| {
        let later = scope.spawn(|| {
            if late {
                std::thread::sleep(Duration::from_millis(700));
                gates.open(place);
            }
        });
        // What cannot be told is asked of the person again: the second word does the step.
        let first = site.lan.tell(&["pool", word, "people"]);
        let again = !first.status.success() && site.spare()["state"] == "activating";
        let last = if again { site.lan.tell(&["pool", word, "people"]) } else { first };
        later.join().expect("opened");
        last
    });
    let output = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.status.success(), "{case:?}: {output}{}", String::from_utf8_lossy(&said.stderr));
    // Whatever the dead engine had sent has ended by now.
    within(PATIENCE, "nothing is at work", || !gates.at_work()).await;
    let holders = site.holders();
    if resume {
        assert_eq!(site.spare()["state"], "active", "{case:?}: {output}");
        site.audit("cedar");
    } else {
        assert!(holders.iter().all(|holder| holder == "a"), "{case:?}: {holders:?}: {output}");
        let pages = crate::farm::processes(text(&site.lan.path("page.py")));
        assert!(pages.is_empty(), "{case:?}: the page of the spare is still there: {output}");
    }
    println!("{place}, {word}{}: {holders:?}", if late { ", the rest came late" } else { "" });
    site.as_it_was().await;
    let doubles = wire.doubles();
    assert!(doubles.is_empty(), "{case:?}: two owners on the wire: {doubles:?}");
}
