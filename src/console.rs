//! Floor 5, console: the full-screen program. It draws a snapshot and sends commands; no rule of a domain lives here.
