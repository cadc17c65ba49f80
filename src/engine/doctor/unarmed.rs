//! What the fleet file declares and this version reads and checks, but does not act on: nobody may believe that it is armed.

use super::risk;
use crate::engine::command::Finding;
use crate::fleet::Fleet;

/// One finding for each kind that is declared.
pub(super) fn findings(fleet: &Fleet) -> Vec<Finding> {
    let metrics = fleet.engine.metrics.map(|address| address.to_string()).unwrap_or_default();
    [("engine.metrics", metrics, "nothing is served there")]
        .into_iter()
        .filter(|(_kind, declared, _not_done)| !declared.is_empty())
        .map(|(kind, declared, not_done)| {
            let found = format!("{declared}: declared and checked, but this version does not act on it: {not_done}");
            risk(kind, found, "keep running what does this today")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<String> {
        let loaded = crate::fleet::load(text.as_bytes(), std::path::Path::new("f.toml"));
        let errors: Vec<_> = loaded.errors().map(ToString::to_string).collect();
        let fleet = loaded.fleet.unwrap_or_else(|| panic!("{errors:?}"));
        findings(&fleet).into_iter().map(|finding| finding.subject).collect()
    }

    #[test]
    fn whoever_declares_metrics_is_told_that_they_are_not_armed() {
        assert_eq!(kinds("name = \"n\"\n[hosts.a]\naddress = \"10.0.0.1\"\n"), Vec::<String>::new());
        let full = r#"
            name = "n"
            engine.metrics = "127.0.0.1:9473"
            hosts.a.address = "10.0.0.1"
            hosts.b.address = "10.0.0.2"
            pools.p = { protects = ["a"], spares = ["b"], takeover = "t", fence = "none" }
            runbooks.t.steps = [{ name = "x", kind = "command", on = "spare", run = "true" }]
            feeds.f = { from = { sqlite = "a.db" }, to = { sqlite = "b.db" }, tables = [{ name = "t", key = ["k"] }] }
            dumps.d = { server = "mysql://u@127.0.0.1/", databases = ["x"], to = "/media/usb" }
            services.v = { host = "a" }
        "#;
        assert_eq!(kinds(full), ["engine.metrics"]);
    }
}
