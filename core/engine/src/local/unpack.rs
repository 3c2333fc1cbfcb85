//! Takes one file out of a zip archive. What it reads is foreign: reading is total and bounded.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::file::failed;
use crate::durable::replace_with;
use crate::op::Unpack;
use crate::run::{Fault, FaultKind};

/// Carries out [`Unpack`]: the file is whole at its path, and on disk, or not there.
pub(super) fn unpack(unpack: &Unpack) -> Result<(), Fault> {
    let broken = |why: String| {
        let what = format!("`{}` in `{}`", unpack.member, unpack.archive);
        Fault::new(
            FaultKind::Failed,
            format!("{what} cannot be unpacked: {why}"),
        )
    };
    let file = File::open(&unpack.archive).map_err(|error| broken(error.to_string()))?;
    let mut archive = zip::ZipArchive::new(file).map_err(|error| broken(error.to_string()))?;
    let member = archive
        .by_name(&unpack.member)
        .map_err(|error| broken(error.to_string()))?;
    if !member.is_file() {
        return Err(broken("it is not a file".to_owned()));
    }
    let mut limited = member.take(unpack.limit + 1);
    let mut too_large = false;
    let written = replace_with(Path::new(&unpack.to), unpack.mode, |to| {
        too_large = io::copy(&mut limited, to)? > unpack.limit;
        match too_large {
            true => Err(io::Error::other("too large")),
            false => Ok(()),
        }
    });
    match written {
        Err(_) if too_large => Err(broken(format!("it is larger than {} bytes", unpack.limit))),
        Err(error) => Err(failed(&unpack.to, "cannot be unpacked", &error)),
        Ok(()) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_member_is_unpacked_within_its_limit_and_garbage_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.zip");
        let mut zip = zip::ZipWriter::new(File::create(&path).unwrap());
        zip.start_file("app", zip::write::SimpleFileOptions::default())
            .unwrap();
        zip.write_all(&[7; 500]).unwrap();
        zip.finish().unwrap();
        let to = dir.path().join("app");
        let job = |member: &str, limit| Unpack {
            archive: path.display().to_string(),
            member: member.to_owned(),
            to: to.display().to_string(),
            mode: 0o755,
            limit,
        };
        unpack(&job("app", 500)).unwrap();
        assert_eq!(fs::read(&to).unwrap(), [7; 500]);
        assert_eq!(
            fs::metadata(&to).unwrap().permissions().mode() & 0o777,
            0o755
        );
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

    fn packed() -> Vec<u8> {
        let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default();
        archive.start_file("app", options).unwrap();
        archive.write_all(&b"program".repeat(100)).unwrap();
        archive.finish().unwrap().into_inner()
    }

    proptest::proptest! {
        #[test]
        fn fuzz_archives(bytes in homeport_mangle::bytes(&[packed()])) {
            let dir = tempfile::tempdir().unwrap();
            let place = |name: &str| dir.path().join(name).display().to_string();
            fs::write(place("x.zip"), &bytes).unwrap();
            let (archive, member, to) = (place("x.zip"), "app".to_owned(), place("app"));
            let done = unpack(&Unpack { archive, member, to, mode: 0o600, limit: 900 });
            proptest::prop_assert!(done.is_err() || fs::metadata(place("app")).unwrap().len() <= 900);
        }
    }
}
