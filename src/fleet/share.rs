//! Folders on other machines, as a destination names them: `ssh://user@host:port/path`.

use super::Fleet;
use super::data::Destination;
use super::host::Host;

/// A folder on another machine, reached with the system's ssh client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshFolder {
    /// What the ssh client is given: a destination that it knows, or the `ssh` of a host of the fleet.
    pub destination: String,
    /// The folder there: absolute, without `..`.
    pub path: String,
}

/// An `ssh://` url, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SshUrl<'a> {
    user: Option<&'a str>,
    host: &'a str,
    port: Option<u16>,
    path: &'a str,
}

impl<'a> SshUrl<'a> {
    /// Reads one; what is wrong follows the name of the key.
    pub(super) fn parse(text: &'a str) -> Result<Self, String> {
        let rest = text.strip_prefix("ssh://").ok_or("is not an ssh url")?;
        let slash = rest.find('/').unwrap_or(rest.len());
        let (authority, path) = rest.split_at(slash);
        let (user, place) = match authority.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, authority),
        };
        if user.is_some_and(|user| user.contains(':')) {
            return Err("holds a password; ssh logs in by a key or an agent".into());
        }
        let (host, port) = match (place.strip_prefix('['), place.rsplit_once(':')) {
            (Some(six), _) => {
                let (host, rest) = six.split_once(']').ok_or("has a `[` that is not closed")?;
                (host, rest.strip_prefix(':').map(Ok).or((!rest.is_empty()).then_some(Err(()))))
            }
            (None, Some((host, port))) => (host, Some(Ok(port))),
            (None, None) => (place, None),
        };
        let port = match port {
            None => None,
            Some(Ok(port)) => Some(port.parse().ok().filter(|port| *port > 0).ok_or("has a port that is no port")?),
            Some(Err(())) => return Err("has something behind the address that is no port".into()),
        };
        let plain = |text: &str, more: &str| {
            !text.is_empty()
                && !text.starts_with('-')
                && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c) || more.contains(c))
        };
        if !plain(host, if place.starts_with('[') { ":%" } else { "" }) {
            return Err("has a host that is neither an address nor a name".into());
        }
        if !user.is_none_or(|user| plain(user, "")) {
            return Err("has a user that is no user's name".into());
        }
        let path = path.trim_end_matches('/');
        if path.is_empty() {
            return Err("names no folder: such as ssh://host/srv/recordings".into());
        }
        if path.chars().any(char::is_control) || path.split('/').skip(1).any(|part| matches!(part, "" | "." | "..")) {
            return Err("must hold a path whose every part is a name".into());
        }
        Ok(Self { user, host, port, path })
    }

    /// What the ssh client is given.
    fn destination(&self, hosts: &[Host]) -> String {
        let known = hosts.iter().find(|host| host.name == self.host);
        if let (Some(known), None, None) = (known, self.user, self.port) {
            return known.ssh.clone();
        }
        // Under the name of a host of the fleet its address is meant.
        let host = known.map_or(self.host, |known| known.address.as_str());
        let user = self.user.map(|user| format!("{user}@")).unwrap_or_default();
        match self.port {
            Some(port) if host.contains(':') => format!("ssh://{user}[{host}]:{port}"),
            Some(port) => format!("ssh://{user}{host}:{port}"),
            None => format!("{user}{host}"),
        }
    }
}

impl Destination {
    /// The folder on another machine that this destination is; `None`: it is a folder of this one.
    pub fn ssh(&self, hosts: &[Host]) -> Option<SshFolder> {
        let url = SshUrl::parse(self.path.to_str()?).ok()?;
        Some(SshFolder { destination: url.destination(hosts), path: url.path.to_owned() })
    }
}

impl Fleet {
    /// Whether something of the fleet is reached at this destination of the ssh client.
    pub fn reaches(&self, destination: &str) -> bool {
        let mut folders = self.sessions.iter().flat_map(|store| &store.destinations);
        self.hosts.iter().any(|host| host.ssh == destination)
            || folders.any(|to| to.ssh(&self.hosts).is_some_and(|folder| folder.destination == destination))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::bucket::Access;

    fn folder(url: &str, hosts: &[Host]) -> Option<(String, String)> {
        let path = url.into();
        let destination =
            Destination { name: "far".into(), mount: None, path, layout: String::new(), access: Access::default() };
        destination.ssh(hosts).map(|folder| (folder.destination, folder.path))
    }

    #[test]
    fn user_host_port_and_path_are_told_apart() {
        let is = |url: &str, destination: &str, path: &str| {
            assert_eq!(folder(url, &[]), Some((destination.to_owned(), path.to_owned())), "{url}");
        };
        is("ssh://nas/srv/data", "nas", "/srv/data");
        is("ssh://nas/srv/a b/", "nas", "/srv/a b");
        is("ssh://ops@nas.lab:2222/srv", "ssh://ops@nas.lab:2222", "/srv");
        is("ssh://ops@10.0.0.5/srv", "ops@10.0.0.5", "/srv");
        is("ssh://[fd00::5]/srv", "fd00::5", "/srv");
        is("ssh://ops@[fd00::5]:22/srv", "ssh://ops@[fd00::5]:22", "/srv");
        assert_eq!(folder("/mnt/share", &[]), None);
    }

    #[test]
    fn a_host_of_the_fleet_brings_its_own_destination() {
        let host = Host {
            name: "nas".into(),
            address: "10.0.0.9".into(),
            ssh: "backup@nas-jump".into(),
            service: None,
            labels: std::collections::BTreeMap::new(),
            checks: Vec::new(),
        };
        let hosts = [host];
        assert_eq!(folder("ssh://nas/srv", &hosts), Some(("backup@nas-jump".into(), "/srv".into())));
        assert_eq!(folder("ssh://ops@nas/srv", &hosts), Some(("ops@10.0.0.9".into(), "/srv".into())));
    }

    #[test]
    fn a_destination_is_reached_as_its_host_is() {
        let text = r#"
            name = "harbour"
            [hosts.nas]
            address = "10.0.0.9"
            ssh = "backup@nas-jump"
            [sessions.mocap]
            source = "/data"
            layout = "{participant}/{date}"
            destinations = [{ name = "A", path = "ssh://nas/srv" }, { name = "B", path = "ssh://ops@far/srv" }]
        "#;
        let fleet = crate::fleet::load(text.as_bytes(), std::path::Path::new("hotspare.toml")).fleet.unwrap();
        assert!(fleet.reaches("backup@nas-jump") && fleet.reaches("ops@far") && !fleet.reaches("far"));
    }

    #[test]
    fn what_could_be_taken_for_something_else_is_refused() {
        for wrong in [
            "ssh://nas",
            "ssh://nas/",
            "ssh:///srv",
            "ssh://-oProxyCommand=x/srv",
            "ssh://-l@nas/srv",
            "ssh://u:pw@nas/srv",
            "ssh://nas:0/srv",
            "ssh://nas:x/srv",
            "ssh://nas/a/../b",
            "ssh://nas/a//b",
            "ssh://nas/a\nb",
            "ssh://$(x)/srv",
            "ssh://[::1/srv",
            "ssh://[::1]x/srv",
            "ssh://a b/srv",
            "nas:/srv",
        ] {
            assert!(SshUrl::parse(wrong).is_err(), "{wrong}");
        }
    }
}
