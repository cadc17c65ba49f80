//! Where the findings about one file are gathered, so that all are told at once and in the order of the file.

use std::ops::Range;

use super::diagnostic::{Diagnostic, Severity};
use super::near::nearest;
use super::source::{Source, masked};

/// So many findings are told; a file with more is not the file that was meant.
const MOST: usize = 200;

/// What is wrong at one place.
#[derive(Debug)]
pub(super) struct Finding {
    severity: Severity,
    span: Range<usize>,
    message: String,
    did_you_mean: Option<String>,
    hint: Option<String>,
    /// One of so many that no time is spent on what was meant.
    one_of_many: bool,
}

impl Finding {
    /// Adds what to do now.
    pub(super) fn hint(&mut self, hint: impl Into<String>) -> &mut Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the known word nearest to what was written.
    pub(super) fn suggest<'a>(&mut self, written: &str, known: impl IntoIterator<Item = &'a str>) -> &mut Self {
        if !self.one_of_many {
            self.did_you_mean = nearest(written, known).map(str::to_owned);
        }
        self
    }

    /// Adds the one of these words that comes nearest to what was written, or that people also call so.
    pub(super) fn guess(&mut self, written: &str, words: &[&str]) -> &mut Self {
        if !self.one_of_many {
            self.did_you_mean = word(written, words).map(str::to_owned);
        }
        self
    }

    /// Adds what was probably meant.
    pub(super) fn mean(&mut self, meant: impl Into<String>) -> &mut Self {
        self.did_you_mean = Some(meant.into());
        self
    }
}

/// The findings about one file.
#[derive(Debug, Default)]
pub(super) struct Report {
    findings: Vec<Finding>,
}

impl Report {
    /// The file is refused.
    pub(super) fn error(&mut self, span: Range<usize>, message: impl Into<String>) -> &mut Finding {
        self.add(Severity::Error, span, message.into())
    }

    /// The file is used, at a risk.
    pub(super) fn warning(&mut self, span: Range<usize>, message: impl Into<String>) -> &mut Finding {
        self.add(Severity::Warning, span, message.into())
    }

    fn add(&mut self, severity: Severity, span: Range<usize>, message: String) -> &mut Finding {
        let at = self.findings.len();
        let one_of_many = at > 2 * MOST;
        self.findings.push(Finding { severity, span, message, did_you_mean: None, hint: None, one_of_many });
        &mut self.findings[at]
    }

    /// Takes back what was suggested for a place: it was made of sample values.
    pub(super) fn forget_meaning(&mut self, span: &Range<usize>) {
        self.findings
            .iter_mut()
            .filter(|finding| finding.span == *span)
            .for_each(|finding| finding.did_you_mean = None);
    }

    /// Whether the file is refused.
    pub(super) fn has_errors(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }

    /// Everything that was found, in the order of the file.
    pub(super) fn finish(mut self, source: &Source<'_>) -> Vec<Diagnostic> {
        self.findings.sort_by_key(|finding| (finding.span.start, finding.severity));
        let total = self.findings.len();
        let severity = if self.has_errors() { Severity::Error } else { Severity::Warning };
        if total > MOST {
            // Errors decide whether the file is used, so they are the ones kept.
            self.findings.sort_by_key(|finding| finding.severity);
            self.findings.truncate(MOST);
            self.findings.sort_by_key(|finding| (finding.span.start, finding.severity));
        }
        let mut told: Vec<Diagnostic> = self.findings.into_iter().map(|finding| tell(finding, source)).collect();
        if total > MOST {
            let message = format!("{} more are not shown", total - MOST);
            let last = Diagnostic::of_file(source.path(), message, "mend these first; is it the right file?");
            told.push(Diagnostic { severity, ..last });
        }
        told
    }
}

fn tell(finding: Finding, source: &Source<'_>) -> Diagnostic {
    let (line, column) = source.position(finding.span.start);
    Diagnostic {
        severity: finding.severity,
        path: source.path().into(),
        line,
        column,
        excerpt: source.excerpt(&finding.span),
        text: source.shown(finding.span),
        message: masked(&finding.message),
        did_you_mean: finding.did_you_mean.map(|meant| masked(&meant)),
        hint: finding.hint.map(|hint| masked(&hint)),
    }
}

/// What people also call a word of the fleet file.
const ALSO: [(&str, &str); 1] = [("icmp", "ping")];

fn word<'a>(written: &str, words: &[&'a str]) -> Option<&'a str> {
    let also = ALSO.iter().find(|(also, _)| also.eq_ignore_ascii_case(written)).map(|(_, word)| *word);
    let also = words.iter().find(|word| Some(**word) == also).copied();
    // `automatic` for `auto`.
    let begins =
        || words.iter().filter(|word| word.len() > 2 && written.starts_with(**word)).max_by_key(|word| word.len());
    also.or_else(|| nearest(written, words.iter().copied())).or_else(|| begins().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_warnings_do_not_become_an_error() {
        let mut report = Report::default();
        for _ in 0..3 * MOST {
            report.warning(0..1, "odd");
        }
        let told = report.finish(&Source::new(std::path::Path::new("f"), "text"));
        assert_eq!(told.len(), MOST + 1);
        assert!(told.iter().all(|diagnostic| !diagnostic.is_error()));
    }

    #[test]
    fn a_word_is_known_by_its_other_name_and_by_its_beginning() {
        let checks = ["ping", "tcp", "mysql", "mysql-replica"];
        assert_eq!(word("ICMP", &checks), Some("ping"));
        assert_eq!(word("icmp", &["tcp"]), Some("tcp"), "the other name is of use only where the word is");
        assert_eq!(word("mysqlreplica", &checks), Some("mysql-replica"));
        assert_eq!(word("automatic", &["auto", "manual", "observe"]), Some("auto"));
        assert_eq!(word("colour", &checks), None);
    }
}
