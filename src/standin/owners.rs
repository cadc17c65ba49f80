//! Who owns an address that a pool moves: each machine is asked what it holds, and one that does not hold it is asked who
//! answers for it. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::view::Owner;
use crate::clock::Timestamp;
use crate::runbook::kind::wire::Listing;

/// An address without its prefix length.
pub fn bare(address: &str) -> String {
    address.split('/').next().unwrap_or(address).to_owned()
}

/// What each machine said of itself; `None`: it could not be asked.
pub type Answers = [(String, Option<Listing>)];

/// Leaves out what a machine said that is another one: where a host is managed by the very address that moves, its name leads
/// to the spare that has it. Machines are told apart by their hardware addresses; the last of those that share one counts,
/// and spares come last.
pub fn each_once(answers: &mut [(String, Option<Listing>)]) {
    let mut seen: BTreeSet<String> = BTreeSet::new();
    for (_, said) in answers.iter_mut().rev() {
        let Some(listing) = said else { continue };
        if listing.macs().iter().any(|mac| seen.contains(mac)) {
            *said = None;
        } else {
            seen.extend(listing.macs().iter().cloned());
        }
    }
}

/// Who answered for an address on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ear {
    /// The machine that listened.
    pub witness: String,
    /// The hardware addresses that answered it, in lower case.
    pub macs: Vec<String>,
}

/// Somebody owns an address who should not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contest {
    /// Who owns it: names of machines, or hardware addresses where no machine of the pool has them.
    pub owners: Vec<String>,
    /// In words: every owner with its hardware address, and who found that out.
    pub why: String,
    /// Two or more: nothing is to be done by itself until there is one again.
    pub freezes: bool,
    /// It was heard on the wire.
    pub heard: bool,
}

/// Who holds this address, by what each machine said, and whoever else answers for it; one that cannot be asked said
/// nothing.
pub fn of(address: &str, answers: &Answers, contest: Option<&Contest>, at: Timestamp) -> Owner {
    let mut held_by: Vec<String> = holders(address, answers).map(str::to_owned).collect();
    for owner in contest.iter().flat_map(|contest| &contest.owners) {
        if !held_by.contains(owner) {
            held_by.push(owner.clone());
        }
    }
    // With somebody silent, nobody's answer does not mean that nobody holds it.
    let known = !held_by.is_empty() || answers.iter().all(|(_, said)| said.is_some());
    Owner { address: address.to_owned(), held_by, seen: known.then_some(at) }
}

/// The machines that say that they hold it.
pub fn holders<'a>(address: &'a str, answers: &'a Answers) -> impl Iterator<Item = &'a str> {
    let holds = move |(_, said): &&(String, Option<Listing>)| said.as_ref().is_some_and(|said| said.has(address));
    answers.iter().filter(holds).map(|(machine, _)| machine.as_str())
}

/// Whether somebody owns an address who should not. `may`: the host whose address it is, and the spare that serves in its
/// place; `macs`: hardware address to machine, as far as they are known.
pub fn contest(
    address: &str,
    may: &[&str],
    answers: &Answers,
    ear: Option<&Ear>,
    macs: &BTreeMap<String, String>,
) -> Option<Contest> {
    let mut owners: BTreeSet<&str> = holders(address, answers).collect();
    let mut words: BTreeMap<&str, Vec<&str>> = owners.iter().map(|owner| (*owner, Vec::new())).collect();
    for mac in ear.iter().flat_map(|ear| &ear.macs) {
        // A machine may answer with several cards, and is one owner all the same.
        let owner = macs.get(mac).map_or(mac.as_str(), String::as_str);
        owners.insert(owner);
        words.entry(owner).or_default().push(mac);
    }
    let freezes = owners.len() > 1;
    if !freezes && owners.iter().all(|owner| may.contains(owner)) {
        return None;
    }
    let said = words.iter().map(|(owner, macs)| match macs.as_slice() {
        [] => format!("{owner} (by its own word)"),
        [mac] if mac == owner => format!("{mac} (no machine of this pool)"),
        macs => format!("{owner} ({})", macs.join(", ")),
    });
    let said = said.collect::<Vec<_>>().join(" and ");
    let from = ear.map(|ear| format!(", as {} hears it", ear.witness)).unwrap_or_default();
    let why = if freezes {
        format!("{address} has {} owners: {said}{from}", owners.len())
    } else {
        format!("{address} is owned by {said}{from}, and should be by {}", may.join(" or "))
    };
    let owners = owners.into_iter().map(str::to_owned).collect();
    Some(Contest { owners, why, freezes, heard: ear.is_some() })
}

/// Whether what was found before is disproved by a look that finds nothing: by the wire, where somebody listened, or by the
/// word of every machine that was an owner, where only their word was known.
pub fn over(before: &Contest, answers: &Answers, ear: Option<&Ear>) -> bool {
    let spoke = |owner: &String| answers.iter().any(|(machine, said)| machine == owner && said.is_some());
    ear.is_some() || (!before.heard && before.owners.iter().all(spoke))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(machine: &str, holds: Option<&[&str]>) -> (String, Option<Listing>) {
        let listing = |held: &[&str]| {
            let lines: Vec<String> = held.iter().map(|address| format!("address eth0 {address}")).collect();
            Listing::read(&lines.join("\n"))
        };
        (machine.to_owned(), holds.map(listing))
    }

    fn ear(macs: &[&str]) -> Ear {
        Ear { witness: "b".into(), macs: macs.iter().map(|mac| (*mac).to_owned()).collect() }
    }

    fn macs() -> BTreeMap<String, String> {
        [("aa", "a"), ("ab", "a"), ("cc", "cedar"), ("bb", "b")].map(|(mac, name)| (mac.into(), name.into())).into()
    }

    const IT: &str = "10.0.0.100";

    #[test]
    fn whoever_holds_it_is_named_and_silence_is_not_nobody() {
        let answers = [
            said("a", Some(&["127.0.0.1/8", "10.0.0.1/24", "10.0.0.100/32"])),
            said("b", Some(&["10.0.0.2/24", "10.0.0.10/32"])),
        ];
        let at = Timestamp::UNIX_EPOCH;
        assert_eq!(of(IT, &answers, None, at).held_by, ["a"]);
        let nobody = of("10.0.0.200", &answers, None, at);
        assert_eq!((nobody.held_by.len(), nobody.seen), (0, Some(at)));
        let silent = [answers[1].clone(), said("c", None)];
        assert_eq!(of(IT, &silent, None, at).seen, None);
        let both = [answers[0].clone(), said("b", Some(&["10.0.0.100"]))];
        assert_eq!(of(IT, &both, None, at).held_by, ["a", "b"]);
        let stranger = contest(IT, &["a"], &answers, Some(&ear(&["aa", "ff"])), &macs());
        assert_eq!(of(IT, &answers, stranger.as_ref(), at).held_by, ["a", "ff"]);
    }

    #[test]
    fn two_owners_are_named_with_what_they_answered() {
        let answers = [said("a", None), said("b", Some(&[])), said("cedar", Some(&["10.0.0.100"]))];
        let one = contest(IT, &["a", "cedar"], &answers, Some(&ear(&["cc"])), &macs());
        assert_eq!(one, None);
        let two = contest(IT, &["a", "cedar"], &answers, Some(&ear(&["aa", "cc"])), &macs()).unwrap();
        assert_eq!(two.why, "10.0.0.100 has 2 owners: a (aa) and cedar (cc), as b hears it");
        assert!(two.freezes);
        let stranger = contest(IT, &["a", "cedar"], &answers, Some(&ear(&["cc", "ff"])), &macs()).unwrap();
        assert!(stranger.why.contains("cedar (cc) and ff (no machine of this pool)"), "{}", stranger.why);
        let unheard = [said("a", Some(&["10.0.0.100"])), said("cedar", Some(&["10.0.0.100"]))];
        let unheard = contest(IT, &["a", "cedar"], &unheard, None, &macs()).unwrap();
        assert!(unheard.freezes && unheard.why.ends_with("cedar (by its own word)"), "{}", unheard.why);
    }

    #[test]
    fn a_name_that_leads_to_the_spare_is_not_a_second_owner() {
        let it = Listing::read("address eth0 10.0.0.100/32\nmac cc:00:00:00:00:01\n");
        let mut answers =
            [("a".to_owned(), Some(it.clone())), said("b", Some(&["10.0.0.2"])), ("cedar".to_owned(), Some(it))];
        each_once(&mut answers);
        assert_eq!(answers[0], ("a".to_owned(), None));
        assert!(answers[1].1.is_some() && answers[2].1.is_some());
        assert_eq!(contest(IT, &["a", "cedar"], &answers, None, &macs()), None);
    }

    #[test]
    fn a_machine_with_two_cards_is_one_owner() {
        let answers = [said("a", Some(&["10.0.0.100"])), said("b", Some(&[]))];
        assert_eq!(contest(IT, &["a"], &answers, Some(&ear(&["aa", "ab"])), &macs()), None);
    }

    #[test]
    fn an_owner_that_is_neither_the_host_nor_its_spare_is_told_and_freezes_nothing() {
        let answers = [said("a", None), said("b", Some(&[]))];
        let other = contest(IT, &["a", "cedar"], &answers, Some(&ear(&["bb"])), &macs()).unwrap();
        assert!(!other.freezes);
        assert_eq!(other.why, "10.0.0.100 is owned by b (bb), as b hears it, and should be by a or cedar");
        // Nobody is nobody: that is said elsewhere.
        assert_eq!(contest(IT, &["a"], &answers, Some(&ear(&[])), &macs()), None);
    }

    #[test]
    fn what_was_heard_is_only_disproved_by_hearing() {
        let answers = [said("a", None), said("cedar", Some(&["10.0.0.100"]))];
        let heard = contest(IT, &["cedar"], &answers, Some(&ear(&["cc", "aa"])), &macs()).unwrap();
        assert!(!over(&heard, &answers, None) && over(&heard, &answers, Some(&ear(&["cc"]))));
        let both = [said("a", Some(&["10.0.0.100"])), said("cedar", Some(&["10.0.0.100"]))];
        let told = contest(IT, &["cedar"], &both, None, &macs()).unwrap();
        assert!(!over(&told, &answers, None), "a says nothing now");
        let spoke = [said("a", Some(&[])), said("cedar", Some(&["10.0.0.100"]))];
        assert!(over(&told, &spoke, None));
    }
}
