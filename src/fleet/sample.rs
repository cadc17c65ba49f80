//! The documented sample of a fleet file, which `hotspare init --print` prints.

use super::Fleet;

impl Fleet {
    /// Every table and key with its default and a comment; a fleet file without errors and warnings.
    pub const fn sample() -> &'static str {
        include_str!("sample.toml")
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::fleet::form::{Form, Kind, Need, ROOT};
    use crate::fleet::{load, schema};

    fn loaded(text: &str) -> Fleet {
        let loaded = load(text.as_bytes(), Path::new("/no/such/folder/hotspare.toml"));
        let told: Vec<String> = loaded.diagnostics.iter().map(ToString::to_string).collect();
        assert!(told.is_empty(), "{}", told.join("\n"));
        loaded.fleet.unwrap()
    }

    /// Takes out every key that has a default.
    fn bare(form: &'static Form, table: &mut toml::Table) {
        let kind = table.get("kind").and_then(|kind| kind.as_str()).and_then(|word| form.variant(word));
        for key in form.keys_with(kind) {
            match table.get_mut(key.name) {
                Some(value) if holds_tables(&key.kind) && key.name != "keep" => bare_value(&key.kind, value),
                // The one example that differs from its default: a takeover needs a fence.
                Some(_) if form.what == "a step" && key.name == "fence" => {}
                Some(_) if matches!(key.need, Need::Default(_)) => drop(table.remove(key.name)),
                _ => {}
            }
        }
    }

    fn holds_tables(kind: &Kind) -> bool {
        match kind {
            Kind::Table(_) | Kind::Named(_) => true,
            Kind::List(_, kind) => holds_tables(kind),
            _ => false,
        }
    }

    fn bare_value(kind: &'static Kind, value: &mut toml::Value) {
        match (kind, value) {
            (Kind::Table(form), toml::Value::Table(table)) => bare(form, table),
            (Kind::Named(form), toml::Value::Table(tables)) => {
                tables.iter_mut().filter_map(|(_, value)| value.as_table_mut()).for_each(|table| bare(form, table));
            }
            (Kind::List(_, kind), toml::Value::Array(items)) => {
                for item in items {
                    bare_value(kind, item);
                }
            }
            _ => {}
        }
    }

    #[test]
    fn what_the_sample_says_of_defaults_is_what_the_code_does() {
        let full = loaded(Fleet::sample());
        let mut table: toml::Table = Fleet::sample().parse().unwrap();
        bare(&ROOT, &mut table);
        let text = toml::to_string(&table).unwrap();
        assert!(!text.contains("cooldown") && !text.contains("ttl") && text.contains("takeover"), "{text}");
        assert_eq!(loaded(&text), full);
        let empty = Fleet::empty("harbour");
        assert_eq!((full.console, full.engine, full.lease), (empty.console, empty.engine, empty.lease));
        assert_eq!(loaded("name = \"harbour\""), Fleet::empty("harbour"));
    }

    fn keys(form: &'static Form, found: &mut Vec<&'static str>, words: &mut Vec<&'static str>) {
        words.extend(form.variants.iter().map(|variant| variant.word));
        for key in form.keys.iter().chain(form.variants.iter().flat_map(|v| v.keys)).flat_map(|group| group.iter()) {
            found.push(key.name);
            keys_of(&key.kind, found, words);
        }
    }

    fn keys_of(kind: &'static Kind, found: &mut Vec<&'static str>, words: &mut Vec<&'static str>) {
        match kind {
            Kind::Table(form) | Kind::Named(form) => keys(form, found, words),
            Kind::List(_, kind) | Kind::Blank(kind) => keys_of(kind, found, words),
            Kind::Either(kinds) => kinds.iter().for_each(|kind| keys_of(kind, found, words)),
            _ => {}
        }
    }

    #[test]
    fn every_key_is_in_the_sample_and_in_the_reference() {
        let reference = include_str!("../../docs/fleet-file.md");
        let (mut names, mut words) = (Vec::new(), Vec::new());
        keys(&ROOT, &mut names, &mut words);
        for name in names {
            let sample = Fleet::sample();
            let written = |text: &str| {
                text.contains(&format!("{name} "))
                    || text.contains(&format!("{name}."))
                    || text.contains(&format!("[{name}]"))
            };
            assert!(written(sample), "{name} is not in the sample");
            assert!(reference.contains(&format!("`{name}`")), "{name} is not in docs/fleet-file.md");
        }
        let mut defaults = Vec::new();
        crate::fleet::form::defaults(&ROOT, &mut defaults);
        for (name, default) in
            defaults.into_iter().filter(|(name, default)| default.len() < 30 && !matches!(*name, "checks" | "queries"))
        {
            let told = |line: &str| line.contains(&format!("`{name}`")) && line.contains(default);
            assert!(reference.lines().any(told), "{name} = {default} is not in docs/fleet-file.md");
        }
        for word in words {
            assert!(Fleet::sample().contains(&format!("kind = \"{word}\"")), "{word}");
            assert!(reference.contains(&format!("`{word}`")), "{word}");
        }
    }

    #[test]
    fn the_schema_for_editors_is_fresh_and_fits_the_sample() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/fleet-file.schema.json");
        let fresh = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
        if std::env::var_os("HOTSPARE_WRITE_DOCS").is_some() {
            std::fs::write(&path, &fresh).unwrap();
        }
        let stored = std::fs::read_to_string(&path).unwrap();
        assert!(stored == fresh, "stale: HOTSPARE_WRITE_DOCS=1 cargo test --lib fleet::sample writes it anew");

        let validator = jsonschema::draft202012::new(&schema()).unwrap();
        let value = |text: &str| serde_json::to_value(text.parse::<toml::Table>().unwrap()).unwrap();
        let errors = |text: &str| -> Vec<String> {
            validator.iter_errors(&value(text)).map(|error| format!("{} {error}", error.instance_path())).collect()
        };
        for good in [Fleet::sample(), include_str!("tests/full.toml"), "name = \"harbour\""] {
            assert_eq!(errors(good), Vec::<String>::new());
        }
        for bad in [
            "",
            "name = \"f\"\ncolour = 1",
            "name = \"f\"\n[hosts.a]\naddress = \"h\"\nchecks = [{ kind = \"ping\", port = 1 }]",
            "name = \"f\"\n[hosts.a]\naddress = \"h\"\nchecks = [{ kind = \"tcp\" }]",
            "name = \"f\"\n[lease]\nttl = \"5\"",
            "name = \"f\"\n[[notify]]\non = [\"lag\"]",
        ] {
            assert!(!errors(bad).is_empty(), "{bad}");
        }
    }
}
