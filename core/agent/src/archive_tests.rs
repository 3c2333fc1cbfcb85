use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

fn spec(entries: &[(&Path, &str)]) -> Spec {
    let source = |(from, to): &(&Path, &str)| Source {
        from: from.display().to_string(),
        to: (*to).to_owned(),
        optional: false,
    };
    Spec {
        entries: entries.iter().map(source).collect(),
    }
}

/// Names in order, and the content of each file.
fn members(stream: &[u8]) -> (Vec<String>, BTreeMap<String, Vec<u8>>) {
    let (mut names, mut files) = (Vec::new(), BTreeMap::new());
    for member in tar::Archive::new(stream).entries().unwrap() {
        let mut member = member.unwrap();
        let name = String::from_utf8(member.path_bytes().into_owned()).unwrap();
        let mut content = Vec::new();
        member.read_to_end(&mut content).unwrap();
        files.insert(name.clone(), content);
        names.push(name);
    }
    (names, files)
}

#[test]
fn a_stream_holds_what_was_declared_in_order_and_its_marker_last() {
    let dir = tempfile::tempdir().unwrap();
    let files = dir.path().join("files");
    let long = "n".repeat(200);
    fs::create_dir_all(files.join("b/empty")).unwrap();
    fs::write(files.join("b").join(&long), vec![7; 100_000]).unwrap();
    fs::write(files.join("a"), "").unwrap();
    let conf = dir.path().join("conf");
    fs::write(&conf, "x: 1").unwrap();
    let mut spec = spec(&[(&conf, "config.yaml"), (&files, "files")]);
    spec.entries.push(Source {
        from: "/nonexistent/logs".to_owned(),
        to: "logs".to_owned(),
        optional: true,
    });
    let mut stream = Vec::new();
    let sent = send(&spec, &mut stream).unwrap();
    let (names, content) = members(&stream);
    let expected = [
        "config.yaml",
        "files/",
        "files/a",
        "files/b/",
        "files/b/empty/",
        &format!("files/b/{long}"),
        MARKER,
    ];
    assert_eq!(names, expected);
    assert_eq!(content[expected[5]].len(), 100_000);
    let marker: Marker = serde_json::from_slice(&content[MARKER]).unwrap();
    assert_eq!(marker, sent);
    assert_eq!((sent.files, sent.directories, sent.bytes), (3, 3, 100_004));
}

#[test]
fn what_is_no_file_or_directory_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let kinds: [fn(&Path); 2] = [
        |path| symlink("/etc/passwd", path).unwrap(),
        |path| drop(std::os::unix::net::UnixListener::bind(path).unwrap()),
    ];
    for make in kinds {
        let path = dir.path().join("odd");
        make(&path);
        let refused = send(&spec(&[(dir.path(), "d")]), io::sink()).unwrap_err();
        assert!(matches!(&refused, ArchiveError::Kind { path } if path.ends_with("odd")));
        fs::remove_file(path).unwrap();
    }
    fs::write(dir.path().join(OsStr::from_bytes(b"\xff")), "").unwrap();
    let refused = send(&spec(&[(dir.path(), "d")]), io::sink());
    assert!(matches!(refused, Err(ArchiveError::Name { .. })));
}

#[test]
fn names_that_lead_away_and_paths_that_are_missing_are_refused() {
    for to in ["../x", "/x", "", MARKER] {
        let refused = send(&spec(&[(Path::new("/etc/passwd"), to)]), io::sink());
        assert!(matches!(refused, Err(ArchiveError::Name { .. })), "{to}");
    }
    let missing = send(&spec(&[(Path::new("/nonexistent/x"), "x")]), io::sink());
    assert!(matches!(missing, Err(ArchiveError::Io { .. })));
}

/// Writes to a file while the stream that carries it is under way.
struct Meddler<'a> {
    path: &'a Path,
    how: fn(&Path),
    seen: u64,
}

impl Write for Meddler<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let before = self.seen;
        self.seen += bytes.len() as u64;
        if before < 20_000 && self.seen >= 20_000 {
            (self.how)(self.path);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_file_that_changes_while_it_is_read_breaks_the_stream_off() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let ways: [fn(&Path); 3] = [
        |path| {
            let mut file = OpenOptions::new().append(true).open(path).unwrap();
            file.write_all(b"more").unwrap();
        },
        |path| {
            let file = OpenOptions::new().write(true).open(path).unwrap();
            file.set_len(1000).unwrap();
        },
        |path| {
            // File times have the clock tick's grain.
            std::thread::sleep(std::time::Duration::from_millis(20));
            let mut file = OpenOptions::new().write(true).open(path).unwrap();
            file.write_all(b"same length").unwrap();
        },
    ];
    for how in ways {
        fs::write(&path, vec![b'x'; 1 << 20]).unwrap();
        fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        let to = Meddler {
            path: &path,
            how,
            seen: 0,
        };
        let broken = send(&spec(&[(&path, "log")]), to);
        assert!(matches!(broken, Err(ArchiveError::Changed { .. })));
    }
}

#[test]
fn a_file_that_is_being_written_is_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("upload");
    fs::write(&path, "be").unwrap();
    let mut stream = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
            for _ in 0..5 {
                std::thread::sleep(QUIET / 3);
                file.write_all(b"gun").unwrap();
            }
        });
        send(&spec(&[(&path, "upload")]), &mut stream).unwrap();
    });
    assert_eq!(members(&stream).1["upload"], b"begungungungungun");
}
