//! What `theme` and `keymap` share: the user's configuration folder, the list, the text of one file.

use std::path::PathBuf;

use etcetera::BaseStrategy;
use serde_json::json;

use crate::console::library::{FileError, Kind, Library, Origin};

use super::context::Context;
use super::exit::{Exit, Failure};

/// What to do with themes or keymaps.
#[derive(Debug, clap::Subcommand)]
pub enum What {
    /// What there is, and from which file; exits 1 if a file of yours cannot be used
    List,
    /// The text of one
    Show {
        /// Its name
        name: String,
    },
}

/// `$XDG_CONFIG_HOME/hotspare`, in which `themes/` and `keymaps/` lie.
pub fn config_folder() -> Option<PathBuf> {
    etcetera::choose_base_strategy().ok().map(|base| base.config_dir().join("hotspare"))
}

/// Lists or shows; `usable` says what is wrong with the file of a name.
pub fn run(
    context: &Context,
    library: &Library,
    kind: Kind,
    what: &What,
    usable: impl Fn(&str) -> Result<(), FileError>,
) -> Result<Exit, Failure> {
    match what {
        What::List => list(context, library, kind, usable),
        What::Show { name } => {
            let source = library.find(kind, name).map_err(|error| Failure::usage(error.to_string()))?;
            if context.json {
                let file = file(&source.origin);
                context.document(&json!({ "name": source.name, "file": file, "text": source.text }))?;
            } else {
                context.verbatim(&source.text)?;
            }
            Ok(Exit::Done)
        }
    }
}

fn list(
    context: &Context,
    library: &Library,
    kind: Kind,
    usable: impl Fn(&str) -> Result<(), FileError>,
) -> Result<Exit, Failure> {
    let all: Vec<(String, Origin, Option<String>)> = library
        .list(kind)
        .into_iter()
        .map(|(name, origin)| {
            let error = usable(&name).err().map(|error| error.to_string());
            (name, origin, error)
        })
        .collect();
    if context.json {
        let rows: Vec<_> = all
            .iter()
            .map(|(name, origin, error)| json!({ "name": name, "file": file(origin), "error": error }))
            .collect();
        context.document(&json!({ kind.folder(): rows }))?;
    } else {
        let longest = all.iter().map(|(name, ..)| name.chars().count()).max().unwrap_or(0);
        for (name, origin, error) in &all {
            context.line(&format!("{name:<longest$}  {origin}"))?;
            if let Some(error) = error {
                context.line(&format!("{:longest$}  cannot be used: {error}", ""))?;
            }
        }
        if let Some(folder) = &library.folder {
            context.tell(&format!("your own {} go into {}", kind.folder(), folder.join(kind.folder()).display()));
        }
    }
    Ok(if all.iter().any(|(_, _, error)| error.is_some()) { Exit::Failed } else { Exit::Done })
}

fn file(origin: &Origin) -> Option<String> {
    match origin {
        Origin::BuiltIn => None,
        Origin::File(path) => Some(path.display().to_string()),
    }
}
