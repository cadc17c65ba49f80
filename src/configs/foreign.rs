//! What `fetch.sh` prints of the files of a host.

use super::{compare, fetch};
use crate::foreign::assert_plain;
use crate::reach::ssh::Output;

/// What is kept of it is no more than what came, and lies where nothing else does.
pub(crate) fn fetched(bytes: &[u8]) {
    let output = Output { status: 0, stdout: bytes.to_vec(), stderr: Vec::new() };
    match fetch::read(&output) {
        Ok(fetched) => {
            assert!(fetched.files.values().map(|file| file.bytes.len()).sum::<usize>() <= bytes.len());
            let mut before: &[u8] = b"";
            for file in fetched.files.values() {
                let _differ = compare::lines(before, &file.bytes);
                before = &file.bytes;
            }
            for path in fetched.files.keys() {
                super::shelf::assert_safe("host", path);
            }
        }
        Err(why) => assert_plain(&why),
    }
}
