//! Any bytes, and any files.

use proptest::prelude::*;

use super::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let place = Place::new();
        prop_assert!(place.write(&bytes).is_err());
        prop_assert!(place.names().is_empty());
        prop_assert!(place.forge(&bytes).is_err());
        prop_assert!(place.forge(&gzip(&bytes)).is_err());
    }

    #[test]
    fn a_changed_stream_is_refused_or_archived_as_what_it_says(at in 0usize..3000, to in any::<u8>()) {
        let place = Place::new();
        let mut stream = Stream::new().directory("d/").file("d/a", b"hello").whole();
        let at = at % stream.len();
        stream[at] = to;
        match place.write(&stream) {
            Ok(summary) => prop_assert_eq!(verify(&place.path()).unwrap(), summary.metadata),
            Err(_) => prop_assert!(place.names().is_empty()),
        }
    }

    #[test]
    fn whatever_is_archived_comes_back_proven(
        files in proptest::collection::btree_map("[a-z]{1,3}(/[a-zé ]{1,120}){0,2}", proptest::collection::vec(any::<u8>(), 0..3000), 0..6)
    ) {
        let place = Place::new();
        let mut tar = Builder::new(Vec::new());
        let mut sent = Marker::default();
        for (name, content) in &files {
            let mut header = Header::new_gnu();
            header.set_size(content.len() as u64);
            tar.append_data(&mut header, name, content.as_slice()).unwrap();
            sent.files += 1;
            sent.bytes += content.len() as u64;
        }
        let marker = serde_json::to_vec(&sent).unwrap();
        let mut header = Header::new_gnu();
        header.set_size(marker.len() as u64);
        tar.append_data(&mut header, MARKER, marker.as_slice()).unwrap();
        let clash = files.keys().any(|name| files.keys().any(|other| other.starts_with(&format!("{name}/"))));
        match place.write(&tar.into_inner().unwrap()) {
            Ok(summary) => {
                prop_assert!(!clash);
                for (name, content) in &files {
                    prop_assert_eq!(summary.metadata.files[name].sha256, Digest::of(content));
                }
                verify(&place.path()).unwrap();
            }
            Err(error) => prop_assert!(clash, "{error}"),
        }
    }
}
