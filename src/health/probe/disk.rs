//! disk: free space below a path, by `df` on the host.

use super::{Answer, Shell, command};
use crate::fleet::units::Room;
use crate::reach::quote;

pub(super) async fn ask(shell: Shell<'_>, path: &str, min_free: Room) -> Answer {
    let output = match shell.run(format!("LC_ALL=C df -P -k -- {}", quote::path(path))).await {
        Ok(output) => output,
        Err(answer) => return answer,
    };
    match (output.status, read(&output.text())) {
        (126 | 127, _) => Answer::unknown(command::said(&output)),
        (0, Some(space)) => judge(space, min_free),
        (0, None) => Answer::unknown("the answer of df cannot be read"),
        _ => Answer::wrong(command::said(&output)),
    }
}

/// Bytes that are used and that may still be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Space {
    used: u64,
    free: u64,
}

/// Reads the last line of `df -P -k`: device, blocks, used, available, capacity, mount point. Device and mount point may
/// hold spaces; the capacity with its `%` is the landmark.
pub(super) fn read(text: &str) -> Option<Space> {
    let words: Vec<&str> = text.lines().rev().find(|line| !line.trim().is_empty())?.split_whitespace().collect();
    let capacity = words.windows(2).rposition(|pair| {
        pair[1].starts_with('/') && pair[0].strip_suffix('%').is_some_and(|share| share.parse::<u64>().is_ok())
    })?;
    let kilobytes = |back: usize| words.get(capacity.checked_sub(back)?)?.parse::<u64>().ok()?.checked_mul(1024);
    Some(Space { free: kilobytes(1)?, used: kilobytes(2)? })
}

pub(super) fn judge(space: Space, min_free: Room) -> Answer {
    // The share that df itself prints: what is reserved for root counts neither as used nor as free.
    let whole = u128::from(space.used) + u128::from(space.free);
    match min_free {
        Room::Bytes(least) if space.free < least => {
            Answer::wrong(format!("{} free, at least {} wanted", size(space.free), size(least)))
        }
        Room::Percent(least) => {
            let share = u32::try_from(u128::from(space.free) * 10_000 / whole.max(1)).unwrap_or(u32::MAX);
            let percent = f64::from(share) / 100.0;
            if percent < least {
                Answer::wrong(format!("{percent:.0} % free, at least {least} % wanted"))
            } else {
                Answer::pass()
            }
        }
        Room::Bytes(_) => Answer::pass(),
    }
}

fn size(bytes: u64) -> String {
    let units = [("TiB", 1_u64 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    let (unit, scale) = units.into_iter().find(|(_unit, scale)| bytes >= *scale).unwrap_or(("B", 1));
    let tenths = u128::from(bytes) * 10 / u128::from(scale);
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "Filesystem     1024-blocks      Used Available Capacity Mounted on\n";

    #[test]
    fn df_is_read_whatever_the_names_hold() {
        let line = |text: &str| read(&format!("{HEAD}{text}\n"));
        let space = Some(Space { used: 940 << 10, free: 60 << 10 });
        assert_eq!(line("/dev/sda1 1050 940 60 94% /data"), space);
        assert_eq!(line("//nas/my share 1050 940 60 94% /mnt/my 7% disk"), space);
        assert_eq!(line("garbage"), None);
        assert_eq!(line("x 99999999999999999999999 1 99999999999999999999999 1% /"), None);
        assert_eq!(read(""), None);
    }

    #[test]
    fn shares_and_sizes() {
        let space = Space { used: 94 << 30, free: 6 << 30 };
        assert_eq!(judge(space, Room::Percent(10.0)), Answer::wrong("6 % free, at least 10 % wanted"));
        assert_eq!(judge(space, Room::Percent(6.0)), Answer::pass());
        assert_eq!(judge(space, Room::Bytes(7 << 30)), Answer::wrong("6.0 GiB free, at least 7.0 GiB wanted"));
        assert_eq!(judge(space, Room::Bytes(6 << 30)), Answer::pass());
        assert_eq!(
            judge(Space { used: 0, free: 0 }, Room::Percent(1.0)).reason.as_deref(),
            Some("0 % free, at least 1 % wanted")
        );
    }

    proptest::proptest! {
        #[test]
        fn no_answer_of_a_host_makes_it_panic(text in ".*", used: u64, free: u64) {
            let _read = read(&text);
            let _judged = judge(Space { used, free }, Room::Percent(5.0));
        }
    }
}
