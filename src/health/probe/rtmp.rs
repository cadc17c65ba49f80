//! rtmp: a real handshake. C0 and C1 go out, S0 and S1 must come back whole (Adobe RTMP 1.0, section 5.2).

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::Answer;
use crate::reach::dial;

/// The only version there is.
const VERSION: u8 = 3;
/// Length of C1 and S1, bytes: time, zero, 1528 random ones.
const PACKET: usize = 1536;

pub(super) async fn ask(address: &str, port: u16) -> Answer {
    let mut stream = match dial::connect(address, port).await {
        Ok(stream) => stream,
        Err(error) => return error.into(),
    };
    let mut hello = [0_u8; 1 + PACKET];
    // Time and zero stay 0; a server echoes the random part in S2.
    for byte in &mut hello[9..] {
        *byte = fastrand::u8(..);
    }
    hello[0] = VERSION;
    if let Err(error) = stream.write_all(&hello).await {
        return Answer::silent(dial::broken(&error));
    }
    match stream.read_u8().await {
        Ok(VERSION) => {}
        Ok(other) => return Answer::wrong(format!("the answer is not RTMP (version {other})")),
        Err(error) => return Answer::silent(dial::broken(&error)),
    }
    let mut reply = [0_u8; PACKET];
    match stream.read_exact(&mut reply).await {
        Ok(_whole) => Answer::pass(),
        Err(error) => Answer::wrong(format!("the RTMP handshake broke off: {}", dial::broken(&error))),
    }
}
