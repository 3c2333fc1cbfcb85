//! Bytes as a broken or hostile program would send them: arbitrary ones, and valid documents with a few things changed.
//! How many of them a test sees is proptest's to say: `PROPTEST_CASES`; `PROPTEST_RNG_SEED` repeats a run.

use proptest::prelude::*;

/// Pieces that parsers stumble over.
const PIECES: [&[u8]; 16] = [
    b"\0",
    b"\n",
    b"\r\n",
    b"\"",
    b"\\",
    b"[",
    b"{",
    b"}",
    b":",
    b",",
    b"-1",
    b"18446744073709551616",
    b"1e999",
    b"\xff\xfe",
    "\u{202e}".as_bytes(),
    b"../",
];

/// One change; positions are taken modulo the length.
#[derive(Debug, Clone)]
enum Change {
    Set(usize, u8),
    Insert(usize, usize),
    Remove(usize, usize),
    Again(usize, usize),
    Cut(usize),
}

fn change() -> impl Strategy<Value = Change> {
    let (at, count) = (any::<usize>(), 1usize..64);
    prop_oneof![
        (at, any::<u8>()).prop_map(|(at, to)| Change::Set(at, to)),
        (any::<usize>(), 0..PIECES.len()).prop_map(|(at, piece)| Change::Insert(at, piece)),
        (any::<usize>(), count.clone()).prop_map(|(at, count)| Change::Remove(at, count)),
        (any::<usize>(), count).prop_map(|(at, count)| Change::Again(at, count)),
        any::<usize>().prop_map(Change::Cut),
    ]
}

/// The bytes with a change made.
fn changed(mut bytes: Vec<u8>, change: &Change) -> Vec<u8> {
    let long = bytes.len();
    let place = |at: usize| at % (long + 1);
    let range = |at: usize, count: usize| place(at)..(place(at) + count).min(long);
    match *change {
        Change::Set(at, to) => bytes
            .iter_mut()
            .skip(place(at))
            .take(1)
            .for_each(|byte| *byte = to),
        Change::Insert(at, piece) => {
            drop(bytes.splice(place(at)..place(at), PIECES[piece].to_vec()))
        }
        Change::Remove(at, count) => drop(bytes.drain(range(at, count))),
        Change::Again(at, count) => {
            let again = bytes[range(at, count)].to_vec();
            drop(bytes.splice(place(at)..place(at), again));
        }
        Change::Cut(at) => bytes.truncate(place(at)),
    }
    bytes
}

/// Arbitrary bytes, or one of the valid documents with up to eight changes.
pub fn bytes<T: AsRef<[u8]>>(valid: &[T]) -> impl Strategy<Value = Vec<u8>> + use<T> {
    let valid: Vec<Vec<u8>> = valid
        .iter()
        .map(|document| document.as_ref().to_vec())
        .collect();
    let mangled = (
        proptest::sample::select(valid),
        prop::collection::vec(change(), 1..8),
    )
        .prop_map(|(document, changes)| changes.iter().fold(document, changed));
    prop_oneof![1 => prop::collection::vec(any::<u8>(), 0..512), 4 => mangled]
}

/// The same as text, with what is no text replaced.
pub fn text<T: AsRef<[u8]>>(valid: &[T]) -> impl Strategy<Value = String> + use<T> {
    bytes(valid).prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest! {
        #[test]
        fn every_change_can_be_made(bytes in bytes(&["", "{\"a\": 1}"]), change in change()) {
            let _ = changed(bytes, &change);
        }
    }
}
