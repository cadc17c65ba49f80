//! ping: one ICMP echo to each address of the host; the first answer counts.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::Answer;
use super::icmp::{PingError, Pinger};
use crate::reach::dial;

pub(super) async fn ask(pinger: &Pinger, address: &str, timeout: Duration) -> Answer {
    let asking = async {
        let addresses = match dial::resolve(address, 0).await {
            Ok(addresses) => addresses,
            Err(error) => return error.into(),
        };
        let mut asked: FuturesUnordered<_> = addresses.iter().map(|to| pinger.ping(to.ip(), timeout)).collect();
        let mut answer = Answer::late(timeout);
        while let Some(ended) = asked.next().await {
            answer = match ended {
                Ok(()) => return Answer::pass(),
                Err(PingError::NoAnswer) => Answer::late(timeout),
                Err(PingError::NoWay(why)) => Answer::unknown(why),
                Err(PingError::Refused(why)) => Answer::silent(why),
            };
        }
        answer
    };
    super::within(timeout, asking).await
}
