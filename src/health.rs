//! Floor 3, health: what hotspare believes of each host, and why.
//!
//! Probes ask, observations say what came back, [`view`] is what the snapshot carries. This room knows nothing of pools
//! acting, of the engine or of the faces.

pub mod observation;
pub mod view;
