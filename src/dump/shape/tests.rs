use super::*;

const MARIA: &str = "-- MariaDB dump 10.19\n--\n\nCREATE DATABASE /*!32312 IF NOT EXISTS*/ `d`;\n\nUSE `d`;\n\
DROP TABLE IF EXISTS `a`;\nCREATE TABLE `a` (\n  `id` int(11) NOT NULL\n);\n\
INSERT INTO `a` VALUES\n(1,'x\\ny),\\n(;',0x62),\n(2,'it\\'s \\\"q\\\" \\\\',NULL);\n\
INSERT INTO `a` VALUES\n(3,'',NULL);\n\
CREATE TABLE `we``ird VALUES` (\n  `x` int\n);\nINSERT INTO `we``ird VALUES` (`x VALUES`) VALUES\n(1);\n\
CREATE TABLE `none` (\n  `x` int\n);\n/*!50001 CREATE VIEW `v` AS SELECT\n NULL AS `id` */;\n\
/*!50001 VIEW `v` AS select `a`.`id` AS `id` from `a` */;\n\n-- Dump completed on 2026-11-21 11:55:44\n";

fn read(text: &str, piece: usize) -> Shape {
    let mut reader = Reader::default();
    text.as_bytes().chunks(piece).for_each(|piece| reader.read(piece));
    reader.end()
}

fn rows(shape: &Shape) -> Vec<(&str, Option<u64>)> {
    shape.tables.iter().map(|table| (table.name.as_str(), table.rows)).collect()
}

#[test]
fn tables_rows_and_views_are_found_however_it_is_cut() {
    let whole = read(MARIA, MARIA.len());
    assert_eq!(rows(&whole), [("a", Some(3)), ("we`ird VALUES", Some(1)), ("none", Some(0)), ("v", None)]);
    assert!(whole.ended && whole.plain == MARIA.len() as u64);
    for piece in 1..40 {
        assert_eq!(read(MARIA, piece), whole, "in pieces of {piece}");
    }
}

#[test]
fn rows_that_stand_in_one_line_are_told_apart() {
    let text = "CREATE TABLE `a` (\nINSERT INTO `a` VALUES (1,'),(;\\'',_binary 'x\\\\'),(2,'it''s (',NULL),(3,'',1.5);\n\
         INSERT INTO `a` VALUES (4,'','');\n-- Dump completed\n";
    for piece in 1..60 {
        assert_eq!(rows(&read(text, piece)), [("a", Some(4))], "in pieces of {piece}");
    }
}

#[test]
fn the_sum_does_not_see_times_and_how_rows_are_bundled_and_sees_everything_else() {
    let same = MARIA.replace("2026-11-21 11:55:44", "2026-11-22 00:00:00").replace("10.19", "10.20");
    let whole = read(MARIA, 1000);
    assert_eq!(read(&same, 1000).content, whole.content);
    let bundled = MARIA.replace("NULL);\nINSERT INTO `a` VALUES\n(3", "NULL),\n(3");
    assert_ne!(bundled, MARIA);
    assert_eq!(read(&bundled, 1000).content, whole.content);
    for (from, to) in [("(3,''", "(3,'a'"), ("int(11)", "int(12)"), ("VIEW `v`", "VIEW `u`"), ("(1);", "(1),\n(1);")] {
        assert_ne!(read(&MARIA.replace(from, to), 1000).content, whole.content, "{from} → {to}");
    }
    let changed = read(&MARIA.replace("(3,''", "(3,'a'"), 1000);
    assert_ne!(changed.tables[0].checksum, whole.tables[0].checksum);
    assert_eq!(changed.tables[1], whole.tables[1]);
}

#[test]
fn half_a_dump_does_not_end() {
    assert!(!read(MARIA.split("-- Dump completed").next().unwrap(), 1000).ended);
    assert!(!read(&format!("{MARIA}(1,2"), 1000).ended);
    assert!(!read("", 1000).ended);
    // A row that says so does not make it whole.
    assert!(!read("INSERT INTO `a` VALUES\n(1,'\\n-- Dump completed", 1000).ended);
}

#[test]
fn the_line_that_only_new_clients_know_is_left_out() {
    let line = "/*M!999999\\- enable the sandbox mode */ \n-- MariaDB";
    assert_eq!(surplus(line.as_bytes()), Some(line.len() - 10));
    assert_eq!(surplus(b"/*M!99"), None);
    assert_eq!(surplus(b"-- MySQL dump"), Some(0));
}

#[test]
fn where_a_piece_begins_says_nothing_of_how_rows_stand() {
    let text = "INSERT INTO `a` VALUES (1,'x')\n,(2,'y')\n(3,'z');\n";
    let whole = read(text, text.len());
    for piece in 1..text.len() {
        assert_eq!(read(text, piece), whole, "in pieces of {piece}");
    }
}
