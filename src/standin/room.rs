//! Room on the disks of a spare: a machine whose disk is full cannot stand in. Pure.

use crate::reach::plain;

/// Asks for the disks that every service needs.
pub const SCRIPT: &str = "df -Pk / \"${HOME:-/}\" 2>/dev/null; exit 0";

/// Less than this is as good as full, bytes.
const LEAST: u64 = 256 << 20;

/// The least free room of what was asked, bytes, and what makes the spare not ready. What cannot be read is neither.
pub fn judge(said: &str) -> (Option<u64>, Vec<String>) {
    // POSIX: Filesystem 1024-blocks Used Available Capacity Mounted on.
    let disk = |line: &str| {
        let mut words = line.split_whitespace().skip(3);
        let free = words.next()?.parse::<u64>().ok()?.checked_mul(1024)?;
        let mount = plain::one_line(&words.skip(1).collect::<Vec<_>>().join(" "));
        Some((free, mount))
    };
    let mut disks: Vec<(u64, String)> = said.lines().filter_map(disk).collect();
    disks.sort();
    disks.dedup();
    let full = disks.iter().filter(|(free, _)| *free < LEAST);
    let unready = full.map(|(free, mount)| format!("only {} free on {mount}", plain::size(*free))).collect();
    (disks.first().map(|(free, _)| *free), unready)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_is_nearly_full_is_named_once() {
        let head = "Filesystem     1024-blocks     Used Available Capacity Mounted on\n";
        let full = "/dev/sda1         20511312 20000000     10240      99% /\n";
        let roomy = "//nas/home dir   961301832 30000000 412000000       8% /home of all\n";
        let (free, unready) = judge(&format!("{head}{full}{roomy}{full}"));
        assert_eq!(free, Some(10_240 * 1024));
        assert_eq!(unready, ["only 10.5 MB free on /"]);
        assert_eq!(judge(&format!("{head}/dev/sda1 20511312 1 412000000 8% /\n")), (Some(412_000_000 * 1024), vec![]));
    }

    #[test]
    fn the_name_of_a_mount_moves_no_terminal() {
        let (_, unready) = judge("/dev/sda1 20511312 1 1024 99% /media/\u{1b}[2J\n");
        assert!(unready.iter().all(|line| line.chars().all(plain::is_plain)), "{unready:?}");
    }

    #[test]
    fn what_cannot_be_read_is_neither_room_nor_the_lack_of_it() {
        assert_eq!(judge(""), (None, vec![]));
        assert_eq!(judge("df: /: Input/output error\n- - - - - -\n"), (None, vec![]));
    }

    #[test]
    fn the_script_says_what_is_read() {
        let output = std::process::Command::new("sh").args(["-c", SCRIPT]).output().unwrap();
        let (free, _) = judge(&String::from_utf8_lossy(&output.stdout));
        assert!(free.is_some_and(|free| free > 0), "{output:?}");
    }
}
