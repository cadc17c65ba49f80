//! ssh over one warm connection, against a real sshd.

use std::time::Duration;

use hotspare::clock::{Clock, Timestamp};
use hotspare::reach::ssh::{Remote, SshErrorKind, SshPool};

use crate::farm::{Host, processes, run, until};

const TIME: Duration = Duration::from_secs(10);

fn remote(script: &str) -> Remote {
    Remote::new(script, TIME)
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_share_one_connection_and_the_host_is_known_by_its_key() {
    let mut host = Host::new();
    let ssh = host.sshd().await;
    let pool = ssh.pool();
    let output = pool.run(&ssh.destination, &remote("echo out; echo err >&2; exit 3")).await.expect("it ran");
    assert_eq!((output.status, output.text().as_str(), output.error_text().as_str()), (3, "out\n", "err\n"));
    assert_eq!(pool.identity(&ssh.destination).as_deref(), Some(ssh.fingerprint.as_str()));

    let clock = Clock::real();
    let began = clock.tick();
    let script = remote("sleep 0.5; echo $SSH_CONNECTION");
    let many = futures_util::future::join_all((0..6).map(|_one| pool.run(&ssh.destination, &script))).await;
    assert!(clock.tick().since(began) < Duration::from_secs(2), "they run beside each other");
    let ports: std::collections::HashSet<String> = many.into_iter().map(|one| one.expect("it ran").text()).collect();
    assert_eq!(ports.len(), 1, "one connection: {ports:?}");

    let missing = pool.run(&ssh.destination, &remote("no-such-program")).await.expect("the shell ran");
    assert_eq!(missing.status, 127);
    let hard = hotspare::reach::quote::quote("a'b $(touch /tmp/x) `id` \\ \"");
    let echoed = pool.run(&ssh.destination, &remote(&format!("printf %s {hard}"))).await.expect("it ran");
    assert_eq!(echoed.text(), "a'b $(touch /tmp/x) `id` \\ \"");
    let fed = remote("cat").with_stdin(hotspare::fleet::secret::Secret::new("from stdin"));
    assert_eq!(pool.run(&ssh.destination, &fed).await.expect("it ran").text(), "from stdin");
    pool.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gigabyte_is_cut_off_and_the_connection_lives_on() {
    let mut host = Host::new();
    let ssh = host.sshd().await;
    let pool = ssh.pool();
    let error = pool.run(&ssh.destination, &remote("head -c 1000000000 /dev/zero")).await.expect_err("too much");
    assert_eq!(error.kind, SshErrorKind::TooMuch, "{error}");
    let before = pool.run(&ssh.destination, &remote("echo $SSH_CONNECTION")).await.expect("it lives on");
    let error = pool.run(&ssh.destination, &remote("yes >&2")).await.expect_err("too much");
    assert_eq!(error.kind, SshErrorKind::TooMuch, "{error}");
    let after = pool.run(&ssh.destination, &remote("echo $SSH_CONNECTION")).await.expect("it lives on");
    assert_eq!(before, after, "the same connection");
    pool.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_hangs_ends_here_and_there() {
    let mut host = Host::new();
    let ssh = host.sshd().await;
    let pool = ssh.pool();
    let marker = format!("{}.25", 31_536_000 + std::process::id());
    let slow = Remote::new(format!("sleep {marker}"), Duration::from_millis(1500));
    let error = pool.run(&ssh.destination, &slow).await.expect_err("it hangs");
    assert_eq!((error.kind, error.what.as_str()), (SshErrorKind::NoAnswer, "no answer in 1.5 s"));
    pool.run(&ssh.destination, &remote("true")).await.expect("the connection lives on");
    // The host's own `timeout` ends it a second or two later.
    until("the command is gone from the host", || processes(&format!("sleep {marker}")).is_empty()).await;
    pool.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_too_slow_for_its_commands_is_not_given_more_than_it_can_end() {
    let mut host = Host::new();
    let ssh = host.sshd().await;
    let pool = ssh.pool();
    let folder = tempfile::tempdir().expect("a folder");
    let (begun, release) = (folder.path().join("begun"), folder.path().join("release"));
    // It does not end when it is told to, as a process that waits for a dead disk.
    let stuck =
        format!("trap '' TERM; echo x >>{}; while [ ! -e {} ]; do sleep 0.1; done", begun.display(), release.display());
    pool.run(&ssh.destination, &remote("true")).await.expect("it connects");
    let stuck = Remote::new(stuck, Duration::from_millis(1500));
    let mut busy = 0;
    for _round in 0..3 {
        for ended in futures_util::future::join_all((0..6).map(|_one| pool.run(&ssh.destination, &stuck))).await {
            let error = ended.expect_err("it does not end");
            assert_eq!(error.kind, SshErrorKind::NoAnswer, "{error}");
            busy += usize::from(error.what == "6 commands before this one have not ended on the host yet");
        }
    }
    let started = std::fs::read_to_string(&begun).expect("some began").lines().count();
    assert_eq!((started, busy), (6, 12), "six run, the rest were not begun");
    std::fs::write(&release, "").expect("written");
    pool.run(&ssh.destination, &remote("true")).await.expect("there is a place again");
    pool.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_dies_and_is_replaced() {
    let mut host = Host::new();
    let ssh = host.sshd().await;
    let pool = ssh.pool();
    let first = pool.run(&ssh.destination, &remote("echo $SSH_CONNECTION")).await.expect("it ran").text();
    let client = ssh.config.display().to_string();
    let nap = format!("sleep {}.5", std::process::id());
    let running = {
        let (pool, destination, nap) = (pool.clone(), ssh.destination.clone(), nap.clone());
        tokio::spawn(async move { pool.run(&destination, &Remote::new(nap, TIME)).await })
    };
    until("the command runs", || !processes(&nap).is_empty()).await;
    for pid in processes(&client) {
        run("kill", &["-KILL", &pid.to_string()]);
    }
    let lost = running.await.expect("no panic").expect_err("its connection died");
    assert_eq!(lost.kind, SshErrorKind::Lost, "{lost}");
    let second = pool.run(&ssh.destination, &remote("echo $SSH_CONNECTION")).await.expect("a new one").text();
    assert_ne!(first, second);
    pool.shutdown().await;
    until("no client is left", || processes(&client).is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_whose_engine_died_leaves() {
    let mut host = Host::new();
    let ssh = host.sshd().await;
    let client = ssh.config.display().to_string();
    let there = || !processes(&client).is_empty();
    let pool = ssh.pool();
    pool.run(&ssh.destination, &remote("true")).await.expect("it ran");
    // Longer than it would wait for an engine that is gone.
    tokio::time::sleep(Duration::from_secs(17)).await;
    assert!(there(), "a connection that rests stays warm");
    drop(pool);
    tokio::time::sleep(Duration::from_secs(12)).await;
    until("the client has left", || !there()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_is_told_in_words() {
    let mut host = Host::new();
    let ssh = host.sshd().await;
    let run = async |options| {
        let pool = SshPool::new(options, Clock::real());
        pool.run(&ssh.destination, &remote("true")).await
    };
    let known = std::fs::read_to_string(&ssh.known_hosts).expect("known hosts");

    std::fs::write(&ssh.known_hosts, "").expect("written");
    let unknown = run(ssh.options()).await.expect_err("never seen");
    assert_eq!(unknown.kind, SshErrorKind::HostKeyUnknown, "{unknown}");

    let other = host.folder.path().join("user_key.pub");
    let other = std::fs::read_to_string(other).expect("another key");
    std::fs::write(&ssh.known_hosts, format!("{} {other}", ssh.destination)).expect("written");
    let changed = run(ssh.options()).await.expect_err("another machine");
    assert_eq!(changed.kind, SshErrorKind::HostKeyChanged, "{changed}");

    std::fs::write(&ssh.known_hosts, known).expect("written");
    let mut stranger = ssh.options();
    stranger.options.push("IdentityFile=/dev/null".into());
    stranger.options.push("IdentityAgent=none".into());
    stranger.config = None;
    stranger.options.push(format!("UserKnownHostsFile={}", ssh.known_hosts.display()));
    let denied = run(stranger).await.expect_err("a stranger");
    assert_eq!(denied.kind, SshErrorKind::Denied, "{denied}");

    let mut refused = ssh.options();
    refused.options.push("Port=9".into());
    assert_eq!(run(refused).await.expect_err("nobody listens").kind, SshErrorKind::Refused);

    host.unplug();
    let silent = run(ssh.options()).await.expect_err("nobody answers");
    assert_eq!(silent.kind, SshErrorKind::NoConnection, "{silent}");

    let mut nowhere = ssh.options();
    nowhere.program = "/nowhere/ssh".into();
    assert_eq!(run(nowhere).await.expect_err("no client").kind, SshErrorKind::Client);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_a_person_accepts_is_soon_seen_however_long_it_was_unknown() {
    let mut host = Host::new();
    let ssh = host.sshd().await;
    let clock = Clock::held(Timestamp::UNIX_EPOCH);
    let pool = SshPool::new(ssh.options(), clock.clone());
    let known = std::fs::read_to_string(&ssh.known_hosts).expect("known hosts");
    std::fs::write(&ssh.known_hosts, "").expect("written");
    for _try in 0..8 {
        clock.advance(Duration::from_secs(60));
        let unknown = pool.run(&ssh.destination, &remote("true")).await.expect_err("never seen");
        assert_eq!(unknown.kind, SshErrorKind::HostKeyUnknown, "{unknown}");
    }
    std::fs::write(&ssh.known_hosts, known).expect("written");
    clock.advance(Duration::from_secs(5));
    pool.run(&ssh.destination, &remote("true")).await.expect("the key is known");
    pool.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_goes_silent_is_noticed_and_comes_back() {
    let mut host = Host::new();
    let ssh = host.sshd().await;
    let pool = ssh.pool();
    pool.run(&ssh.destination, &remote("true")).await.expect("it ran");
    host.unplug();
    let late = pool.run(&ssh.destination, &Remote::new("true", Duration::from_secs(1))).await.expect_err("silence");
    assert_eq!(late.kind, SshErrorKind::NoAnswer, "{late}");
    // The client's own keep-alive gives the dead connection up; then connecting fails, and that rests.
    let mut kind = late.kind;
    for _try in 0..20 {
        kind =
            pool.run(&ssh.destination, &Remote::new("true", Duration::from_secs(1))).await.expect_err("silence").kind;
        if kind == SshErrorKind::NoConnection {
            break;
        }
    }
    assert_eq!(kind, SshErrorKind::NoConnection);
    host.plug();
    pool.wake(&ssh.destination);
    let mut back = pool.run(&ssh.destination, &remote("echo back")).await;
    for _try in 0..20 {
        if back.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        back = pool.run(&ssh.destination, &remote("echo back")).await;
    }
    assert_eq!(back.expect("it is back").text(), "back\n");
    pool.shutdown().await;
}
