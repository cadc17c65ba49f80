//! Ways in which a widely used backup script loses recordings, or lies about them: each is a test here, by its number in
//! the list of its defects.
//!
//! 1. A truncated copy counts as a copy. 2. Other bytes of the same size are never found. 3. Other names of the same number
//! pass. 4. Nothing is looked at again between the list and the deletion. 5. One imported recording of three is enough.
//! 6. A missing path means everything. 7. An empty source passes. 8. No lock. 9. One destination is looked at, nothing is
//! written down. 10. `p001` can never be imported. 11. The first session of a new date cannot be copied. 12. Failures are
//! reported as success. 13. A single day means all days from it on. 14. A destination that is not mounted looks like one
//! that holds nothing. 15. Sessions that the database does not know are never shown. 16. A database that fails looks like
//! one that says no. 17. A dead mount hangs everything. 18. Participants are run as commands. 19. Names with line breaks
//! break the comparison.

#[cfg(test)]
#[allow(dead_code, reason = "the tests of the checks use the rest")]
#[path = "../mysql/lab.rs"]
mod lab;
#[cfg(test)]
#[allow(dead_code, reason = "as above")]
#[path = "../mysql/server.rs"]
mod server;
#[cfg(test)]
mod site;

#[cfg(test)]
mod lies;
#[cfg(test)]
mod loses;
