//! Samples, and the tables that are made of them.

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What is done to the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Part {
    /// Its plug is pulled.
    Power,
    /// Its work is moved by a person.
    Planned,
}

impl Part {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Power => "power",
            Self::Planned => "planned",
        }
    }
}

/// A phase of a takeover.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Phase {
    pub(crate) name: String,
    /// After the last answer before the fault, seconds.
    pub(crate) at: f64,
    pub(crate) seconds: f64,
}

/// What one fault cost.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Sample {
    pub(crate) part: Part,
    pub(crate) who: String,
    /// Between two answers to datagrams, seconds.
    pub(crate) gap: f64,
    /// Between two answers to a connection that was open, seconds.
    pub(crate) line: f64,
    /// Answers of a second owner.
    pub(crate) doubles: usize,
    /// The first is the service at the client.
    pub(crate) phases: Vec<Phase>,
}

/// All samples, with those of earlier calls.
pub(crate) struct Samples {
    kept: Option<PathBuf>,
    all: Vec<Sample>,
}

impl Samples {
    pub(crate) fn open(kept: Option<OsString>) -> Self {
        let kept = kept.map(PathBuf::from);
        let text = kept.as_ref().and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
        Self { kept, all: text.lines().map(|line| serde_json::from_str(line).unwrap()).collect() }
    }

    pub(crate) fn add(&mut self, sample: Sample) {
        eprintln!("{}, {}: {:.3} s, line {:.3} s", sample.part.word(), sample.who, sample.gap, sample.line);
        if let Some(path) = &self.kept {
            let mut file = std::fs::File::options().create(true).append(true).open(path).unwrap();
            writeln!(file, "{}", serde_json::to_string(&sample).unwrap()).unwrap();
        }
        self.all.push(sample);
    }

    /// The tables of one fault.
    pub(crate) fn print(&self, part: Part, who: &[&str]) {
        println!(
            "\n| {} | runs | min s | median s | p95 s | max s | open line: median s | p95 s | max s | double owners |",
            match part {
                Part::Power => "power off",
                Part::Planned => "moved by hand",
            }
        );
        println!("|---|---|---|---|---|---|---|---|---|---|");
        for name in who {
            let of: Vec<&Sample> = self.all.iter().filter(|one| one.part == part && one.who == *name).collect();
            if of.is_empty() {
                continue;
            }
            let gaps = sorted(of.iter().map(|sample| sample.gap));
            let lines = sorted(of.iter().map(|sample| sample.line));
            println!(
                "| {name} | {} | {:.3} | {:.3} | {:.3} | {:.3} | {:.2} | {:.2} | {:.2} | {} |",
                of.len(),
                gaps[0],
                rank(&gaps, 0.5),
                rank(&gaps, 0.95),
                gaps[gaps.len() - 1],
                rank(&lines, 0.5),
                rank(&lines, 0.95),
                lines[lines.len() - 1],
                of.iter().map(|sample| sample.doubles).sum::<usize>(),
            );
        }
        for name in who {
            let mut of: Vec<&Sample> =
                self.all.iter().filter(|one| one.part == part && one.who == *name && one.phases.len() > 1).collect();
            of.sort_by(|one, other| one.gap.total_cmp(&other.gap));
            if let Some(median) = of.get(of.len().saturating_sub(1) / 2) {
                phases(name, &of, median);
            }
        }
    }
}

/// The median run phase by phase, and each phase's median over all runs.
fn phases(name: &str, of: &[&Sample], median: &Sample) {
    println!("\n| {name}: phases | from s | for s | median of all runs s |\n|---|---|---|---|");
    let first = &median.phases[1];
    let noticed = sorted(of.iter().map(|sample| sample.phases[1].at));
    println!("| until the timeline begins | 0.000 | {:.3} | {:.3} |", first.at, rank(&noticed, 0.5));
    for (at, phase) in median.phases.iter().enumerate().skip(1) {
        let all = sorted(of.iter().filter_map(|sample| Some(sample.phases.get(at)?.seconds)));
        println!("| {} | {:.3} | {:.3} | {:.3} |", phase.name, phase.at, phase.seconds, rank(&all, 0.5));
    }
    println!("| *service at the client* | {:.3} | | |", median.phases[0].at);
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

/// The smallest value that so great a part of all does not exceed.
fn rank(sorted: &[f64], part: f64) -> f64 {
    let at = (part * sorted.len() as f64).ceil() as usize;
    sorted[at.clamp(1, sorted.len()) - 1]
}
