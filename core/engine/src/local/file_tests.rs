use std::path::PathBuf;

use super::*;

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Place {
        Place(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The path as this content, mode 0640, owned by 12:34.
    fn file(&self, name: &str, content: Content) -> PutFile {
        PutFile {
            path: self.path(name).display().to_string(),
            mode: 0o640,
            owner: "12:34".to_owned(),
            content,
        }
    }

    fn put(&self, name: &str, content: Content) -> Result<(), Fault> {
        put(&self.file(name, content))
    }

    fn before(&self, name: &str) -> PutFile {
        before(&self.file(name, text("new"))).unwrap()
    }

    /// `kind mode uid:gid` of a path.
    fn shape(&self, name: &str) -> String {
        let found = fs::symlink_metadata(self.path(name)).unwrap();
        let kind = match found.file_type() {
            kind if kind.is_dir() => "dir",
            kind if kind.is_symlink() => "link",
            _ => "file",
        };
        let mode = found.permissions().mode() & 0o7777;
        format!("{kind} {mode:o} {}:{}", found.uid(), found.gid())
    }
}

fn text(text: &str) -> Content {
    Content::Text(text.to_owned())
}

#[test]
fn a_text_file_has_its_mode_and_owner_and_its_missing_directories_are_roots() {
    let place = Place::new();
    place.put("a/b/c", text("hello")).unwrap();
    place.put("a/b/c", text("again")).unwrap();
    assert_eq!(fs::read(place.path("a/b/c")).unwrap(), b"again");
    assert_eq!(place.shape("a/b/c"), "file 640 12:34");
    assert_eq!(place.shape("a/b"), "dir 755 0:0");
    assert_eq!(fs::read_dir(place.path("a/b")).unwrap().count(), 1);
}

#[test]
fn a_link_at_the_path_is_replaced_and_not_followed() {
    let place = Place::new();
    fs::write(place.path("victim"), "untouched").unwrap();
    symlink(place.path("victim"), place.path("x")).unwrap();
    place.put("x", text("mine")).unwrap();
    assert_eq!(fs::read(place.path("victim")).unwrap(), b"untouched");
    assert_eq!(place.shape("x"), "file 640 12:34");
    fs::create_dir(place.path("dir")).unwrap();
    symlink(place.path("dir"), place.path("y")).unwrap();
    assert!(place.put("y", Content::Directory).is_err());
    assert!(place.put("y", Content::Random { length: 8 }).is_err());
    place.put("y", Content::Absent).unwrap();
    assert!(place.path("dir").is_dir() && !place.path("y").exists());
}

#[test]
fn a_directory_keeps_what_is_in_it() {
    let place = Place::new();
    place.put("d", Content::Directory).unwrap();
    fs::write(place.path("d/file"), "kept").unwrap();
    fs::set_permissions(place.path("d"), PermissionsExt::from_mode(0o777)).unwrap();
    place.put("d", Content::Directory).unwrap();
    assert_eq!(place.shape("d"), "dir 640 12:34");
    assert!(place.path("d/file").exists());
    assert!(place.put("d", text("file over directory")).is_err());
    assert!(place.path("d/file").exists());
}

#[test]
fn a_link_is_switched_and_never_takes_a_directorys_place() {
    let place = Place::new();
    for target in ["one", "two", "two"] {
        place.put("link", Content::Link(target.to_owned())).unwrap();
        assert_eq!(
            fs::read_link(place.path("link")).unwrap(),
            Path::new(target)
        );
    }
    assert!(place.shape("link").ends_with(" 12:34"));
    fs::create_dir(place.path("real")).unwrap();
    assert!(place.put("real", Content::Link("one".to_owned())).is_err());
    assert!(place.path("real").is_dir());
    let names = fs::read_dir(place.0.path()).unwrap().count();
    assert_eq!(names, 2, "nothing is left beside");
}

#[test]
fn random_characters_are_made_once() {
    let place = Place::new();
    place.put("key", Content::Random { length: 64 }).unwrap();
    let made = fs::read_to_string(place.path("key")).unwrap();
    assert_eq!(made.len(), 64);
    assert!(made.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    fs::set_permissions(place.path("key"), PermissionsExt::from_mode(0o666)).unwrap();
    place.put("key", Content::Random { length: 32 }).unwrap();
    assert_eq!(fs::read_to_string(place.path("key")).unwrap(), made);
    assert_eq!(place.shape("key"), "file 640 12:34");
    place.put("other", Content::Random { length: 64 }).unwrap();
    assert_ne!(fs::read_to_string(place.path("other")).unwrap(), made);
    for length in [0, RANDOM_LIMIT + 1] {
        assert!(place.put("bad", Content::Random { length }).is_err());
    }
}

#[test]
fn every_character_is_drawn_about_as_often() {
    let drawn = characters(62_000).unwrap();
    for wanted in ALPHABET {
        let count = drawn.iter().filter(|byte| *byte == wanted).count();
        // 1000 expected; seven standard deviations either way.
        assert!((780..1220).contains(&count), "{count}");
    }
}

#[test]
fn a_copy_has_the_content_of_a_file_that_no_plan_carries() {
    let place = Place::new();
    fs::write(place.path("secret"), "s3cret").unwrap();
    symlink(place.path("secret"), place.path("live")).unwrap();
    let copy_of = |name: &str| Content::CopyOf(place.path(name).display().to_string());
    place.put("copy", copy_of("live")).unwrap();
    assert_eq!(fs::read(place.path("copy")).unwrap(), b"s3cret");
    assert_eq!(place.shape("copy"), "file 640 12:34");
    assert!(place.put("copy", copy_of("missing")).is_err());
    assert!(
        place
            .put("copy", Content::CopyOf("/dev/zero".to_owned()))
            .is_err()
    );
    assert_eq!(fs::read(place.path("copy")).unwrap(), b"s3cret");
}

#[test]
fn absence_takes_a_tree_but_nothing_a_link_in_it_leads_to() {
    let place = Place::new();
    fs::create_dir_all(place.path("tree/deep")).unwrap();
    fs::create_dir(place.path("outside")).unwrap();
    fs::write(place.path("outside/kept"), "").unwrap();
    symlink(place.path("outside"), place.path("tree/deep/link")).unwrap();
    fs::write(beside(&place.path("tree")).unwrap(), "left by a killed one").unwrap();
    for _ in 0..2 {
        place.put("tree", Content::Absent).unwrap();
    }
    assert_eq!(fs::read_dir(place.0.path()).unwrap().count(), 1);
    place.put("tree/below/nothing", Content::Absent).unwrap();
    assert!(!place.path("tree").exists());
    assert!(place.path("outside/kept").exists());
}

#[test]
fn paths_that_no_plan_has_business_with_are_refused() {
    for path in [
        "",
        "/",
        "/etc",
        "etc/passwd",
        "/tmp/../etc/x",
        "/tmp/a/..",
        "/a/b\0c",
    ] {
        let file = PutFile {
            path: path.to_owned(),
            mode: 0o644,
            owner: "0:0".to_owned(),
            content: Content::Absent,
        };
        assert!(put(&file).is_err(), "{path:?}");
        assert!(before(&file).is_err(), "{path:?}");
    }
}

#[test]
fn the_before_image_puts_back_whatever_was_there() {
    let place = Place::new();
    fs::write(place.path("file"), "old").unwrap();
    fs::set_permissions(place.path("file"), PermissionsExt::from_mode(0o604)).unwrap();
    symlink("old", place.path("link")).unwrap();
    for name in ["file", "link"] {
        let shape = place.shape(name);
        let image = place.before(name);
        place.put(name, text("new")).unwrap();
        put(&image).unwrap();
        assert_eq!(place.shape(name), shape);
    }
    assert_eq!(fs::read(place.path("file")).unwrap(), b"old");
    assert_eq!(fs::read_link(place.path("link")).unwrap(), Path::new("old"));
    fs::create_dir(place.path("dir")).unwrap();
    assert_eq!(place.before("dir").content, Content::Directory);
}

#[test]
fn what_was_not_there_is_taken_back_with_the_directories_made_for_it() {
    let place = Place::new();
    let image = place.before("a/b/c");
    assert_eq!(image, place.file("a", Content::Absent));
    place.put("a/b/c", text("new")).unwrap();
    put(&image).unwrap();
    assert_eq!(fs::read_dir(place.0.path()).unwrap().count(), 0);
    assert_eq!(first_missing(Path::new("/nowhere/at/all")), "/nowhere/at");
}

#[test]
fn a_possible_secret_never_becomes_a_before_image() {
    let place = Place::new();
    let path = place.path("key");
    fs::write(&path, "s3cret").unwrap();
    fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    let fault = before(&place.file("key", text("new"))).unwrap_err();
    assert!(fault.why.contains("may be a secret"), "{}", fault.why);
    let kept = before(&place.file("key", Content::Random { length: 9 })).unwrap();
    assert_eq!(kept.content, Content::Random { length: 9 });
    fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
    fs::write(&path, [0xff]).unwrap();
    assert!(before(&place.file("key", text("new"))).is_err());
    fs::write(&path, vec![b'x'; (1 << 20) + 1]).unwrap();
    assert!(before(&place.file("key", text("new"))).is_err());
}
