//! The check `etcd` against real clusters: whole, with a member gone, frozen, most of them gone, and the wrong API.

use std::time::Duration;

use hotspare::clock::Clock;
use hotspare::fleet::check::CheckKind;
use hotspare::health::ask::Ask;
use hotspare::health::observation::{Observation, Outcome};
use hotspare::health::probe::Prober;
use hotspare::reach::http::HttpClient;
use hotspare::reach::ssh::{SshOptions, SshPool};

use crate::cluster::{Cluster, Member};

const TIME: Duration = Duration::from_secs(2);

async fn check(member: &Member, v2: bool, margin: u32) -> Observation {
    let clock = Clock::real();
    let prober = Prober::new(clock.clone(), SshPool::new(SshOptions::default(), clock), HttpClient::new());
    let url = format!("http://127.0.0.1:{}", member.port);
    let kind = CheckKind::Etcd { url, v2, margin };
    prober.run(&Ask { kind, address: "127.0.0.1".into(), ssh: String::new(), vital: false }, TIME).await
}

/// Asks until the outcome is this one: members take a moment to notice each other's end.
async fn until(member: &Member, v2: bool, margin: u32, outcome: Outcome) -> String {
    for _try in 0..100 {
        let seen = check(member, v2, margin).await;
        if seen.outcome == outcome {
            return seen.reason.or(seen.found).unwrap_or_default();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("never {outcome:?}: {:?}", check(member, v2, margin).await);
}

#[tokio::test]
async fn both_apis_say_how_many_members_can_still_be_lost() {
    let mut cluster = Cluster::start(3).await;
    for v2 in [false, true] {
        let leader = cluster.leader().await;
        let whole = until(&cluster.members[0], v2, 1, Outcome::Pass).await;
        assert_eq!(whole, format!("can lose 1 more: 3 of 3 members, m{leader} leads"));
        let gone = (leader + 1) % 3;
        let asked = (leader + 2) % 3;
        cluster.members[gone].kill();
        let words = format!("can lose none more: 2 of 3 members, m{leader} leads; m{gone} does not answer");
        assert_eq!(until(&cluster.members[asked], v2, 1, Outcome::Fail).await, words);
        assert_eq!(until(&cluster.members[asked], v2, 0, Outcome::Pass).await, words);
        let own = check(&cluster.members[gone], v2, 0).await;
        assert_eq!((own.outcome, own.reason.as_deref()), (Outcome::Fail, Some("connection refused")));
        cluster.members[gone].start();
        cluster.agreed().await;
    }
    // One that stands still takes connections and says nothing: the others are told apart from it in time.
    let leader = cluster.leader().await;
    let (frozen, asked) = ((leader + 1) % 3, (leader + 2) % 3);
    cluster.members[frozen].freeze();
    let words = until(&cluster.members[asked], false, 1, Outcome::Fail).await;
    cluster.members[frozen].thaw();
    assert_eq!(words, format!("can lose none more: 2 of 3 members, m{leader} leads; m{frozen} does not answer"));
    cluster.agreed().await;
    // With most of them gone nobody leads, whatever the list of members says.
    for member in (0..3).filter(|member| *member != asked) {
        cluster.members[member].kill();
    }
    for v2 in [false, true] {
        let words = until(&cluster.members[asked], v2, 0, Outcome::Fail).await;
        let known = words.starts_with("the cluster has no leader") || words.starts_with("does not work: ");
        assert!(known, "{words}");
    }
}

#[tokio::test]
async fn a_member_alone_passes_and_says_that_it_cannot_be_lost() {
    let cluster = Cluster::start(1).await;
    assert_eq!(
        until(&cluster.members[0], false, 1, Outcome::Pass).await,
        "can lose none more: 1 of 1 members, m0 leads"
    );
}
