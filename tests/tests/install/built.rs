//! An app that is built in its guest: from a repository and from a clone, cold and warm, and what goes wrong with it.

use std::path::Path;
use std::time::Instant;

use homeport_core::error::{Aftermath, Kind};
use homeport_core::plan::build::From;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::builder::{Ended, Source, build, registries};
use crate::instance::{Instance, turn};
use crate::release::bundled;
use crate::run::{homeport, inside};
use crate::user::page;

/// Memory of the guest, MiB: the least in which is built.
const MEMORY_MB: u32 = 2048;

/// Installs it from the source; it answers with this version. The seconds it took.
fn installed(instance: &Instance, more: &[&str], version: &str) -> f32 {
    let registries = registries();
    let (go, npm) = (registries.go_proxy.unwrap(), registries.npm.unwrap());
    let memory = MEMORY_MB.to_string();
    let began = Instant::now();
    let words = [
        &[
            "--go-proxy",
            &go,
            "--npm-registry",
            &npm,
            "--toolchains",
            "registry",
        ],
        &["--memory-mb", &memory][..],
        more,
    ];
    bundled(&instance.install_without_digest(&words.concat())).well();
    let app = instance.served();
    assert_eq!(app.version().unwrap(), version);
    page(&app);
    began.elapsed().as_secs_f32()
}

/// The release is whole and root's, and of the build only its caches are left.
fn nothing_of_the_build_is_left(id: &str, release: &str) {
    let files = format!("cd {release} && find . ! -user root -o -type f -printf '%m %P\\n' | sort");
    assert_eq!(inside(id, &files), "644 LICENSE\n755 vikunja\n");
    let kept = inside(
        id,
        "ls -A /var/cache/homeport/build /var/cache/homeport/toolchains",
    );
    for gone in ["tree", "source.tar", "proxy", ".archive", ".new"] {
        assert!(!kept.contains(gone), "{gone} is left: {kept}");
    }
    let running = "systemctl is-active homeport-build; ps -u homeport-build -o args= || true";
    assert_eq!(inside(id, running).trim(), "inactive");
}

/// What the binary says it is.
fn reports(id: &str, release: &str) -> String {
    inside(id, &format!("cd /tmp && {release}/vikunja version"))
}

fn git<'a>(repository: &'a str, reference: &'a str) -> From<'a> {
    From::Git {
        repository,
        reference,
    }
}

// FR-003, SC-001: cold in a new guest, then warm in the same.
#[test]
fn from_a_repository() {
    let _turn = turn();
    let (instance, source) = (Instance::new("e2e-built", 117), Source::serve());
    let url = source.url();
    let from = [
        "--source-kind",
        "git",
        "--git-repository",
        &url,
        "--git-branch",
        "v2.5.0",
    ];
    let cold = installed(&instance, &from, "v2.5.0");
    let id = instance.id().unwrap();
    nothing_of_the_build_is_left(&id, "/opt/vikunja/releases/2.5.0");
    let commit = source.git(&["rev-parse", "v2.5.0^{commit}"]);
    let config = inside(
        &id,
        "cat /etc/vikunja/deployment-config.yaml /var/lib/homeport/state.json",
    );
    assert_eq!(config.matches(&commit).count(), 2, "{config}");
    let warm = build(&instance, MEMORY_MB, git(&url, "main")).unwrap();
    let described = source.described();
    assert_eq!(warm.revision.reported, described);
    assert!(reports(&id, &warm.release).contains(&described));
    nothing_of_the_build_is_left(&id, &warm.release);
    println!(
        "table: install from git, cold: {cold:.0} s; building again, warm: {:.0} s",
        warm.took.as_secs_f32()
    );
    inside(&id, &format!("rm -r {}", warm.release));
    beside_the_one_in_service(&instance, &source, &id);
    homeport(&["uninstall", instance.name, "--yes"]).well();
}

/// An update builds beside the release in service, then goes the way of every other; and back.
fn beside_the_one_in_service(instance: &Instance, source: &Source, id: &str) {
    let update = |more: &[&str]| homeport(&[&["update", instance.name, "--json"], more].concat());
    let state = || -> Value {
        serde_json::from_str(&inside(id, "cat /var/lib/homeport/state.json")).unwrap()
    };
    let (app, described) = (instance.served(), source.described());
    let (old, new) = ("v2.5.0^{commit}", "main^{commit}");
    let commit = |name: &str| source.git(&["rev-parse", name]);
    assert_eq!(update(&["--check"]).json()["newer"], json!([]));
    let newer = update(&["--check", "--to", "main"]).json();
    assert_eq!(newer["newer"][0]["version"], "main");
    let older = update(&["--yes", "--to", "v2.4.0"]);
    assert!(older.out.contains("does not go back"), "{}", older.out);
    assert_eq!(older.code, 2);

    let began = Instant::now();
    let done = update(&["--yes", "--to", "main"]).json();
    assert_eq!(app.version().unwrap(), described);
    page(&app);
    let release = format!(
        "/opt/vikunja/releases/{}",
        done["rehearsed"]["to"].as_str().unwrap()
    );
    nothing_of_the_build_is_left(id, &release);
    assert!(reports(id, &release).contains(&described));
    assert_eq!(state()["commit"], commit(new));
    let config = inside(id, "cat /etc/vikunja/deployment-config.yaml");
    assert!(config.contains(&commit(new)), "{config}");
    println!(
        "table: update from git, warm: {:.0} s, held {} ms",
        began.elapsed().as_secs_f32(),
        done["cut_over"]["held_ms"]
    );

    homeport(&["rollback", instance.name, "--yes"]).well();
    assert_eq!(app.version().unwrap(), "v2.5.0");
    assert_eq!(state()["commit"], commit(old));
}

// A container that cannot build says so before it is made.
#[test]
fn too_small_to_build() {
    let _turn = turn();
    let (instance, source) = (Instance::new("e2e-small", 118), Source::serve());
    let url = source.url();
    let more = [
        "--source-kind",
        "git",
        "--git-repository",
        &url,
        "--memory-mb",
        "1024",
    ];
    let ended = bundled(&instance.install_without_digest(&more));
    ended.refuses(4, "at least 2048 MiB of memory and 20 GiB of disk");
    ended.refuses(4, "1024 MiB and 20 GiB");
    ended.refuses(4, "Nothing was changed");
    assert_eq!(instance.id(), None);
}

/// A build that fails is of this kind and says this; nothing of it is left, and the app in service is unharmed.
#[track_caller]
fn fails(instance: &Instance, from: From<'_>, kind: Kind, said: &[&str]) {
    let Err(error) = build(instance, MEMORY_MB, from) else {
        panic!("it was built");
    };
    let text = format!("{error} {:?} {:?}", error.remedies, error.lines);
    assert_eq!(
        (error.kind, error.aftermath),
        (kind, Aftermath::RolledBack),
        "{text}"
    );
    for part in said {
        assert!(text.contains(part), "`{part}` is missing in {text}");
    }
    let id = instance.id().unwrap();
    nothing_of_the_build_is_left(&id, "/opt/vikunja/releases/blue-before");
    assert_eq!(inside(&id, "ls /opt/vikunja/releases | wc -l").trim(), "2");
}

// Every kind of source, every way a version is called, every failure: tests/soak.sh builds.
#[test]
#[ignore = "takes long: `tests/soak.sh builds` runs it"]
fn every_source() {
    let _turn = turn();
    let (instance, source) = (Instance::new("e2e-clone", 119), Source::serve());
    let place = TempDir::new().unwrap();
    let clone = place.path().join("clone");
    source.clone(&clone, "git checkout -q v2.5.0; echo >>LICENSE");
    let directory = clone.to_str().unwrap();
    let cold = installed(
        &instance,
        &["--source-kind", "local", "--source-directory", directory],
        "v2.5.0-dirty",
    );
    println!("table: install from a clone, cold: {cold:.0} s");
    let id = instance.id().unwrap();
    inside(
        &id,
        "cd /opt/vikunja/releases && cp -a 2.5.0-dirty blue-before",
    );
    named(&instance, &source, &id);
    cloned(&instance, &source, place.path(), &id);
    failing(&instance, &source);
    homeport(&["uninstall", instance.name, "--yes"]).well();
}

fn built(instance: &Instance, from: From<'_>, id: &str, reported: &str) {
    let ended: Ended = build(instance, MEMORY_MB, from).unwrap();
    assert_eq!(ended.revision.reported, reported);
    assert!(reports(id, &ended.release).contains(reported));
    nothing_of_the_build_is_left(id, &ended.release);
    println!(
        "table: built {reported} in {:.0} s {:?}",
        ended.took.as_secs_f32(),
        ended.notes
    );
    inside(id, &format!("rm -r {}", ended.release));
}

/// A tag is called by its own name, whichever others its commit has; a commit and a branch by the tag before them.
fn named(instance: &Instance, source: &Source, id: &str) {
    let url = source.url();
    source.git(&["tag", "nightly", "v2.4.0"]);
    source.git(&["update-server-info"]);
    for tag in ["v2.4.0", "nightly"] {
        built(instance, git(&url, tag), id, tag);
    }
    let commit = source.git(&["rev-parse", "main"]);
    let described = source.described();
    built(instance, git(&url, &commit), id, &described);
    built(instance, git(&url, "main"), id, &described);
    source.git(&["branch", "nightly", "main"]);
    source.git(&["update-server-info"]);
    fails(
        instance,
        git(&url, "nightly"),
        Kind::Configuration,
        &["is a branch and a tag", "refs/tags/nightly"],
    );
    built(instance, git(&url, "refs/tags/nightly"), id, "nightly");
    fails(
        instance,
        git(&url, "no-such"),
        Kind::Download,
        &["neither a branch nor a tag", "git ls-remote"],
    );
}

/// A clone without tags is called by its commit; what is not committed is built, and the version says so.
fn cloned(instance: &Instance, source: &Source, place: &Path, id: &str) {
    let bare = place.join("bare");
    source.clone(&bare, "git tag -l | xargs git tag -d >/dev/null");
    let directory = bare.to_str().unwrap();
    let commit = source.git(&["rev-parse", "--short=10", "main"]);
    built(instance, From::Local { directory }, id, &commit);
}

fn failing(instance: &Instance, source: &Source) {
    let url = source.url();
    let hungry = "sed -i 's|\"build\": \".*\"|\"build\": \"node ../hungry.cjs\"|' frontend/package.json\n\
                  echo 'const a = []; for (;;) a.push(Buffer.alloc(64 << 20, 1));' >hungry.cjs";
    source.branch("hungry", hungry);
    fails(
        instance,
        git(&url, "hungry"),
        Kind::Build,
        &["lack of memory", "1664 MiB", "--memory-mb"],
    );
    let broken = "sed -i 's|golang.org/x/crypto v.*|golang.org/x/crypto v0.999.0|' go.mod";
    source.branch("broken", broken);
    fails(
        instance,
        git(&url, "broken"),
        Kind::Build,
        &["Download the backend's dependencies", "v0.999.0"],
    );
    let unpinned = "rm frontend/.nvmrc";
    source.branch("unpinned", unpinned);
    fails(
        instance,
        git(&url, "unpinned"),
        Kind::Build,
        &["frontend/.nvmrc", "does not say which node"],
    );
    let wrong = "echo 'syntax error' >>main.go";
    source.branch("wrong", wrong);
    fails(
        instance,
        git(&url, "wrong"),
        Kind::Build,
        &["main.go:", "the build ended with status 1"],
    );
}
