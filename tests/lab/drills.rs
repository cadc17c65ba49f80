//! The drills of a people-counting site on machines: production A and B, and one spare. Their containers are small
//! stand-ins: a counter that a camera holds a long connection to, and a web page. What is done with them is in the order of the real ones.
//!
//! Unplugged, shut down, containers stopped; both at once, the less important first, the more important first; and the spare
//! that dies while it serves (all three ways with `HOTSPARE_DRILLS=all`, one otherwise).

mod rtmp;
mod stage;

use std::time::Duration;

use crate::site::pool::PATIENCE;
use crate::site::within;
use stage::{End, Stage};

const ENDS: [End; 3] = [End::Unplugged, End::ShutDown, End::ContainersStopped];

#[tokio::test(flavor = "multi_thread")]
async fn production_is_unplugged_shut_down_or_its_containers_stop_and_the_spare_serves() {
    let mut stage = Stage::new("").await;
    for end in ENDS {
        stage.begin();
        stage.end(&["production-a"], end);
        stage.served("production-a", "backup").await;
        stage.tell(&format!("production A: {}", end.word()));
        stage.audit("production-a", "backup");
        stage.mend("production-a", end).await;
        stage.give_back("production-a").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_that_are_gone_the_more_important_one_is_served() {
    let mut stage = Stage::new("dwell = \"1s\"").await;

    stage.begin();
    stage.end(&["production-b", "production-a"], End::Unplugged);
    stage.served("production-a", "backup").await;
    stage.tell("both at once");
    within(PATIENCE, "B waits", || stage.stand("production-b") == "waiting").await;
    stage.audit("production-a", "backup");
    stage.mend("production-b", End::Unplugged).await;
    stage.mend("production-a", End::Unplugged).await;
    stage.give_back("production-a").await;

    stage.begin();
    stage.end(&["production-b"], End::ShutDown);
    stage.served("production-b", "backup").await;
    stage.tell("the less important first: B goes");
    stage.end(&["production-a"], End::ShutDown);
    stage.served("production-a", "backup").await;
    stage.tell("the less important first: then A goes, and takes the spare from B");
    assert_eq!(stage.stand("production-b"), "waiting");
    stage.audit("production-a", "backup");
    stage.mend("production-b", End::ShutDown).await;
    stage.mend("production-a", End::ShutDown).await;
    stage.give_back("production-a").await;

    stage.begin();
    stage.end(&["production-a"], End::ShutDown);
    stage.served("production-a", "backup").await;
    stage.end(&["production-b"], End::ShutDown);
    within(PATIENCE, "B waits", || stage.stand("production-b") == "waiting").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(stage.standing_in_for(), "production-a", "the spare stays with the more important one");
    stage.tell("the more important first: A goes, then B waits");
    stage.audit("production-a", "backup");
    stage.mend("production-a", End::ShutDown).await;
    stage.give_back_only("production-a").await;
    stage.served("production-b", "backup").await;
    stage.tell("the more important first: A is back, and B gets the spare");
    stage.audit("production-a", "production-a");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spare_that_dies_while_it_serves_is_an_alarm_and_a_person_gives_the_work_back() {
    let all = std::env::var("HOTSPARE_DRILLS").is_ok_and(|which| which == "all");
    let mut stage = Stage::new("").await;
    for end in if all { &ENDS[..] } else { &ENDS[..1] } {
        stage.begin();
        stage.end(&["production-a"], End::ShutDown);
        stage.served("production-a", "backup").await;
        stage.mend("production-a", End::ShutDown).await;
        within(PATIENCE, "A is back", || stage.stand("production-a") == "returned").await;
        stage.begin();
        stage.end(&["backup"], *end);
        within(PATIENCE, "the spare is lost", || stage.spare()["state"] == "failed").await;
        stage.give_back_only("production-a").await;
        stage.served_by_itself("production-a").await;
        stage.tell(&format!("the spare serves for A and is lost ({}); a person gives the work back", end.word()));
        stage.mend("backup", *end).await;
        stage.clean().await;
        stage.audit("production-a", "production-a");
    }
}
