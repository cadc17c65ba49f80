//! What a text must look like to be a name, a duration, a path…: one pure rule for each kind.

mod address;

use std::time::Duration;

use super::bucket::S3Url;
use super::form::Kind;
use super::share::SshUrl;
use super::template::{self, Scope};
use super::units;
use address::{address, cidr, server, socket, ssh, url};

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
        Kind::Rate => quantity(units::rate(text).map(|rate| rate > 0), "a rate"),
        Kind::Room => quantity(units::room(text).map(|_| true), "a share or a size"),
        Kind::Address => address(text),
        Kind::Cidr => cidr(text),
        Kind::Socket => socket(text),
        Kind::Server => server(text),
        Kind::Ssh => ssh(text),
        Kind::Url(schemes) => url(text, schemes),
        Kind::Path | Kind::SecretFile => path(text),
        Kind::Share => share(text),
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
        let problem = Problem::new("is not a duration").hint(error.to_string());
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

fn quantity(read: Result<bool, units::UnitError>, what: &str) -> Result<(), Problem> {
    match read {
        Ok(true) => Ok(()),
        Ok(false) => Err(Problem::new("is zero").hint("leave the key out for no limit")),
        Err(error) => Err(Problem::new(format!("is not {what}")).hint(error.to_string())),
    }
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

fn share(text: &str) -> Result<(), Problem> {
    if ["//", "\\\\", "smb://", "cifs://", "nfs://"].iter().any(|begins| text.starts_with(begins)) {
        return Err(Problem::new("must be a folder of this machine, and names a share of another one")
            .hint("mount the share, write the folder where it is mounted, and that folder to `mount` too"));
    }
    if !text.contains("://") {
        return path(text);
    }
    if text.starts_with("s3://") {
        return S3Url::parse(text).map(|_url| ()).map_err(Problem::new);
    }
    if !text.starts_with("ssh://") {
        let known = "must be a path, or a url such as ssh://user@host:port/folder or s3://bucket/prefix";
        return Err(Problem::new(known));
    }
    SshUrl::parse(text).map(|_url| ()).map_err(Problem::new)
}

fn variable(text: &str) -> Result<(), Problem> {
    let bare = text.trim_start_matches('$');
    let fits = !bare.is_empty()
        && !bare.starts_with(|c: char| c.is_ascii_digit())
        && bare.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    match (fits, bare == text) {
        (true, true) => Ok(()),
        (true, false) => Err(Problem::new("must be the name of a variable, without `$`").meant(bare)),
        (false, _) => Err(Problem::new("is not the name of an environment variable")),
    }
}

/// As it will be matched.
fn glob(text: &str) -> Result<(), Problem> {
    super::glob::glob(text).map(drop).map_err(Problem::new)
}

fn zone(text: &str) -> Result<(), Problem> {
    if matches!(text, "local" | "utc") || jiff::tz::TimeZone::get(text).is_ok() {
        return Ok(());
    }
    let problem = Problem::new("is not a time zone")
        .hint("`local`, `utc`, or a name of the time zone database such as Europe/Zurich");
    let known: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
    let nearest = super::near::nearest(text, known.iter().map(String::as_str).chain(["local", "utc"]));
    Err(match nearest {
        Some(meant) => problem.meant(meant),
        None => problem,
    })
}

pub(super) fn layout(text: &str) -> Result<(), Problem> {
    if let Some(missing) =
        ["participant", "date"].iter().find(|name| template::placeholders(text).all(|(_, known)| known != **name))
    {
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
    if filled.split('/').any(|part| part.starts_with('.')) {
        return Err(Problem::new("must not have a part that begins with a dot")
            .hint("such folders are hidden, and `.hotspare` is where hotspare keeps what is its own"));
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
            &[
                "{participant}",
                // A variable of a shell, which nobody fills in.
                "{participant}/${date}",
                "/{participant}/{date}",
                "{date}/../{participant}",
                "{date}//{participant}",
                ".hotspare/{participant}/{date}",
                ".{participant}/{date}",
            ],
        );
        good(&Kind::Glob, &["*.mp4", "a[0-9].{b,c}", "\\["]);
        bad(&Kind::Glob, &["[a", "{a", "a}", "a\\", "", "[z-a]"]);
        good(&Kind::Share, &["/mnt/share", "copies", "ssh://ops@nas:2222/srv/recordings", "s3://bucket/a b"]);
        bad(&Kind::Share, &["", "~/x", "http://nas/srv", "ssh://nas", "ssh://u:p@nas/srv", "s3://B/x"]);
        bad(&Kind::Share, &["//nas/recordings", "\\\\nas\\recordings", "smb://nas/recordings"]);
        good(&Kind::Zone, &["local", "utc", "Asia/Hong_Kong"]);
        assert_eq!(text(&Kind::Zone, "Asia/HongKong").map_err(|p| p.meant), Err(Some("Asia/Hong_Kong".into())));
        good(&Kind::Name, &["studio-1", "a.b_c"]);
        bad(&Kind::Name, &["", "-a", ".a", "a/b", "a b", "ä"]);
        good(&Kind::Variable, &["DB_PASSWORD"]);
        bad(&Kind::Variable, &["$DB", "1A", "", "A-B"]);
    }
}
