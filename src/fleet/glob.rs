//! Globs of file names, as `exclude` and `count` write them.
//!
//! One without a slash matches the name of a file at any depth; one with a slash matches the path below the session's
//! folder. `*` and `?` stop at a slash, `**` does not. Names are bytes: they need not be UTF-8.

use globset::{Glob, GlobBuilder};

/// A glob ready to match paths below a session's folder; the error is half a sentence: "is a glob with …".
pub fn glob(text: &str) -> Result<Glob, String> {
    if text.is_empty() {
        return Err("is empty".into());
    }
    let anywhere = if text.contains('/') { text.to_owned() } else { format!("**/{text}") };
    let glob = GlobBuilder::new(&anywhere).literal_separator(true).backslash_escape(true).build();
    glob.map_err(|error| format!("is not a glob: {}", error.kind()))
}
