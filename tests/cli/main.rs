//! The commands as a script sees them: standard output, standard error, exit codes.

#[cfg(test)]
#[path = "../support/place.rs"]
mod place;

#[cfg(test)]
mod engine;
#[cfg(test)]
mod journal;
#[cfg(test)]
mod status;
