use std::convert::Infallible;
use std::sync::Mutex;

use bytes::Bytes;
use http_body_util::Full;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::json;

use super::*;
use crate::clock::Timestamp;
use crate::fleet::secret::{Secret, SecretSource};
use crate::reach::http::HttpClient;
use crate::reach::secret::Secrets;

/// A people-count server.
#[derive(Default)]
struct Site {
    /// Time, camera, count.
    rows: Mutex<Vec<(String, String, i64)>>,
    /// Whether a time before the first row is answered with 204.
    strict: bool,
    /// Whether times are written as Flask writes those of MySQL.
    flask: bool,
    asked: Mutex<Vec<String>>,
    /// Answered instead.
    wrong: Mutex<Option<(u16, &'static str)>>,
}

impl Site {
    fn add(&self, time: &str, camera: &str, count: i64) {
        self.rows.lock().unwrap().push((time.to_owned(), camera.to_owned(), count));
    }

    fn answer(&self, request: &Request<hyper::body::Incoming>) -> (u16, String) {
        if request.headers().get("authorization").is_none_or(|token| token != "Bearer t0ken") {
            return (401, "Unauthorized".into());
        }
        if let Some((status, text)) = *self.wrong.lock().unwrap() {
            return (status, text.into());
        }
        let uri = request.uri();
        self.asked.lock().unwrap().push(uri.to_string());
        let mut rows = self.rows.lock().unwrap().clone();
        rows.sort();
        if uri.path() == "/get_last_result" {
            let row = |(time, camera, count): &(String, String, i64)| json!({"timestamp": time, "in_count": count, "out_count": 0, "region_count": null, "camera_name": camera});
            let newest: Vec<_> = rows.iter().rev().take(5).map(row).collect();
            if newest.is_empty() {
                return (404, json!({"error": "No results found"}).to_string());
            }
            return (200, json!(newest).to_string());
        }
        let pairs: HashMap<String, String> =
            url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
        let (from, until) = (&pairs["start_time"], &pairs["end_time"]);
        let (first, last) = (rows[0].0.clone(), rows[rows.len() - 1].0.clone());
        if self.strict && (*from < first || *until > last) {
            return (204, String::new());
        }
        let written = |time: &str| {
            if self.flask {
                read::time(time).unwrap().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
            } else {
                time.to_owned()
            }
        };
        let row = |(time, camera, count): &(String, String, i64)| json!({"id": 1, "timestamp": written(time), "in": count, "out": 0, "camera_id": camera});
        let found: Vec<_> = rows.iter().filter(|(time, ..)| time >= from && time <= until).map(row).collect();
        (200, json!({"message": "Counting results retrieved successfully.", "data": found}).to_string())
    }

    async fn serve(self) -> (Arc<Self>, HttpSource, Clock) {
        let site = Arc::new(self);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/counting-results", listener.local_addr().unwrap());
        let shared = site.clone();
        tokio::spawn(async move {
            while let Ok((stream, _peer)) = listener.accept().await {
                let site = shared.clone();
                let service = service_fn(move |request| {
                    let (status, body) = site.answer(&request);
                    let response = Response::builder().status(status).body(Full::new(Bytes::from(body))).unwrap();
                    std::future::ready(Ok::<_, Infallible>(response))
                });
                let connection =
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                tokio::spawn(async move { drop(connection.await) });
            }
        });
        let clock = Clock::held(Timestamp::UNIX_EPOCH);
        let source = HttpSource::new(server(url, "t0ken", &clock), Duration::from_hours(1), clock.clone());
        (site, source, clock)
    }
}

fn server(url: String, token: &str, clock: &Clock) -> Server {
    let (token, secrets) = (SecretSource::Inline(Secret::new(token)), Secrets::new(clock.clone()));
    Server { host: "studio-1".into(), url, token, secrets, http: HttpClient::new() }
}

fn ask(after: Option<&str>, limit: u32) -> Ask {
    Ask {
        table: "traffic".into(),
        cursor: None,
        columns: ["timestamp", "in_count", "camera_name"].map(str::to_owned).into(),
        after: after.map(|text| Place::Text(text.into())),
        again: true,
        limit,
        changes: None,
        group: Some(("camera_name".into(), Some("timestamp".into()))),
        time: Some("timestamp".into()),
    }
}

/// Carries what there is, as a pump does; returns what was carried.
async fn carry(source: &mut HttpSource, mark: &mut Option<String>, limit: u32) -> Vec<Row> {
    let mut carried = Vec::new();
    for _round in 0..100 {
        let look = source.look(&[ask(mark.as_deref(), limit)]).await.unwrap().remove(0);
        source.carried("traffic", &look.rows);
        let Some(last) = look.rows.iter().map(|row| row.at.to_string()).max() else { return carried };
        *mark = Some(mark.take().map_or(last.clone(), |known| known.max(last)));
        carried.extend(look.rows);
    }
    panic!("it does not end");
}

#[rstest::rstest]
#[tokio::test]
async fn every_row_comes_once_from_any_release(
    #[values(false, true)] strict: bool,
    #[values(false, true)] flask: bool,
) {
    let (site, mut source, clock) = Site { strict, flask, ..Site::default() }.serve().await;
    let empty = source.look(&[ask(None, 10)]).await.unwrap().remove(0);
    assert_eq!((empty.span, empty.waiting), (None, 0));
    for second in 0..500 {
        let time = format!("2026-11-2{} 08:{:02}:{:02}", second / 300, second % 300 / 60, second % 60);
        site.add(&time, if second % 2 == 0 { "east" } else { "west" }, second);
    }
    let mut mark = None;
    let rows = carry(&mut source, &mut mark, 70).await;
    let mut counts: Vec<i64> =
        rows.iter().map(|row| if let Value::Int(count) = row.values[1] { count } else { -1 }).collect();
    counts.sort_unstable();
    assert_eq!(counts, (0..500).collect::<Vec<_>>(), "each once");
    assert_eq!(mark.as_deref(), Some("2026-11-21 08:03:19"));
    // A late row, within the window; another camera at the time of the mark; a row that was corrected.
    site.add("2026-11-21 07:30:00", "north", 1000);
    site.add("2026-11-21 08:03:19", "north", 1001);
    site.rows.lock().unwrap()[499].2 = 1002;
    site.add("2026-11-21 08:03:29", "east", 1003);
    clock.advance(Duration::from_mins(1));
    let look = source.look(&[ask(mark.as_deref(), 70)]).await.unwrap().remove(0);
    assert_eq!((look.waiting, look.counted, look.groups["north"].waiting), (4, true, 2));
    assert_eq!(look.times.unwrap().waiting, Some("2026-11-21 07:30:00".into()));
    let late = carry(&mut source, &mut mark, 70).await;
    assert_eq!(
        late.iter().map(|row| row.values[1].clone()).collect::<Vec<_>>(),
        [1000, 1001, 1002, 1003].map(Value::Int)
    );
    assert!(carry(&mut source, &mut mark, 70).await.is_empty());
    let shape = source.shape("traffic", None).await.unwrap();
    let names: Vec<&str> = shape.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!((names, shape.unique), (vec!["camera_name", "in_count", "out_count", "timestamp"], false));
}

#[tokio::test]
async fn what_retention_deletes_moves_the_beginning() {
    let (site, mut source, _clock) = Site { strict: true, ..Site::default() }.serve().await;
    (0..60).for_each(|second| site.add(&format!("2026-11-21 08:00:{second:02}"), "east", second));
    let mut mark = None;
    assert_eq!(carry(&mut source, &mut mark, 1000).await.len(), 60);
    site.rows.lock().unwrap().drain(..50);
    site.add("2026-11-21 08:01:00", "east", 60);
    assert_eq!(carry(&mut source, &mut mark, 1000).await.len(), 1);
    assert_eq!(source.earliest, read::time("2026-11-21 08:00:50"));
}

#[tokio::test]
async fn more_than_is_read_at_once_is_asked_for_in_parts() {
    let (site, mut source, _clock) = Site::default().serve().await;
    let long = "x".repeat(100_000);
    (0..200)
        .for_each(|minute| site.add(&format!("2026-11-21 {:02}:{:02}:00", minute / 60, minute % 60), &long, minute));
    assert_eq!(carry(&mut source, &mut None, 1000).await.len(), 200);
}

#[tokio::test]
async fn what_is_wrong_is_told_apart() {
    let (site, mut source, clock) = Site::default().serve().await;
    site.add("2026-11-21 08:00:00", "east", 1);
    let mut said = async |wrong| {
        *site.wrong.lock().unwrap() = Some(wrong);
        source.look(&[ask(None, 1)]).await.unwrap_err()
    };
    let error = said((404, "<html>Not Found</html>")).await;
    assert!(matches!(&error, SourceError::Refused(why) if why.contains("/get_last_result is not there")), "{error}");
    let error = said((500, r#"{"error": "Database error", "message": "disk image is malformed"}"#)).await;
    assert!(matches!(&error, SourceError::Away(why) if why.contains("500 disk image is malformed")), "{error}");
    let error = said((200, "<html>a router</html>")).await;
    assert!(
        matches!(&error, SourceError::Refused(why) if why.contains("not the answer of a people-count server")),
        "{error}"
    );
    let mut wanted = ask(None, 1);
    wanted.cursor = Some("id".into());
    assert!(matches!(source.look(&[wanted]).await, Err(SourceError::Refused(why)) if why.contains("only knows times")));
    *site.wrong.lock().unwrap() = None;
    let mut stranger =
        HttpSource::new(server(source.client.url().unwrap().into(), "wr0ng", &clock), Duration::ZERO, clock.clone());
    let error = stranger.look(&[ask(None, 1)]).await.unwrap_err();
    assert!(
        matches!(&error, SourceError::Refused(why) if why.contains("the token is refused") && !why.contains("wr0ng")),
        "{error}"
    );
    let mut nobody =
        HttpSource::new(server("http://127.0.0.1:1/counting-results".into(), "t", &clock), Duration::ZERO, clock);
    assert!(matches!(nobody.look(&[ask(None, 1)]).await, Err(SourceError::Away(why)) if why.contains("refused")));
}
