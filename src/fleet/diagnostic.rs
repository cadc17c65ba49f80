//! What is wrong with a fleet file, said so that a tired person can mend it: where, what, what was probably meant.
//!
//! Knows nothing of TOML. The texts in a [`Diagnostic`] are already safe to show: secrets are masked and control
//! characters replaced before one is made (see `source`).

use std::fmt;
use std::path::PathBuf;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use unicode_width::UnicodeWidthChar;

/// Whether the file can be used all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The file is refused.
    Error,
    /// The file is used; this is a risk.
    Warning,
}

/// One thing that is wrong, or a risk, at one place of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// The fleet file.
    pub path: PathBuf,
    /// Line, from 1; 0 where it is about the file as a whole.
    pub line: usize,
    /// Column in characters, from 1; 0 where it is about the file as a whole.
    pub column: usize,
    /// The offending text, secrets masked, cut to a readable length.
    pub text: String,
    /// What is wrong; lower-case start, no full stop.
    pub message: String,
    /// The word that was probably meant.
    pub did_you_mean: Option<String>,
    /// What to do now.
    pub hint: Option<String>,
    /// The line of the file around the text.
    pub excerpt: Option<Excerpt>,
}

/// A line of the file as it is shown under a message, secrets masked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    /// The line, or the part of a long line around the text.
    pub line: String,
    /// Characters before the marker.
    pub before: usize,
    /// Length of the marker in characters, at least 1.
    pub length: usize,
}

impl Diagnostic {
    /// An error about the file as a whole.
    pub fn of_file(path: impl Into<PathBuf>, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            path: path.into(),
            line: 0,
            column: 0,
            text: String::new(),
            message: message.into(),
            did_you_mean: None,
            hint: Some(hint.into()),
            excerpt: None,
        }
    }

    /// Whether the file is refused for it.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Diagnostic {
    /// In the manner of rustc: the message, the place, the line with a marker, then what to do. No newline at the end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{word}: {}", self.message)?;
        let digits = self.line.max(1).to_string().len();
        let margin = " ".repeat(digits);
        write!(f, "\n{margin}--> {}", self.path.display())?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        if let Some(excerpt) = &self.excerpt {
            // A character may be two columns wide, and the marker has to stand below it all the same.
            let columns = |from: usize, count: usize| -> usize {
                excerpt.line.chars().skip(from).take(count).map(|c| c.width().unwrap_or(0)).sum()
            };
            let blank = " ".repeat(columns(0, excerpt.before).max(excerpt.before));
            let marker = "^".repeat(columns(excerpt.before, excerpt.length).max(1));
            write!(f, "\n{margin} |\n{} | {}\n{margin} | {blank}{marker}", self.line, excerpt.line)?;
            if let Some(meant) = &self.did_you_mean {
                write!(f, " did you mean `{meant}`?")?;
            }
        } else if let Some(meant) = &self.did_you_mean {
            write!(f, "\n{margin} = did you mean `{meant}`?")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n{margin} = hint: {hint}")?;
        }
        Ok(())
    }
}

impl Serialize for Diagnostic {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("Diagnostic", 7)?;
        out.serialize_field("file", &self.path.to_string_lossy())?;
        out.serialize_field("line", &self.line)?;
        out.serialize_field("column", &self.column)?;
        out.serialize_field("text", &self.text)?;
        out.serialize_field("message", &self.message)?;
        out.serialize_field("did_you_mean", &self.did_you_mean)?;
        out.serialize_field("hint", &self.hint)?;
        out.end()
    }
}
