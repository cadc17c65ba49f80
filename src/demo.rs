//! Floor 5, demo: a whole fleet on this machine, of real parts.
