//! Reads the log of a docker container or service. Docker knows no positions but times: after a break it is asked from the
//! time of the last line on, and the lines of that very time that were read already are left out.

use std::sync::Arc;

use super::frames;
use super::lines::Lines;
use super::program::{Heard, Way};
use super::stream::Stream;

/// What runs on the host.
const SCRIPT: &str = include_str!("follow_docker.sh");
/// Lines that are read at first.
const BACK: &str = "10000";

/// The log of a container or service.
pub(super) struct Docker {
    stream: Arc<Stream>,
    source: usize,
    name: String,
    last: Last,
    /// It has several containers, whose times do not grow together.
    several: bool,
    owed: Option<String>,
}

/// Where it was read up to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Last {
    /// Time of the last line, as docker writes it.
    time: String,
    /// Lines of that time.
    lines: usize,
    /// Lines of that time that will come again.
    again: usize,
}

impl Last {
    /// Whether this line was not read before.
    pub(super) fn fresh(&mut self, line: &[u8]) -> bool {
        let time = line.split(|byte| *byte == b' ').next().and_then(|time| std::str::from_utf8(time).ok());
        // What docker says itself has no time.
        let Some(time) = time.filter(|time| time.ends_with('Z') && time.len() >= 20) else { return true };
        if time == self.time {
            if self.again > 0 {
                self.again -= 1;
                return false;
            }
            self.lines += 1;
        } else {
            *self = Self { time: time.to_owned(), lines: 1, again: 0 };
        }
        true
    }
}

impl Docker {
    /// This source of the stream is this container or service.
    pub(super) fn new(stream: Arc<Stream>, source: usize, name: String) -> Self {
        Self { stream, source, name, last: Last::default(), several: false, owed: None }
    }

    /// Reads until the host is not heard any more or docker ends; says why.
    pub(super) async fn read(&mut self, way: &Way) -> String {
        self.last.again = self.last.lines;
        let arguments = [self.name.clone(), self.last.time.clone(), BACK.to_owned()];
        let mut program = match way.start(SCRIPT, &arguments).await {
            Ok(program) => program,
            Err(why) => return why,
        };
        let (mut lines, mut last) = (Lines::default(), String::new());
        loop {
            match program.next().await {
                Heard::Out(bytes) => {
                    let stream = Arc::clone(&self.stream);
                    stream.with(|inner| {
                        if let Some(owed) = self.owed.take() {
                            inner.say(&owed);
                        }
                        inner.count(bytes.len());
                        inner.trouble(self.source, None);
                        lines.feed(bytes, &mut |line| {
                            last = super::view::shown(line);
                            if self.last.fresh(line) {
                                inner.line(self.source, line);
                            }
                        });
                    });
                }
                Heard::Err(bytes) => {
                    let words = String::from_utf8_lossy(bytes).into_owned();
                    self.several |= words.lines().any(|word| word == "S");
                    let zone = words.lines().find_map(|word| word.strip_prefix("Z "));
                    self.stream.with(|inner| {
                        if let Some(zone) = zone {
                            inner.zone(frames::ahead(zone));
                        }
                        // Docker does not say when it has shown all that there was: a moment of silence does.
                        if words.lines().any(|word| word == "B") {
                            inner.trouble(self.source, None);
                            inner.behind(self.source, false);
                        }
                    });
                }
                Heard::Over(why) if last.is_empty() => return why,
                Heard::Over(why) => return format!("{why}: {last}"),
            }
        }
    }

    /// It is not heard any more, for this reason.
    pub(super) fn lost(&mut self, why: &str) {
        self.stream.with(|inner| {
            if !self.last.time.is_empty() && self.owed.is_none() {
                inner.say(&format!("docker {}: not heard any more: {why}", self.name));
                let missing = if self.several {
                    "lines of about that moment may be missing or come twice, because it has several containers"
                } else {
                    "it is read on from its last line, and nothing is missing unless docker has thrown it away"
                };
                self.owed = Some(format!("docker {}: heard again; {missing}", self.name));
            }
            inner.trouble(self.source, Some(why.to_owned()));
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_last_moment_come_once() {
        let mut last = Last::default();
        let (one, other) = ("2026-11-21T14:02:11.000000001Z", "2026-11-21T14:02:11.000000002Z");
        for line in [format!("{one} a"), format!("{other} b"), format!("{other} c")] {
            assert!(last.fresh(line.as_bytes()));
        }
        // The connection broke; docker is asked from `other` on and shows both of its lines again, and a third.
        last.again = last.lines;
        let again: Vec<bool> = ["b", "c", "d"].map(|text| last.fresh(format!("{other} {text}").as_bytes())).to_vec();
        assert_eq!(again, [false, false, true]);
        assert_eq!(last.lines, 3);
        assert!(last.fresh(b"Error response from daemon: no such container"));
        assert_eq!(last.time, other);
    }
}
