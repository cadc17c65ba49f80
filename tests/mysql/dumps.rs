//! Dumps of a real server, onto a plain folder, and back.

#[path = "dumps/defects.rs"]
mod defects;
#[path = "dumps/drills.rs"]
mod drills;
mod large;
#[path = "dumps/meos.rs"]
mod meos;
#[path = "dumps/rounds.rs"]
mod rounds;
