//! From nothing to a running console, as somebody does who has just installed it.

use std::net::TcpListener;

use pty_process::Command;

use crate::place::Place;
use crate::session::Session;

#[tokio::test]
async fn a_few_answers_lead_from_nothing_into_the_console() {
    let place = Place::new("");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    std::fs::create_dir(place.path().join(".ssh")).expect("a folder");
    let config = format!("Host nas\n HostName 127.0.0.1\n Port {port}\nHost old\n HostName 127.0.0.1\n Port 9\n");
    std::fs::write(place.path().join(".ssh/config"), config).expect("written");
    let file = place.path().join("new.toml");
    let command = Command::new(env!("CARGO_BIN_EXE_hotspare"))
        .arg("--fleet")
        .arg(&file)
        .arg("--state")
        .arg(place.state())
        .arg("init")
        .env("HOME", place.path());
    let began = hotspare::clock::Clock::real();
    let start = began.tick();
    let mut session = Session::start(command, 120, 40);
    // A server of databases of this machine may be there, and is then asked about.
    let answers = [
        ("Name of the fleet:", "harbour\n"),
        ("  1 nas (127.0.0.1, answers)", ""),
        ("  2 old (127.0.0.1, no answer)", "1\n"),
        ("Another host, as name=address", "studio-1=127.0.0.2\n\n"),
        ("Which of them are spares", "nas\n"),
        ("User on the hosts, for ssh", "\n"),
    ];
    for (question, answer) in answers {
        session.until_text(question).await;
        session.press(answer).await;
    }
    session
        .until("the next question", |session| {
            let text = session.text();
            text.contains("Folder of recordings") || text.contains("A server of databases")
        })
        .await;
    if session.text().contains("A server of databases") {
        session.press("\n").await;
    }
    session.until_text("Folder of recordings").await;
    session.press("\n").await;
    session.until_text("Try all that it needs now").await;
    session.press("\n").await;
    session.until_text("checks of nas: 2 of 2 pass").await;
    session.until_text("Open the console?").await;
    session.press("\n").await;
    session.until_text("all keys").await;
    println!("from nothing to the console in {:.1} s", began.tick().since(start).as_secs_f64());
    session.press("q").await;
    assert!(session.ended().await.success());
    assert!(hotspare::fleet::open(&file).errors().next().is_none());
}
