//! Whether a database may have changed since it was dumped: what tells of it cheaply, and what is remembered of it between rounds.

/// What is remembered of the last rounds of a dump: for databases that turned out to be unchanged the newest mark, which the kit that
/// holds them cannot know. Nothing is lost with it but one needless look at each database.
#[derive(Debug, Default)]
pub struct Memory;
