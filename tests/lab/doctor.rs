//! The doctor over a real host and a few things that are wrong.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hotspare::clock::Clock;
use hotspare::engine::command::{Finding, Grade};
use hotspare::engine::doctor::doctor;
use hotspare::fleet::Fleet;
use hotspare::fleet::check::{Check, CheckKind};
use hotspare::fleet::data::{Dump, Keep, Scratch};
use hotspare::fleet::host::Host as Declared;
use hotspare::fleet::secret::{DatabaseUrl, SecretSource};
use hotspare::fleet::units::Room;
use tokio_util::sync::CancellationToken;

use crate::farm::Host;
use crate::probes::prober;

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_tried_and_each_fault_has_a_remedy() {
    let mut host = Host::new();
    let ssh = host.sshd().await;
    let gone = Host::new();
    gone.unplug();
    let secret = host.folder.path().join("password");
    std::fs::write(&secret, "pw\n").expect("written");
    let check = |name: &str, kind| Check { name: name.into(), kind, every: None, timeout: None, vital: None };
    let declared = |name: &str, destination: &str, checks| Declared {
        name: name.into(),
        address: host.address.to_string(),
        ssh: destination.into(),
        service: None,
        labels: std::collections::BTreeMap::new(),
        checks,
    };
    let disk = || check("disk", CheckKind::Disk { path: "/".into(), min_free: Room::Bytes(1) });
    let hosts = vec![
        declared("good", &ssh.destination, vec![check("ping", CheckKind::Ping), disk()]),
        declared("gone", &gone.address.to_string(), vec![disk()]),
    ];
    let dump = Dump {
        name: "d".into(),
        server: DatabaseUrl {
            url: format!("mysql://u@{}:3306/", host.address),
            password: SecretSource::File(secret.clone()),
        },
        databases: Vec::new(),
        every: std::time::Duration::from_secs(60),
        to: PathBuf::from("/no/such/medium"),
        mount: true,
        keep: Keep::default(),
        scratch: Scratch::Auto,
    };
    let fleet = Arc::new(Fleet { hosts, dumps: vec![dump], ..Fleet::empty("lab") });
    let heard = AtomicU64::new(0);
    let progress = |done: u64, total: u64, _subject: &str| {
        assert!(done <= total);
        heard.fetch_max(done, Ordering::Relaxed);
    };
    let cancel = CancellationToken::new();
    let findings = doctor(fleet.clone(), prober(Some(&ssh)), Clock::real(), &progress, &cancel).await;
    let find = |subject: &str| -> &Finding {
        findings.iter().find(|finding| finding.subject == subject).unwrap_or_else(|| panic!("{subject}: {findings:#?}"))
    };
    assert!(heard.load(Ordering::Relaxed) >= 7);
    assert!(find("ssh to good").found.contains(&ssh.fingerprint), "{findings:#?}");
    for subject in ["ssh", "ping", "ssh to good", "clock of good", "df on good", "checks of good"] {
        assert_eq!(find(subject).grade, Grade::Good, "{findings:#?}");
    }
    assert_eq!(
        (find("ssh to gone").grade, find("ssh to gone").found.as_str()),
        (Grade::Bad, "no ssh connection in 3 s")
    );
    assert_eq!(find("check disk of gone").grade, Grade::Risk);
    assert_eq!(find("mount /no/such/medium").found, "nothing is mounted there");
    let open = find(&format!("secret file {}", secret.display()));
    assert!(open.grade == Grade::Bad && open.remedy.starts_with("chmod 600"), "{open:?}");
    assert_eq!(find(&format!("database mysql://u@{}:3306/", host.address)).grade, Grade::Bad);
    assert!(findings.iter().all(|finding| finding.grade == Grade::Good || !finding.remedy.is_empty()));

    cancel.cancel();
    assert!(doctor(fleet, prober(Some(&ssh)), Clock::real(), &progress, &cancel).await.len() < findings.len());
}
