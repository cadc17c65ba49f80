//! Floor 3, service: what runs on a host as modules with pid files and logs, and the work that people do on it.
//!
//! A module is restarted by its boot program unless the lock file of its pid file, `<pid file>.lock`, is held by somebody
//! with flock(2). A hold is all lock files of a service, taken together by a small shell on the host that lives as long as
//! it hears from the engine. The [`look`] only reads; the [`hold`] creates lock files and nothing else; the [`worker`]
//! knows who holds what.

#[cfg(any(test, fuzzing))]
pub(crate) mod foreign;
pub mod hold;
pub mod logs;
pub(crate) mod look;
mod mark;
pub mod shell;
pub mod trouble;
pub mod view;
pub mod worker;
