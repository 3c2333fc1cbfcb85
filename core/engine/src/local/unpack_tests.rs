use std::io::Write;

use tempfile::TempDir;
use zip::write::SimpleFileOptions;

use super::*;

/// An archive with these members, each with its mode and so many bytes.
fn archive(members: &[(&str, u32, usize)]) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("in/a.zip");
    fs::create_dir(dir.path().join("in")).unwrap();
    let mut zip = zip::ZipWriter::new(File::create(&path).unwrap());
    for (name, mode, size) in members {
        let options = SimpleFileOptions::default().unix_permissions(*mode);
        zip.start_file(*name, options).unwrap();
        zip.write_all(&vec![7; *size]).unwrap();
    }
    zip.finish().unwrap();
    (dir, path)
}

fn job(archive: &Path, member: &str, mode: Option<u32>, limit: u64) -> Unpack {
    Unpack {
        archive: archive.display().to_string(),
        member: member.to_owned(),
        to: archive.with_file_name("out").display().to_string(),
        mode,
        limit,
        optional: false,
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_member_is_unpacked_within_its_limit_and_garbage_is_an_error() {
    let (dir, path) = archive(&[("app", 0o600, 500)]);
    let to = dir.path().join("in/out");
    let job = |member: &str, limit| job(&path, member, Some(0o755), limit);
    unpack(&job("app", 500)).unwrap();
    assert_eq!(fs::read(&to).unwrap(), [7; 500]);
    assert_eq!(mode(&to), 0o755);
    let larger = unpack(&job("app", 499)).unwrap_err();
    assert!(
        larger.why.ends_with("it is larger than 499 bytes"),
        "{}",
        larger.why
    );
    assert!(unpack(&job("missing", 500)).is_err());
    let bytes = fs::read(&path).unwrap();
    for cut in 0..bytes.len() {
        fs::write(&path, &bytes[..cut]).unwrap();
        assert!(unpack(&job("app", 500)).is_err());
    }
}

#[test]
fn a_directory_is_unpacked_with_what_may_be_executed_and_nothing_else() {
    let members = [("d/a", 0o600, 1), ("d/e/run", 0o711, 2), ("dd/b", 0o644, 3)];
    let (dir, path) = archive(&members);
    let to = dir.path().join("in/out");
    fs::create_dir(&to).unwrap();
    fs::write(to.join("stale"), "of an earlier try").unwrap();
    unpack(&job(&path, "d/", None, 3)).unwrap();
    assert_eq!(mode(&to.join("a")), 0o644);
    assert_eq!(mode(&to.join("e/run")), 0o755);
    let names = fs::read_dir(&to).unwrap().count();
    assert_eq!(names, 2, "`stale` and `dd` are not in it");
    assert!(unpack(&job(&path, "d", None, 2)).is_err(), "too many bytes");
}

#[test]
fn a_directory_that_is_not_there_is_an_error_unless_it_is_optional() {
    let (dir, path) = archive(&[("app", 0o600, 1)]);
    let mut job = job(&path, "d", None, 10);
    assert!(unpack(&job).is_err());
    job.optional = true;
    unpack(&job).unwrap();
    assert!(!dir.path().join("in/out").exists());
}

#[test]
fn a_name_that_leads_out_of_the_directory_is_an_error() {
    for name in ["d/../../x", "/d/x"] {
        let (dir, path) = archive(&[("d/a", 0o600, 1), (name, 0o600, 1)]);
        let fine = unpack(&job(&path, "d", None, 10)).is_ok();
        let outside = dir.path().join("x").exists() || dir.path().join("in/x").exists();
        assert!(!outside && !Path::new("/d/x").exists(), "{name}");
        assert!(!fine || name.starts_with('/'), "{name}");
    }
}

fn packed() -> Vec<u8> {
    let (_dir, path) = archive(&[("app", 0o644, 700), ("d/a", 0o644, 70)]);
    fs::read(path).unwrap()
}

proptest::proptest! {
    #[test]
    fn fuzz_archives(bytes in homeport_mangle::bytes(&[packed()])) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.zip");
        fs::write(&path, &bytes).unwrap();
        let done = unpack(&job(&path, "app", Some(0o600), 900));
        let out = dir.path().join("out");
        proptest::prop_assert!(done.is_err() || fs::metadata(&out).unwrap().len() <= 900);
        let _ = fs::remove_file(&out);
        let done = unpack(&job(&path, "d", None, 900));
        proptest::prop_assert!(done.is_err() || out.is_dir());
    }
}
