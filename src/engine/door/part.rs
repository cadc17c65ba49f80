//! What somebody who connects may do. Pure but for looking up groups.

use super::Peer;
use crate::engine::command::{Query, Refusal, RefusalKind};
use crate::fleet::accounts;
use crate::fleet::settings::Groups;

/// What a guest may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::engine) enum Part {
    /// Everything: the engine's own user, or root.
    Own,
    /// Everything that is a wish to the engine; not what would make its user's rights theirs.
    Operator,
    /// To look, and to change nothing; why.
    Viewer(String),
    /// Nothing: it is turned away.
    Nobody(Refusal),
}

impl Part {
    /// What is said to a guest whose part is this from now on.
    pub(super) fn news(&self) -> String {
        match self {
            Self::Own | Self::Operator => "you may change things from now on".into(),
            Self::Viewer(why) => format!("you may only look from now on: {why}"),
            Self::Nobody(refusal) => refusal.what.clone(),
        }
    }

    /// Why this guest may not see what it asks for.
    pub(in crate::engine) fn may_ask(&self, query: &Query) -> Result<(), Refusal> {
        let Self::Viewer(why) = self else { return Ok(()) };
        let what = match query {
            Query::Logs { ask } if ask.of.contains(':') => "a file that the fleet file does not name as a log",
            Query::ConfigDiff { .. } | Query::ConfigShow { .. } => "the text of configuration files",
            // Asking is what keeps it.
            Query::Hold { .. } => "the hold of somebody who works on a service",
            _ => return Ok(()),
        };
        Err(Refusal {
            kind: RefusalKind::Safety,
            what: format!("{what} is not shown to viewers: {why}"),
            hint: Some("ask one of the operators".into()),
        })
    }
}

/// The groups of the fleet file with their numbers, and those of a peer.
#[derive(Debug)]
pub(super) struct Known {
    operators: Vec<(String, Option<u32>)>,
    viewers: Vec<(String, Option<u32>)>,
    theirs: Vec<u32>,
}

impl Known {
    /// Asks the accounts of this machine.
    pub(super) fn look_up(groups: &Groups, peer: Peer) -> Result<Self, String> {
        let numbered = |names: &[String]| {
            names.iter().map(|name| Ok((name.clone(), accounts::group(name)?))).collect::<Result<Vec<_>, String>>()
        };
        let mut theirs = accounts::groups_of(peer.uid)?;
        theirs.push(peer.gid);
        Ok(Self { operators: numbered(&groups.operators)?, viewers: numbered(&groups.viewers)?, theirs })
    }

    /// What somebody of this name may do.
    pub(super) fn part(&self, name: &str) -> Part {
        let of = |groups: &[(String, Option<u32>)]| {
            let mine = |number: Option<u32>| number.is_some_and(|number| self.theirs.contains(&number));
            groups.iter().find(|(_group, number)| mine(*number)).map(|(group, _number)| group.clone())
        };
        if of(&self.operators).is_some() {
            return Part::Operator;
        }
        let names = |groups: &[(String, Option<u32>)]| {
            groups.iter().map(|(group, _number)| group.as_str()).collect::<Vec<_>>().join(", ")
        };
        if let Some(group) = of(&self.viewers) {
            let changes = match names(&self.operators) {
                none if none.is_empty() => "the engine's own user".to_owned(),
                operators => format!("members of {operators}"),
            };
            return Part::Viewer(format!("{name} is in {group}, whose members may look; {changes} may change things"));
        }
        let either = [(&self.operators, "to change things"), (&self.viewers, "to look")];
        let either = either.into_iter().filter(|(groups, _what)| !groups.is_empty());
        let either: Vec<String> = either.map(|(groups, what)| format!("{} ({what})", names(groups))).collect();
        nobody(
            format!("{name} is in none of the groups that this engine lets in: {}", either.join(", ")),
            "an administrator of this machine adds you to one of them: `usermod -aG GROUP USER`; it counts at once",
        )
    }
}

/// Nobody but the engine's own user comes in.
pub(super) fn closed(name: &str) -> Part {
    nobody(
        format!("{name} is not the user whose engine this is, and it lets in nobody else"),
        "the engine's user may let groups in: `operators` and `viewers` under [engine] of the fleet file",
    )
}

/// Who cannot be known is not let in.
pub(super) fn unknown(name: &str, why: &str) -> Part {
    nobody(
        format!("the groups of {name} cannot be looked up, so they are not let in: {why}"),
        "try again; `getent group` on this machine says whether its name service answers",
    )
}

fn nobody(what: String, hint: &str) -> Part {
    Part::Nobody(Refusal { kind: RefusalKind::Safety, what, hint: Some(hint.to_owned()) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn known(operators: &[u32], viewers: &[u32], theirs: &[u32]) -> Known {
        let named = |numbers: &[u32]| numbers.iter().map(|number| (format!("g{number}"), Some(*number))).collect();
        Known { operators: named(operators), viewers: named(viewers), theirs: theirs.to_vec() }
    }

    proptest! {
        /// Whatever groups there are: only a common group opens the door, and one of the operators goes before.
        #[test]
        fn only_a_common_group_lets_in(
            operators in proptest::collection::vec(0u32..8, 0..4),
            viewers in proptest::collection::vec(0u32..8, 0..4),
            theirs in proptest::collection::vec(0u32..8, 0..4),
        ) {
            let common = |groups: &[u32]| groups.iter().any(|group| theirs.contains(group));
            match known(&operators, &viewers, &theirs).part("ana") {
                Part::Operator => prop_assert!(common(&operators)),
                Part::Viewer(_) => prop_assert!(common(&viewers) && !common(&operators)),
                Part::Nobody(_) => prop_assert!(!common(&viewers) && !common(&operators)),
                Part::Own => prop_assert!(false, "a group makes nobody the engine's own user"),
            }
        }
    }

    #[test]
    fn a_group_that_does_not_exist_lets_nobody_in() {
        let known = Known { operators: vec![("gone".into(), None)], viewers: Vec::new(), theirs: vec![0, 1, 1000] };
        let Part::Nobody(refusal) = known.part("ana") else { panic!("let in") };
        assert_eq!(refusal.what, "ana is in none of the groups that this engine lets in: gone (to change things)");
    }

    #[test]
    fn a_viewer_is_told_why_and_whose_part_it_would_be() {
        let Part::Viewer(why) = known(&[10, 11], &[20], &[1, 20]).part("bob") else { panic!("no viewer") };
        assert_eq!(why, "bob is in g20, whose members may look; members of g10, g11 may change things");
    }

    #[test]
    fn files_that_the_fleet_file_does_not_show_are_not_shown_to_viewers() {
        let logs = |of: &str| Query::Logs {
            ask: Box::new(crate::service::logs::view::Ask { of: of.into(), ..Default::default() }),
        };
        let viewer = Part::Viewer("why".into());
        assert!(viewer.may_ask(&logs("web")).is_ok() && viewer.may_ask(&Query::Pace).is_ok());
        let file = logs("studio-1:/etc/shadow");
        assert!(
            viewer.may_ask(&file).is_err() && Part::Operator.may_ask(&file).is_ok() && Part::Own.may_ask(&file).is_ok()
        );
        let show = Query::ConfigShow { host: "studio-1".into(), path: "/etc/my.cnf".into(), at: None };
        assert!(viewer.may_ask(&show).is_err());
        assert!(viewer.may_ask(&Query::Hold { service: "web".into(), generation: 1 }).is_err());
    }
}
