//! From the bytes of a fleet file to a fleet, or to everything that is wrong with it.

use std::ops::Range;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::diagnostic::Diagnostic;
use super::report::Report;
use super::shape::Broken;
use super::source::{Source, names_a_secret};
use super::{Fleet, rules, shape, syntax, typed};

/// What became of a fleet file.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The fleet; there is one exactly where there are no errors.
    pub fleet: Option<Fleet>,
    /// Errors and warnings, in the order of the file.
    pub diagnostics: Vec<Diagnostic>,
}

impl Loaded {
    /// A file that could not even be read.
    pub fn refused(diagnostic: Diagnostic) -> Self {
        Self { fleet: None, diagnostics: vec![diagnostic] }
    }

    /// The errors, in the order of the file.
    pub fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.diagnostics.iter().filter(|diagnostic| diagnostic.is_error())
    }

    /// The warnings, in the order of the file.
    pub fn warnings(&self) -> impl Iterator<Item = &Diagnostic> {
        self.diagnostics.iter().filter(|diagnostic| !diagnostic.is_error())
    }
}

/// Reads a fleet file's bytes. `path` is named in the diagnostics, and relative paths of the file start at its folder.
///
/// Touches the disk only to see whether files that hold secrets are there and are nobody else's to read.
pub fn load(bytes: &[u8], path: &Path) -> Loaded {
    let text = match super::file::text(bytes, path) {
        Ok(text) => text,
        Err(diagnostic) => return Loaded::refused(*diagnostic),
    };
    let folder = std::path::absolute(path).unwrap_or_else(|_unknown| path.into());
    let folder = folder.parent().unwrap_or_else(|| Path::new("/"));
    let (document, errors) = DeTable::parse_recoverable(text);
    let root = document.get_ref();
    let mut source = Source::new(path, text);
    let mut report = Report::default();
    protect(root, false, text, &mut source);
    let broken: Broken = syntax::report(&errors, text, &mut report);
    shape::check(root, text, folder, &broken, &mut report);
    let fleet = typed::fleet(root, folder);
    if !broken.lossy {
        rules::check(&fleet, root, &mut report);
    }
    let fleet = (!report.has_errors()).then_some(fleet);
    Loaded { fleet, diagnostics: report.finish(&source) }
}

/// Marks every text whose key says that it is a secret.
fn protect(table: &DeTable<'_>, secret: bool, text: &str, source: &mut Source<'_>) {
    for (key, value) in table {
        protect_value(value.get_ref(), value.span(), secret || names_a_secret(key.get_ref()), text, source);
    }
}

fn protect_value(value: &DeValue<'_>, span: Range<usize>, secret: bool, text: &str, source: &mut Source<'_>) {
    match value {
        DeValue::Table(inner) => protect(inner, secret, text, source),
        DeValue::Array(items) => {
            items.iter().for_each(|item| protect_value(item.get_ref(), item.span(), secret, text, source));
        }
        _ if secret && !span.is_empty() => {
            let quoted = text.get(span.clone()).is_some_and(|piece| piece.starts_with(['"', '\'']));
            source.protect(if quoted && span.len() > 2 { span.start + 1..span.end - 1 } else { span });
        }
        _ => {}
    }
}
