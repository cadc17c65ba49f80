//! Hosts under maintenance: watching goes on, acting stops. Each has an owner, a reason and an end. Pure; time is passed in.

use std::collections::BTreeMap;

use crate::clock::Timestamp;
use crate::health::view::MaintenanceView;

/// Key under which it is kept in `state.db`.
pub const KEY: &str = "maintenance";

/// Host name to its maintenance.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Maintenance(BTreeMap<String, MaintenanceView>);

impl Maintenance {
    /// From the text that was kept; what cannot be read counts as none.
    pub fn from_kept(text: Option<&str>) -> Self {
        Self(text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default())
    }

    /// The text to keep.
    pub fn to_kept(&self) -> String {
        serde_json::to_string(&self.0).unwrap_or_default()
    }

    /// All in force.
    pub const fn all(&self) -> &BTreeMap<String, MaintenanceView> {
        &self.0
    }

    /// Begins or prolongs one.
    pub fn begin(&mut self, host: &str, mut view: MaintenanceView) {
        if let Some(before) = self.0.get(host) {
            view.since = before.since;
        }
        self.0.insert(host.to_owned(), view);
    }

    /// Ends one. `None`: there was none.
    pub fn end(&mut self, host: &str) -> Option<MaintenanceView> {
        self.0.remove(host)
    }

    /// Ends those whose time is over and returns them.
    pub fn expire(&mut self, now: Timestamp) -> Vec<(String, MaintenanceView)> {
        let over = |view: &MaintenanceView| view.until <= now;
        let names: Vec<String> = self.0.iter().filter(|(_, view)| over(view)).map(|(name, _)| name.clone()).collect();
        names.into_iter().filter_map(|name| self.0.remove_entry(&name)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(since: i64, until: i64) -> MaintenanceView {
        let at = |second| Timestamp::from_second(second).unwrap();
        MaintenanceView { owner: "ana".into(), why: "new disk".into(), since: at(since), until: at(until) }
    }

    #[test]
    fn it_ends_by_itself_and_survives_being_kept() {
        let mut maintenance = Maintenance::default();
        maintenance.begin("studio-1", view(0, 60));
        maintenance.begin("studio-2", view(0, 120));
        let mut maintenance = Maintenance::from_kept(Some(&maintenance.to_kept()));
        assert_eq!(maintenance.expire(Timestamp::from_second(59).unwrap()), []);
        let over = maintenance.expire(Timestamp::from_second(60).unwrap());
        assert_eq!(over, [("studio-1".to_owned(), view(0, 60))]);
        assert_eq!(maintenance.all().len(), 1);
        assert_eq!(Maintenance::from_kept(Some("garbage")), Maintenance::default());
    }

    #[test]
    fn prolonging_keeps_the_beginning() {
        let mut maintenance = Maintenance::default();
        maintenance.begin("studio-1", view(0, 60));
        maintenance.begin("studio-1", view(50, 90));
        assert_eq!(maintenance.end("studio-1"), Some(view(0, 90)));
        assert_eq!(maintenance.end("studio-1"), None);
    }
}
