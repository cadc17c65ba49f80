//! Tables with many rows, which several connections restore at the same time.

use hotspare::fleet::data::{DumpDatabases, Scratch};

use super::meos::{Meos, url};
use crate::server::Server;

/// One of each kind, with values that look like ends of statements, and rows that refer to others.
const SEASON: &str = r"CREATE DATABASE season DEFAULT CHARSET utf8mb4; USE season;
CREATE TABLE season.punch (id INT PRIMARY KEY, said VARCHAR(200), raw BLOB, twice INT AS (id * 2) STORED, KEY (said)) ENGINE=InnoDB;
CREATE TABLE season.child (id INT PRIMARY KEY, of INT NOT NULL, FOREIGN KEY (of) REFERENCES season.punch (id)) ENGINE=InnoDB;
CREATE TABLE season.keyless (n INT, said VARCHAR(200)) ENGINE=InnoDB;
CREATE TABLE season.old (id INT PRIMARY KEY, said VARCHAR(200)) ENGINE=MyISAM;
INSERT INTO season.punch (id, said, raw) SELECT seq, CONCAT('it''s ', seq, ';', CHAR(10), 'INSERT INTO `old` VALUES', CHAR(10), '(1);', CHAR(10),
  'LOCK TABLES `punch` WRITE;', CHAR(10), '\\😀'), UNHEX(MD5(seq)) FROM seq_1_to_60000;
INSERT INTO season.child SELECT seq, 60001 - seq FROM seq_1_to_25000;
INSERT INTO season.keyless SELECT 30000 - seq, REPEAT('k', 100) FROM seq_1_to_30000;
INSERT INTO season.old SELECT seq, REPEAT('o', 100) FROM seq_1_to_30000;
CREATE VIEW season.few AS SELECT id FROM season.punch WHERE id < 10;
CREATE TRIGGER season.seen BEFORE INSERT ON season.punch FOR EACH ROW SET NEW.said = 'a trigger changed it';
CREATE FUNCTION season.one() RETURNS INT DETERMINISTIC RETURN 1";

async fn season(more: &str) -> Meos {
    let mut meos = Meos::with(&[], more).await;
    meos.server.sql(SEASON);
    meos.dump.databases = vec![DumpDatabases::Named("season".into())];
    meos.good().await;
    meos
}

/// Over how many connections the rows of a table came.
fn connections(server: &Server, table: &str) -> u64 {
    let asked = format!(
        "SELECT COUNT(DISTINCT thread_id) FROM mysql.general_log WHERE argument LIKE 'INSERT INTO `{table}` VALUES%' OR \
         argument LIKE 'INSERT INTO `{table}` (%'"
    );
    server.sql(&asked).trim().parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn many_rows_are_restored_by_several_connections_and_are_what_they_were() {
    let mut meos = season("").await;
    let other = Server::start_with(2, false, "general_log=1\nlog_output=TABLE").await;
    // Something that has to go first.
    other.sql("CREATE DATABASE season; CREATE TABLE season.punch (mine INT)");
    let restored = meos.restore(&meos.newest(), &other, &["season"], false).await.expect("restored");
    assert!(restored.ok, "{restored:?}");
    let sums = "CHECKSUM TABLE season.punch, season.child, season.keyless, season.old";
    assert_eq!(other.sql(sums), meos.server.sql(sums));
    let many = std::thread::available_parallelism().map_or(1, |many| many.get().min(4)) as u64;
    assert_eq!(connections(&other, "punch"), many);
    assert_eq!((connections(&other, "keyless"), connections(&other, "old")), (1, 1), "their order is theirs to keep");
    // For practice: on a server of our own, and under another name on one for practice.
    assert_eq!(meos.practised().await.databases[0].tables, 5);
    meos.dump.scratch = Scratch::Server(url(&other, "root"));
    meos.practised().await;
    meos.swept();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_connection_is_refused_fails_the_restore() {
    let meos = season("").await;
    let other = Server::start_with(2, false, "max_allowed_packet=256K").await;
    let restored = meos.restore(&meos.newest(), &other, &["season"], false).await.expect("told");
    let problems = restored.databases[0].problems.join(", ");
    assert!(!restored.ok && problems.contains("packet"), "{restored:?}");
    assert_eq!(other.sql("SHOW TABLES FROM season"), "child\n", "nothing goes on after it");
    meos.swept();
}
