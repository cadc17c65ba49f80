//! In which order pieces are claimed, and how their sums become the sum of a file. Pure.

use blake3::hazmat::{ChainingValue, HasherExt, Mode, left_subtree_len, merge_subtrees_non_root, merge_subtrees_root};

use super::PIECE;
use crate::session::listing::File;

/// Pieces of a file of so many bytes; an empty one has one too.
pub(super) const fn count(size: u64) -> u64 {
    let pieces = size.div_ceil(PIECE);
    if pieces == 0 { 1 } else { pieces }
}

/// Pieces of all files.
pub(super) fn total(files: &[&File]) -> u64 {
    files.iter().map(|file| count(file.size)).sum()
}

/// What is not claimed yet: large files from the front, piece by piece, small ones from the back as well.
pub(super) struct Queue {
    /// Places of files, the largest first.
    order: Vec<usize>,
    front: usize,
    piece: u64,
    back: usize,
}

impl Queue {
    pub(super) fn new(files: &[&File]) -> Self {
        let mut order: Vec<usize> = (0..files.len()).collect();
        order.sort_by_key(|at| std::cmp::Reverse(files[*at].size));
        Self { back: order.len(), order, front: 0, piece: 0 }
    }

    /// The next piece: the place of its file, and its number.
    pub(super) fn claim(&mut self, files: &[&File], small: bool) -> Option<(usize, u64)> {
        if self.front >= self.back {
            return None;
        }
        let last = self.order[self.back - 1];
        if small && count(files[last].size) == 1 {
            self.back -= 1;
            return Some((last, 0));
        }
        let at = self.order[self.front];
        let piece = self.piece;
        self.piece += 1;
        if self.piece == count(files[at].size) {
            self.front += 1;
            self.piece = 0;
        }
        Some((at, piece))
    }
}

/// What a piece adds to the sum of its file, which is larger than the piece.
pub(super) fn value(offset: u64, bytes: &[u8]) -> ChainingValue {
    let mut hasher = blake3::Hasher::new();
    hasher.set_input_offset(offset).update(bytes);
    hasher.finalize_non_root()
}

/// The sum of a file of more than one piece.
pub(super) fn join(values: &[ChainingValue], size: u64) -> Option<blake3::Hash> {
    if size <= PIECE || values.len() as u64 != count(size) {
        return None;
    }
    let (left, right) = halves(values, size);
    Some(merge_subtrees_root(&left, &right, Mode::Hash))
}

fn halves(values: &[ChainingValue], size: u64) -> (ChainingValue, ChainingValue) {
    let left = left_subtree_len(size);
    let (first, second) = values.split_at(usize::try_from(left / PIECE).unwrap_or(usize::MAX).min(values.len()));
    (node(first, left), node(second, size - left))
}

fn node(values: &[ChainingValue], size: u64) -> ChainingValue {
    if let [one] = values {
        return *one;
    }
    let (left, right) = halves(values, size);
    merge_subtrees_non_root(&left, &right, Mode::Hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(size: u64) -> File {
        let modified = jiff::Timestamp::UNIX_EPOCH;
        File { path: size.to_string().into(), size, modified, changed: None, mode: 0, shared: None }
    }

    #[test]
    fn the_sum_of_pieces_is_the_sum_of_the_whole() {
        let longest = usize::try_from(9 * PIECE + 77).unwrap();
        let bytes: Vec<u8> = (0..longest).map(|at| u8::try_from((at * 7 + at / 4096) % 251).unwrap()).collect();
        for length in [1, 1023, 1024, 1025] {
            for pieces in [1_u64, 2, 3, 4, 5, 7, 8] {
                let size = pieces * PIECE + length;
                let bytes = &bytes[..usize::try_from(size).unwrap()];
                let chunks = bytes.chunks(usize::try_from(PIECE).unwrap()).enumerate();
                let values: Vec<_> = chunks.map(|(at, chunk)| value(at as u64 * PIECE, chunk)).collect();
                assert_eq!(join(&values, size), Some(blake3::hash(bytes)), "{size}");
            }
        }
        let exact = &bytes[..usize::try_from(4 * PIECE).unwrap()];
        let chunks = exact.chunks(usize::try_from(PIECE).unwrap()).enumerate();
        let values: Vec<_> = chunks.map(|(at, chunk)| value(at as u64 * PIECE, chunk)).collect();
        assert_eq!(join(&values, 4 * PIECE), Some(blake3::hash(exact)));
        assert_eq!(join(&values, 5 * PIECE), None);
    }

    proptest::proptest! {
        #[test]
        fn every_piece_is_claimed_once(
            sizes in proptest::collection::vec(0..5 * PIECE, 0..20),
            small in proptest::collection::vec(proptest::bool::ANY, 200),
        ) {
            let files: Vec<File> = sizes.into_iter().map(file).collect();
            let files: Vec<&File> = files.iter().collect();
            let mut queue = Queue::new(&files);
            let mut small = small.into_iter().cycle();
            let mut claimed: Vec<_> = std::iter::from_fn(|| queue.claim(&files, small.next()?)).collect();
            claimed.sort_unstable();
            let all: Vec<_> =
                files.iter().enumerate().flat_map(|(at, file)| (0..count(file.size)).map(move |p| (at, p))).collect();
            proptest::prop_assert_eq!(claimed, all);
        }
    }
}
