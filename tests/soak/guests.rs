//! Guests of all manners: they join and leave, never read, never speak, or speak nonsense.

use std::time::Duration;

use fastrand::Rng;
use hotspare::engine::guest::Guest;
use hotspare::engine::socket;
use hotspare::engine::wire::Hello;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::task::JoinSet;

use crate::house::House;

/// So many at once.
const AT_ONCE: usize = 6;

/// Lets guests in and out. Ends never.
pub(crate) async fn come_and_go(house: &House, seed: u64) {
    let mut rng = Rng::with_seed(seed ^ 0x67_75_65_73);
    let mut here = JoinSet::new();
    loop {
        tokio::time::sleep(Duration::from_millis(rng.u64(50..800))).await;
        while here.len() >= AT_ONCE {
            here.join_next().await;
        }
        let (path, stays) = (house.socket(), Duration::from_millis(rng.u64(10..3_000)));
        match rng.u8(..10) {
            0 => here.spawn(async move {
                // Longer than an engine waits for somebody who takes nothing.
                let Ok(mut stream) = UnixStream::connect(&path).await else { return };
                let hello = serde_json::to_vec(&Hello::new("console", false)).unwrap();
                let length = u32::try_from(hello.len()).unwrap().to_be_bytes();
                let _gone = stream.write_all(&[&length[..], &hello].concat()).await;
                tokio::time::sleep(Duration::from_secs(15)).await;
            }),
            1 => here.spawn(async move {
                let Ok(mut stream) = UnixStream::connect(&path).await else { return };
                let _gone = stream.write_all(&[0xff; 300]).await;
                tokio::time::sleep(stays).await;
            }),
            2 => here.spawn(async move {
                let _silent = UnixStream::connect(&path).await;
                tokio::time::sleep(stays * 2).await;
            }),
            _ => here.spawn(async move {
                let joined = socket::join(&path, Guest::console(true), None).await;
                tokio::time::sleep(stays).await;
                drop(joined);
            }),
        };
    }
}
