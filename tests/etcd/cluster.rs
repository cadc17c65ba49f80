//! A private etcd, of one member or three, ended when it is dropped.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hotspare::reach::http::{HttpClient, Request};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

/// How the members speak to clients.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speech {
    Plain,
    /// TLS with the certificates of [`certificates`], and clients must show theirs.
    Tls,
}

pub(crate) struct Cluster {
    pub(crate) members: Vec<Member>,
    pub(crate) folder: tempfile::TempDir,
}

pub(crate) struct Member {
    pub(crate) port: u16,
    peer: u16,
    arguments: Vec<String>,
    log: PathBuf,
    child: Option<Child>,
}

impl Cluster {
    /// So many members, all of which agree on a leader.
    pub(crate) async fn start(members: usize) -> Self {
        Self::speaking(members, Speech::Plain).await
    }

    pub(crate) async fn speaking(members: usize, speech: Speech) -> Self {
        // A free port may be taken between asking for it and using it: then others.
        for _try in 0..5 {
            let mut cluster = Self::set_up(members, speech);
            if cluster.begin(speech).await {
                return cluster;
            }
        }
        panic!("etcd did not start");
    }

    fn set_up(count: usize, speech: Speech) -> Self {
        let folder = tempfile::Builder::new().prefix("hsetcd").tempdir_in("/tmp").expect("a folder");
        // All at once, so that no two are the same.
        let free: Vec<_> =
            (0..count * 2).map(|_| std::net::TcpListener::bind("127.0.0.1:0").expect("a port")).collect();
        let mut ports = free.iter().map(|free| free.local_addr().expect("its address").port());
        let mut members: Vec<Member> = (0..count)
            .map(|number| Member {
                port: ports.next().expect("one"),
                peer: ports.next().expect("one"),
                arguments: Vec::new(),
                log: folder.path().join(format!("m{number}.log")),
                child: None,
            })
            .collect();
        let peer = |(number, member): (usize, &Member)| format!("m{number}=http://127.0.0.1:{}", member.peer);
        let all = members.iter().enumerate().map(peer).collect::<Vec<_>>().join(",");
        let scheme = if speech == Speech::Tls { "https" } else { "http" };
        for (number, member) in members.iter_mut().enumerate() {
            let (client, peer) =
                (format!("{scheme}://127.0.0.1:{}", member.port), format!("http://127.0.0.1:{}", member.peer));
            let data = folder.path().join(format!("m{number}")).display().to_string();
            let own = [
                ("--name", format!("m{number}")),
                ("--data-dir", data),
                ("--listen-client-urls", client.clone()),
                ("--advertise-client-urls", client),
                ("--listen-peer-urls", peer.clone()),
                ("--initial-advertise-peer-urls", peer),
                ("--initial-cluster", all.clone()),
                ("--initial-cluster-state", "new".into()),
                // The shortest time to live that etcd grants is one and a half times the second: one second.
                ("--heartbeat-interval", "60".into()),
                ("--election-timeout", "600".into()),
                ("--logger", "zap".into()),
                ("--log-outputs", "stderr".into()),
            ];
            member.arguments = own.into_iter().flat_map(|(name, value)| [name.to_owned(), value]).collect();
            member.arguments.extend(["--unsafe-no-fsync".into(), "--enable-v2".into()]);
            if speech == Speech::Tls {
                let file = |name: &str| folder.path().join(name).display().to_string();
                let tls = [
                    ("--cert-file", file("server.pem")),
                    ("--key-file", file("server.key")),
                    ("--trusted-ca-file", file("ca.pem")),
                ];
                member.arguments.extend(tls.into_iter().flat_map(|(name, value)| [name.to_owned(), value]));
                member.arguments.push("--client-cert-auth".into());
            }
        }
        if speech == Speech::Tls {
            certificates(folder.path());
        }
        Self { members, folder }
    }

    async fn begin(&mut self, speech: Speech) -> bool {
        self.members.iter_mut().for_each(Member::start);
        for _try in 0..400 {
            if self.members.iter_mut().any(Member::has_ended) {
                return false;
            }
            if speech == Speech::Tls {
                // Nobody without a certificate can ask: the log says it.
                let ready = |member: &Member| {
                    std::fs::read_to_string(&member.log)
                        .is_ok_and(|log| log.contains("serving client traffic securely"))
                };
                if self.members.iter().all(ready) {
                    return true;
                }
            } else if self.agrees().await {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        false
    }

    /// Whether every member that runs answers a question that needs most of them.
    async fn agrees(&self) -> bool {
        for member in self.members.iter().filter(|member| member.child.is_some()) {
            if member.try_ask("/v3/kv/range", &json!({"key": "YQ=="})).await.is_none() {
                return false;
            }
        }
        true
    }

    /// Waits until all that run agree.
    pub(crate) async fn agreed(&self) {
        for _try in 0..400 {
            if self.agrees().await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the members of etcd do not agree");
    }

    pub(crate) fn urls(&self) -> Vec<String> {
        self.members.iter().map(|member| format!("http://127.0.0.1:{}", member.port)).collect()
    }

    /// The member that leads, now.
    pub(crate) async fn leader(&self) -> usize {
        for _try in 0..200 {
            for (number, member) in self.members.iter().enumerate() {
                let Some(status) = member.try_ask("/v3/maintenance/status", &json!({})).await else { continue };
                if status["leader"].is_string() && status["leader"] == status["header"]["member_id"] {
                    return number;
                }
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("nobody leads");
    }

    /// Removes a key, behind everybody's back.
    pub(crate) async fn remove(&self, key: &str) {
        self.members[0].ask("/v3/kv/deleterange", &json!({"key": STANDARD.encode(key)})).await;
    }

    /// Writes a key, behind everybody's back.
    pub(crate) async fn put(&self, key: &str, text: &str) {
        let body = json!({"key": STANDARD.encode(key), "value": STANDARD.encode(text)});
        self.members[0].ask("/v3/kv/put", &body).await;
    }

    /// What lies under a key.
    pub(crate) async fn value(&self, key: &str) -> String {
        let found = self.members[0].ask("/v3/kv/range", &json!({"key": STANDARD.encode(key)})).await;
        let value = found["kvs"][0]["value"].as_str().expect("it is there");
        String::from_utf8(STANDARD.decode(value).expect("base64")).expect("text")
    }
}

impl Member {
    pub(crate) fn start(&mut self) {
        let log = std::fs::File::options().create(true).append(true).open(&self.log).expect("a log");
        let child = Command::new("etcd")
            .args(&self.arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn();
        self.child = Some(child.expect("etcd cannot be started: apt-get install etcd-server"));
    }

    fn has_ended(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| child.try_wait().is_ok_and(|ended| ended.is_some()))
    }

    fn signal(&self, signal: Signal) {
        let child = self.child.as_ref().expect("it runs");
        let pid = Pid::from_raw(i32::try_from(child.id()).expect("a pid")).expect("a pid");
        kill_process(pid, signal).expect("signalled");
    }

    pub(crate) fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    pub(crate) fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// As a power cut would.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _gone = child.kill();
            let _reaped = child.wait();
        }
    }

    async fn try_ask(&self, path: &str, body: &Value) -> Option<Value> {
        let mut request = Request::get(format!("http://127.0.0.1:{}{path}", self.port), Duration::from_millis(700));
        request.method = hyper::Method::POST;
        request.body = body.to_string().into();
        let response = HttpClient::new().send(&request).await.ok()?;
        if response.status != 200 {
            return None;
        }
        serde_json::from_slice(&response.body).ok()
    }

    pub(crate) async fn ask(&self, path: &str, body: &Value) -> Value {
        self.try_ask(path, body).await.unwrap_or_else(|| panic!("{path} {body}"))
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.kill();
    }
}

/// An authority of our own, a server's and a client's certificate from it, and another authority.
fn certificates(folder: &Path) {
    let script = r#"set -e
        for ca in ca other; do
          openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=$ca" \
            -addext basicConstraints=critical,CA:TRUE -keyout $ca.key -out $ca.pem
        done
        for who in server client; do
          openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$who" -keyout $who.key -out $who.csr
          printf 'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\nbasicConstraints=CA:FALSE\n' > ext
          openssl x509 -req -in $who.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile ext -out $who.pem
        done"#;
    let output = Command::new("sh").args(["-c", script]).current_dir(folder).output().expect("a shell");
    assert!(output.status.success(), "apt-get install openssl? {}", String::from_utf8_lossy(&output.stderr));
}
