//! Feeds on their bad days, through the real program: what loses, doubles or holds back rows elsewhere does not here.
//!
//! The target is a SQLite file where any target would do; where the server matters it is a private `MariaDB`.

#[cfg(test)]
#[path = "../support/place.rs"]
mod place;

#[cfg(test)]
mod bad_days;
#[cfg(test)]
mod defects;
#[cfg(test)]
mod kills;
#[cfg(test)]
mod site;
