//! Floor 3, health: what hotspare believes of each host, and why.
//!
//! An [`ask`] is a check made ready, a [`probe`] asks it, an [`observation`] says what came back, the [`verdict`] is a pure
//! function of observations, [`policy`] and time, the [`worker`] runs it all, and [`view`] is what the snapshot carries.
//! This room knows nothing of pools acting, of the engine or of the faces.

pub mod ask;
pub mod observation;
pub mod policy;
pub mod probe;
pub mod verdict;
pub mod view;
pub mod worker;
