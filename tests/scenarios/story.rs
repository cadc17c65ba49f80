//! Stories: every `*.toml` beside the tests, played and compared line by line.

use std::fmt::Write;
use std::path::PathBuf;

use hotspare::fleet::pool::Pool;
use hotspare::standin::arbiter::{Act, Wish};
use hotspare::standin::view::Pause;
use serde::Deserialize;

use crate::runner::Fate;
use crate::world::World;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Story {
    /// What is shown, in one line.
    about: String,
    /// Most important first.
    hosts: Vec<String>,
    spares: Vec<String>,
    /// How long a step takes, milliseconds.
    pace: u64,
    /// Seconds.
    until: u64,
    /// Keys of `[pools.*]`, besides those above.
    pool: toml::Table,
    /// Second and what happens then.
    faults: Vec<(f64, String)>,
    /// All that is then seen.
    expected: Vec<String>,
}

/// The pool as a fleet file would declare it, with every default of the real one.
pub(crate) fn pool(hosts: &[String], spares: &[String], keys: &toml::Table) -> Pool {
    let mut fleet = "name = \"story\"\n".to_owned();
    for (at, name) in hosts.iter().chain(spares).enumerate() {
        let checks = "checks = [{ kind = \"ping\" }]";
        writeln!(fleet, "[hosts.{name}]\naddress = \"192.0.2.{}\"\n{checks}", at + 1).unwrap();
    }
    let mut table = keys.clone();
    table.insert("protects".into(), hosts.to_vec().into());
    table.insert("spares".into(), spares.to_vec().into());
    for (key, runbook) in [("takeover", "take"), ("giveback", "give"), ("drill", "practise")] {
        table.entry(key).or_insert(runbook.into());
        let step = "{ name = \"do\", kind = \"command\", on = \"spare\", run = \"true\", fence = true }";
        writeln!(fleet, "[runbooks.{runbook}]\nsteps = [{step}]").unwrap();
    }
    let pools = toml::Table::from_iter([("story".to_owned(), toml::Value::from(table))]);
    fleet
        .push_str(&toml::to_string(&toml::Table::from_iter([("pools".to_owned(), toml::Value::from(pools))])).unwrap());
    let loaded = hotspare::fleet::load(fleet.as_bytes(), std::path::Path::new("/no/such/folder/hotspare.toml"));
    let told: Vec<String> = loaded.diagnostics.iter().map(ToString::to_string).collect();
    loaded.fleet.unwrap_or_else(|| panic!("{}\n{fleet}", told.join("\n"))).pools.remove(0)
}

fn happens(world: &mut World, what: &str) {
    world.say(format!("-- {what}"));
    let words: Vec<&str> = what.split_whitespace().collect();
    let wish = |act, host: &str, insists| Wish { act, host: host.into(), spare: None, insists };
    match words.as_slice() {
        ["power", "off", name] => world.machines.get(name).on = false,
        ["power", "on", name] => {
            let protected = world.pool.protects.iter().any(|host| host == name);
            world.machines.power_on(name, protected);
        }
        ["unplug", name] => world.machines.get(name).plugged = false,
        ["plug", name] => world.machines.get(name).plugged = true,
        ["filter", name] => world.machines.get(name).filtered = true,
        ["pass", name] => world.machines.get(name).filtered = false,
        ["stop", "containers", "of", name] => world.machines.get(name).serves = false,
        ["start", "containers", "of", name] => world.machines.get(name).serves = true,
        ["drift", name] => world.machines.get(name).drift = true,
        ["maintenance", name] => world.machines.get(name).maintenance = Some("ana: new disk".into()),
        ["maintenance", "over", name] => world.machines.get(name).maintenance = None,
        ["the", "next", "step", "fails"] => world.fates.push(Fate::Fails),
        ["the", "next", "step", "hangs"] => world.fates.push(Fate::Hangs),
        ["a", "late", "command", "arrives"] => world.arrive_late(),
        ["lease", "lost"] => world.lease = false,
        ["lease", "back"] => world.lease = true,
        ["freeze"] => world.frozen = true,
        ["thaw"] => world.frozen = false,
        ["anchors", "silent"] => world.anchors = false,
        ["anchors", "answer"] => world.anchors = true,
        ["engine", "dies"] => world.engine_dies(),
        ["engine", "starts"] => world.engine_starts(),
        ["takeover", host] => world.wish(&wish(Act::Takeover, host, false)),
        ["takeover", host, "insisting"] => world.wish(&wish(Act::Takeover, host, true)),
        ["giveback", host] => world.wish(&wish(Act::Giveback, host, false)),
        ["release", host] => world.wish(&wish(Act::Release, host, false)),
        ["drill", host] => world.wish(&wish(Act::Drill, host, false)),
        ["acknowledge"] => world.book.acknowledge(),
        ["rearm"] => world.book.rearm(world.time()).unwrap(),
        ["clear", spare] => world.clear(spare),
        ["resume"] => world.resume(),
        ["abandon"] => world.abandon(),
        ["pause"] => {
            let since = world.time();
            world.book.pause(Pause { owner: "ana".into(), why: "cabling".into(), since, until: None });
        }
        ["unpause"] => drop(world.book.unpause()),
        _ => panic!("nothing known as `{what}`"),
    }
}

fn due(seconds: f64) -> u64 {
    u64::try_from(std::time::Duration::try_from_secs_f64(seconds).unwrap().as_millis()).unwrap()
}

fn play(story: &Story) -> World {
    let mut world = World::new(pool(&story.hosts, &story.spares, &story.pool), story.pace);
    let mut faults = story.faults.iter().peekable();
    while world.now <= story.until * 1000 {
        while let Some((_at, what)) = faults.next_if(|(at, _)| due(*at) <= world.now) {
            happens(&mut world, what);
        }
        world.tick();
    }
    assert!(faults.next().is_none(), "a fault lies after the end");
    world
}

#[test]
fn every_story_happens_as_it_is_told() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "toml"));
    files.sort();
    assert!(files.len() >= 15, "stories are missing");
    let mut wrong = Vec::new();
    for path in files {
        let story: Story = toml::from_str(&std::fs::read_to_string(&path).unwrap())
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let world = play(&story);
        assert_eq!(world.double_owners, 0, "{}", path.display());
        if world.log != story.expected {
            let lines: Vec<String> = world.log.iter().map(|line| format!("  {line:?},")).collect();
            wrong.push(format!("{}\n# {}\nexpected = [\n{}\n]", path.display(), story.about, lines.join("\n")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
