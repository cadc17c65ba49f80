//! A real Prometheus scrapes the page and answers every question of the dashboard.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use hotspare::clock::Clock;
use hotspare::reach::http::{HttpClient, Request};
use serde_json::Value;

use crate::support::{everything, free, page, saying, serving, shipped};

/// The longest that it is waited for.
const PATIENCE: Duration = Duration::from_secs(40);

struct Prometheus {
    child: Child,
    address: SocketAddr,
    http: HttpClient,
    _folder: tempfile::TempDir,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

impl Prometheus {
    fn start(target: SocketAddr) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let rules = shipped("alerts.yml").display().to_string();
        let config = format!(
            "global: {{ scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 1s }}\n\
             rule_files: [\"{rules}\"]\n\
             scrape_configs:\n  - job_name: hotspare\n    static_configs: [{{ targets: [\"{target}\"] }}]\n"
        );
        std::fs::write(folder.path().join("prometheus.yml"), config).unwrap();
        let address = free();
        let said = std::fs::File::create(folder.path().join("said")).unwrap();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", folder.path().join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(said)
            .spawn()
            .expect("prometheus: apt-get install --no-install-recommends prometheus");
        Self { child, address, http: HttpClient::new(), _folder: folder }
    }

    /// What it answers; `None`: it does not yet.
    async fn ask(&self, path: &str) -> Option<Value> {
        let request = Request::get(format!("http://{}{path}", self.address), Duration::from_secs(5));
        let answer = self.http.send(&request).await.ok()?;
        serde_json::from_slice(&answer.body).ok()
    }

    async fn query(&self, question: &str) -> Option<Value> {
        let encoded: String = url::form_urlencoded::byte_serialize(question.as_bytes()).collect();
        self.ask(&format!("/api/v1/query?query={encoded}")).await
    }

    /// Asks until the answer is as it should be.
    async fn until(&self, what: &str, question: &str, good: impl Fn(&Value) -> bool) {
        let mut last = Value::Null;
        let asking = async {
            loop {
                last = self.query(question).await.unwrap_or_default();
                if good(&last) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        };
        let ended = tokio::time::timeout(PATIENCE, asking).await;
        assert!(ended.is_ok(), "{what}: {question}: {last}");
    }
}

/// Every question of the dashboard, by the title of its panel.
fn questions() -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(shipped("grafana.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let mut all = BTreeMap::new();
    for panel in dashboard["panels"].as_array().unwrap().iter().filter(|panel| panel["type"] != "row") {
        for target in panel["targets"].as_array().unwrap() {
            let asked = target["expr"].as_str().unwrap();
            let asked = asked.replace("$instance", ".*").replace("$__rate_interval", "10s");
            assert!(!asked.contains('$'), "{asked}");
            all.insert(format!("{} {}", panel["title"], target["refId"]), asked);
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn it_scrapes_and_answers_every_question_of_the_dashboard() {
    let (target, server) = serving(saying(page(&everything())), Clock::real()).await;
    let prometheus = Prometheus::start(target);
    prometheus
        .until("it scrapes", "up{job=\"hotspare\"}", |answer| answer["data"]["result"][0]["value"][1] == "1")
        .await;
    let targets = prometheus.ask("/api/v1/targets").await.unwrap();
    assert_eq!(targets["data"]["activeTargets"][0]["lastError"], "", "{targets}");
    let questions = questions();
    assert!(questions.len() > 30, "{}", questions.len());
    for (title, question) in &questions {
        let answered = |answer: &Value| {
            answer["status"] == "success" && answer["data"]["result"].as_array().is_some_and(|found| !found.is_empty())
        };
        prometheus.until(title, question, answered).await;
    }
    // Studio-2 is down on the page, and the rule says so.
    let firing = "ALERTS{alertname=\"HotspareHostDown\",alertstate=\"firing\"}";
    let studio_2 = |answer: &Value| answer["data"]["result"][0]["metric"]["host"] == "studio-2";
    prometheus.until("the alert fires", firing, studio_2).await;
    let rules = prometheus.ask("/api/v1/rules").await.unwrap();
    for rule in rules["data"]["groups"][0]["rules"].as_array().unwrap() {
        assert_eq!(rule["health"], "ok", "{rule}");
    }
    server.abort();
}
