//! Every way in which a small fleet can go wrong: 3 hosts, 2 spares, 2 engines on one lease.
//!
//! The arbiter and the book are the real ones; `model` plays machines, wire, steps and lease, and lets every possible
//! thing happen in every possible order, up to so many misfortunes. The default is done in seconds;
//! `HOTSPARE_MISFORTUNES=4` and more go deeper.

#[cfg(test)]
mod model;
#[cfg(test)]
mod play;
#[cfg(test)]
mod state;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use stateright::{Checker, HasDiscoveries, Model};

    use crate::model::Fleet;
    use crate::state::Guard;

    #[test]
    fn nothing_that_can_happen_breaks_a_rule() {
        let misfortunes = std::env::var("HOTSPARE_MISFORTUNES").ok().and_then(|text| text.parse().ok()).unwrap_or(3);
        let fleet = Fleet { misfortunes, without: None };
        #[expect(clippy::disallowed_methods, reason = "how long the exploration takes is told, not judged")]
        let began = std::time::Instant::now();
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let checker = fleet.checker().threads(threads).spawn_bfs().join();
        println!(
            "explored {} states ({} with repetitions, depth {}) with up to {misfortunes} misfortunes in {:.1} s",
            checker.unique_state_count(),
            checker.state_count(),
            checker.max_depth(),
            began.elapsed().as_secs_f64()
        );
        checker.assert_properties();
    }

    /// A proof that cannot fail proves nothing: without its guard, each property is broken.
    #[test]
    fn without_its_guard_each_rule_is_broken() {
        for (guard, property) in [
            (Guard::Wire, "never two owners of an address by our doing"),
            (Guard::Book, "never one spare for two hosts"),
            (Guard::Lease, "never an action without the lease"),
            (Guard::Machine, "generations only grow"),
            (Guard::Witnesses, "no failed host waits while a spare is free"),
        ] {
            let fleet = Fleet { misfortunes: 4, without: Some(guard) };
            let any = HasDiscoveries::AnyOf(BTreeSet::from([property]));
            let checker =
                fleet.checker().threads(2).timeout(Duration::from_secs(120)).finish_when(any).spawn_bfs().join();
            let path = checker.discovery(property);
            let path = path.unwrap_or_else(|| panic!("without {guard:?}, \"{property}\" still holds"));
            println!("without {guard:?}: \"{property}\" is broken by {:?}", path.into_actions());
        }
    }
}
