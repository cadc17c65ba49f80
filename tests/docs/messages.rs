//! The page of messages is true: each of them is said somewhere in the source, and every error is explained.

use std::path::Path;

use crate::pages::docs;

/// A text of the source, `…` for each value that is put into it.
struct Said {
    text: String,
    /// Is it the text of an error type?
    error: bool,
}

/// Every text of the source but those of tests.
fn said() -> Vec<Said> {
    let mut all = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if path.is_dir() && name != "tests" {
                folders.push(path);
            } else if name != "tests.rs" && path.extension().is_some_and(|kind| kind == "rs") {
                let source = std::fs::read_to_string(&path).unwrap();
                all.extend(texts(source.split("#[cfg(test)]\nmod tests {").next().unwrap()));
            } else if path.extension().is_some_and(|kind| kind == "sh") {
                all.extend(spoken(&std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    all
}

/// The string literals of a source. Raw ones are SQL and shell, and left out.
fn texts(source: &str) -> Vec<Said> {
    let mut all = Vec::new();
    let mut rest = source;
    let mut before = String::new();
    while let Some(c) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("r#\"") {
            rest.find("\"#").map_or(rest.len(), |end| end + 2)
        } else if rest.starts_with("'\"'") || rest.starts_with("'\\\"'") {
            rest[1..].find('\'').unwrap() + 2
        } else if c == '"' {
            let (text, length) = literal(rest);
            all.push(Said { text: plain(&text), error: before.trim_end().ends_with("#[error(") });
            length
        } else {
            before.push(c);
            c.len_utf8()
        };
        rest = &rest[skipped..];
    }
    all
}

/// The text of the literal at the beginning, and how long it is in the source.
fn literal(source: &str) -> (String, usize) {
    let mut text = String::new();
    let mut chars = source.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (text, at + 1),
            '\\' => match chars.next() {
                Some((_, '\n')) => while chars.next_if(|(_, c)| c.is_whitespace()).is_some() {},
                Some((_, 'n')) => text.push(' '),
                Some((_, c)) => text.push(c),
                None => {}
            },
            c => text.push(c),
        }
    }
    (text, source.len())
}

/// What a script says where it gives up on a host, or cannot tell.
fn spoken(script: &str) -> Vec<Said> {
    let begins = [("hs_stop \"", ""), ("hs_fail \"", ""), ("echo \"hotspare: ", ""), ("echo \"cannot ", "cannot ")];
    let rests = begins.iter().flat_map(|(begins, word)| script.split(begins).skip(1).map(move |rest| (word, rest)));
    rests.map(|(word, rest)| Said { text: format!("{word}{}", until_quote(rest)), error: false }).collect()
}

/// The text of a shell up to its closing quote, `…` for each value that is put into it.
fn until_quote(rest: &str) -> String {
    let mut text = String::new();
    let mut chars = rest.chars().peekable();
    while let Some(c) = chars.next().filter(|c| *c != '"') {
        if c != '$' {
            text.push(c);
            continue;
        }
        text.push('…');
        let mut depth = 0;
        while let Some(next) = chars.next_if(|next| depth > 0 || *next == '(' || next.is_alphanumeric() || *next == '_')
        {
            depth += i32::from(next == '(') - i32::from(next == ')');
        }
    }
    text
}

/// `…` for each `{value}`; `{{` is a brace.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        plain.push_str(&rest[..at]);
        if let Some(after) = rest[at..].strip_prefix("{{") {
            plain.push('{');
            rest = after;
        } else {
            plain.push('…');
            rest = rest[at..].find('}').map_or("", |end| &rest[at + end + 1..]);
        }
    }
    (plain + rest).replace('`', "")
}

/// What the page explains: what stands between ticks in the first column.
fn explained() -> Vec<String> {
    let page = std::fs::read_to_string(docs().join("messages.md")).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let first = |row: &str| row.split(" | ").next().unwrap().to_owned();
    rows.flat_map(|row| first(row).split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// Whether a message of the page is this text: what stands between the `…` follows each other in it.
fn is(message: &str, text: &str) -> bool {
    let mut rest = text;
    message.split('…').filter(|part| !part.trim().is_empty()).all(|part| {
        let found = rest.find(part.trim()).map(|at| &rest[at + part.trim().len()..]);
        rest = found.unwrap_or("");
        found.is_some()
    })
}

fn words(text: &str) -> usize {
    text.split_whitespace().filter(|word| word.chars().all(char::is_alphabetic)).count()
}

#[test]
fn every_message_is_said() {
    let (said, explained) = (said(), explained());
    assert!(explained.len() > 100 && said.len() > 2000, "{} {}", explained.len(), said.len());
    let nowhere: Vec<&String> =
        explained.iter().filter(|message| !said.iter().any(|said| is(message, &said.text))).collect();
    assert!(nowhere.is_empty(), "docs/messages.md explains what nobody says: {nowhere:#?}");
}

#[test]
fn every_error_is_explained() {
    let explained = explained();
    let missing: Vec<String> = said()
        .into_iter()
        .filter(|said| said.error && words(&said.text) > 2)
        .filter(|said| !explained.iter().any(|message| words(message) > 2 && is(message, &said.text)))
        .map(|said| said.text)
        .collect();
    assert!(missing.is_empty(), "docs/messages.md does not explain: {missing:#?}");
}

/// Where the alarms are made that stand in the first line of the console.
const ALARMS: [(&str, &str); 6] = [
    ("standin/arbiter/judge.rs", "fn alarms("),
    ("standin/drill.rs", "pub fn overdue("),
    ("engine/core/publish.rs", "fn alarms("),
    ("engine/runs.rs", "fn alarm("),
    ("engine/freeze.rs", "impl "),
    ("journal/aside.rs", "pub fn sentence("),
];

#[test]
fn every_alarm_is_explained() {
    let explained = explained();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for (file, function) in ALARMS {
        let text = std::fs::read_to_string(source.join(file)).unwrap();
        let (_before, body) = text.split_once(function).unwrap_or_else(|| panic!("{file} has no {function}"));
        // To the end of the function: a brace as far left as its first line.
        let indent = if text.contains(&format!("\n    {function}")) { "\n    }\n" } else { "\n}\n" };
        let said = texts(body.split(indent).next().unwrap());
        let alarms: Vec<&Said> = said.iter().filter(|said| words(&said.text) > 3).collect();
        assert!(!alarms.is_empty(), "{file}: {function} says nothing");
        for alarm in alarms {
            let told = explained.iter().any(|message| words(message) > 2 && is(message, &alarm.text));
            assert!(told, "docs/messages.md does not explain an alarm of {file}: {:?}", alarm.text);
        }
    }
}

#[test]
fn texts_are_read_as_rust_reads_them() {
    let source =
        "let x = 'a'; // \"no\"\n#[error(\n  \"no {what} \\\n   in {}: `{{x}}`\")] '\"' f(r#\"raw\"#, \"two\\nlines\")";
    let read: Vec<(String, bool)> = texts(source).into_iter().map(|said| (said.text, said.error)).collect();
    assert_eq!(read, [("no … in …: {x}}".into(), true), ("two lines".into(), false)]);
    let script =
        "[ -e x ] || hs_stop \"no device $hs_dev; there are: $(cd /sys && echo \"*\") here\"; echo \"hotspare: out\"";
    let read: Vec<String> = spoken(script).into_iter().map(|said| said.text).collect();
    assert_eq!(read, ["no device …; there are: … here", "out"]);
    assert!(is("no … in …", "no room in there") && !is("no … on …", "no room in there"));
}
