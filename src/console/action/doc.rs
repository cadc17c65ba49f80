//! `docs/keys.md`, made of the table and the keymaps.

use std::fmt::Write as _;

use super::{Action, Danger, Scope};
use crate::console::keymap::Keymap;
use crate::console::library::{FileError, Kind, Library};

/// The whole document.
pub fn document() -> Result<String, FileError> {
    let library = Library::default();
    let names: Vec<String> = library.list(Kind::Keymap).into_iter().map(|(name, _)| name).collect();
    let keymaps: Vec<Keymap> = names.iter().map(|name| Keymap::load(&library, name)).collect::<Result<_, _>>()?;
    let mut text = String::from(
        "# Keys\n\n\
         Made from the table of actions; `?` in the console shows the same with the keymap in force.\n\
         Every action can also be called by its name from the palette (`:`).\n\
         Actions with ✎ change something and do not exist with `--read-only`; those with ⚠ ask to type the name of\n\
         what they end, or DELETE, and no keymap can put them on a single key. `e d` is two keys, one after the other.\n",
    );
    for scope in Scope::ALL {
        let _infallible = write!(text, "\n## {}\n\n| action | what it does |", scope.title());
        for name in &names {
            let _infallible = write!(text, " {name} |");
        }
        let _infallible = writeln!(text, "\n|---|---|{}", "---|".repeat(names.len()));
        for action in Action::all().filter(|action| action.spec().scope == scope) {
            row(&mut text, action, &keymaps);
        }
    }
    Ok(text)
}

fn row(text: &mut String, action: Action, keymaps: &[Keymap]) {
    let spec = action.spec();
    let sign = match spec.danger {
        Danger::Harmless => "",
        Danger::Changes => " ✎",
        Danger::Dangerous => " ⚠",
    };
    let argument = spec.argument.map(|argument| {
        let name = argument.name.to_uppercase();
        if argument.required { format!(" {name}") } else { format!(" [{name}]") }
    });
    let _infallible =
        write!(text, "| `{}{}`{sign} | {} |", spec.id, argument.unwrap_or_default(), spec.doc.replace('|', "\\|"));
    for keymap in keymaps {
        let all = keymap.bindings.iter().filter(|binding| binding.invocation.action == action);
        let keys: Vec<String> = all
            .map(|binding| {
                let keys = crate::console::keymap::written(&binding.keys).replace('|', "\\|");
                match &binding.invocation.argument {
                    // The number of a pane is its key.
                    Some(argument) if *argument != keys => format!("`{keys}` ({argument})"),
                    _ => format!("`{keys}`"),
                }
            })
            .collect();
        let _infallible = write!(text, " {} |", keys.join(" "));
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `UPDATE_DOCS=1 cargo test --lib keys_are_documented` writes it anew.
    #[test]
    fn keys_are_documented() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/keys.md");
        let made = document().unwrap();
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&path, &made).unwrap();
        }
        let there = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(there == made, "docs/keys.md is stale: UPDATE_DOCS=1 cargo test --lib keys_are_documented");
    }
}
