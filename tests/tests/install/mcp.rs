//! Releases with an MCP server: it is there with all it needs, works through the public address, is seen when it fails, and
//! is exchanged with its backend or not at all.

use serde_json::{Value, json};

use crate::instance::{Instance, turn};
use crate::release::bundled;
use crate::run::{Ended, call, eventually, homeport, inside};
use crate::status::look;
use crate::update::Published;
use crate::user::Person;

/// Prints what of Node or Redis there is.
pub const TRACES: &str = "ls -d /etc/vikunja/mcp* /etc/vikunja/*redis* /etc/systemd/system/*mcp* /etc/systemd/system/*redis* \
    /opt/vikunja/releases/*/mcp-server /etc/vikunja/secrets/redis* 2>/dev/null; command -v node redis-server; \
    ss -Hltn 'sport = :6379 or sport = :8456'; true";

/// Tag and entry of the stand-in's table.
const RELEASES: [(&str, &str); 4] = [
    ("v9.1.0", "v2.8.0"),
    ("v9.1.1", "v2.8.1"),
    ("v9.2.0", "v2.8.2"),
    ("v9.3.0", "v2.5.1"),
];

fn update(published: &Published, instance: &Instance, version: &str) -> Ended {
    let digest = published.digest(version);
    let words = ["update", instance.name, "--yes", "--to", version];
    homeport(&[&words[..], &["--source-sha256", &digest]].concat())
}

/// Asks with curl, which trusts whatever certificate is served here: it is looked at elsewhere.
fn curl(instance: &Instance, more: &[&str], path: &str) -> Ended {
    let (to, url) = (
        format!("{}:443:{}", instance.domain, instance.address),
        format!("{}{path}", instance.url()),
    );
    call(&[&["curl", "-ksS", "--resolve", &to], more, &[&url]].concat())
}

// FR-005, update scenario 4
#[test]
fn a_release_with_an_mcp_server() {
    let _turn = turn();
    let instance = Instance::new("e2e-mcp", 137);
    let published = Published::of(
        RELEASES
            .map(|(tag, entry)| (tag.to_owned(), entry))
            .into_iter(),
    );
    bundled(&published.install(&instance, "9.1.0", &[])).well();
    let id = instance.id().unwrap();
    well(&instance, "9.1.0");
    Person::arrives(&instance.served());
    used(&instance);
    locked_away(&id);
    seen_without_redis(&instance, &id);

    update(&published, &instance, "9.1.1").well();
    well(&instance, "9.1.1");
    used(&instance);
    update(&published, &instance, "9.3.0").refuses(3, "9.3.0 has no mcp, which is in service here");
    // Only the backend beside it shows what is wrong with this one: it is taken back.
    update(&published, &instance, "9.2.0").refuses(11, "/mcp");
    well(&instance, "9.1.1");
    used(&instance);
}

/// All is well, and both components are of this release.
#[track_caller]
fn well(instance: &Instance, version: &str) {
    let (code, found) = look(instance);
    assert_eq!(
        (code, &found["overall"]),
        (0, &"healthy".into()),
        "{found:#}"
    );
    let id = instance.id().unwrap();
    let run = "for name in backend mcp; do readlink -f /proc/$(systemctl show -P MainPID vikunja-$name@$(ls /var/lib/homeport/colour))/exe; done";
    let release = format!("/opt/vikunja/releases/{version}");
    assert_eq!(
        inside(&id, run),
        format!("{release}/vikunja\n{release}/mcp-server/node\n")
    );
}

/// A person's API token works through the public address, and only a token does.
fn used(instance: &Instance) {
    let app = instance.served();
    let session = app.login("ann", "correct horse").unwrap();
    let bearer = format!("Authorization: Bearer {}", session.tokens().access);
    let kind = "Content-Type: application/json";
    let asked = json!({ "title": "a model" }).to_string();
    let made = curl(
        instance,
        &["-X", "PUT", "-H", &bearer, "-H", kind, "-d", &asked],
        "/api/v1/tokens",
    )
    .well();
    let made: Value = serde_json::from_str(&made).unwrap();
    let token = format!("Authorization: Bearer {}", made["token"].as_str().unwrap());
    let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": { "name": "list_projects", "arguments": {} } })
    .to_string();
    let headers = [
        "-H",
        kind,
        "-H",
        "Accept: application/json, text/event-stream",
        "-d",
        &list,
    ];
    let told = curl(instance, &[&["-H", &token][..], &headers].concat(), "/mcp").well();
    assert!(told.contains("Moving in"), "{told}");
    let nobody = curl(
        instance,
        &[&["-w", " %{http_code}"][..], &headers].concat(),
        "/mcp",
    )
    .well();
    assert!(nobody.ends_with(" 401"), "{nobody}");
}

/// Redis listens to this machine alone, wants a password, and nothing that everybody can read tells it.
fn locked_away(id: &str) {
    let said = inside(id, "redis-cli ping 2>&1");
    assert!(said.contains("NOAUTH"), "{said}");
    let listening = inside(
        id,
        "ss -Hltn 'sport = :6379 or sport = :8456' | awk '{ print $4 }' | sort",
    );
    assert_eq!(listening, "127.0.0.1:6379\n127.0.0.1:8456\n");
    let told = inside(
        id,
        "secret=/etc/vikunja/secrets/redis-password; ps -eo args | grep -c -F -f $secret; \
         grep -l -r -F -f $secret /etc /run /opt /var/lib /var/log 2>/dev/null | grep -v '^/etc/vikunja/secrets/'; \
         stat -c %a /etc/vikunja/secrets/redis-password /run/vikunja-redis",
    );
    assert_eq!(told, "0\n/run/vikunja-redis/redis.conf\n400\n700\n");
}

/// A status that says what fails, with what to do; and all is well once it has been done.
fn seen_without_redis(instance: &Instance, id: &str) {
    inside(id, "systemctl stop redis-server");
    let (code, found) = look(instance);
    let mcp = found["components"]
        .as_array()
        .unwrap()
        .iter()
        .find(|part| part["name"] == "mcp");
    assert!(
        code == 10 && mcp.unwrap()["status"] != "healthy",
        "{code}: {found:#}"
    );
    inside(id, "systemctl start redis-server");
    eventually("a healthy status", 30, || look(instance).0 == 0);
}

#[test]
fn an_mcp_server_that_is_not_wanted() {
    let _turn = turn();
    let instance = Instance::new("e2e-mcp-off", 138);
    let (tag, entry) = RELEASES[0];
    let published = Published::of([(tag.to_owned(), entry)].into_iter());
    let off = ["--set", "services.mcp.enabled=off"];
    bundled(&published.install(&instance, "9.1.0", &off)).well();
    let id = instance.id().unwrap();
    // The server lies in the release as its publisher made it; nothing runs it.
    let left = inside(&id, TRACES).replace("/opt/vikunja/releases/9.1.0/mcp-server\n", "");
    assert_eq!(left, "");
}
