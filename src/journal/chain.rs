//! The chain of hashes over the journal: what is hashed, and how one entry follows from another.
//!
//! Each hash is BLAKE3 over the hash before and the entry's fields exactly as they are stored, every text with its
//! length in front, so that no two different entries give the same bytes.

/// Bytes of one hash.
pub type Hash = [u8; blake3::OUT_LEN];

/// An entry as it is stored: the texts that are hashed are the texts that lie in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Position, from 1.
    pub seq: i64,
    /// Nanoseconds since 1970.
    pub time: i64,
    /// Who.
    pub who: String,
    /// What.
    pub what: String,
    /// Why.
    pub why: String,
    /// JSON.
    pub about: String,
    /// Word of the weight.
    pub weight: String,
}

impl Row {
    /// The hash of this row after `previous`.
    pub fn follow(&self, previous: &Hash) -> Hash {
        let mut hasher = blake3::Hasher::new();
        hasher.update(previous);
        hasher.update(&self.seq.to_be_bytes());
        hasher.update(&self.time.to_be_bytes());
        for text in [&self.who, &self.what, &self.why, &self.about, &self.weight] {
            hasher.update(&(text.len() as u64).to_be_bytes());
            hasher.update(text.as_bytes());
        }
        *hasher.finalize().as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn row(seq: i64, time: i64, texts: [String; 5]) -> Row {
        let [who, what, why, about, weight] = texts;
        Row { seq, time, who, what, why, about, weight }
    }

    proptest! {
        #[test]
        fn a_text_that_moves_to_the_next_field_changes_the_hash(a in "[a-c]{0,3}", b in "[a-c]{0,3}", cut in 0usize..3) {
            let joined = format!("{a}{b}");
            let cut = cut.min(joined.len());
            let (left, right) = joined.split_at(cut);
            let one = row(1, 2, [a.clone(), b.clone(), String::new(), String::new(), String::new()]);
            let other = row(1, 2, [left.into(), right.into(), String::new(), String::new(), String::new()]);
            let genesis = [0; 32];
            prop_assert_eq!(one == other, one.follow(&genesis) == other.follow(&genesis));
        }
    }

    #[test]
    fn every_field_and_the_hash_before_count() {
        let base = row(1, 2, ["a", "b", "c", "d", "e"].map(String::from));
        let hash = base.follow(&[0; 32]);
        assert_ne!(hash, base.follow(&[1; 32]));
        assert_ne!(hash, Row { seq: 2, ..base.clone() }.follow(&[0; 32]));
        assert_ne!(hash, Row { time: 3, ..base.clone() }.follow(&[0; 32]));
        assert_ne!(hash, Row { about: "x".into(), ..base.clone() }.follow(&[0; 32]));
        assert_ne!(hash, Row { weight: "x".into(), ..base }.follow(&[0; 32]));
    }
}
