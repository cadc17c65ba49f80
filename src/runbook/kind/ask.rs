//! What is shown with a question: the output of a command that changes nothing, as it is now.

use std::time::Duration;

use super::shell;
use crate::reach::plain;
use crate::runbook::deed::{Bit, Found, Look, Told, Trouble};
use crate::runbook::tools::Tools;
use crate::runbook::view::OUTPUT_LINES;

/// How long the command may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// Longest line, characters.
const LINE: usize = 200;

/// Runs the command and tells what it printed, line by line. One that fails is evidence too: the person decides.
pub(super) async fn evidence(tools: &Tools, bit: Bit<'_>, show: Option<&str>) -> Result<Found, Trouble> {
    let Some(show) = show else { return Ok(Found::to_do()) };
    let spot = shell::place(bit)?;
    let lines = match shell::ask(tools, spot, show.to_owned(), PATIENCE.min(bit.patience)).await {
        Err(lost) => vec![lost.words],
        Ok(output) => {
            let (text, error) = (output.text(), output.error_text());
            let printed = text.lines().chain(error.lines()).map(|line| plain::line(line, LINE));
            let mut lines: Vec<String> = printed.filter(|line| !line.is_empty()).collect();
            let more = lines.len().saturating_sub(OUTPUT_LINES - 2);
            if more > 0 {
                lines.truncate(OUTPUT_LINES - 2);
                lines.push(format!("… and {more} more lines"));
            }
            if !output.success() {
                lines.push(format!("exit status {}", output.status));
            } else if lines.is_empty() {
                lines.push("it printed nothing".into());
            }
            lines
        }
    };
    if bit.look == Look::Dry {
        return Ok(Found::ToDo { note: Some(format!("now: {}", lines.join(" / "))), keep: None });
    }
    for line in lines {
        bit.live.tell(Told::Line(line));
    }
    Ok(Found::to_do())
}
