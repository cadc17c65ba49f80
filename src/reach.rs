//! Floor 1, reach: ssh, shell quoting, database and HTTP connections, secrets.
