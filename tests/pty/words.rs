//! Long lines of commands: broken between words on a terminal, and untouched where they go elsewhere.

use pty_process::Command;

use crate::session::Session;

const COLUMNS: u16 = 44;

/// The lines that a command leaves on a terminal, and those that it leaves elsewhere.
async fn lines(words: &[&str]) -> (Vec<String>, Vec<String>) {
    let program = env!("CARGO_BIN_EXE_hotspare");
    let elsewhere = std::process::Command::new(program).args(words).output().unwrap();
    let text = [elsewhere.stdout, elsewhere.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    let mut session = Session::start(Command::new(program).args(words), COLUMNS, 40);
    // A program has ended before all that it wrote is read.
    session.until_text(text.split_whitespace().next_back().unwrap()).await;
    session.ended().await;
    let written = String::from_utf8(session.taken()).unwrap();
    let lines = |text: &str| text.lines().map(|line| line.trim_end().to_owned()).collect();
    (lines(&written), lines(&text))
}

fn words(lines: &[String]) -> Vec<&str> {
    lines.iter().flat_map(|line| line.split_whitespace()).collect()
}

#[tokio::test]
async fn what_a_command_says_breaks_between_words() {
    let (shown, written) = lines(&["theme", "show", "nowhere"]).await;
    let wide = |line: &String| line.chars().count() > usize::from(COLUMNS);
    assert!(written.iter().any(wide) && !shown.iter().any(wide), "{shown:#?}\n{written:#?}");
    assert_eq!(words(&shown), words(&written));
    assert!(shown.len() > written.len() && shown[1].starts_with("  "), "{shown:#?}");
}

#[tokio::test]
async fn a_file_keeps_its_lines() {
    let (shown, written) = lines(&["keymap", "show", "default"]).await;
    assert!(written.iter().any(|line| line.chars().count() > usize::from(COLUMNS)), "{written:#?}");
    assert_eq!(shown, written);
}
