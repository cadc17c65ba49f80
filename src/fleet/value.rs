//! What a text must look like to be an address, a url, a duration…: one pure rule for each kind.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::form::Kind;
use super::template::{self, Scope};
use super::units;

/// What is wrong with a text; the name of the key goes before the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    /// Is it a risk only?
    pub(super) warning: bool,
    /// Follows the name of the key: `must be …`.
    pub(super) message: String,
    /// What to do now.
    pub(super) hint: Option<String>,
    /// What was probably meant.
    pub(super) meant: Option<String>,
}

impl Problem {
    fn new(message: impl Into<String>) -> Self {
        Self { warning: false, message: message.into(), hint: None, meant: None }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    fn meant(mut self, meant: impl Into<String>) -> Self {
        self.meant = Some(meant.into());
        self
    }
}

/// Looks at a text of a kind that needs no other part of the file.
pub(super) fn text(kind: &Kind, text: &str) -> Result<(), Problem> {
    match kind {
        Kind::Blank(_) if text.is_empty() => Ok(()),
        Kind::Blank(kind) => self::text(kind, text),
        Kind::Text | Kind::Loose if text.trim().is_empty() => Err(Problem::new("is empty")),
        Kind::Text | Kind::Loose if text.contains('\0') => Err(Problem::new("holds a zero character")),
        Kind::Name => name(text),
        Kind::Duration(least, most) => duration(text, *least, *most),
        Kind::Rate => quantity(units::rate(text).map(|rate| rate > 0)),
        Kind::Room => quantity(units::room(text).map(|_| true)),
        Kind::Address => address(text),
        Kind::Cidr => cidr(text),
        Kind::Socket => socket(text),
        Kind::Server => server(text),
        Kind::Ssh => ssh(text),
        Kind::Url(schemes) => url(text, schemes),
        Kind::Path | Kind::SecretFile => path(text),
        Kind::Variable => variable(text),
        Kind::Glob => glob(text),
        Kind::Zone => zone(text),
        Kind::Layout => layout(text),
        Kind::Secret => Err(Problem {
            warning: true,
            message: "stands in clear in the fleet file".into(),
            hint: Some("put it into a file that only its owner may read, and write its path to `…_file`".into()),
            meant: None,
        }),
        _ => Ok(()),
    }
}

/// Names of the fleet become parts of file names and of command lines.
pub(super) fn name(text: &str) -> Result<(), Problem> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if text.is_empty() {
        return Err(Problem::new("is empty"));
    }
    if text.len() <= 63 && text.chars().all(fits) && !text.starts_with(['-', '.']) {
        return Ok(());
    }
    let mended: String =
        text.chars().map(|c| if fits(c) { c } else { '-' }).skip_while(|c| matches!(c, '-' | '.')).take(63).collect();
    let mended = mended.trim_end_matches('-');
    let problem = Problem::new("is not a name: it becomes a file name, so only letters, digits, `-`, `_` and `.` fit")
        .hint("a name has at most 63 characters and begins with a letter or a digit");
    Err(if mended.is_empty() { problem } else { problem.meant(mended) })
}

fn duration(text: &str, least: u64, most: u64) -> Result<(), Problem> {
    let value = units::duration(text).map_err(|error| {
        let problem = Problem::new(format!("must be {error}"));
        if text.trim().parse::<u32>().is_ok() { problem.meant(format!("{}s", text.trim())) } else { problem }
    })?;
    if value.is_zero() && least > 0 {
        return Err(Problem::new("is a duration of zero").hint(format!("the least is {}", say(least))));
    }
    if value < Duration::from_millis(least) {
        return Err(Problem::new(format!("is shorter than the least, {}", say(least))));
    }
    if value > Duration::from_millis(most) {
        let mut problem = Problem::new(format!("is longer than {}; is that meant?", say(most)));
        problem.warning = true;
        return Err(problem);
    }
    Ok(())
}

/// Milliseconds in the largest unit that needs no fraction.
fn say(milliseconds: u64) -> String {
    for (unit, name) in [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s")] {
        if milliseconds >= unit && milliseconds.is_multiple_of(unit) {
            return format!("{}{name}", milliseconds / unit);
        }
    }
    format!("{milliseconds}ms")
}

fn quantity(read: Result<bool, units::UnitError>) -> Result<(), Problem> {
    match read {
        Ok(true) => Ok(()),
        Ok(false) => Err(Problem::new("is zero").hint("leave the key out for no limit")),
        Err(error) => Err(Problem::new(format!("must be {error}"))),
    }
}

fn address(text: &str) -> Result<(), Problem> {
    if text.parse::<IpAddr>().is_ok() {
        return Ok(());
    }
    if let Some((bare, _)) = text.split_once('/')
        && bare.parse::<IpAddr>().is_ok()
    {
        return Err(Problem::new("is an address without a prefix length").meant(bare));
    }
    if let Ok(socket) = text.parse::<SocketAddr>() {
        return Err(Problem::new("is an address without a port").meant(socket.ip().to_string()));
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
        return Err(Problem::new(format!("is an address without a user; `{user}@` belongs into `ssh`")).meant(host));
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

fn cidr(text: &str) -> Result<(), Problem> {
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

fn socket(text: &str) -> Result<(), Problem> {
    match text.parse::<SocketAddr>() {
        Ok(socket) if socket.port() > 0 => Ok(()),
        Ok(_) => Err(Problem::new("has the port 0")),
        Err(_no_socket) => {
            let problem = Problem::new("must be an IP address and a port, such as 127.0.0.1:9473");
            Err(if text.parse::<u16>().is_ok() { problem.meant(format!("127.0.0.1:{text}")) } else { problem })
        }
    }
}

fn server(text: &str) -> Result<(), Problem> {
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

fn ssh(text: &str) -> Result<(), Problem> {
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
    Ok(())
}

fn url(text: &str, schemes: &[&str]) -> Result<(), Problem> {
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

fn path(text: &str) -> Result<(), Problem> {
    if text.is_empty() {
        return Err(Problem::new("is empty"));
    }
    if text.contains('\0') {
        return Err(Problem::new("holds a zero character"));
    }
    if text.starts_with("~/") || text == "~" {
        return Err(Problem::new("begins with `~`, which only a shell expands").hint("write the whole path"));
    }
    if text.contains("://") {
        return Err(Problem::new("must be a path, not a url"));
    }
    Ok(())
}

fn variable(text: &str) -> Result<(), Problem> {
    let bare = text.trim_start_matches('$');
    let fits = !bare.is_empty()
        && !bare.starts_with(|c: char| c.is_ascii_digit())
        && bare.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    match (fits, bare == text) {
        (true, true) => Ok(()),
        (true, false) => Err(Problem::new("is the name of a variable, without `$`").meant(bare)),
        (false, _) => Err(Problem::new("is not the name of an environment variable")),
    }
}

/// `*`, `?`, `[a-z]`, `{a,b}`, with a partner for each bracket.
fn glob(text: &str) -> Result<(), Problem> {
    if text.is_empty() {
        return Err(Problem::new("is empty"));
    }
    let (mut class, mut braces, mut escaped) = (false, 0_u32, false);
    for char in text.chars() {
        match char {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '[' if !class => class = true,
            ']' => class = false,
            '{' if !class => braces += 1,
            '}' if !class && braces == 0 => return Err(Problem::new("is a glob with a `}` that nothing opened")),
            '}' if !class => braces -= 1,
            _ => {}
        }
    }
    match (class, braces, escaped) {
        (true, _, _) => Err(Problem::new("is a glob with a `[` that is not closed")),
        (_, 1.., _) => Err(Problem::new("is a glob with a `{` that is not closed")),
        (_, _, true) => Err(Problem::new("is a glob that ends with a backslash")),
        _ => Ok(()),
    }
}

fn zone(text: &str) -> Result<(), Problem> {
    if matches!(text, "local" | "utc") || jiff::tz::TimeZone::get(text).is_ok() {
        return Ok(());
    }
    let problem = Problem::new("is not a time zone")
        .hint("`local`, `utc`, or a name of the time zone database such as Europe/Zurich");
    let known: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
    let nearest = super::report::nearest(text, known.iter().map(String::as_str).chain(["local", "utc"]));
    Err(match nearest {
        Some(meant) => problem.meant(meant),
        None => problem,
    })
}

fn layout(text: &str) -> Result<(), Problem> {
    if let Some(missing) = ["participant", "date"].iter().find(|name| !text.contains(&format!("{{{name}}}"))) {
        return Err(Problem::new(format!("must hold `{{{missing}}}`"))
            .hint("without it two sessions would share one folder; such as \"{participant}/{date}\""));
    }
    let filled = template::tried(text, Scope::Layout);
    if filled.starts_with('/') {
        return Err(Problem::new("must be a relative path").meant(text.trim_start_matches('/')));
    }
    if filled.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(Problem::new("must be a path whose every part is a name, without `..` and empty parts"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good(kind: &Kind, texts: &[&str]) {
        for text in texts {
            assert_eq!(self::text(kind, text), Ok(()), "{text}");
        }
    }

    fn bad(kind: &Kind, texts: &[&str]) {
        for text in texts {
            assert!(self::text(kind, text).is_err(), "{text}");
        }
    }

    #[test]
    fn addresses() {
        good(&Kind::Address, &["10.77.0.11", "fe80::1", "studio-1.local", "nas", "host_1", "bücher.example"]);
        bad(&Kind::Address, &["192.168.1.301", "10.0.0", "10.77.0.11/24", "a b", "http://a", "", "-a", "a..b", "u@h"]);
        good(&Kind::Cidr, &["10.77.0.100/24", "fd00::1/64", "10.0.0.1/32"]);
        bad(&Kind::Cidr, &["10.77.0.100", "10.77.0.100/33", "10.0.0.1/0", "127.0.0.1/8", "a/24", "/24", "10.0.0.1/"]);
        good(&Kind::Server, &["10.77.0.53:53", "ns.example", "[::1]:5353", "::1"]);
        bad(&Kind::Server, &["10.77.0.53:99999", "ns:0", ":53", ""]);
        good(&Kind::Ssh, &["ops@10.77.0.11", "studio", "ssh://ops@h:2222"]);
        bad(&Kind::Ssh, &["-oProxyCommand=x", "ops@h -p 22", "", " a", "a;b"]);
    }

    #[test]
    fn urls() {
        let mongo = Kind::Url(&["mongodb", "mongodb+srv"]);
        good(&Kind::Url(&["http", "https"]), &["http://a:5000/", "https://[::1]/x?y#z"]);
        bad(&Kind::Url(&["http", "https"]), &["http//a", "ftp://a", "http://", "http://a b/", "http://a:99999/", "a"]);
        good(&Kind::Url(&["mysql"]), &["mysql://probe@10.0.0.5:3306/", "mysql://h", "mysql://h/db"]);
        bad(&Kind::Url(&["mysql"]), &["mariadb://h/", "mysql:///db", "mysql://10.0.0.300/", "mysql://h:0/"]);
        good(&mongo, &["mongodb://a:27017,b:27017/?replicaSet=rs", "mongodb+srv://cluster.example/"]);
    }

    #[test]
    fn durations_have_bounds() {
        let kind = Kind::Duration(100, 60_000);
        good(&kind, &["100ms", "1m"]);
        bad(&kind, &["0s", "99ms", "5", "-5s"]);
        assert!(text(&kind, "2m").is_err_and(|problem| problem.warning));
        assert_eq!(text(&kind, "5").map_err(|problem| problem.meant), Err(Some("5s".into())));
        good(&Kind::Duration(0, 1), &["0s"]);
    }

    #[test]
    fn layouts_globs_zones_and_names() {
        good(&Kind::Layout, &["{participant}/{date}", "x/{date}_{participant}"]);
        bad(
            &Kind::Layout,
            &["{participant}", "/{participant}/{date}", "{date}/../{participant}", "{date}//{participant}"],
        );
        good(&Kind::Glob, &["*.mp4", "a[0-9].{b,c}", "\\["]);
        bad(&Kind::Glob, &["[a", "{a", "a}", "a\\", ""]);
        good(&Kind::Zone, &["local", "utc", "Asia/Hong_Kong"]);
        assert_eq!(text(&Kind::Zone, "Asia/HongKong").map_err(|p| p.meant), Err(Some("Asia/Hong_Kong".into())));
        good(&Kind::Name, &["studio-1", "a.b_c"]);
        bad(&Kind::Name, &["", "-a", ".a", "a/b", "a b", "ä"]);
        good(&Kind::Variable, &["DB_PASSWORD"]);
        bad(&Kind::Variable, &["$DB", "1A", "", "A-B"]);
    }
}
