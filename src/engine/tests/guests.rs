//! Guests: in one process, over the socket, many, slow and mad.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn both_clients_see_the_same_and_what_one_does_the_other_sees() {
    let place = Place::new(FLEET);
    let engine = place.start().await;
    let inside = in_process(&engine, &Guest::command_line(false));
    let outside = join(&place.socket()).await;
    let (mut near, mut far) = (inside.snapshots(), outside.snapshots());
    let accepted = outside.command(Command::Note { text: "the cable is blue".into() }).await.unwrap();
    assert_eq!(accepted.said, "the cable is blue");
    let seen = until(&mut near, |snapshot| says(snapshot, "cable is blue")).await;
    until(&mut far, |snapshot| snapshot.seq >= seen.seq).await;
    assert_eq!(far.borrow().journal, near.borrow().journal);
    assert_eq!(far.borrow().hosts, near.borrow().hosts);
    assert_eq!(seen.head.engine.consoles, 1);
    assert!(seen.journal.tail.last().unwrap().who.ends_with("(console)"));
    let Answer::Journal { entries, .. } =
        inside.query(Query::Journal { since: None, before: None, limit: 1 }).await.unwrap()
    else {
        panic!("another answer")
    };
    assert_eq!(entries[0].what, "the cable is blue");
    engine.stop("a test").await;
    let mut link = outside.link();
    let lost = tokio::time::timeout(Duration::from_secs(5), link.wait_for(|link| *link != Link::Joined)).await;
    assert_eq!(*lost.unwrap().unwrap(), Link::Lost { why: "the engine was stopped".into() });
    assert!(!place.socket().exists());
    assert_eq!(lock::Lock::holder(&place.state().join("engine.lock")), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_guest_changes_nothing_and_its_attempt_is_journalled() {
    let place = Place::new(FLEET);
    let engine = place.start().await;
    let reader = socket::join(&place.socket(), Guest::console(true), None).await.unwrap();
    let refusal = reader.command(Command::Reload).await.unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::Safety);
    until(&mut engine.snapshots(), |snapshot| says(snapshot, "refused: reload")).await;
    assert!(reader.query(Query::History { host: "studio-1".into() }).await.is_ok());
    engine.stop("a test").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_let_in_by_a_group_chooses_no_file_and_no_program_of_the_engine() {
    let place = Place::new(FLEET);
    let engine = place.start().await;
    let restore = |password| Command::DumpRestore {
        dump: "none".into(),
        databases: Vec::new(),
        pick: Pick::Newest,
        to: DatabaseUrl { url: "mysql://u@127.0.0.1:1/".into(), password },
        dry_run: true,
        phrase: String::new(),
    };
    let marker = place.0.path().join("marker");
    let run = SecretSource::Command(vec!["touch".into(), marker.display().to_string()]);
    let own = Who::new("ana", &Guest::command_line(false));
    let other = Who { by_group: true, ..own.clone() };
    for password in [run, SecretSource::File("/etc/shadow".into()), SecretSource::Env("HOME".into())] {
        let refusal = engine.command(other.clone(), restore(password.clone())).await.unwrap_err();
        assert_eq!(refusal.kind, RefusalKind::Safety, "{refusal}");
        let refusal = engine.command(own.clone(), restore(password)).await.unwrap_err();
        assert!(refusal.what.contains("none"), "there is no such dump, and that is all: {refusal}");
    }
    let refusal = engine.command(other, restore(SecretSource::None)).await.unwrap_err();
    assert!(refusal.what.contains("none"), "{refusal}");
    assert!(!marker.exists());
    engine.stop("a test").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mad_and_silent_guests_cost_nobody_else() {
    let place = Place::new(FLEET);
    let engine = place.start().await;
    let good = join(&place.socket()).await;
    let mut silent = Vec::new();
    for bytes in [
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        vec![0xff; 64],
        vec![0, 0, 0, 4, b'n', b'u', b'l', b'l'],
        vec![0, 0, 0, 200, b'{'],
        b"\x00\x00\x00\x02{}".to_vec(),
    ] {
        let mut stream = UnixStream::connect(place.socket()).await.unwrap();
        stream.write_all(&bytes).await.unwrap();
        silent.push(stream);
    }
    // Those whose bytes cannot become a hello are dropped at once; the half frame only when its time is over.
    for stream in silent.drain(..).enumerate().filter_map(|(number, stream)| (number != 3).then_some(stream)) {
        let mut stream = stream;
        let mut rest = Vec::new();
        tokio::time::timeout(Duration::from_secs(4), stream.read_to_end(&mut rest)).await.unwrap().unwrap_or(0);
    }
    assert!(good.command(Command::Note { text: "still here".into() }).await.is_ok());
    engine.stop("a test").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_consoles_all_see_the_newest() {
    let place = Place::new(FLEET);
    let engine = place.start().await;
    let mut consoles = Vec::new();
    for _ in 0..50 {
        consoles.push(join(&place.socket()).await);
    }
    until(&mut engine.snapshots(), |snapshot| snapshot.head.engine.consoles == 50).await;
    consoles[17].command(Command::Note { text: "hello to all".into() }).await.unwrap();
    for console in &consoles {
        until(&mut console.snapshots(), |snapshot| says(snapshot, "hello to all")).await;
    }
    consoles.truncate(10);
    until(&mut engine.snapshots(), |snapshot| snapshot.head.engine.consoles == 10).await;
    engine.stop("a test").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_engine_is_said_and_joined_again_when_it_is_back() {
    let place = Place::new(FLEET);
    let engine = place.start().await;
    let console = join(&place.socket()).await;
    let mut link = console.link();
    engine.stop("a test").await;
    link.wait_for(|link| *link != Link::Joined).await.unwrap();
    let refusal = console.command(Command::Reload).await.unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::Gone);
    let engine = place.start().await;
    tokio::time::timeout(Duration::from_secs(5), link.wait_for(|link| *link == Link::Joined)).await.unwrap().unwrap();
    assert!(console.command(Command::Note { text: "back".into() }).await.is_ok());
    engine.stop("a test").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_delays_nobody_and_comes_to_the_same_picture() {
    let place = Place::new(FLEET);
    let engine = place.start().await;
    let stream = UnixStream::connect(place.socket()).await.unwrap();
    let (read, write) = stream.into_split();
    let mut writer = FramedWrite::new(write, Codec::<(), Hello>::new(LARGEST_REQUEST));
    writer.send(&Hello::new("console", false)).await.unwrap();
    let quick = join(&place.socket()).await;
    // Far more than a socket's buffers hold: the slow one's writer stands still, the engine does not.
    let text = "x".repeat(4_000);
    let mut snapshots = quick.snapshots();
    for number in 0..400 {
        quick.command(Command::Note { text: format!("{number} {text}") }).await.unwrap();
    }
    until(&mut snapshots, |snapshot| says(snapshot, "399 ")).await;

    let mut hellos = FramedRead::new(read, Codec::<Hello, ()>::new(LARGEST_REPLY));
    hellos.next().await.unwrap().unwrap();
    let mut reader = hellos.map_decoder(|_hello| Codec::<ToGuest, ()>::new(LARGEST_REPLY));
    let Some(Ok(ToGuest::Full(first))) = reader.next().await else { panic!("no whole picture first") };
    let mut picture = first.as_ref().clone();
    let arrive = async {
        while !says(&picture, "399 ") {
            match reader.next().await.unwrap().unwrap() {
                ToGuest::Delta(delta) => picture = delta.apply(&picture).unwrap(),
                other => panic!("{other:?}"),
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), arrive).await.unwrap();
    assert!(picture.seq > first.seq);
    let newest = engine.snapshots().borrow().clone();
    assert_eq!(picture.journal.tail.len(), newest.journal.tail.len());
    engine.stop("a test").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_never_reads_is_dropped() {
    let place = Place::new(FLEET);
    let engine = place.start().await;
    let path = place.0.path().join("impatient.sock");
    let patience = Duration::from_millis(200);
    let serving = tokio::spawn(server::serve(server::bind(&path).unwrap(), engine.clone(), patience));
    let (_read, write) = UnixStream::connect(&path).await.unwrap().into_split();
    let mut writer = FramedWrite::new(write, Codec::<(), Hello>::new(LARGEST_REQUEST));
    writer.send(&Hello::new("console", false)).await.unwrap();
    let mut snapshots = engine.snapshots();
    until(&mut snapshots, |snapshot| snapshot.head.engine.consoles == 1).await;
    let inside = in_process(&engine, &Guest::command_line(false));
    let full = async {
        // Until its socket holds no more and its time is over.
        while snapshots.borrow().head.engine.consoles == 1 {
            inside.command(Command::Note { text: "x".repeat(4_000) }).await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(60), full).await.expect("it is dropped");
    engine.stop("a test").await;
    serving.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_folder_with_a_very_long_path_has_a_socket_too() {
    let place = Place::new(FLEET);
    let long = place.0.path().join("a".repeat(120)).join("b".repeat(120));
    let config = Config { state: Some(long.clone()), ..place.config() };
    let engine = Engine::start(config).await.unwrap();
    let client = join(&long.join("engine.sock")).await;
    assert!(client.command(Command::Note { text: "from afar".into() }).await.is_ok());
    engine.stop("a test").await;
    assert!(!long.join("engine.sock").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_of_another_version_is_named_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("engine.sock");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let serving = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut writer = FramedWrite::new(stream, Codec::<(), Hello>::new(LARGEST_REQUEST));
        let hello = Hello { protocol: 99, version: "9.0.0".into(), ..Hello::new("", false) };
        writer.send(&hello).await.unwrap();
        writer
    });
    let refusal = socket::join(&path, Guest::console(false), None).await.unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::Failed);
    assert!(
        refusal.what.contains("(version 9.0.0, pid ") && refusal.what.contains("is newer than"),
        "{}",
        refusal.what
    );
    assert!(refusal.what.contains("use the newer program"), "{}", refusal.what);
    serving.await.unwrap();
}
