//! command: a shell command on the host ends with 0, and its output holds a text.

use super::{Answer, QUOTED, Shell};
use crate::reach::plain;
use crate::reach::ssh::Output;

pub(super) async fn ask(shell: Shell<'_>, run: &str, contains: Option<&str>) -> Answer {
    match shell.run(run.to_owned()).await {
        Ok(output) => judge(&output, contains),
        Err(answer) => answer,
    }
}

/// 126 and 127 are the shell's: the program is not there or may not run, so nothing was asked.
fn judge(output: &Output, contains: Option<&str>) -> Answer {
    let said = said(output);
    match output.status {
        0 => match contains {
            Some(text) if !output.text().contains(text) => {
                Answer::wrong(format!("the output does not hold \"{}\"", plain::line(text, QUOTED)))
            }
            _ => Answer::pass(),
        },
        126 | 127 => Answer::unknown(if said.is_empty() { "the command is not there".into() } else { said }),
        status if said.is_empty() => Answer::wrong(format!("exit {status}")),
        status => Answer::wrong(format!("exit {status}: {said}")),
    }
}

/// What the command said about its failure: the end of its standard error, else of its output.
pub(super) fn said(output: &Output) -> String {
    let error = plain::last_line(&output.error_text(), QUOTED);
    if error.is_empty() { plain::last_line(&output.text(), QUOTED) } else { error }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(status: i32, stdout: &str, stderr: &str) -> Output {
        Output { status, stdout: stdout.into(), stderr: stderr.into() }
    }

    #[test]
    fn exit_status_and_text_decide() {
        assert_eq!(judge(&output(0, "active\n", ""), Some("active")), Answer::pass());
        assert_eq!(judge(&output(3, "inactive\n", ""), Some("active")), Answer::wrong("exit 3: inactive"));
        assert_eq!(judge(&output(0, "98", ""), Some("99")), Answer::wrong("the output does not hold \"99\""));
        assert_eq!(judge(&output(127, "", "sh: 1: pcs: not found\n"), None), Answer::unknown("sh: 1: pcs: not found"));
        assert_eq!(judge(&output(1, "\u{1b}[31mbad", ""), None), Answer::wrong("exit 1: [31mbad"));
    }
}
