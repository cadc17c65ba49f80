//! The pages are true: every link leads somewhere, every block of code in them is read or run, every command they name
//! exists, and every message they explain can be said.
//!
//! The first word after the three ticks is the language of a block. What follows says what is done with it:
//!
//! - `toml`: a whole fleet file, or a fragment, which is completed by `preamble.toml` beside this file. `toml in TABLE` is
//!   what stands inside that table.
//! - `json`, `yaml`, `python`: is parsed.
//! - `sh in PLACE`: every line is run in that prepared place and ends with 0. `console in PLACE`: the lines behind `$` are run, and
//!   what they print is compared with what stands below, where every number stands for every other and `…` for anything.
//! - `text`: a drawing.
//! - `… not run: REASON`: read by people only. There are few, and a test counts them.

#![allow(clippy::string_slice, reason = "every index comes from a search in the same text")]

#[cfg(test)]
#[path = "../support/place.rs"]
mod place;
#[cfg(test)]
#[path = "../mysql/server.rs"]
#[allow(dead_code, reason = "not every kind of test needs all of it")]
mod server;

#[cfg(test)]
mod fragments;
#[cfg(test)]
mod links;
#[cfg(test)]
mod messages;
#[cfg(test)]
mod named;
#[cfg(test)]
mod packaging;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod places;
#[cfg(test)]
mod shells;
