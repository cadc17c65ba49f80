//! From the values of a `backup_config.yaml` to a fleet file with one store, and to what could not be carried. Pure.

use std::fmt::Write as _;

use super::text::{Made, head, list, quoted};
use super::yaml::{Leaf, Wrong};

/// The values, taken one by one; what is left at the end was not carried.
struct Leaves(Vec<Leaf>);

impl Leaves {
    fn take(&mut self, path: &str) -> Option<Leaf> {
        let at = self.0.iter().position(|leaf| leaf.path == path)?;
        Some(self.0.remove(at))
    }

    /// A value that says something.
    fn text(&mut self, path: &str) -> Option<(String, usize)> {
        let leaf = self.take(path)?;
        leaf.text.filter(|text| !text.trim().is_empty()).map(|text| (text, leaf.line))
    }

    fn texts(&mut self, path: &str) -> Vec<String> {
        // One alone may stand without a list.
        let alone = self.text(path).map(|(text, _)| text);
        alone
            .into_iter()
            .chain((0..).map_while(|at| self.take(&format!("{path}[{at}]"))).filter_map(|leaf| leaf.text))
            .collect()
    }

    /// Both what YAML 1.1 and what YAML 1.2 takes for true and false.
    fn flag(&mut self, path: &str, default: bool) -> Result<bool, Wrong> {
        let Some((text, line)) = self.text(path) else { return Ok(default) };
        match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "y" | "1" => Ok(true),
            "false" | "no" | "off" | "n" | "0" => Ok(false),
            _ => Err(Wrong { line, what: format!("`{path}` is neither true nor false: {text}") }),
        }
    }

    fn has(&self, prefix: &str) -> bool {
        self.0.iter().any(|leaf| leaf.path.starts_with(prefix))
    }
}

/// Makes a fleet file; `file` is named in its first line.
pub(super) fn made(leaves: Vec<Leaf>, file: &str) -> Result<Made, Wrong> {
    let mut leaves = Leaves(leaves);
    let mut notes = Vec::new();
    let Some((source, _)) = leaves.text("source.base_path") else {
        let line = leaves.0.iter().find(|leaf| leaf.path.starts_with("source")).map_or(1, |leaf| leaf.line);
        return Err(Wrong { line, what: "`source.base_path` is missing: where sessions are recorded".into() });
    };
    let layout = layout(&mut leaves, "source.path_structure", None, &mut notes)?;
    let prefixes = leaves.texts("filters.participant_prefixes");
    let excluded = leaves.texts("filters.exclude_patterns");
    let limit = limit(&mut leaves)?;
    let destinations = destinations(&mut leaves, &layout, &mut notes)?;
    notes.extend(leaves.0.iter().map(left));

    let mut text = head(file, &notes);
    text.push_str("\nname = \"recordings\"\n\n[sessions.mocap]\n");
    let mut line = |key: &str, value: &str| {
        let _a_string_takes_all = writeln!(text, "{key:<12} = {value}");
    };
    line("source", &quoted(&source));
    line("layout", &quoted(&layout));
    if !prefixes.is_empty() {
        line("participants", &list(&prefixes));
    }
    if !excluded.is_empty() {
        line("exclude", &list(&excluded));
    }
    if let Some(limit) = limit {
        line("limit", &quoted(&limit));
    }
    line("destinations", &format!("[\n{}]", destinations.concat()));
    let sqlite = quoted(&format!("{}/recordings.db", source.trim_end_matches('/')));
    let _a_string_takes_all = write!(
        text,
        "# Without `imported` nothing is ever safe to delete. The old file does not say where the databases are; as a rule:\n\
         # imported   = {{ preset = \"datajoint\", sqlite = {sqlite}, mysql = \"mysql://root@127.0.0.1:3306/\", password_file = \"mysql-password\" }}\n"
    );
    Ok(Made { text, notes })
}

/// The path of a session. One that is missing is never taken for the folder of all sessions.
fn layout(leaves: &mut Leaves, path: &str, above: Option<&str>, notes: &mut Vec<String>) -> Result<String, Wrong> {
    let Some((text, line)) = leaves.text(path) else {
        let layout = above.unwrap_or("{participant}/{date}");
        notes.push(format!("`{path}` is missing: {layout} is assumed"));
        return Ok(layout.to_owned());
    };
    let layout = text.replace("{participant_id}", "{participant}").replace("{session_date}", "{date}");
    let layout = layout.trim_matches('/').to_owned();
    if layout.contains("{participant}") && layout.contains("{date}") {
        return Ok(layout);
    }
    Err(Wrong { line, what: format!("`{path}` must hold {{participant}} and {{date}}: {text}") })
}

fn destinations(leaves: &mut Leaves, layout: &str, notes: &mut Vec<String>) -> Result<Vec<String>, Wrong> {
    let mut lines = Vec::new();
    for at in 0.. {
        let at_path = format!("destinations[{at}]");
        if !leaves.has(&format!("{at_path}.")) {
            break;
        }
        let key = |name: &str| format!("{at_path}.{name}");
        let enabled = leaves.flag(&key("enabled"), true)?;
        let verify = leaves.flag(&key("verify_mount"), true)?;
        let name = leaves.text(&key("name")).map_or_else(|| format!("destination {}", at + 1), |(name, _)| name);
        let mount = leaves.text(&key("mount_point"));
        let Some((path, _)) = leaves.text(&key("base_path")) else {
            let line = leaves.0.iter().find(|leaf| leaf.path.starts_with(&at_path)).map_or(1, |leaf| leaf.line);
            return Err(Wrong { line, what: format!("`{}` is missing: where copies go", key("base_path")) });
        };
        let own = self::layout(leaves, &key("path_structure"), Some(layout), notes)?;
        let mount = mount.filter(|(mount, line)| {
            let below = std::path::Path::new(&path).starts_with(mount);
            if !verify {
                notes.push(format!("line {line}: `{}`, because `verify_mount` is off: only a marker file tells whether the right disk is there", key("mount_point")));
            } else if !below {
                notes.push(format!("line {line}: `{}`, because {path} does not lie below it", key("mount_point")));
            }
            verify && below
        });
        let mount = mount.map(|(mount, _)| format!("mount = {}, ", quoted(&mount))).unwrap_or_default();
        let disabled = if enabled { "" } else { "# " };
        if !enabled {
            notes.push(format!("`{at_path}` ({name}), because it is not enabled: it stands in a comment"));
        }
        lines.push(format!(
            "  {disabled}{{ name = {}, {mount}path = {}, layout = {} }},\n",
            quoted(&name),
            quoted(&path),
            quoted(&own)
        ));
    }
    Ok(lines)
}

/// rsync's `--bwlimit`: KiB a second, or with a unit; 0 is none.
fn limit(leaves: &mut Leaves) -> Result<Option<String>, Wrong> {
    let Some((text, line)) = leaves.text("rsync.bandwidth_limit") else { return Ok(None) };
    let wrong = || Wrong { line, what: format!("`rsync.bandwidth_limit` is no limit that rsync knows: {text}") };
    let lower = text.trim().to_ascii_lowercase();
    let digits = lower.find(|c: char| !c.is_ascii_digit()).unwrap_or(lower.len());
    let (number, unit) = lower.split_at(digits);
    let number: u64 = number.parse().map_err(|_no_number| wrong())?;
    let unit = match unit.trim() {
        "" | "k" | "kib" | "kb" => "KiB",
        "m" | "mib" | "mb" => "MiB",
        "g" | "gib" | "gb" => "GiB",
        _ => return Err(wrong()),
    };
    Ok((number > 0).then(|| format!("{number}{unit}/s")))
}

/// Why a value has no place in a fleet file.
fn left(leaf: &Leaf) -> String {
    let why = match leaf.path.split(['.', '[']).next() {
        Some("rsync") => ": copies are made without rsync",
        Some("verification") => ": every copy is read back and compared by content",
        _ => "",
    };
    format!("line {}: `{}`{why}", leaf.line, leaf.path)
}

#[cfg(test)]
mod tests;
