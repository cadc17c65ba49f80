//! The step `dns` against a private BIND: signed updates, compare and swap, a wrong key.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use hotspare::fleet::pool::Fence;
use hotspare::fleet::runbook::{StepKind, Tsig};
use hotspare::reach::ssh::{SshOptions, SshPool};
use hotspare::runbook::cast::Cast;
use hotspare::runbook::dry::rehearse;
use hotspare::runbook::run::Way;
use hotspare::runbook::view::{RunState, StepState};

use crate::farm::until;
use crate::runbooks::{go, record, step, tools};

const KEY: &str = "cBvqwYOtpmCDDrXUqd3yWVn04jXZQuDCAVXrHwgmT/s=";
const WRONG: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

struct Bind {
    child: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl Bind {
    async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let at = folder.path().display();
        let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port");
        let port = free.port();
        let config = format!(
            "key \"hotspare\" {{ algorithm hmac-sha256; secret \"{KEY}\"; }};\n\
             options {{ directory \"{at}\"; pid-file none; session-keyfile none; listen-on port {port} {{ 127.0.0.1; }};\n\
             listen-on-v6 {{ none; }}; recursion no; dnssec-validation no; empty-zones-enable no; notify no; }};\n\
             controls {{ }};\n\
             zone \"lab.example\" {{ type primary; file \"{at}/zone\"; update-policy {{ grant hotspare zonesub A AAAA; }}; }};\n"
        );
        let zone =
            "$TTL 300\n@ IN SOA ns admin ( 1 60 30 3600 5 )\n IN NS ns\nns IN A 127.0.0.1\nslave 30 IN A 192.0.2.101\n";
        std::fs::write(folder.path().join("named.conf"), config).expect("written");
        std::fs::write(folder.path().join("zone"), zone).expect("written");
        let child = Command::new("/usr/sbin/named")
            .args(["-4", "-g", "-c"])
            .arg(folder.path().join("named.conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(folder.path().join("log")).expect("a log"))
            .spawn()
            .expect("named cannot be started: apt-get install bind9, or sh tests/install-deps");
        let bind = Self { child, port, folder };
        until("named answers", || bind.asked("ns").ends_with("IN A 127.0.0.1")).await;
        bind
    }

    /// What the server says about a name, by another client than ours.
    fn asked(&self, name: &str) -> String {
        let port = self.port.to_string();
        let name = format!("{name}.lab.example");
        let words = ["@127.0.0.1", "-p", &port, "+noall", "+answer", "+time=1", "+tries=1", &name, "A"];
        let asked = Command::new("dig").args(words).output().expect("dig: apt-get install bind9-dnsutils");
        String::from_utf8_lossy(&asked.stdout).split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn key(&self, secret: &str) -> PathBuf {
        let path = self.folder.path().join(format!("key{}", secret.len() + usize::from(secret == KEY)));
        std::fs::write(&path, format!("{secret}\n")).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("private");
        path
    }

    fn change(&self, record: &str, address: &str, key: Option<&Path>) -> StepKind {
        StepKind::Dns {
            server: format!("127.0.0.1:{}", self.port),
            zone: "lab.example".into(),
            record: record.into(),
            address: address.into(),
            ttl: 5,
            tsig: key.map(|key| Tsig { name: "hotspare".into(), secret_file: key.to_owned() }),
        }
    }
}

impl Drop for Bind {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_changed_read_back_and_put_back() {
    let bind = Bind::start().await;
    let tools = tools(SshPool::new(SshOptions::default(), hotspare::clock::Clock::real()));
    let key = bind.key(KEY);
    let wrong = bind.key(WRONG);
    let cast = Cast { token: "1".into(), ..Cast::default() };
    let plan = |kind: StepKind| record(vec![step("name", None, kind)], &cast, 1, Fence::None);

    let report = rehearse(plan(bind.change("slave", "192.0.2.109", Some(&key))), &tools).await;
    assert_eq!(report.refused, Vec::<String>::new());
    assert_eq!(report.run.steps[0].note.as_deref(), Some("slave.lab.example. is 192.0.2.101 now"));
    assert_eq!(bind.asked("slave"), "slave.lab.example. 30 IN A 192.0.2.101");

    let changed = go(&tools, plan(bind.change("slave", "192.0.2.109", Some(&key))), Way::Begin).await;
    assert_eq!(changed.view.state, RunState::Done, "{:?}", changed.view);
    assert_eq!(bind.asked("slave"), "slave.lab.example. 5 IN A 192.0.2.109");
    let again = go(&tools, plan(bind.change("slave", "192.0.2.109", Some(&key))), Way::Begin).await;
    assert_eq!(again.view.steps[0].state, StepState::Skipped);
    let undone = go(&tools, changed.clone(), Way::Abandon).await;
    assert_eq!(undone.view.state, RunState::Undone, "{:?}", undone.view);
    assert_eq!(bind.asked("slave"), "slave.lab.example. 30 IN A 192.0.2.101");

    // A name that is not there is made, and taken away again.
    let made = go(&tools, plan(bind.change("fresh", "192.0.2.7", Some(&key))), Way::Begin).await;
    assert_eq!(bind.asked("fresh"), "fresh.lab.example. 5 IN A 192.0.2.7", "{:?}", made.view);
    let gone = go(&tools, made, Way::Abandon).await;
    assert_eq!((gone.view.state, bind.asked("fresh").as_str()), (RunState::Undone, ""), "{:?}", gone.view);

    // Somebody else wrote it meanwhile: their record stays.
    let other = go(&tools, plan(bind.change("slave", "192.0.2.55", Some(&key))), Way::Begin).await;
    assert_eq!(other.view.state, RunState::Done);
    let mut late = changed;
    late.view.state = RunState::Failed;
    let left = go(&tools, late, Way::Abandon).await;
    assert_eq!(left.view.state, RunState::Failed);
    assert!(bind.asked("slave").ends_with("192.0.2.55"));

    for (key, words) in [(Some(wrong.as_path()), "does not accept the key"), (None, "refuses the update")] {
        let refused = go(&tools, plan(bind.change("slave", "192.0.2.66", key)), Way::Begin).await;
        assert_eq!(refused.view.state, RunState::Failed, "{:?}", refused.view);
        let note = refused.view.steps[0].note.clone().expect("why");
        assert!(note.contains(words) && !note.contains("issue"), "{note}");
        assert!(bind.asked("slave").ends_with("192.0.2.55"));
    }
}
