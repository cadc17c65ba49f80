//! Bad days: engines and faces that are killed, disks that are full, read-only or corrupt.

#[cfg(test)]
#[path = "../support/place.rs"]
mod place;
#[cfg(test)]
#[path = "../support/recording.rs"]
mod recording;

#[cfg(test)]
mod copy;
#[cfg(test)]
mod disk;
#[cfg(test)]
mod kill;
mod share;
#[cfg(test)]
mod signals;
