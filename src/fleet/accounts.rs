//! The accounts of this machine, as its name service knows them: users, groups, and who is in which.

use std::path::Path;
use std::time::Duration;

use nix::unistd::{Gid, Group, Uid, User};

use super::disk;

/// A name service may sit behind a network.
const PATIENCE: Duration = Duration::from_secs(5);

/// The number of a group that is written as a name or a number. `None`: there is no such group. The error says why nobody
/// knows. A number needs no name on this machine: it is what the kernel goes by.
pub fn group(written: &str) -> Result<Option<u32>, String> {
    if let Ok(number) = written.parse() {
        return Ok(Some(number));
    }
    let name = written.to_owned();
    ask(&format!("group {written}"), move || {
        Group::from_name(&name).map(|found| found.map(|group| group.gid.as_raw())).map_err(|errno| errno.to_string())
    })
}

/// The name of a user, where the machine knows one.
pub fn user(uid: u32) -> Option<String> {
    ask(&format!("user {uid}"), move || {
        let found = User::from_uid(Uid::from_raw(uid)).map_err(|errno| errno.to_string())?;
        Ok(found.map(|user| user.name))
    })
    .ok()
    .flatten()
}

/// The groups that a user is in by the accounts of this machine; of one that it does not know, none.
pub fn groups_of(uid: u32) -> Result<Vec<u32>, String> {
    ask(&format!("groups of user {uid}"), move || {
        let found = User::from_uid(Uid::from_raw(uid)).map_err(|errno| errno.to_string())?;
        found.map_or(Ok(Vec::new()), |user| memberships(&user))
    })
}

#[cfg(not(target_vendor = "apple"))]
fn memberships(user: &User) -> Result<Vec<u32>, String> {
    let name = std::ffi::CString::new(user.name.as_str()).map_err(|error| error.to_string())?;
    let all = nix::unistd::getgrouplist(&name, user.gid).map_err(|errno| errno.to_string())?;
    Ok(all.into_iter().map(Gid::as_raw).collect())
}

/// Apple's list of a user's groups is not to be had without unsafe code: `id` prints it.
#[cfg(target_vendor = "apple")]
fn memberships(user: &User) -> Result<Vec<u32>, String> {
    let printed = std::process::Command::new("id").args(["-G", &user.name]).output();
    let printed = printed.map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&printed.stdout);
    let numbers = text.split_whitespace().filter_map(|word| word.parse().ok());
    Ok(std::iter::once(Gid::as_raw(user.gid)).chain(numbers).collect())
}

/// Asks from a thread that can be left behind, as a disk is asked.
fn ask<T: Send + 'static>(
    subject: &str,
    question: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    disk::ask(Path::new(subject), PATIENCE, |_subject| question())
        .unwrap_or_else(|| Err(format!("the name service did not answer in {} s", PATIENCE.as_secs())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_found_by_name_and_by_number() {
        let root = if cfg!(target_vendor = "apple") { "wheel" } else { "root" };
        assert_eq!(group(root), Ok(Some(0)));
        assert_eq!(group("54321"), Ok(Some(54321)));
        assert_eq!(group("no-such-group-here"), Ok(None));
    }

    #[test]
    fn a_user_is_in_its_groups_and_nobody_is_in_none() {
        assert_eq!(user(0).as_deref(), Some("root"));
        assert!(groups_of(0).unwrap().contains(&0));
        assert_eq!(user(4_000_000_000), None);
        assert_eq!(groups_of(4_000_000_000), Ok(Vec::new()));
    }
}
