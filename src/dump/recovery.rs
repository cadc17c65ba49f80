//! What lies in the root of a medium for a person who never saw hotspare: `RECOVERY.txt`, `restore.sh`, `restore.ps1`.
//!
//! Each is replaced at once, and never opened for writing under its own name: whatever happens, what was there before is
//! whole. Nothing here asks the server, which may be what has died.

pub(super) mod seen;

use std::collections::BTreeSet;
use std::fmt::Write;

use super::keep;
use super::medium::{Ground, MediumTrouble, folder};
use super::mongo;
use super::record::{Database, Kit};
use crate::reach::plain;

/// For people.
pub(super) const TEXT: &str = "RECOVERY.txt";
const SHELL: (&str, &str) = ("restore.sh", include_str!("recovery/restore.sh"));
const WINDOWS: (&str, &str) = ("restore.ps1", include_str!("recovery/restore.ps1"));

/// Writes all three, where they are not yet as they should be. `kits`: whole ones of all dumps, newest first. The caller
/// holds the medium for its own.
pub(super) fn write(ground: &Ground, kits: &[Kit]) -> Result<(), MediumTrouble> {
    let text = text(kits);
    for (name, content) in [SHELL, WINDOWS, (TEXT, text.as_str())] {
        folder::replace(ground, name, content.as_bytes()).map_err(|error| ground.trouble(&error, name))?;
    }
    Ok(())
}

/// The text, for the door of kits.
#[cfg(any(test, fuzzing))]
pub(super) fn foreign(kits: &[Kit]) -> String {
    text(kits)
}

/// The text.
fn text(kits: &[Kit]) -> String {
    let mongo = |kit: &Kit| mongo::is_named(&kit.server);
    let all_mongo = !kits.is_empty() && kits.iter().all(mongo);
    let mut text = if all_mongo { MONGO_HEAD } else { HEAD }.to_owned();
    let dumps: BTreeSet<&str> = kits.iter().map(|kit| kit.dump.as_str()).collect();
    for dump in &dumps {
        let own: Vec<&Kit> = kits.iter().filter(|kit| kit.dump == *dump).collect();
        let _infallible = section(&mut text, dump, &own, dumps.len() > 1);
    }
    if dumps.is_empty() {
        text.push_str("\nThere is no kit on this disk yet.\n");
    }
    text
}

fn section(text: &mut String, dump: &str, kits: &[&Kit], several: bool) -> std::fmt::Result {
    let Some(newest) = kits.first() else { return Ok(()) };
    let line = |word: &str| plain::one_line(word);
    let moment = |at: crate::clock::Timestamp| at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
    writeln!(text, "\n==== {} ====\n", line(dump))?;
    writeln!(text, "Newest kit:    {}", newest.name)?;
    writeln!(text, "Made:          {}", moment(newest.at))?;
    writeln!(text, "Still true at: see {} beside this text, if it names this kit", seen::file(dump))?;
    writeln!(text, "Server:        {} {}", line(&newest.server), line(&newest.version))?;
    if !keep::is_good(newest) {
        let good = kits.iter().find(|kit| keep::is_good(kit));
        let good = good.map_or(String::new(), |good| format!(" The newest kit with everything: {}", good.name));
        writeln!(text, "Not everything could be read for it.{good}")?;
    }
    let mongo = mongo::is_named(&newest.server);
    if mongo {
        text.push_str(MONGO);
    }
    writeln!(text, "\nAll of it, in the right order, checked before and after:\n")?;
    let (shell, windows) = if several {
        let quoted = line(dump).replace('\'', "'\\''");
        (format!(" --dump '{quoted}'"), format!(" -Dump \"{}\"", line(dump)))
    } else {
        Default::default()
    };
    writeln!(text, "  Linux, macOS:  sh restore.sh{shell}")?;
    let only_checks = if mongo { " -Check   (restore by hand then)" } else { "" };
    writeln!(text, "  Windows:       powershell -ExecutionPolicy Bypass -File restore.ps1{windows}{only_checks}")?;
    writeln!(text, "\nBy hand, from the folder in which this text lies, in this order:\n")?;
    for (number, database) in newest.databases.iter().enumerate() {
        by_hand(text, number + 1, database, mongo, &line)?;
    }
    let older: Vec<&str> = kits.iter().skip(1).map(|kit| kit.name.as_str()).collect();
    if !older.is_empty() {
        writeln!(text, "Older kits, newest first (sh restore.sh --kit NAME):\n")?;
        older.iter().try_for_each(|name| writeln!(text, "  {name}"))?;
    }
    Ok(())
}

fn by_hand(
    text: &mut String,
    number: usize,
    database: &Database,
    mongo: bool,
    line: &dyn Fn(&str) -> String,
) -> std::fmt::Result {
    let label = database.label.as_deref().map_or(String::new(), |label| format!(" ({})", line(label)));
    writeln!(text, "{number}. {}{label}", line(&database.name))?;
    let Some(held) = &database.held else {
        let why = database.error.as_deref().unwrap_or("it was not dumped");
        return writeln!(text, "   is on no kit: {}\n", line(why));
    };
    if let Some(why) = &database.error {
        writeln!(text, "   could not be read for this kit ({}); this is its last good state", line(why))?;
    }
    let paths: Vec<String> = held.files.iter().map(|file| format!("'{}/{}'", held.kit, file.name)).collect();
    let bytes: u64 = held.files.iter().map(|file| file.bytes).sum();
    let rows: u64 = held.tables.iter().filter_map(|table| table.rows).sum();
    let at = held.at.strftime("%Y-%m-%d %H:%M:%S UTC");
    let (tables, entries) = if mongo { ("collections", "documents") } else { ("tables", "rows") };
    let (size, count) = (plain::size(bytes), held.tables.len());
    writeln!(text, "   read {at}, {size} on this disk, {count} {tables}, {rows} {entries}")?;
    for (path, file) in paths.iter().zip(&held.files) {
        writeln!(text, "   check:   sha256sum {path}\n            must say {}", file.sha256)?;
    }
    let into = if mongo { "mongorestore --archive --drop" } else { "mysql --binary-mode -u root -p" };
    if !mongo {
        let name = line(&database.name).replace('`', "``").replace('\'', "'\\''");
        writeln!(text, "   remove:  mysql -u root -p -e 'SET FOREIGN_KEY_CHECKS=0; DROP DATABASE IF EXISTS `{name}`'")?;
    }
    writeln!(text, "   restore: cat {} | zstd -dc | {into}\n", paths.join(" "))
}

const HEAD: &str = "\
HOW TO GET THE DATABASES BACK

This disk holds copies of databases. You need this disk, a computer with a running MySQL or MariaDB server (of the same
kind as below and not older), its command line client (mysql or mariadb), and the program zstd. hotspare, which
made the copies, is not needed.

  Debian, Ubuntu:  apt-get install zstd default-mysql-client
  macOS:           brew install zstd mysql-client
  Windows:         MySQL's or MariaDB's installer; zstd.exe from github.com/facebook/zstd/releases, beside restore.ps1

1. Copy nothing and delete nothing here. A write-protect switch may be on.
2. Open a terminal in the folder in which this text lies.
3. Start the script that is named below. It checks every file, shows what it would overwrite and asks before it does
   anything. --help tells its options: another host, port or user, one database only, an older kit.
4. Afterwards it compares every table with the number of rows that it had. If it says that all is well, start
   your program and look at its newest entries.

A database that is restored is removed first, with all that was entered in it since. The users of the server and their
passwords are not part of a kit: make the user that your program logs in as, if the server does not have it:

  CREATE USER 'NAME'@'%' IDENTIFIED BY 'PASSWORD'; GRANT ALL ON *.* TO 'NAME'@'%';
";

/// Where nothing but dumps of MongoDB lies on the disk.
const MONGO_HEAD: &str = "\
HOW TO GET THE DATABASES BACK

This disk holds copies of databases. You need this disk, a computer with a running MongoDB server (not older than the one
below), the program mongorestore of the MongoDB Database Tools, and the program zstd. hotspare, which made the copies,
is not needed.

  MongoDB tools:   https://www.mongodb.com/try/download/database-tools
  zstd:            apt-get install zstd (Debian, Ubuntu), brew install zstd (macOS), github.com/facebook/zstd/releases (Windows)

1. Copy nothing and delete nothing here. A write-protect switch may be on.
2. Open a terminal in the folder in which this text lies.
3. Start the script that is named below. It checks every file, shows what it would overwrite and asks before it does
   anything. --help tells its options: another host, port or user, one database only, an older kit.
4. Afterwards compare the number of documents of each collection, start your program and look at its newest entries.
";

/// Of a dump of MongoDB, also beside others.
const MONGO: &str = "
This is of MongoDB: mongorestore of the MongoDB Database Tools brings it back. A collection of the kit replaces the one of
its name on the server, with all that was entered in it since; collections that the kit does not have stay. Users of the
server and their passwords are not part of a kit. A password is asked for, or read from a file that holds the one line
`password: \"…\"` and is named with --defaults-file (by hand: --config).
";
