//! Modules: what is said of their processes, and stopping them while their locks are held.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::{PATIENCE, Site, code, said};
use crate::site::{text, within};

impl Site {
    /// A module with this pid file, which does so at an interrupt.
    fn module(&self, name: &str, trap: &str) -> Child {
        let script = format!("trap '{trap}' INT; echo $$ > {}; while :; do sleep 0.1; done", text(&self.file(name)));
        let mut command = self.lan.machine("kv").command(&["bash", "-c", &script]);
        command.stdin(Stdio::null()).spawn().expect("a module")
    }

    fn modules(&self) -> Vec<Value> {
        let (_, list) = self.lan.ask(&["service", "list"]);
        list["services"][0]["modules"].as_array().cloned().unwrap_or_default()
    }

    fn states(&self) -> Vec<String> {
        self.modules().iter().map(|module| module["state"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn living_dead_and_recycled_modules_are_told_apart_and_only_the_living_are_stopped() {
    let site = Site::new().await;
    let mut main = site.module("main.pid", "exit 0");
    // A number that another process has got since: the pid file is much older than it.
    let mut other = Command::new("sleep").arg("1000").spawn().expect("sleep");
    let recycled = site.file("mongodb.pid");
    std::fs::write(&recycled, other.id().to_string()).expect("written");
    assert!(Command::new("touch").args(["-d", "1 hour ago", text(&recycled)]).status().expect("touch").success());
    within(PATIENCE, "they are told apart", || site.states() == ["running", "recycled", "dead"]).await;
    let modules = site.modules();
    assert_eq!(modules[0]["pid"], main.id());
    assert!(modules[0]["command"].as_str().expect("a command").contains("bash -c"), "{}", modules[0]);

    // Nothing is stopped whose boot program would start it again.
    let refused = site.lan.tell(&["service", "stop", "judicator"]);
    assert_ne!(code(&refused), Some(0), "{}", said(&refused));
    assert!(main.try_wait().expect("a child").is_none());

    let mut first = site.held(&["--", "sleep 1000"]).await;
    let refused = site.lan.tell(&["service", "stop", "judicator", "--module", "mian"]);
    assert_eq!(code(&refused), Some(2), "{}", said(&refused));
    assert!(said(&refused).contains("did you mean main? judicator has main, mongodb, etcd"), "{}", said(&refused));
    // Nor where its cluster would serve no more without it: the other member is dead.
    let (file, fleet) =
        (site.lan.path("fleet.toml"), std::fs::read_to_string(site.lan.path("fleet.toml")).expect("read"));
    let member = format!(
        "docker = \"cluster\"\nquorum = 1\n[services.other]\nhost = \"kv\"\ndocker = \"cluster\"\npid_files = [{:?}]\n",
        text(&site.file("etcd.pid"))
    );
    std::fs::write(&file, format!("{fleet}{member}")).expect("written");
    let stop = || site.lan.tell(&["service", "stop", "judicator"]);
    let services = || site.lan.ask(&["service", "list"]).1["services"].as_array().map_or(0, Vec::len);
    within(PATIENCE, "there are two", || services() == 2).await;
    let refused = stop();
    assert_eq!(code(&refused), Some(3), "{}", said(&refused));
    assert!(said(&refused).contains("its quorum is 1 (other does not)"), "{}", said(&refused));
    assert!(main.try_wait().expect("a child").is_none());
    std::fs::write(&file, fleet).expect("written");
    within(PATIENCE, "there is one", || services() == 1).await;
    // Reaped at once, as by the boot program.
    let reaping = std::thread::spawn(move || main.wait());
    let stopped = stop();
    assert_eq!(code(&stopped), Some(0), "{}", said(&stopped));
    assert!(said(&stopped).contains("main: pid") && said(&stopped).contains("is gone"), "{}", said(&stopped));
    assert!(said(&stopped).contains("is another process"), "{}", said(&stopped));
    reaping.join().expect("joined").expect("reaped");
    assert!(other.try_wait().expect("a child").is_none(), "a stranger with the number of a module is left alone");
    other.kill().expect("killed");
    other.wait().expect("reaped");
    first.kill().expect("killed");
    first.wait().expect("reaped");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_module_that_goes_only_at_the_second_interrupt_is_interrupted_after_a_minute() {
    let site = Site::new().await;
    let mut main = site.module("main.pid", "n=$((n+1)); [ $n -lt 2 ] || exit 0");
    let mut first = site.held(&["--", "sleep 1000"]).await;
    let reaping = std::thread::spawn(move || main.wait());
    let clock = hotspare::clock::Clock::real();
    let began = clock.tick();
    let stopped = site.lan.tell(&["service", "stop", "judicator", "--module", "main"]);
    assert_eq!(code(&stopped), Some(0), "{}", said(&stopped));
    assert!(said(&stopped).contains("interrupted again"), "{}", said(&stopped));
    assert!(clock.tick().since(began) >= Duration::from_mins(1));
    reaping.join().expect("joined").expect("reaped");
    first.kill().expect("killed");
    first.wait().expect("reaped");
}
