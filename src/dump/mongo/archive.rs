//! What an archive of `mongodump` holds, read while it streams by.
//!
//! An archive is a magic number, a prelude that names the server and every collection, and then blocks: a header that names a
//! collection, documents of it, and a terminator. Blocks of several collections take turns. The last block of each has no
//! documents, says so in its header, and has there the CRC-64 of all that came before. The format is that of `spec.md` in
//! `common/archive` of the MongoDB Database Tools. Documents are BSON, of which no more is read than those headers need.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use crc_fast::{CrcAlgorithm, Digest};

use crate::dump::record::Table;
use crate::dump::shape::Shape;
use crate::dump::stream::Reads;

/// How an archive begins.
pub const MAGIC: [u8; 4] = [0x6d, 0xe2, 0x99, 0x81];
/// In place of a document's length: a block ends.
const TERMINATOR: u32 = u32::MAX;
/// Longest document, bytes: a server takes 16 MiB, and what lists collections may be longer.
const LONGEST: usize = 64 << 20;
/// Data of a time series lie in a collection that is called so.
const BUCKETS: &str = "system.buckets.";

/// Reads an archive piece by piece.
#[derive(Debug)]
pub struct Reader {
    /// A document whose end has not come yet.
    pending: Vec<u8>,
    at: At,
    wrong: bool,
    plain: u64,
    collections: BTreeMap<String, Collection>,
    version: Arc<OnceLock<String>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum At {
    Magic,
    /// Before the document that tells of the whole archive.
    Archive,
    /// Among those that list collections.
    List,
    /// Before the header of a block.
    Block,
    /// Among the documents of this collection.
    Documents(String),
}

#[derive(Debug)]
struct Collection {
    listed: Option<Listed>,
    documents: u64,
    sum: Sum,
    crc: Digest,
    /// Its last block came, and all was as it says.
    ended: bool,
}

#[derive(Debug)]
struct Listed {
    kind: String,
    metadata: String,
}

impl Listed {
    /// Older tools do not tell the kind of a collection.
    fn is_view(&self) -> bool {
        self.kind == "view" || (self.kind.is_empty() && self.metadata.contains("\"viewOn\""))
    }
}

impl Default for Collection {
    fn default() -> Self {
        let crc = Digest::new(CrcAlgorithm::Crc64Xz);
        Self { listed: None, documents: 0, sum: Sum::default(), crc, ended: false }
    }
}

/// A sum of documents that does not depend on their order, which no server promises: their BLAKE3 as numbers, modulo 2²⁵⁶.
#[derive(Debug, Default, Clone, Copy)]
struct Sum([u64; 4]);

impl Sum {
    fn add(&mut self, document: &[u8]) {
        let hash = blake3::hash(document);
        let mut carry = false;
        for (limb, bytes) in self.0.iter_mut().zip(hash.as_bytes().as_chunks::<8>().0) {
            let (sum, over) = limb.overflowing_add(u64::from_le_bytes(*bytes));
            let (sum, more) = sum.overflowing_add(u64::from(carry));
            (*limb, carry) = (sum, over || more);
        }
    }

    fn hex(self) -> String {
        self.0.iter().fold(String::new(), |text, limb| format!("{text}{limb:016x}"))
    }
}

impl Reader {
    /// One that tells the server's version as soon as it has read it.
    pub fn telling(version: &Arc<OnceLock<String>>) -> Self {
        Self { version: Arc::clone(version), ..Self::default() }
    }

    /// How many bytes the next item has, where that is known already.
    fn length(&mut self) -> Option<usize> {
        let bytes: [u8; 4] = self.pending.get(..4)?.try_into().ok()?;
        if self.at == At::Magic {
            return Some(4);
        }
        match u32::from_le_bytes(bytes) {
            TERMINATOR => Some(4),
            length => {
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                self.wrong |= !(5..=LONGEST).contains(&length);
                Some(length.clamp(5, LONGEST))
            }
        }
    }

    fn item(&mut self, item: &[u8]) {
        let ends = item == TERMINATOR.to_le_bytes();
        let then = match std::mem::replace(&mut self.at, At::Block) {
            At::Magic if item == MAGIC => Some(At::Archive),
            At::Archive if !ends => self.archive(item),
            At::List | At::Documents(_) if ends => Some(At::Block),
            At::List => self.listed(item),
            At::Block if !ends => self.block(item),
            At::Documents(name) => self.document(name, item),
            At::Magic | At::Archive | At::Block => None,
        };
        match then {
            Some(at) => self.at = at,
            None => self.wrong = true,
        }
    }

    fn archive(&self, item: &[u8]) -> Option<At> {
        let version = text(item, "server_version")?;
        // The first word stays.
        let _told_before = self.version.set(version);
        Some(At::List)
    }

    fn listed(&mut self, item: &[u8]) -> Option<At> {
        let listed = Listed {
            kind: text(item, "type").unwrap_or_default(),
            metadata: text(item, "metadata").unwrap_or_default(),
        };
        self.collections.entry(text(item, "collection")?).or_default().listed = Some(listed);
        Some(At::List)
    }

    fn block(&mut self, item: &[u8]) -> Option<At> {
        let name = text(item, "collection")?;
        let collection = self.collections.entry(name.clone()).or_default();
        let (Some(Value::Bool(last)), Some(Value::Number(crc))) = (value(item, "EOF"), value(item, "CRC")) else {
            return None;
        };
        if collection.ended {
            return None;
        }
        if last {
            collection.ended = crc.cast_unsigned() == collection.crc.finalize();
            return collection.ended.then_some(At::Documents(name));
        }
        Some(At::Documents(name))
    }

    fn document(&mut self, name: String, item: &[u8]) -> Option<At> {
        let collection = self.collections.get_mut(&name).filter(|collection| !collection.ended)?;
        collection.documents += 1;
        collection.sum.add(item);
        collection.crc.update(item);
        Some(At::Documents(name))
    }

    /// Whether all came that was listed, and all of it as it was summed.
    fn whole(&self) -> bool {
        let came = |name: &str| self.collections.get(name).is_some_and(|collection| collection.ended);
        !self.wrong
            && self.pending.is_empty()
            && self.at == At::Block
            && self.collections.iter().all(|(name, collection)| match &collection.listed {
                Some(listed) if listed.is_view() => true,
                Some(listed) if listed.kind == "timeseries" => came(&format!("{BUCKETS}{name}")) || collection.ended,
                _ => collection.ended,
            })
    }
}

impl Default for Reader {
    fn default() -> Self {
        Self {
            pending: Vec::new(),
            at: At::Magic,
            wrong: false,
            plain: 0,
            collections: BTreeMap::new(),
            version: Arc::default(),
        }
    }
}

impl Reads for Reader {
    fn read(&mut self, mut piece: &[u8]) {
        self.plain += piece.len() as u64;
        while !piece.is_empty() && !self.wrong {
            let wanted = self.length().unwrap_or(4);
            let (taken, rest) = piece.split_at(piece.len().min(wanted.saturating_sub(self.pending.len())));
            self.pending.extend_from_slice(taken);
            piece = rest;
            if self.length().is_some_and(|length| self.pending.len() == length) {
                let mut item = std::mem::take(&mut self.pending);
                self.item(&item);
                item.clear();
                self.pending = item;
            }
        }
    }

    fn end(self) -> Shape {
        let ended = self.whole();
        let mut content = blake3::Hasher::new();
        let mut tables = Vec::new();
        for (name, collection) in &self.collections {
            let Collection { listed, documents, sum, .. } = collection;
            let metadata = listed.as_ref().map_or("", |listed| listed.metadata.as_str());
            let view = listed.as_ref().is_some_and(Listed::is_view);
            content.update(format!("{name:?} {view} {metadata:?} {documents} {}\n", sum.hex()).as_bytes());
            tables.push(Table {
                name: name.clone(),
                rows: (!view).then_some(*documents),
                checksum: (!view).then(|| sum.hex()),
            });
        }
        Shape { tables, content: content.finalize().to_hex().to_string(), plain: self.plain, ended }
    }
}

/// A value of a header.
enum Value {
    Text(String),
    Bool(bool),
    Number(i64),
}

/// The text of this name.
fn text(document: &[u8], name: &str) -> Option<String> {
    match value(document, name)? {
        Value::Text(text) => Some(text),
        Value::Bool(_) | Value::Number(_) => None,
    }
}

/// The value of this name in a document that holds texts, truths and whole numbers only, as all headers do.
fn value(document: &[u8], wanted: &str) -> Option<Value> {
    let mut rest = document.get(4..document.len().checked_sub(1)?)?;
    while let Some((kind, more)) = rest.split_first() {
        let end = memchr::memchr(0, more)?;
        let (name, more) = more.split_at_checked(end)?;
        let more = more.get(1..)?;
        let (value, more) = match kind {
            0x02 => {
                let (length, more) = more.split_first_chunk::<4>()?;
                let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
                let (text, more) = more.split_at_checked(length)?;
                (Value::Text(String::from_utf8_lossy(text.strip_suffix(&[0])?).into_owned()), more)
            }
            0x08 => more.split_first().map(|(truth, more)| (Value::Bool(*truth != 0), more))?,
            0x10 => more
                .split_first_chunk::<4>()
                .map(|(number, more)| (Value::Number(i32::from_le_bytes(*number).into()), more))?,
            0x12 => more
                .split_first_chunk::<8>()
                .map(|(number, more)| (Value::Number(i64::from_le_bytes(*number)), more))?,
            _ => return None,
        };
        if name == wanted.as_bytes() {
            return Some(value);
        }
        rest = more;
    }
    None
}

#[cfg(test)]
mod tests;
