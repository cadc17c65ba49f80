//! What is wrong with one text: a word that is none of those allowed, a name that points nowhere, a brace too many, a
//! secret in clear or in a file that others can read.

use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use super::words::{MOST_LISTED, a_kind, listed};
use super::{ROLES, Shape};
use crate::fleet::disk;
use crate::fleet::form::{Kind, Namespace};
use crate::fleet::near::nearest;
use crate::fleet::secret::split_password;
use crate::fleet::template::{self, BraceError, Scope};
use crate::fleet::value;

/// How long the disk of a secret file may take.
const PATIENCE: Duration = Duration::from_secs(1);

impl Shape<'_> {
    pub(super) fn text(&mut self, kind: &'static Kind, key: &str, text: &str, span: &Range<usize>, scope: Scope) {
        match kind {
            Kind::Word(words) | Kind::WordOr(words, _) if words.contains(&text) => {}
            Kind::Word(words) => {
                let finding = self.report.error(span.clone(), format!("`{key}` must be one of {}", listed(words)));
                finding.guess(text, words);
            }
            Kind::WordOr(words, _) if nearest(text, words.iter().copied()).is_some() => {
                let finding = self.report.error(span.clone(), format!("`{key}` must be {}", a_kind(kind)));
                finding.suggest(text, words.iter().copied());
            }
            Kind::Blank(_) if text.is_empty() => {}
            Kind::WordOr(_, kind) | Kind::Blank(kind) => self.text(kind, key, text, span, scope),
            Kind::Reference(space) => self.reference(*space, key, text, span),
            Kind::Place if ROLES.contains(&text) || self.hosts.has(text) => {}
            Kind::Place => {
                let known = ROLES.into_iter().chain(self.hosts.iter());
                let message =
                    format!("`{key}` must be spare, failed, console, each or a host: there is no host `{text}`");
                self.report.error(span.clone(), message).suggest(text, known);
            }
            Kind::Template(kind) => {
                if self.braces(key, text, span, scope, true) {
                    let tried = template::tried(text, scope);
                    self.text(kind, key, &tried, span, Scope::Plain);
                    if tried != text {
                        self.report.forget_meaning(span);
                    }
                }
            }
            Kind::Layout => {
                if self.braces(key, text, span, Scope::Layout, true) {
                    self.plain(kind, key, text, span);
                }
            }
            Kind::Loose => {
                self.braces(key, text, span, scope, false);
                self.plain(kind, key, text, span);
            }
            Kind::Url(schemes) => {
                if split_password(text).1.is_some() && schemes.contains(&"http") {
                    let message = format!("`{key}` carries a password, and a url of this kind is shown on screens");
                    self.report.error(span.clone(), message).hint("hotspare sends no password to web servers");
                } else if split_password(text).1.is_some() {
                    let finding = self.report.warning(span.clone(), format!("`{key}` carries a password in clear"));
                    finding.hint("take it out of the url and write `password_file = \"…\"` beside it");
                }
                self.plain(kind, key, text, span);
            }
            Kind::SecretFile => {
                self.plain(kind, key, text, span);
                self.secret_file(key, text, span);
            }
            _ => self.plain(kind, key, text, span),
        }
    }

    fn plain(&mut self, kind: &'static Kind, key: &str, text: &str, span: &Range<usize>) {
        if let Err(problem) = value::text(kind, text) {
            self.problem(&format!("`{key}`"), problem, span.clone());
        }
    }

    pub(super) fn problem(&mut self, subject: &str, problem: value::Problem, span: Range<usize>) {
        let message = format!("{subject} {}", problem.message);
        let finding =
            if problem.warning { self.report.warning(span, message) } else { self.report.error(span, message) };
        if let Some(meant) = problem.meant {
            finding.mean(meant);
        }
        if let Some(hint) = problem.hint {
            finding.hint(hint);
        }
    }

    fn reference(&mut self, space: Namespace, key: &str, text: &str, span: &Range<usize>) {
        let known = match space {
            Namespace::Hosts => &self.hosts,
            Namespace::Pools => &self.pools,
            Namespace::Runbooks => &self.runbooks,
            Namespace::Services => &self.services,
        };
        if self.broken.lossy || known.has(text) {
            return;
        }
        let (table, what) = (space.table(), space.what());
        let finding = self.report.error(span.clone(), format!("`{key}` names a {what} that is not there: `{text}`"));
        finding.suggest(text, known.iter());
        finding.hint(if known.ordered.is_empty() {
            format!("declare it as [{table}.{}]", if value::name(text).is_ok() { text } else { "name" })
        } else {
            let names: Vec<&str> = known.iter().take(MOST_LISTED).collect();
            format!("the {table} of this file are {}", listed(&names))
        });
    }

    /// Whether the braces are right.
    pub(super) fn braces(&mut self, key: &str, text: &str, span: &Range<usize>, scope: Scope, strict: bool) -> bool {
        let wrong = template::errors(text, scope, strict);
        let right = wrong.is_empty();
        for (at, error) in wrong {
            let span = self.inside(span, text, at);
            let known: Vec<&str> = scope.names().collect();
            let hint = match known.as_slice() {
                [] => format!("there are no placeholders {}", scope.place()),
                known => {
                    let braced: Vec<String> = known.iter().map(|name| format!("{{{name}}}")).collect();
                    let braced: Vec<&str> = braced.iter().map(String::as_str).collect();
                    format!("{} there are {}", scope.place(), listed(&braced))
                }
            };
            let finding = match &error {
                BraceError::Unknown(name) => {
                    let finding = self.report.error(span, format!("unknown placeholder `{{{name}}}` in `{key}`"));
                    if let Some(near) = template::also(name, scope).or_else(|| nearest(name, known.iter().copied())) {
                        finding.mean(format!("{{{near}}}"));
                    }
                    finding
                }
                BraceError::Stray => {
                    self.report.error(span, format!("a brace in `{key}` that is not part of a placeholder"))
                }
            };
            finding.hint(hint);
        }
        right
    }

    /// The place in the file of a piece of a text; the whole text where escapes make them differ.
    fn inside(&self, span: &Range<usize>, text: &str, piece: Range<usize>) -> Range<usize> {
        let inner = span.start + 1..span.end.saturating_sub(1);
        if self.text.get(inner.clone()) == Some(text) {
            inner.start + piece.start..inner.start + piece.end
        } else {
            span.clone()
        }
    }

    /// A secret that others can read is no secret: refused. One that is not there yet is a risk.
    fn secret_file(&mut self, key: &str, text: &str, span: &Range<usize>) {
        let path = self.folder.join(text);
        let shown = path.display();
        let looked = if self.disk_hangs { None } else { disk::ask(&path, PATIENCE, |path| std::fs::metadata(path)) };
        let Some(looked) = looked else {
            // One that hangs is enough to wait for.
            self.disk_hangs = true;
            let message = format!("the file of `{key}` could not be looked at: its disk does not answer: {shown}");
            self.report.warning(span.clone(), message).hint("is it on a share that hangs?");
            return;
        };
        match looked {
            Ok(found) if !found.is_file() => {
                self.report.error(span.clone(), format!("`{key}` is not a file: {shown}"));
            }
            #[cfg(unix)]
            Ok(found) if std::os::unix::fs::MetadataExt::mode(&found) & 0o077 != 0 => {
                let mode = std::os::unix::fs::MetadataExt::mode(&found) & 0o777;
                let message = format!("`{key}` is a file that others can read (mode {mode:o}): {shown}");
                self.report.error(span.clone(), message).hint(format!("chmod 600 {}", shell_word(&path)));
            }
            Ok(_) => {}
            Err(error) => {
                let why = if error.kind() == std::io::ErrorKind::NotFound {
                    "is not there".to_owned()
                } else {
                    format!("cannot be looked at ({error})")
                };
                let finding = self.report.warning(span.clone(), format!("the file of `{key}` {why}: {shown}"));
                finding.hint("a relative path starts at the folder of the fleet file");
            }
        }
    }
}

/// A path as a word of a shell command that can be copied.
fn shell_word(path: &Path) -> String {
    let text = path.display().to_string();
    if text.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c)) {
        text
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}
