//! rtsp: `OPTIONS` is answered, with the number of the question (RFC 2326, sections 10.1 and 12.17).

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Answer, QUOTED};
use crate::reach::{dial, plain};

/// Longest head of an answer, bytes.
const LONGEST: usize = 16 * 1024;

pub(super) async fn ask(address: &str, port: u16) -> Answer {
    let mut stream = match dial::connect(address, port).await {
        Ok(stream) => stream,
        Err(error) => return error.into(),
    };
    let host = if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
    let question = format!("OPTIONS rtsp://{host}:{port}/ RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: hotspare\r\n\r\n");
    if let Err(error) = stream.write_all(question.as_bytes()).await {
        return Answer::silent(dial::broken(&error));
    }
    let mut head = Vec::new();
    let mut chunk = [0_u8; 2048];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut chunk).await {
            Ok(0) if head.is_empty() => return Answer::silent("the host closed the connection"),
            Ok(0) => return Answer::wrong("the answer breaks off"),
            Ok(count) => head.extend_from_slice(chunk.get(..count).unwrap_or_default()),
            Err(error) => return Answer::silent(dial::broken(&error)),
        }
        if head.len() > LONGEST {
            return Answer::wrong("the answer has no end");
        }
    }
    judge(&String::from_utf8_lossy(&head))
}

/// 401 is an answer too: the server lives and wants a login for more.
pub(super) fn judge(head: &str) -> Answer {
    let mut lines = head.lines();
    let first = lines.next().unwrap_or_default();
    let mut words = first.split_whitespace();
    if !words.next().is_some_and(|version| version.starts_with("RTSP/")) {
        return Answer::wrong(format!("the answer is not RTSP: {}", plain::line(first, QUOTED)));
    }
    match words.next().and_then(|status| status.parse::<u16>().ok()) {
        Some(200..=299 | 401) => {}
        Some(status) => return Answer::wrong(format!("status {status}, expected 200")),
        None => return Answer::wrong("the answer has no status"),
    }
    let numbered = lines
        .filter_map(|line| line.split_once(':'))
        .any(|(name, value)| name.trim().eq_ignore_ascii_case("cseq") && value.trim() == "1");
    if numbered { Answer::pass() } else { Answer::wrong("the answer does not belong to the question (CSeq)") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::observation::Outcome;

    #[rstest::rstest]
    #[case("RTSP/1.0 200 OK\r\nCSeq: 1\r\nPublic: DESCRIBE\r\n\r\n", Outcome::Pass)]
    #[case("RTSP/1.0 401 Unauthorized\r\ncseq:1\r\n\r\n", Outcome::Pass)]
    #[case("RTSP/1.0 503 Service Unavailable\r\nCSeq: 1\r\n\r\n", Outcome::Fail)]
    #[case("RTSP/1.0 200 OK\r\nCSeq: 7\r\n\r\n", Outcome::Fail)]
    #[case("HTTP/1.1 200 OK\r\nCSeq: 1\r\n\r\n", Outcome::Fail)]
    #[case("RTSP/1.0\r\n\r\n", Outcome::Fail)]
    #[case("", Outcome::Fail)]
    fn answers(#[case] head: &str, #[case] outcome: Outcome) {
        assert_eq!(judge(head).outcome, outcome);
    }
}
