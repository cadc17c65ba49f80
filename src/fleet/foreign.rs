//! Texts of a fleet file by themselves.

use super::form::Kind;
use super::template::{self, Scope};
use super::{share, units, value};

/// Each kind of text is taken or refused in a few words, and its braces are read in every place where they mean something.
pub(crate) fn text(text: &str) {
    let kinds = [
        Kind::Text,
        Kind::Name,
        Kind::Duration(0, 1000),
        Kind::Rate,
        Kind::Room,
        Kind::Address,
        Kind::Cidr,
        Kind::Socket,
        Kind::Server,
        Kind::Ssh,
        Kind::Url(&["http", "mysql"]),
        Kind::Path,
        Kind::Share,
        Kind::Variable,
        Kind::Glob,
        Kind::Zone,
        Kind::Layout,
    ];
    for kind in kinds {
        if let Err(problem) = value::text(&kind, text) {
            assert!(problem.message.len() < 2 * text.len() + 500, "{}", problem.message);
        }
    }
    for scope in [Scope::Plain, Scope::Check, Scope::Step, Scope::WaitCheck, Scope::Layout] {
        for strict in [false, true] {
            for (span, _) in template::errors(text, scope, strict) {
                assert!(text.get(span).is_some());
            }
        }
        let _filled = template::tried(text, scope);
    }
    let _values = (units::duration(text), units::rate(text), units::room(text));
    let _folder = share::SshUrl::parse(text).is_ok();
}
