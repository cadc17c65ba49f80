//! Configuration files of a real host, version by version.

use std::path::Path;
use std::sync::Arc;

use hotspare::clock::{Clock, Timestamp};
use hotspare::configs::view::{Ask, Change};
use hotspare::configs::{Configs, News};
use hotspare::fleet::Fleet;

use crate::farm::Host;

fn fleet(address: &str, folder: &Path) -> Arc<Fleet> {
    let text = format!(
        "name = \"lab\"\n[hosts.kv-1]\naddress = \"{address}\"\nssh = \"{address}\"\n\
         [configs.machines]\nhosts = \"all\"\nfiles = [\"{0}/*.conf\", \"{0}/named\"]\nevery = \"24h\"\n",
        folder.display()
    );
    Arc::new(hotspare::fleet::load(text.as_bytes(), Path::new("/f.toml")).fleet.expect("a fleet"))
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_kept_told_and_shown_and_a_host_that_is_gone_is_an_alarm() {
    let mut host = Host::new();
    let ssh = host.sshd().await;
    let (files, state) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let path = |name: &str| files.path().join(name);
    std::fs::write(path("a.conf"), "listen 80\nsecret hunter2\n").expect("written");
    std::fs::write(path("named"), "x\n").expect("written");
    let fleet = fleet(&ssh.destination, files.path());
    let pool = ssh.pool();
    let clock = Clock::held("2026-11-21T14:00:00Z".parse::<Timestamp>().expect("a time"));
    let (configs, mut news) = Configs::start(&fleet, pool.clone(), clock.clone(), state.path(), true);
    // It is due at once.
    let first = news.recv().await.expect("news");
    assert!(!first.trouble && first.said.starts_with("2 added: ") && first.host == "kv-1", "{first:?}");
    let quiet = |_: usize, _: usize, _: &str| {};
    assert_eq!(configs.now(None, &quiet).await[0].changed, 0, "nothing has changed");

    clock.advance(std::time::Duration::from_secs(3600));
    std::fs::write(path("a.conf"), "listen 8080\nsecret hunter2\n").expect("written");
    std::fs::remove_file(path("named")).expect("removed");
    assert_eq!(configs.now(None, &quiet).await[0].changed, 2);
    let told: Vec<News> = [news.recv().await, news.recv().await].into_iter().flatten().collect();
    assert!(told[0].said.contains("1 changed: ") && told[0].said.contains("1 removed: "), "{told:?}");
    assert!(told[1].trouble && told[1].said.contains("named is not there"), "{told:?}");
    assert!(!format!("{told:?}{first:?}").contains("hunter2"), "no content in what the journal is told");
    assert!(configs.alarms()[0].contains("named is not there"), "{:?}", configs.alarms());

    let diff = configs.diff(&Ask::default()).await.expect("a diff");
    let changes: Vec<Change> = diff.files.iter().map(|file| file.change).collect();
    assert_eq!(changes, [Change::Changed, Change::Removed]);
    assert_eq!(diff.files[0].lines, ["@@ -1,2 +1,2 @@", "-listen 80", "+listen 8080", " secret hunter2"]);
    let name = path("a.conf").display().to_string();
    let old = "2026-11-21T14:30:00Z".parse().expect("a time");
    let show = |at| configs.show("kv-1", &name, at);
    assert!(show(None).await.expect("a file").text.starts_with("listen 8080"));
    assert!(show(Some(old)).await.expect("a file").text.starts_with("listen 80\n"));

    // The person may look with git, and finds the same.
    let repository = state.path().join("configs/machines/git");
    let log = crate::farm::run("git", &["--git-dir", repository.to_str().expect("plain"), "log", "--format=%s"]);
    assert_eq!(log.lines().count(), 2, "{log}");

    host.unplug();
    let looked = configs.now(None, &quiet).await;
    assert!(!looked[0].trouble.is_empty(), "{looked:?}");
    assert!(news.recv().await.expect("news").trouble);
    host.plug();
    std::fs::write(path("named"), "x\n").expect("written");
    let mut well = configs.now(None, &quiet).await;
    while !well[0].trouble.is_empty() {
        pool.wake(&ssh.destination);
        well = configs.now(None, &quiet).await;
    }
    assert!(configs.alarms().is_empty());
    configs.shutdown().await;
    pool.shutdown().await;
}
