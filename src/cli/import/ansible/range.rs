//! `web[01:12].example.com` and `db-[a:f]`, as inventories write many hosts at once.

use crate::reach::plain;

/// More hosts than this are a slip of the hand.
const MOST: usize = 10_000;
/// So many ranges in one pattern are one as well.
const RANGES: usize = 8;
/// No number of a host has more digits.
const DIGITS: usize = 19;

/// Every host that a pattern stands for; the error says what is wrong with it.
pub(super) fn hosts(pattern: &str) -> Result<Vec<String>, String> {
    if pattern.matches('[').count() > RANGES {
        return Err(format!("`{}` has more than {RANGES} ranges", plain::line(pattern, 60)));
    }
    let Some((before, rest)) = pattern.split_once('[') else { return Ok(vec![pattern.to_owned()]) };
    let Some((inside, after)) = rest.split_once(']') else {
        return Err(format!("`{pattern}` has a `[` without its `]`"));
    };
    let middles =
        middles(inside).ok_or_else(|| format!("`[{inside}]` is no range such as [01:12], [0:8:2] or [a:f]"))?;
    let afters = hosts(after)?;
    if middles.len().saturating_mul(afters.len()) > MOST {
        return Err(format!("`{pattern}` stands for more than {MOST} hosts"));
    }
    let pairs = middles.iter().flat_map(|middle| afters.iter().map(move |after| (middle, after)));
    Ok(pairs.map(|(middle, after)| format!("{before}{middle}{after}")).collect())
}

fn middles(inside: &str) -> Option<Vec<String>> {
    let parts: Vec<&str> = inside.split(':').collect();
    let (from, to, step) = match parts.as_slice() {
        [from, to] => (*from, *to, 1),
        [from, to, step] => (*from, *to, step.parse::<usize>().ok().filter(|step| *step > 0)?),
        _ => return None,
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let numbers = (digits(from) || from.is_empty()) && digits(to);
    if numbers && from.len().max(to.len()) > DIGITS {
        return None;
    }
    if numbers {
        let width = if from.starts_with('0') { from.len() } else { 0 };
        let first: usize = if from.is_empty() { 0 } else { from.parse().ok()? };
        let last: usize = to.parse().ok()?;
        let all = (first..=last).step_by(step).take(MOST + 1);
        return Some(all.map(|number| format!("{number:0width$}")).collect())
            .filter(|all: &Vec<String>| !all.is_empty());
    }
    let letter = |text: &str| text.chars().next().filter(|c| text.len() == 1 && c.is_ascii_alphabetic());
    let all: Vec<String> = (letter(from)?..=letter(to)?).step_by(step).map(String::from).collect();
    Some(all).filter(|all| !all.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_written_out() {
        let all = |pattern: &str| hosts(pattern).unwrap().join(" ");
        assert_eq!(all("web1"), "web1");
        assert_eq!(
            all("web[08:11].example.com"),
            "web08.example.com web09.example.com web10.example.com web11.example.com"
        );
        assert_eq!(all("db-[a:c]"), "db-a db-b db-c");
        assert_eq!(all("n[0:6:3]"), "n0 n3 n6");
        assert_eq!(all("[:1]x[8:9]"), "0x8 0x9 1x8 1x9");
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for wrong in ["a[1", "a[]", "a[1]", "a[5:1]", "a[c:a]", "a[1:2:0]", "a[1:c]", "a[1:999999]", "a[1:200][1:200]"]
        {
            assert!(hosts(wrong).is_err(), "{wrong}");
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_breaks_it(pattern in "[a-c0-9:\\[\\]]{0,24}") {
            let _read = hosts(&pattern);
        }
    }

    #[test]
    fn what_no_inventory_has_is_refused() {
        assert!(hosts(&"[a:b]".repeat(200_000)).unwrap_err().contains("more than 8 ranges"));
        assert!(hosts(&format!("h[{}1:2]", "0".repeat(70_000))).is_err());
        assert_eq!(hosts("h[08:10]").unwrap(), ["h08", "h09", "h10"]);
    }
}
