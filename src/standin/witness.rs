//! Witnesses: other machines that are asked whether they reach a host, so that `down` never rests on what one pair of eyes
//! sees. Pure: the question is a text for a POSIX shell, the answer is read back from what it printed.
//!
//! A witness asks as the console does, with what every machine has: `ping` for a ping, a connection for a port, `curl` or
//! `wget` for a page. What it has no tool for it cannot tell, and says so.

use std::fmt::Write as _;
use std::time::Duration;

use crate::fleet::check::{Check, CheckKind};
use crate::fleet::host::Host;
use crate::health::ask::in_url;
use crate::reach::quote;

/// What a witness says of one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// Host.
    pub host: String,
    /// Does it reach it? `None`: it has no means to tell.
    pub reaches: Option<bool>,
    /// What it tried and saw, for a person.
    pub says: String,
}

/// One way in which a witness tries to reach a host.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Way {
    Ping(String),
    Port(String, u16),
    Page(String),
}

/// Tries one thing each; prints `NAME yes|no|cannot`. `$w` is how long an answer may take, in seconds, where the tools of the
/// witness understand a part of one, and a second where they do not; `$v` the same for the second of two pings, 0.2 s later.
const SCRIPT: &str = r#"
p() { if command -v ping >/dev/null 2>&1; then
  case $(uname) in Darwin) ping -n -c 1 -t 1 "$1" >/dev/null 2>&1;;
  *) if ping -n -c 1 -i 0.2 -W "$v" 127.0.0.1 >/dev/null 2>&1; then ping -n -c 2 -i 0.2 -W "$v" "$1" >/dev/null 2>&1
    else ping -n -c 1 -W 1 "$1" >/dev/null 2>&1; fi;; esac
  case $? in 0) echo yes;; 1|2|68) echo no;; *) echo cannot;; esac; else echo cannot; fi; }
q() { if timeout "$w" true 2>/dev/null; then timeout "$w" "$@"; elif timeout 1 true 2>/dev/null; then timeout 1 "$@"; else "$@"; fi; }
t() { if command -v nc >/dev/null 2>&1; then q nc -z -w 1 "$1" "$2" >/dev/null 2>&1 && echo yes || echo no
  elif command -v bash >/dev/null 2>&1 && command -v timeout >/dev/null 2>&1; then
  q bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$1" "$2" >/dev/null 2>&1 && echo yes || echo no
  else echo cannot; fi; }
h() { if command -v curl >/dev/null 2>&1; then curl -s -k -m "$w" -o /dev/null "$1"
  case $? in 0) echo yes;; 2) echo cannot;; *) echo no;; esac
  elif command -v wget >/dev/null 2>&1; then wget -q -T 1 -t 1 --no-check-certificate -O /dev/null "$1"
  case $? in 0|8) echo yes;; *) echo no;; esac
  else echo cannot; fi; }
a() { n=$1; shift; echo "$n $("$@")"; }
"#;

/// A witness takes no longer than this for one question, and no less than the shortest.
const LONGEST: Duration = Duration::from_secs(1);
const SHORTEST: Duration = Duration::from_millis(500);
/// As the script has it.
const BETWEEN_PINGS: Duration = Duration::from_millis(200);

/// How long a witness waits for an answer in a pool of this pace: so that its word is there when the checks of the console
/// have failed, and longer than any of them waits.
pub fn patience(every: Duration) -> Duration {
    (every * 3).clamp(SHORTEST, LONGEST)
}

/// The question to one witness about these hosts: all at once, so that it takes no longer than the slowest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inquiry {
    hosts: Vec<(String, Vec<Way>)>,
}

impl Inquiry {
    /// About the vital checks of these hosts; a check that only the console can ask stands for a ping.
    pub fn about<'a>(hosts: impl IntoIterator<Item = &'a Host>) -> Self {
        Self { hosts: hosts.into_iter().map(|host| (host.name.clone(), ways(host))).collect() }
    }

    /// The text for the witness's shell. An answer may take `patience`: not more than a second, which is what every tool
    /// understands, nor less than half of one.
    pub fn script(&self, patience: Duration) -> String {
        let patience = patience.clamp(SHORTEST, LONGEST);
        let (first, second) = (patience.as_secs_f64(), patience.saturating_sub(BETWEEN_PINGS).as_secs_f64());
        let mut script = format!("w={first:.1} v={second:.1}{SCRIPT}");
        for (number, (_, ways)) in self.hosts.iter().enumerate() {
            for (way_number, way) in ways.iter().enumerate() {
                let ask = match way {
                    Way::Ping(address) => format!("p {}", quote::quote(address)),
                    Way::Port(address, port) => format!("t {} {port}", quote::quote(address)),
                    Way::Page(url) => format!("h {}", quote::quote(url)),
                };
                let _a_string_takes_all = writeln!(script, "a {number}.{way_number} {ask} &");
            }
        }
        script.push_str("wait\n");
        script
    }

    /// What it answered; a host of which it said nothing it cannot tell of.
    pub fn read(&self, printed: &str) -> Vec<Word> {
        let said = |number: usize, way: usize| {
            let name = format!("{number}.{way}");
            printed.lines().find_map(|line| line.strip_prefix(&name)?.strip_prefix(' ')).map(str::trim)
        };
        let word = |(number, (host, ways)): (usize, &(String, Vec<Way>))| {
            let answers: Vec<(&Way, &str)> =
                ways.iter().enumerate().map(|(at, way)| (way, said(number, at).unwrap_or("cannot"))).collect();
            let reaches = if answers.iter().any(|(_, said)| *said == "yes") {
                Some(true)
            } else if answers.iter().any(|(_, said)| *said == "no") {
                Some(false)
            } else {
                None
            };
            let says: Vec<String> =
                answers.iter().map(|(way, said)| format!("{} {}", way.word(), mark(said))).collect();
            Word { host: host.clone(), reaches, says: says.join(", ") }
        };
        self.hosts.iter().enumerate().map(word).collect()
    }
}

impl Way {
    fn word(&self) -> String {
        match self {
            Self::Ping(_) => "ping".into(),
            Self::Port(_, port) => format!("port {port}"),
            Self::Page(_) => "http".into(),
        }
    }
}

const fn mark(said: &str) -> &'static str {
    match said.as_bytes() {
        b"yes" => "answers",
        b"no" => "does not answer",
        _ => "cannot be asked from there",
    }
}

fn ways(host: &Host) -> Vec<Way> {
    let address = || host.address.clone();
    let way = |check: &Check| match &check.kind {
        CheckKind::Tcp { port } | CheckKind::Rtmp { port } | CheckKind::Rtsp { port } => Way::Port(address(), *port),
        CheckKind::Http { url, .. } => Way::Page(in_url(url, host)),
        _ => Way::Ping(address()),
    };
    let mut ways: Vec<Way> = host.checks.iter().filter(|check| check.vital()).map(way).collect();
    ways.dedup();
    if ways.is_empty() {
        ways.push(Way::Ping(address()));
    }
    ways
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn host(name: &str, kinds: Vec<CheckKind>) -> Host {
        let check = |kind: CheckKind| Check { name: "c".into(), kind, every: None, timeout: None, vital: Some(true) };
        Host {
            name: name.into(),
            address: "127.0.0.1".into(),
            ssh: name.into(),
            service: None,
            labels: std::collections::BTreeMap::new(),
            checks: kinds.into_iter().map(check).collect(),
        }
    }

    #[test]
    fn one_way_that_answers_is_enough_and_silence_is_no_answer() {
        let inquiry = Inquiry::about(&[
            host("a", vec![CheckKind::Ping, CheckKind::Tcp { port: 22 }]),
            host("b", vec![CheckKind::Tcp { port: 9 }]),
            host("c", vec![CheckKind::Ping]),
            host("d", vec![CheckKind::Ping]),
        ]);
        let words = inquiry.read("noise\n0.1 yes\n0.0 no\n1.0 no\n2.0 cannot\n");
        let reaches: Vec<Option<bool>> = words.iter().map(|word| word.reaches).collect();
        assert_eq!(reaches, [Some(true), Some(false), None, None]);
        assert_eq!(words[0].says, "ping does not answer, port 22 answers");
    }

    #[test]
    fn every_shell_asks_the_same() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let open = listener.local_addr().unwrap().port();
        let shut = {
            let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            gone.local_addr().unwrap().port()
        };
        let inquiry = Inquiry::about(&[
            host("it's open", vec![CheckKind::Tcp { port: open }]),
            host("shut", vec![CheckKind::Tcp { port: shut }]),
        ]);
        for shell in ["sh", "bash"] {
            let output =
                Command::new(shell).arg("-c").arg(inquiry.script(Duration::from_millis(600))).output().unwrap();
            let words = inquiry.read(&String::from_utf8_lossy(&output.stdout));
            assert_eq!(words[0].reaches, Some(true), "{shell}: {output:?}");
            assert_eq!(words[1].reaches, Some(false), "{shell}: {output:?}");
        }
    }
}
