//! Floor 3, service: what runs on a host as modules with pid files and logs, and the work that people do on it.
