//! Users with passwords, and TLS.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hotspare::clock::Clock;
use hotspare::fleet::secret::{Secret, SecretSource};
use hotspare::fleet::settings::LeaseSettings;
use hotspare::standin::lease::Lease;
use serde_json::json;

use crate::board::Board;
use crate::cluster::{Cluster, Member, Speech};
use crate::engine::{settings, start, until};

const TTL: Duration = Duration::from_secs(2);
const START: Duration = Duration::from_secs(10);

fn engine(settings: &LeaseSettings) -> Lease {
    start(settings, "engine-a", &Clock::real(), &Board::default())
}

fn why(lease: &Lease) -> String {
    lease.state().borrow().why.clone()
}

async fn says(lease: &Lease, words: &str) {
    let within = Duration::from_secs(15);
    let said = async {
        while !why(lease).contains(words) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(within, said).await.unwrap_or_else(|_late| panic!("{words:?} expected: {}", why(lease)));
    assert!(lease.may_act().is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_with_a_password() {
    let mut cluster = Cluster::start(3).await;
    let member = &cluster.members[0];
    for (path, body) in [
        ("/v3/auth/user/add", json!({"name": "root", "password": "r"})),
        ("/v3/auth/user/add", json!({"name": "hotspare", "password": "p w"})),
        ("/v3/auth/user/add", json!({"name": "stranger", "password": "s"})),
        ("/v3/auth/role/add", json!({"name": "root"})),
        ("/v3/auth/role/add", json!({"name": "lease"})),
        (
            "/v3/auth/role/grant",
            json!({"name": "lease", "perm": {"permType": "READWRITE", "key": STANDARD.encode("/hotspare/"),
            "range_end": STANDARD.encode("/hotspare0")}}),
        ),
        ("/v3/auth/user/grant", json!({"user": "root", "role": "root"})),
        ("/v3/auth/user/grant", json!({"user": "hotspare", "role": "lease"})),
        ("/v3/auth/enable", json!({})),
    ] {
        member.ask(path, &body).await;
    }
    let mut settings = settings(cluster.urls(), "/hotspare", TTL);
    says(&engine(&settings), "etcd refuses: ").await;
    settings.user = Some("hotspare".into());
    settings.password = SecretSource::Inline(Secret::new("wrong"));
    let lease = engine(&settings);
    says(&lease, "etcd does not let hotspare in").await;
    assert!(why(&lease).contains("[lease] user and password") && !why(&lease).contains("wrong"), "{}", why(&lease));
    settings.user = Some("stranger".into());
    settings.password = SecretSource::Inline(Secret::new("s"));
    says(&engine(&settings), "etcdctl role grant-permission ROLE readwrite --prefix=true /hotspare/").await;

    settings.user = Some("hotspare".into());
    settings.password = SecretSource::Inline(Secret::new("p w"));
    let lease = engine(&settings);
    until("it may act", START, || lease.may_act().is_ok()).await;
    let first = lease.write("mocap", "one".into(), 0).await.expect("written");
    let seen = lease.books();
    until("the watch is let in too", START, || seen.borrow().contains_key("mocap")).await;
    // Members that restart have forgotten every token.
    cluster.members.iter_mut().for_each(Member::kill);
    cluster.members.iter_mut().for_each(Member::start);
    let mut written = lease.write("mocap", "two".into(), first).await;
    for _try in 0..200 {
        if written.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        written = lease.write("mocap", "two".into(), first).await;
    }
    let second = written.expect("written after all");
    until("the watch too", START, || seen.borrow()["mocap"].version == second).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_with_an_authority_of_our_own_and_a_certificate_of_ours() {
    let cluster = Cluster::speaking(3, Speech::Tls).await;
    let urls: Vec<String> = cluster.urls().iter().map(|url| url.replace("http:", "https:")).collect();
    let file = |name: &str| Some(cluster.folder.path().join(name));
    let mut settings = settings(urls, "/hotspare", TTL);
    says(&engine(&settings), "the certificate is not trusted").await;
    settings.ca = file("other.pem");
    says(&engine(&settings), "the certificate is not trusted").await;
    settings.ca = file("nowhere.pem");
    says(&engine(&settings), "nowhere.pem of [lease] cannot be used").await;
    settings.ca = file("client.key");
    says(&engine(&settings), "there is no certificate in it").await;
    settings.ca = file("ca.pem");
    let nobody = engine(&settings);
    says(&nobody, "etcd does not answer").await;
    assert!(why(&nobody).contains("ertificate"), "{}", why(&nobody));
    settings.cert = file("client.pem");
    settings.key = file("client.key");
    let lease = engine(&settings);
    until("it may act", START, || lease.may_act().is_ok()).await;
    let version = lease.write("mocap", "one".into(), 0).await.expect("written");
    let seen = lease.books();
    until("the watch too", START, || seen.borrow().get("mocap").is_some_and(|book| book.version == version)).await;
}
