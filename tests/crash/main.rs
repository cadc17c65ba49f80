//! Bad days: engines and faces that are killed, disks that are full, read-only or corrupt, deletions that are interrupted.

#[cfg(test)]
#[path = "../support/backed_up.rs"]
mod backed_up;
#[cfg(test)]
#[path = "../support/place.rs"]
mod place;
#[cfg(test)]
#[path = "../support/program.rs"]
mod program;
#[cfg(test)]
#[path = "../support/recording.rs"]
mod recording;

#[cfg(test)]
mod copy;
#[cfg(test)]
mod delete;
#[cfg(test)]
mod disk;
#[cfg(test)]
mod kill;
mod share;
#[cfg(test)]
mod signals;
#[cfg(test)]
mod trash;
