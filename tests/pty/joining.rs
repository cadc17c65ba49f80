//! Whom a command joins. Here, because an engine in a process narrows what its new files let others do, for the whole process.

use std::time::Duration;

use hotspare::clock::Clock;
use hotspare::engine::{Config, Engine};
use hotspare::reach::ssh::SshOptions;

use crate::place::{FLEET, Place, text};

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_of_one_command_that_is_about_to_end_is_not_joined() {
    let place = Place::new(FLEET);
    let config = Config {
        fleet: place.file(),
        state: Some(place.state()),
        detached: false,
        quiet: true,
        clock: Clock::real(),
        ssh: SshOptions::default(),
    };
    let brief = Engine::start(config).await.unwrap();
    let asked = tokio::process::Command::from(place.program(&["status"])).kill_on_drop(true).output();
    tokio::pin!(asked);
    let early = tokio::time::timeout(Duration::from_secs(1), &mut asked).await;
    assert!(early.is_err(), "nobody settles in a house that is about to be closed");
    brief.stop("test").await;
    let status = asked.await.unwrap();
    assert!(text(&status.stderr).contains("hotspare: started the engine (pid "), "{}", text(&status.stderr));
    assert!(text(&status.stdout).contains("studio-1"), "{}", text(&status.stdout));
    assert_eq!(place.run(&["engine", "stop"]).status.code(), Some(0));
}
