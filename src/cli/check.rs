//! `hotspare check`: every error of the fleet file at once, and warnings for risks.

use clap::Args;
use serde::Serialize;

use super::context::Context;
use super::exit::{Exit, Failure};
use crate::fleet;
use crate::fleet::diagnostic::Diagnostic;

/// Arguments of `hotspare check`.
#[derive(Debug, Args)]
pub struct CheckArgs {}

/// What `--json` prints.
#[derive(Serialize)]
struct Document<'a> {
    ok: bool,
    file: String,
    errors: Vec<&'a Diagnostic>,
    warnings: Vec<&'a Diagnostic>,
}

/// Looks through the fleet file; [`Exit::Usage`] where it has errors.
pub fn run(context: &Context, _args: &CheckArgs) -> Result<Exit, Failure> {
    let path = fleet::find(context.fleet.as_deref())
        .map_err(|error| Failure::usage(error.to_string()).hint("`hotspare init` writes one"))?;
    let loaded = fleet::open(&path);
    let errors: Vec<&Diagnostic> = loaded.errors().collect();
    let warnings: Vec<&Diagnostic> = loaded.warnings().collect();
    let exit = if errors.is_empty() { Exit::Done } else { Exit::Usage };
    if context.json {
        let file = path.to_string_lossy().into_owned();
        context.document(&Document { ok: errors.is_empty(), file, errors, warnings })?;
        return Ok(exit);
    }
    for diagnostic in &loaded.diagnostics {
        if diagnostic.is_error() || !context.quiet {
            context.verbatim(&format!("{diagnostic}\n\n"))?;
        }
    }
    let counts = match (errors.len(), warnings.len()) {
        (0, 0) => "no errors".to_owned(),
        (0, warnings) => format!("no errors, {}", counted(warnings, "warning")),
        (errors, 0) => counted(errors, "error"),
        (errors, warnings) => format!("{}, {}", counted(errors, "error"), counted(warnings, "warning")),
    };
    context.line(&format!("{counts} in {}", path.display()))?;
    Ok(exit)
}

fn counted(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}
