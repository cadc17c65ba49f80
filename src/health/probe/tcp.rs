//! tcp: a connection is accepted.

use super::Answer;
use crate::reach::dial;

pub(super) async fn ask(address: &str, port: u16) -> Answer {
    match dial::connect(address, port).await {
        Ok(_accepted) => Answer::pass(),
        Err(error) => error.into(),
    }
}
