//! Shell commands of steps: on a machine over the warm connection, or beside the engine.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::reach::live::Hearer;
use crate::reach::plain;
use crate::reach::program;
use crate::reach::ssh::{Output, Remote};
use crate::runbook::deed::{Bit, Live, Told, Trouble};
use crate::runbook::guard;
use crate::runbook::plan::Spot;
use crate::runbook::tools::Tools;

/// What is kept of the output of a step, bytes.
const KEPT: usize = 16 * 1024;
/// Longest line of a step's output, characters.
const LINE: usize = 200;
/// Begins a line with which a script of ours tells of a phase.
const PHASE: &str = "hotspare:phase ";

/// Why a command has no result.
#[derive(Debug)]
pub(super) struct Lost {
    /// Surely not begun.
    pub(super) not_begun: bool,
    pub(super) words: String,
}

impl From<Lost> for Trouble {
    /// Of a command that changes something.
    fn from(lost: Lost) -> Self {
        if lost.not_begun { Self::Failed(lost.words) } else { Self::Unknown(lost.words) }
    }
}

/// Asks something that changes nothing.
pub(super) async fn ask(tools: &Tools, spot: &Spot, script: String, patience: Duration) -> Result<Output, Lost> {
    run(tools, spot, script, patience, None).await
}

/// Does something under the guard, and tells what it prints.
pub(super) async fn act(tools: &Tools, bit: Bit<'_>, mark: &str, script: &str) -> Result<Output, Trouble> {
    let spot = place(bit)?;
    let wrapped = bit.guard.wrap(mark, script);
    let output = run(tools, spot, wrapped, bit.patience, Some(bit.live)).await?;
    match guard::stopped(&output) {
        Some(words) => Err(Trouble::Refused(format!("{}: {words}", spot.name()))),
        None => Ok(output),
    }
}

/// Where the step runs.
pub(super) fn place(bit: Bit<'_>) -> Result<&Spot, Trouble> {
    bit.step.on.as_ref().ok_or_else(|| Trouble::Refused("it does not say where it runs; add `on`".into()))
}

async fn run(
    tools: &Tools,
    spot: &Spot,
    script: String,
    patience: Duration,
    live: Option<&Live>,
) -> Result<Output, Lost> {
    let hearer = live.map(|live| hearer(live.clone()));
    match spot {
        Spot::Machine(machine) => {
            let mut remote = Remote::new(script, patience).with_limit(KEPT);
            remote.live = Some(hearer.unwrap_or_else(|| Arc::new(|_piece: &[u8]| {})));
            // A step does not wait until a host that did not answer a moment ago is asked again anyway.
            tools.ssh.wake(&machine.ssh);
            tools.ssh.run(&machine.ssh, &remote).await.map_err(|error| Lost {
                not_begun: error.kind.before_command(),
                words: format!("{}: {error} ({})", machine.name, error.remedy),
            })
        }
        Spot::Console => {
            let mut command = program::command("sh");
            command.args(["-c", &script]);
            let hearer = hearer.unwrap_or_else(|| Arc::new(|_piece: &[u8]| {}));
            let late = || Lost { not_begun: false, words: format!("console: no end within {}", plain::time(patience)) };
            let running = program::run_heard(command, KEPT, &hearer);
            let ended = tokio::time::timeout(patience, running).await.map_err(|_late| late())?;
            let ended = ended.map_err(|error| Lost { not_begun: true, words: format!("console: sh: {error}") })?;
            Ok(Output { status: ended.status.code().unwrap_or(-1), stdout: ended.stdout, stderr: ended.stderr })
        }
    }
}

/// Cuts what is heard into lines.
fn hearer(live: Live) -> Hearer {
    let heard = Mutex::new(Vec::new());
    Arc::new(move |piece| {
        let mut rest = heard.lock().unwrap_or_else(PoisonError::into_inner);
        rest.extend_from_slice(piece);
        // A line without an end is told in parts, so that it holds no memory.
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n').or((rest.len() > KEPT).then_some(KEPT)) {
            let whole: Vec<u8> = rest.drain(..=end).collect();
            let text = String::from_utf8_lossy(&whole);
            if let Some(phase) = text.strip_prefix(PHASE) {
                live.tell(Told::Phase(plain::line(phase, 40)));
                continue;
            }
            let shown = plain::line(&text, LINE);
            if !shown.is_empty() && !shown.starts_with("hotspare:") {
                live.tell(Told::Line(shown));
            }
        }
    })
}

/// Why a command failed, with its last words.
pub(super) fn failed(spot: &Spot, output: &Output) -> String {
    let (error, text) = (output.error_text(), output.text());
    let said = if error.trim().is_empty() { &text } else { &error };
    let mut lines: Vec<String> =
        said.lines().rev().map(|line| plain::line(line, LINE)).filter(|line| !line.is_empty()).take(3).collect();
    lines.reverse();
    let said = if lines.is_empty() { "without a word".to_owned() } else { lines.join("; ") };
    format!("{}: exit status {}: {said}", spot.name(), output.status)
}

/// What a script of ours says about why it stopped, after `hotspare: `.
pub(super) fn own_words(output: &Output) -> Option<String> {
    let said = output.error_text();
    said.lines().find_map(|line| line.strip_prefix("hotspare: ")).map(|line| plain::line(line, LINE))
}
