//! `hotspare dump now` as a person types it: a whole process, with an engine for this command alone; and what a round costs the
//! server in CPU time.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use super::{Site, median};

impl Site {
    /// Seconds of a first round and of one in which nothing has changed.
    pub(crate) fn process(&self, what: &str, databases: &[String], rounds: u64) {
        let (mut first, mut again) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            let place = self.place(databases);
            first.push(now(&place));
            std::thread::sleep(std::time::Duration::from_millis(3100));
            now(&place);
            again.push(now(&place));
        }
        println!("| {what}: `hotspare dump now`, the whole process | {:.3} | | |", median(first));
        println!("| {what}: `hotspare dump now`, nothing changed | {:.3} | | |", median(again));
    }

    /// What the server's process computes meanwhile.
    pub(crate) fn load(&self, what: &str, databases: &[String], rounds: u64) {
        let plain = format!(
            "for D in {}; do mariadb-dump --no-defaults -uroot -h127.0.0.1 -P$PORT --databases $D > $T/$D.sql; done",
            databases.join(" ")
        );
        let (mut script, mut ours) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            let target = self.fresh("peer");
            let before = self.computed();
            self.shell(&plain, &target);
            script.push(self.computed() - before);
            let place = self.place(databases);
            let before = self.computed();
            now(&place);
            ours.push(self.computed() - before);
        }
        println!("| {what}: CPU time of the server, mariadb-dump | {:.3} | | |", median(script));
        println!("| {what}: CPU time of the server, hotspare | {:.3} | | |", median(ours));
    }

    /// CPU time of the server so far, seconds.
    fn computed(&self) -> f64 {
        let id = std::fs::read_to_string(self.server.folder().join("pid")).unwrap();
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", id.trim())).unwrap();
        let numbers: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        // Fields 14 and 15 of proc(5), in ticks of 10 ms.
        (numbers[11].parse::<f64>().unwrap() + numbers[12].parse::<f64>().unwrap()) / 100.0
    }

    /// A folder with a fleet file, and an empty folder in the place of a stick.
    fn place(&self, databases: &[String]) -> PathBuf {
        let place = self.fresh("process");
        std::fs::create_dir(place.join("usb")).unwrap();
        let fleet = format!(
            "name = \"bench\"\n[dumps.bench]\nserver = \"mysql://root@127.0.0.1:{}/\"\ndatabases = {databases:?}\nto = \"{}\"\nmount = false\n",
            self.server.port,
            place.join("usb").display()
        );
        std::fs::write(place.join("hotspare.toml"), fleet).unwrap();
        place
    }
}

fn now(place: &Path) -> f64 {
    let begun = Instant::now();
    let ended = Command::new(env!("CARGO_BIN_EXE_hotspare"))
        .args(["dump", "now", "bench"])
        .current_dir(place)
        .env("HOME", place)
        .env("XDG_STATE_HOME", place.join("state"))
        .env_remove("HOTSPARE_FLEET")
        .env_remove("HOTSPARE_STATE")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(ended.success(), "{ended}");
    begun.elapsed().as_secs_f64()
}
