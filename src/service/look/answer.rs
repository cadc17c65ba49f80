//! What the script of a look prints, read. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Seen;
use crate::clock::Timestamp;
use crate::reach::plain;
use crate::service::mark;
use crate::service::view::{HolderView, LockView, ModuleState, ModuleView};

/// `ps` says how long a process runs in whole seconds, and a file's time is cut to whole ones: so much younger than its pid
/// file a process must be to be another one.
const ROUNDING: i64 = 2;
/// Characters of a command line that are kept.
const LONGEST: usize = 400;

/// A line about one pid file or its lock.
#[derive(Debug, Default)]
struct Facts {
    missing: bool,
    near: Vec<String>,
    /// When the pid file was written, by the host's clock, and the number in it.
    file: Option<(i64, Option<u32>)>,
    /// Numbers beside the lock.
    beside: Vec<u32>,
    /// Processes whose own open file has it.
    proven: Vec<u32>,
}

/// A process as `ps` knows it.
#[derive(Debug)]
struct Process {
    user: String,
    zombie: bool,
    /// For how long it runs, seconds.
    runs: Option<i64>,
    command: String,
}

/// Reads an answer; `None`: it is not one, or was cut off.
pub(in crate::service) fn read(text: &str, files: &[String], now: Timestamp) -> Option<Seen> {
    let mut facts: Vec<Facts> = files.iter().map(|_| Facts::default()).collect();
    let (mut theirs, mut tools, mut processes, mut whole) = (None, Vec::new(), BTreeMap::new(), false);
    for line in text.lines() {
        let (what, rest) = line.split_once(' ').unwrap_or((line, ""));
        match what {
            "now" => theirs = rest.trim().parse::<i64>().ok(),
            "tool" => tools.push(rest.to_owned()),
            "ps" => {
                let (pid, process) = process(rest)?;
                processes.insert(pid, process);
            }
            "end" => whole = true,
            _ => {
                let (number, rest) = rest.split_once(' ').unwrap_or((rest, ""));
                if let Some(facts) = number.parse::<usize>().ok().and_then(|number| facts.get_mut(number)) {
                    fact(facts, what, rest);
                }
            }
        }
    }
    let theirs = theirs.filter(|_| whole)?;
    let began = |process: &Process| process.runs.map(|runs| theirs.saturating_sub(runs));
    let modules = files.iter().zip(&facts).map(|(file, facts)| {
        // The first process of a host is no module, though the first of a container is: 1 is what such a pid file says.
        let pid = facts.file.and_then(|(_, pid)| pid).filter(|pid| *pid > 1);
        let process = pid.and_then(|pid| processes.get(&pid)).filter(|process| !process.zombie);
        let state = match (facts.file, pid, process) {
            (None, ..) => ModuleState::Missing,
            (Some(_), None, _) => ModuleState::NoPid,
            (Some(_), Some(_), None) => ModuleState::Dead,
            (Some((written, _)), Some(_), Some(process)) => match began(process) {
                Some(began) if began > written.saturating_add(ROUNDING) => ModuleState::Recycled,
                _ => ModuleState::Running,
            },
        };
        let command = process.map(|process| process.command.clone()).unwrap_or_default();
        let holder = |pid: u32, proven: bool| {
            let process = processes.get(&pid).filter(|process| !process.zombie)?;
            let age = process.runs.and_then(|runs| u64::try_from(runs).ok());
            Some(HolderView {
                pid,
                user: process.user.clone(),
                began: age.and_then(|age| now.checked_sub(Duration::from_secs(age)).ok()),
                mark: mark::read(&process.command),
                command: plain::line(&process.command, LONGEST),
                proven,
            })
        };
        // A program that only handed the lock down is gone; who has it is proven, or at least alive.
        let proven = facts.proven.iter().find_map(|pid| holder(*pid, true));
        let lock = proven.or_else(|| facts.beside.iter().find_map(|pid| holder(*pid, false)));
        let unseen = facts.beside.first().map(|pid| HolderView {
            pid: *pid,
            user: "?".into(),
            command: "a process that cannot be seen from here".into(),
            began: None,
            mark: None,
            proven: false,
        });
        ModuleView {
            name: name(file),
            pid_file: file.clone(),
            pid,
            state,
            command: plain::line(&command, LONGEST),
            lock: lock.or(unseen).map_or(LockView::Free, |by| LockView::Held { by: Box::new(by) }),
        }
    });
    Some(Seen {
        at: now,
        modules: modules.collect(),
        near: facts
            .iter()
            .enumerate()
            .filter(|(_, facts)| facts.missing)
            .map(|(number, facts)| (number, facts.near.clone()))
            .collect(),
        proves: tools.iter().any(|tool| tool == "locks" || tool == "lsof"),
        tools,
    })
}

fn fact(facts: &mut Facts, what: &str, rest: &str) {
    let first = || rest.split(' ').next().and_then(|pid| pid.parse::<u32>().ok());
    match what {
        "missing" => facts.missing = true,
        "near" => facts.near.push(plain::line(rest, 80)),
        "file" => {
            let (written, pid) = rest.split_once(' ').unwrap_or((rest, ""));
            let pid = pid.parse().ok().filter(|pid| *pid > 0);
            facts.file = written.parse().ok().map(|written| (written, pid));
        }
        // `lock PID MAJOR:MINOR:INODE DEVICE`: another file system has files of the same number.
        "lock" => {
            let mut words = rest.split(' ').skip(1);
            let same = words.next().zip(words.next()).is_some_and(|(place, device)| same(place, device));
            facts.beside.extend(first().filter(|_| same));
        }
        "open" => facts.beside.extend(first()),
        "holder" => facts.proven.extend(first()),
        _ => {}
    }
}

/// Whether `fe:00:10068529` of /proc/locks lies on the device 65024 of stat(1): Linux packs 12 bits of major and 20 of minor
/// into it, the lowest 8 of the minor last (`new_encode_dev` in `include/linux/kdev_t.h`).
fn same(place: &str, device: &str) -> bool {
    let mut parts = place.split(':').map(|part| u64::from_str_radix(part, 16).ok());
    let (Some(Some(major)), Some(Some(minor)), Ok(device)) = (parts.next(), parts.next(), device.parse::<u64>()) else {
        return false;
    };
    (device >> 8) & 0xfff == major && (device & 0xff) | ((device >> 12) & 0xf_ff00) == minor
}

/// `9127 root S 1-02:03:04 sleep 300`.
fn process(text: &str) -> Option<(u32, Process)> {
    let mut rest = text;
    let mut word = || {
        let (word, after) = rest.trim_start().split_once(' ').unwrap_or((rest.trim(), ""));
        rest = after;
        word.to_owned()
    };
    let (pid, user, stat, runs) = (word(), word(), word(), word());
    let process =
        Process { user, zombie: stat.starts_with('Z'), runs: elapsed(&runs), command: rest.trim().to_owned() };
    Some((pid.parse().ok()?, process))
}

/// `[[days-]hours:]minutes:seconds` of `ps -o etime` (POSIX.1-2024, ps), in seconds.
fn elapsed(text: &str) -> Option<i64> {
    let (days, clock) = text.split_once('-').unwrap_or(("0", text));
    let mut seconds = 0_i64;
    for part in clock.split(':') {
        seconds = seconds.checked_mul(60)?.checked_add(part.parse::<u16>().ok()?.into())?;
    }
    days.parse::<i64>().ok()?.checked_mul(86_400)?.checked_add(seconds)
}

/// The name of a pid file without its folder and ending.
pub(in crate::service) fn name(file: &str) -> String {
    let name = file.rsplit('/').next().unwrap_or(file);
    name.strip_suffix(".pid").filter(|name| !name.is_empty()).unwrap_or(name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ModuleState::{Dead, Missing, NoPid, Recycled, Running};

    const ANSWER: &str = "now 1000000\ntool flock\ntool ps\n\
        file 0 999900 9127\nlock 0 9137 fe:00:77 65024\nholder 0 9131\n\
        file 1 999900 4000\nlock 1 4001 08:01:78 65024\n\
        file 2 999900 -\nlock 2 4001 fe:00:79 65024\n\
        file 3 999900 5000\nlock 3 6000 fe:00:80 65024\n\
        missing 4\nnear 4 mian.pid\n\
        file 5 999900 1\n\
        ps 1 root Ss 03:00 /sbin/init\nps 9127 root S 03:00 sleep 300\nps 9131 ana S 00:05 sh -c eval hotspare-hold {}\n\
        ps 4000 root S 00:50 nginx: worker\nps 4001 www Ss 1-00:00:00 python3 boot.py\nps 5000 root Z 10:00 [gone]\nend\n";

    fn files() -> Vec<String> {
        ["d/main.pid", "d/mongodb.pid", "etcd.pid", "d/dead.pid", "d/main.pid", "inner.pid"].map(Into::into).to_vec()
    }

    #[test]
    fn living_dead_and_recycled_processes_are_told_apart() {
        let seen = read(ANSWER, &files(), Timestamp::UNIX_EPOCH).unwrap();
        let states: Vec<ModuleState> = seen.modules.iter().map(|module| module.state).collect();
        assert_eq!(states, [Running, Recycled, NoPid, Dead, Missing, NoPid]);
        assert_eq!(seen.modules[0].name, "main");
        assert_eq!(seen.modules[0].command, "sleep 300");
        assert_eq!(seen.near, [(4, vec!["mian.pid".to_owned()])]);
        assert_eq!(seen.tools, ["flock", "ps"]);
    }

    #[test]
    fn a_holder_is_who_has_the_lock_and_not_who_asked_for_it() {
        let seen = read(ANSWER, &files(), Timestamp::UNIX_EPOCH).unwrap();
        let holder = |at: usize| seen.modules[at].lock.holder();
        let pids: Vec<Option<(u32, bool)>> =
            (0..5).map(|at| holder(at).map(|holder| (holder.pid, holder.proven))).collect();
        // The second stands on another device, the fourth is held by somebody who is not seen.
        assert_eq!(pids, [Some((9131, true)), None, Some((4001, false)), Some((6000, false)), None]);
    }

    #[test]
    fn an_answer_that_was_cut_off_is_none() {
        let cut = ANSWER.strip_suffix("end\n").unwrap();
        assert_eq!(read(cut, &files(), Timestamp::UNIX_EPOCH), None);
    }

    #[test]
    fn times_of_ps_are_read() {
        assert_eq!(elapsed("00:05"), Some(5));
        assert_eq!(elapsed("02:03:04"), Some(7384));
        assert_eq!(elapsed("10-00:00:01"), Some(864_001));
        assert_eq!(elapsed("-"), None);
    }

    #[test]
    fn a_clock_that_is_none_overflows_nothing() {
        let least = i64::MIN;
        let text = format!("now {least}\nfile 0 {} 9\nps 9 root S 99-00:00:00 x\nend\n", i64::MAX);
        let seen = read(&text, &["a.pid".to_owned()], Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(seen.modules[0].state, Running);
    }
}
