//! The questions of `init`: each answer is tried at once, so that a wrong one is asked for again and the others are kept.

use std::io::BufRead;
use std::path::Path;

use super::{Answers, compose, errors, host};

/// Asks the questions; `None` where the input ends before the last.
pub(super) fn ask(input: &mut impl BufRead, output: &mut impl std::io::Write) -> std::io::Result<Option<Answers>> {
    let mut question = |text: &str| -> std::io::Result<Option<String>> {
        write!(output, "{text} ")?;
        output.flush()?;
        let mut line = String::new();
        Ok((input.read_line(&mut line)? > 0).then(|| line.trim().to_owned()))
    };
    let mut answers = Answers::default();
    let mut again = String::new();
    while answers.name.is_empty() {
        let Some(name) = question(&format!("{again}Name of the fleet:"))? else { return Ok(None) };
        let tried = Answers { name, ..Answers::default() };
        match told(&tried) {
            None => answers = tried,
            Some(why) => again = why,
        }
    }
    let mut again = String::new();
    loop {
        let text = "A host, as name=address (such as studio-1=10.77.0.11); empty when there are no more:";
        let Some(line) = question(&format!("{again}{text}"))? else { return Ok(None) };
        if line.is_empty() {
            break;
        }
        let mut tried = answers.clone();
        let wrong = match host(&line) {
            Ok(host) => {
                tried.hosts.push(host);
                told(&tried)
            }
            Err(why) => Some(format!("  {why}\n")),
        };
        again = wrong.unwrap_or_else(|| {
            answers = tried;
            String::new()
        });
    }
    let mut again = String::new();
    while answers.hosts.len() > 1 {
        let text = "Which of them are spares, if any (names with blanks between):";
        let Some(spares) = question(&format!("{again}{text}"))? else { return Ok(None) };
        let spares = spares.split([' ', ',']).filter(|name| !name.is_empty()).map(str::to_owned).collect();
        let tried = Answers { spares, ..answers.clone() };
        let Some(why) = told(&tried) else {
            answers = tried;
            break;
        };
        again = why;
    }
    let mut again = String::new();
    while !answers.hosts.is_empty() {
        let text = "User on the hosts, for ssh (empty: as your ssh client says):";
        let Some(user) = question(&format!("{again}{text}"))? else { return Ok(None) };
        let tried = Answers { ssh_user: Some(user).filter(|user| !user.is_empty()), ..answers.clone() };
        let Some(why) = told(&tried) else {
            answers = tried;
            break;
        };
        again = why;
    }
    Ok(Some(answers))
}

/// What is wrong with the answers so far, a line each, while they can still be corrected.
fn told(answers: &Answers) -> Option<String> {
    let errors = errors(&compose(answers), Path::new("hotspare.toml"));
    (!errors.is_empty()).then(|| format!("  {}\n", errors.join("\n  ")))
}
