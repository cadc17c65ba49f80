//! Addresses, servers, destinations of the ssh client and urls.

use std::net::{IpAddr, SocketAddr};

use super::Problem;

pub(super) fn address(text: &str) -> Result<(), Problem> {
    if text.parse::<IpAddr>().is_ok() {
        return Ok(());
    }
    if let Some((bare, _)) = text.split_once('/')
        && bare.parse::<IpAddr>().is_ok()
    {
        return Err(Problem::new("must be an address without a prefix length").meant(bare));
    }
    if let Ok(socket) = text.parse::<SocketAddr>() {
        return Err(Problem::new("must be an address without a port").meant(socket.ip().to_string()));
    }
    host_name(text)
}

fn host_name(text: &str) -> Result<(), Problem> {
    if text.is_empty() {
        return Err(Problem::new("is empty"));
    }
    if text.contains("://") {
        return Err(Problem::new("must be an address or a host name, not a url"));
    }
    if text.chars().all(|c| c.is_ascii_digit() || c == '.') {
        return Err(
            Problem::new("is not an IP address").hint("four numbers from 0 to 255 with dots, such as 192.168.1.30")
        );
    }
    if text.contains(':') {
        return Err(Problem::new("is neither an IP address nor a host name"));
    }
    if let Some((user, host)) = text.split_once('@') {
        return Err(
            Problem::new(format!("must be an address without a user; `{user}@` belongs into `ssh`")).meant(host)
        );
    }
    let label = |part: &str| {
        !part.is_empty()
            && part.len() <= 63
            && !part.starts_with('-')
            && !part.ends_with('-')
            && part.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
    };
    if text.len() > 253 || !text.trim_end_matches('.').split('.').all(label) {
        return Err(Problem::new("is neither an IP address nor a host name")
            .hint("a host name is letters, digits and hyphens, with dots between its parts"));
    }
    Ok(())
}

pub(super) fn cidr(text: &str) -> Result<(), Problem> {
    let Some((bare, length)) = text.split_once('/') else {
        return match text.parse::<IpAddr>() {
            Ok(ip) => Err(Problem::new("needs a prefix length")
                .hint("24 for a network with the mask 255.255.255.0")
                .meant(format!("{ip}/{}", if ip.is_ipv4() { 24 } else { 64 }))),
            Err(_no_address) => Err(Problem::new("must be an IP address with a prefix length, such as 10.77.0.100/24")),
        };
    };
    let ip: IpAddr = bare.parse().map_err(|_no_address| {
        Problem::new("is not an IP address with a prefix length").hint("such as 10.77.0.100/24")
    })?;
    let most = if ip.is_ipv4() { 32 } else { 128 };
    match length.parse::<u8>() {
        Ok(length) if (1..=most).contains(&length) => {}
        _ => return Err(Problem::new(format!("has a prefix length that is not between 1 and {most}"))),
    }
    if ip.is_unspecified() || ip.is_multicast() || ip.is_loopback() {
        return Err(Problem::new("is not an address that a machine on a network can have"));
    }
    Ok(())
}

pub(super) fn socket(text: &str) -> Result<(), Problem> {
    match text.parse::<SocketAddr>() {
        Ok(socket) if socket.port() > 0 => Ok(()),
        Ok(_) => Err(Problem::new("has the port 0")),
        Err(_no_socket) => {
            let problem = Problem::new("must be an IP address and a port, such as 127.0.0.1:9473");
            Err(if text.parse::<u16>().is_ok() { problem.meant(format!("127.0.0.1:{text}")) } else { problem })
        }
    }
}

pub(super) fn server(text: &str) -> Result<(), Problem> {
    if text.parse::<SocketAddr>().is_ok_and(|socket| socket.port() > 0) || text.parse::<IpAddr>().is_ok() {
        return Ok(());
    }
    match text.rsplit_once(':') {
        Some((host, port)) => {
            if !port.parse::<u16>().is_ok_and(|port| port > 0) {
                return Err(Problem::new("has a port that is not between 1 and 65535"));
            }
            host_name(host)
        }
        None => host_name(text),
    }
}

pub(super) fn ssh(text: &str) -> Result<(), Problem> {
    if text.is_empty() {
        return Err(Problem::new("is empty"));
    }
    if text.starts_with('-') {
        return Err(Problem::new("begins with `-`, which the ssh client would take for an option"));
    }
    if text.split_whitespace().count() != 1 || text.trim() != text {
        return Err(Problem::new("must be one destination, such as ops@10.77.0.11, without options")
            .hint("options such as a port or a jump host belong into ~/.ssh/config"));
    }
    if text.chars().any(|c| c.is_control() || matches!(c, '\'' | '"' | '`' | '$' | ';' | '|' | '&' | '<' | '>' | '\\'))
    {
        return Err(Problem::new("holds a character that no ssh destination has"));
    }
    if text.contains("://") { Ok(()) } else { portless(text) }
}

/// The ssh client takes a port that is written after the host for a part of the host's name.
fn portless(text: &str) -> Result<(), Problem> {
    let host = text.rsplit_once('@').map_or(text, |(_user, host)| host);
    let six = host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(host);
    // `fe80::1%eth0` says by which cable.
    let six = six.split('%').next().unwrap_or(six);
    if !host.contains(':') || six.parse::<IpAddr>().is_ok() {
        return Ok(());
    }
    let port = host.rsplit_once(':').filter(|(name, port)| {
        !port.is_empty()
            && port.bytes().all(|digit| digit.is_ascii_digit())
            && (!name.contains(':') || name.ends_with(']'))
    });
    Err(match port {
        Some(_port) => Problem::new("must be a destination without a port").meant(format!("ssh://{text}")),
        None => Problem::new("must be one destination, such as ops@10.77.0.11: no name of a host holds a `:`"),
    })
}

pub(super) fn url(text: &str, schemes: &[&str]) -> Result<(), Problem> {
    let example = format!("{}://host/", schemes.first().unwrap_or(&"http"));
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err(Problem::new("is not a url").hint(format!("it begins with {}", starts(schemes))).meant(format!(
            "{}{}",
            example.trim_end_matches("host/"),
            text.trim_start_matches('/')
        )));
    };
    if !schemes.contains(&scheme) {
        let problem = Problem::new(format!("must begin with {}, not {scheme}://", starts(schemes)));
        let same_server = scheme == "mariadb" || scheme == "mysqls" || scheme.starts_with("http");
        return Err(match schemes.first() {
            Some(first) if same_server => problem.meant(format!("{first}://{rest}")),
            _ => problem,
        });
    }
    if text.contains(char::is_whitespace) {
        return Err(Problem::new("is a url with a blank in it"));
    }
    // The seeds of a replica set are several hosts with commas, which the url library refuses.
    let first = if scheme.starts_with("mongodb") { first_seed(text) } else { text.to_owned() };
    match url::Url::parse(&first) {
        Ok(url) => match url.host_str() {
            None | Some("") => Err(Problem::new("is a url without a host").hint(format!("such as {example}"))),
            Some(_) if url.port() == Some(0) => Err(Problem::new("is a url with the port 0")),
            Some(host) => address(host.trim_start_matches('[').trim_end_matches(']'))
                .map_err(|_problem| Problem::new("is a url whose host is neither an IP address nor a host name")),
        },
        Err(error) => Err(Problem::new(format!("is not a url: {error}"))),
    }
}

/// `mongodb://a:1,b:2/` with its first host only.
fn first_seed(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let (authority, path) = rest.find(['/', '?']).map_or((rest, ""), |at| rest.split_at(at));
    let first = authority.split(',').next().unwrap_or(authority);
    format!("{scheme}://{first}{path}")
}

fn starts(schemes: &[&str]) -> String {
    schemes.iter().map(|scheme| format!("{scheme}://")).collect::<Vec<_>>().join(" or ")
}

#[cfg(test)]
mod tests {
    use crate::fleet::form::Kind;
    use crate::fleet::value::text;

    fn accepts(kind: &Kind, texts: &[&str]) {
        for text in texts {
            assert_eq!(self::text(kind, text), Ok(()), "{text}");
        }
    }

    fn refuses(kind: &Kind, texts: &[&str]) {
        for text in texts {
            assert!(self::text(kind, text).is_err(), "{text}");
        }
    }

    #[test]
    fn addresses() {
        accepts(&Kind::Address, &["10.77.0.11", "fe80::1", "studio-1.local", "nas", "host_1", "bücher.example"]);
        refuses(
            &Kind::Address,
            &["192.168.1.301", "10.0.0", "10.77.0.11/24", "a b", "http://a", "", "-a", "a..b", "u@h"],
        );
        accepts(&Kind::Cidr, &["10.77.0.100/24", "fd00::1/64", "10.0.0.1/32"]);
        refuses(
            &Kind::Cidr,
            &["10.77.0.100", "10.77.0.100/33", "10.0.0.1/0", "127.0.0.1/8", "a/24", "/24", "10.0.0.1/"],
        );
        accepts(&Kind::Server, &["10.77.0.53:53", "ns.example", "[::1]:5353", "::1"]);
        refuses(&Kind::Server, &["10.77.0.53:99999", "ns:0", ":53", ""]);
        accepts(&Kind::Ssh, &["ops@10.77.0.11", "studio", "ssh://ops@h:2222", "ssh://[::1]:22"]);
        accepts(&Kind::Ssh, &["fe80::1", "ops@fe80::1%eth0", "ops@[2001:db8::1]"]);
        refuses(&Kind::Ssh, &["-oProxyCommand=x", "ops@h -p 22", "", " a", "a;b"]);
        refuses(&Kind::Ssh, &["ops@10.0.0.1:2222", "h:22", "[::1]:22", "nas:/srv", "h:"]);
        let meant = |text: &str| super::super::text(&Kind::Ssh, text).map_err(|problem| problem.meant);
        assert_eq!(meant("ops@10.0.0.1:2222"), Err(Some("ssh://ops@10.0.0.1:2222".into())));
        assert_eq!(meant("[::1]:22"), Err(Some("ssh://[::1]:22".into())));
    }

    #[test]
    fn urls() {
        let mongo = Kind::Url(&["mongodb", "mongodb+srv"]);
        accepts(&Kind::Url(&["http", "https"]), &["http://a:5000/", "https://[::1]/x?y#z"]);
        refuses(
            &Kind::Url(&["http", "https"]),
            &["http//a", "ftp://a", "http://", "http://a b/", "http://a:99999/", "a"],
        );
        accepts(&Kind::Url(&["mysql"]), &["mysql://probe@10.0.0.5:3306/", "mysql://h", "mysql://h/db"]);
        refuses(&Kind::Url(&["mysql"]), &["mariadb://h/", "mysql:///db", "mysql://10.0.0.300/", "mysql://h:0/"]);
        accepts(&mongo, &["mongodb://a:27017,b:27017/?replicaSet=rs", "mongodb+srv://cluster.example/"]);
    }
}
