//! Names and words that are not there: which one was meant, and which there are.

/// A written word is compared with so many known ones, so that a file of many thousands of names is told soon too.
const MOST_COMPARED: usize = 5000;
/// So many names stand in a hint.
const MOST_NAMED: usize = 10;

/// That there is no such dump, feed or store, and what there is instead; `table` is where the fleet file declares them.
pub(crate) fn absent(what: &str, name: &str, known: &[&str], table: &str) -> String {
    let names = || known.iter().copied();
    match nearest(name, names()) {
        Some(near) => format!("there is no {what} `{name}`; did you mean `{near}`?"),
        None if known.is_empty() => format!("there is no {what} `{name}`: the fleet file declares no {table}"),
        None => format!("there is no {what} `{name}`; there are: {}", some(names())),
    }
}

/// What to do about a name that is not there: the one that is meant, or those that there are; `none`: there are none.
pub(crate) fn instead(name: &str, known: &[&str], none: &str) -> String {
    let names = || known.iter().copied();
    match nearest(name, names()) {
        Some(near) => format!("did you mean {near}?"),
        None if known.is_empty() => none.to_owned(),
        None => format!("there are: {}", some(names())),
    }
}

/// So many names, and how many more there are, for a hint.
pub(crate) fn some<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut names = names.into_iter();
    let first: Vec<&str> = names.by_ref().take(MOST_NAMED).collect();
    match names.count() {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

/// The known word that is nearestto what was written, if any is near enough to be what was meant.
pub(crate) fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Nobody mistypes a word of a hundred characters; comparing one would only take time.
    if written.len() > 100 {
        return None;
    }
    let lower = written.to_lowercase().replace('_', "-");
    known
        .into_iter()
        .take(MOST_COMPARED)
        .filter(|word| word.len().abs_diff(written.len()) <= 4)
        .map(|word| (strsim::damerau_levenshtein(&lower, &word.to_lowercase().replace('_', "-")), word))
        .filter(|(distance, word)| *distance <= word.chars().count().max(written.chars().count()).div_ceil(3).min(4))
        .filter(|(_, word)| *word != written)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_near_words_are_suggested() {
        let known = ["address", "ssh", "service", "checks", "down_after"];
        assert_eq!(nearest("adress", known), Some("address"));
        assert_eq!(nearest("down-after", known), Some("down_after"));
        assert_eq!(nearest("SSH", known), Some("ssh"));
        assert_eq!(nearest("colour", known), None);
        assert_eq!(nearest("", known), None);
        assert_eq!(nearest(&"a".repeat(5000), known), None);
    }

    #[test]
    fn a_hint_names_some() {
        assert_eq!(some(["a", "b"]), "a, b");
        let names: Vec<String> = (0..13).map(|at| at.to_string()).collect();
        assert_eq!(some(names.iter().map(String::as_str)), "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 3 more");
    }

    #[test]
    fn who_asks_for_what_is_not_there_is_told_what_is() {
        let absent = |name, known| absent("dump", name, known, "[dumps.*]");
        assert_eq!(absent("nihgtly", &["nightly", "hourly"]), "there is no dump `nihgtly`; did you mean `nightly`?");
        assert_eq!(absent("x", &["nightly", "hourly"]), "there is no dump `x`; there are: nightly, hourly");
        assert_eq!(absent("x", &[]), "there is no dump `x`: the fleet file declares no [dumps.*]");
        assert_eq!(instead("upp", &["up"], "write one"), "did you mean up?");
        assert_eq!(
            (instead("x", &["up"], "write one"), instead("x", &[], "write one")),
            ("there are: up".into(), "write one".into())
        );
    }
}
