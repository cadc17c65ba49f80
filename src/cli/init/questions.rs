//! The questions of `init`: each answer is tried at once, so that a wrong one is asked for again and the others are kept.

use std::io::BufRead;
use std::path::{Path, PathBuf};

use super::found::Found;
use super::{Answers, Dump, Host, Recordings, compose, errors, host};

/// Asks the questions; `None` where the input ends before the last.
pub(super) fn ask(
    found: &Found,
    input: &mut impl BufRead,
    output: &mut impl std::io::Write,
) -> std::io::Result<Option<Answers>> {
    let mut asking = Asking { input, output, answers: Answers::default() };
    Ok(if asking.all(found)?.is_some() { Some(asking.answers) } else { None })
}

/// A question whose answer is yes unless it begins with n.
pub(super) fn yes(input: &mut impl BufRead, output: &mut impl std::io::Write, text: &str) -> std::io::Result<bool> {
    write!(output, "{text} [Y/n] ")?;
    output.flush()?;
    let mut line = String::new();
    Ok(input.read_line(&mut line)? > 0 && !line.trim_start().starts_with(['n', 'N']))
}

struct Asking<'a, I, O> {
    input: &'a mut I,
    output: &'a mut O,
    answers: Answers,
}

impl<I: BufRead, O: std::io::Write> Asking<'_, I, O> {
    fn all(&mut self, found: &Found) -> std::io::Result<Option<()>> {
        if self.one("Name of the fleet:", |answers, line| line.clone_into(&mut answers.name))?.is_none()
            || self.found(found)?.is_none()
            || self.hosts()?.is_none()
            || self.roles()?.is_none()
        {
            return Ok(None);
        }
        self.data(found)
    }

    /// Asks until what is made of the answer has no errors.
    fn one(&mut self, text: &str, mut make: impl FnMut(&mut Answers, &str)) -> std::io::Result<Option<()>> {
        self.one_or(text, |answers, line| {
            make(answers, line);
            Ok(())
        })
    }

    /// The same, where an answer may be none.
    fn one_or(
        &mut self,
        text: &str,
        mut make: impl FnMut(&mut Answers, &str) -> Result<(), String>,
    ) -> std::io::Result<Option<()>> {
        let mut again = String::new();
        loop {
            let Some(line) = self.line(&format!("{again}{text}"))? else { return Ok(None) };
            let mut tried = self.answers.clone();
            match make(&mut tried, &line).err().or_else(|| told(&tried)) {
                None => {
                    self.answers = tried;
                    return Ok(Some(()));
                }
                Some(why) => again = format!("  {}\n", why.trim()),
            }
        }
    }

    fn line(&mut self, text: &str) -> std::io::Result<Option<String>> {
        write!(self.output, "{text} ")?;
        self.output.flush()?;
        let mut line = String::new();
        Ok((self.input.read_line(&mut line)? > 0).then(|| line.trim().to_owned()))
    }

    /// Which of the machines that were found are watched.
    fn found(&mut self, found: &Found) -> std::io::Result<Option<()>> {
        if found.hosts.is_empty() {
            return Ok(Some(()));
        }
        let words = found.words();
        let text = format!("{words}\nWhich of them (numbers or names with blanks between, `all`, or empty for none):");
        self.one_or(&text, |answers, line| {
            answers.hosts = picked(found, line)?;
            Ok(())
        })
    }

    /// Further machines.
    fn hosts(&mut self) -> std::io::Result<Option<()>> {
        let mut more = true;
        while more {
            let a = if self.answers.hosts.is_empty() { "A" } else { "Another" };
            let text =
                format!("{a} host, as name=address (such as studio-1=10.77.0.11); empty when there are no more:");
            let asked = self.one_or(&text, |answers, line| {
                more = !line.is_empty();
                if more {
                    answers.hosts.push(host(line)?);
                }
                Ok(())
            })?;
            if asked.is_none() {
                return Ok(None);
            }
        }
        Ok(Some(()))
    }

    /// Who stands in for the others, and as whom one logs in.
    fn roles(&mut self) -> std::io::Result<Option<()>> {
        if self.answers.hosts.len() > 1 {
            let text = "Which of them are spares, if any (names with blanks between):";
            let asked = self.one(text, |answers, line| {
                answers.spares = line.split([' ', ',']).filter(|name| !name.is_empty()).map(str::to_owned).collect();
            })?;
            if asked.is_none() {
                return Ok(None);
            }
        }
        if self.answers.hosts.iter().all(|host| host.ssh.is_some()) {
            return Ok(Some(()));
        }
        self.one("User on the hosts, for ssh (empty: as your ssh client says):", |answers, line| {
            answers.ssh_user = Some(line.to_owned()).filter(|user| !user.is_empty());
        })
    }

    /// Databases, where a server was found, and recordings.
    fn data(&mut self, found: &Found) -> std::io::Result<Option<()>> {
        if let Some(server) = &found.server {
            let text = format!(
                "A server of databases ({server}) answers at 127.0.0.1:3306. Where is the disk mounted to which they are \
                 dumped each minute{} (empty: none):",
                offered(&found.media)
            );
            let Some(to) = self.line(&text)? else { return Ok(None) };
            if !to.is_empty() {
                let asked = self.one("As which user of the server:", |answers, line| {
                    answers.dump = Some(Dump { user: line.to_owned(), to: to.clone() });
                })?;
                if asked.is_none() {
                    return Ok(None);
                }
            }
        }
        let asked = self.one("Folder of recordings, PARTICIPANT/DATE below it (empty: none):", |answers, line| {
            let source = Some(line.to_owned()).filter(|source| !source.is_empty());
            answers.recordings = source.map(|source| Recordings { source, destination: None });
        })?;
        if asked.is_none() || self.answers.recordings.is_none() {
            return Ok(asked);
        }
        let places: Vec<_> = found.shares.iter().chain(&found.media).cloned().collect();
        let text = format!("Where copies of them go{} (empty: nowhere yet):", offered(&places));
        self.one(&text, |answers, line| {
            let mounted = found.shares.iter().chain(&found.media).any(|share| share == Path::new(line));
            if let Some(recordings) = answers.recordings.as_mut().filter(|_| !line.is_empty()) {
                recordings.destination = Some((line.to_owned(), mounted));
            }
        })
    }
}

/// Places that were found, as a hint in a question.
fn offered(places: &[PathBuf]) -> String {
    let places: Vec<String> = places.iter().map(|place| place.display().to_string()).collect();
    if places.is_empty() { String::new() } else { format!("; found: {}", places.join(", ")) }
}

/// The machines that are meant by numbers or names.
fn picked(found: &Found, line: &str) -> Result<Vec<Host>, String> {
    if line == "all" {
        return Ok(found.hosts.iter().map(super::found::Seen::host).collect());
    }
    let mut hosts: Vec<Host> = Vec::new();
    for word in line.split([' ', ',']).filter(|word| !word.is_empty()) {
        let by_number = word.parse::<usize>().ok().and_then(|number| found.hosts.get(number.checked_sub(1)?));
        let seen = found.hosts.iter().find(|seen| seen.name == word).or(by_number);
        let host = seen.ok_or_else(|| format!("`{word}` is none of them"))?.host();
        if !hosts.contains(&host) {
            hosts.push(host);
        }
    }
    Ok(hosts)
}

/// What is wrong with the answers so far, a line each, while they can still be corrected.
fn told(answers: &Answers) -> Option<String> {
    let errors = errors(&compose(answers), Path::new("hotspare.toml"));
    (!errors.is_empty()).then(|| errors.join("\n  "))
}
