use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// A server that answers one connection with `answer` and holds it open afterwards.
async fn server(answer: impl AsRef<[u8]> + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/path?q=1", listener.local_addr().expect("its address"));
    tokio::spawn(async move {
        let (mut stream, _peer) = listener.accept().await.expect("a client");
        let mut asked = [0_u8; 4096];
        let _asked = stream.read(&mut asked).await;
        let _sent = stream.write_all(answer.as_ref()).await;
        let _held = stream.read(&mut asked).await;
    });
    url
}

async fn get(url: String) -> Result<Response, HttpError> {
    HttpClient::new().send(&Request::get(url, Duration::from_secs(5))).await
}

#[tokio::test]
async fn an_answer_is_read_and_a_redirect_is_not_followed() {
    let url = server("HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 5\r\n\r\nhello").await;
    let response = get(url).await.expect("an answer");
    assert_eq!((response.status, response.body.as_slice()), (StatusCode::FOUND, b"hello".as_slice()));
}

#[tokio::test]
async fn a_body_is_cut_at_its_limit() {
    let mut answer = b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n".to_vec();
    answer.resize(400_000, b'x');
    let mut request = Request::get(server(answer).await, Duration::from_secs(5));
    request.limit = 100_000;
    let response = HttpClient::new().send(&request).await.expect("an answer");
    assert!(response.cut);
    assert_eq!(response.body.len(), 100_000);
}

#[tokio::test]
async fn what_is_no_answer_is_an_error() {
    let garbage = get(server("SSH-2.0-OpenSSH_9.2\r\n").await).await.expect_err("not HTTP");
    assert_eq!(garbage, HttpError::Broken("the answer is not HTTP".into()));
    let mut silent = Request::get(server("").await, Duration::from_millis(50));
    assert_eq!(HttpClient::new().send(&silent).await.expect_err("silence"), HttpError::Late(silent.timeout));
    silent.url = "ftp://x/".into();
    assert!(matches!(HttpClient::new().send(&silent).await, Err(HttpError::Malformed(_))));
}
