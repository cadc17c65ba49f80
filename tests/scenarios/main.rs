//! The arbiter in a simulated fleet: its decisions and its book are the real ones; machines, wires and steps are played.
//!
//! Each `*.toml` beside this file is a story: hosts, a pool, faults with their times, and *everything* that is to happen.
//! `faults` plays a thousand random stories and counts addresses with two owners.

#[cfg(test)]
mod eyes;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod fleet;
#[cfg(test)]
mod runner;
#[cfg(test)]
mod story;
#[cfg(test)]
mod world;
