//! The questions of the suite: every method and purpose, with the handles and names a real operation would bring.

use serde_json::{Value, json};

use crate::wire::Kind;

/// Every question for a kind: method and parameters.
pub(super) fn all(kind: Kind) -> Vec<(&'static str, Value)> {
    match kind {
        Kind::Database => conversation(&database_purposes(), &[("app_settings", app_settings())]),
        Kind::Proxy => conversation(&proxy_purposes(), &[("places", json!({"site": site()}))]),
        Kind::Health => vec![
            ("probes", probes()),
            ("report", json!({"probes": [], "outcomes": []})),
            ("report", report()),
        ],
    }
}

fn conversation(purposes: &[Value], own: &[(&'static str, Value)]) -> Vec<(&'static str, Value)> {
    let mut all = vec![("packages", json!({"settings": {}}))];
    all.extend(own.iter().cloned());
    for purpose in purposes {
        let output = json!({"exit": 0, "stdout": "\u{fffd} what no program says\n"});
        all.push(("observe", json!({"purpose": purpose, "context": context()})));
        all.push(("plan", json!({"purpose": purpose, "context": context()})));
        all.push((
            "read",
            json!({"purpose": purpose, "name": "unheard_of", "output": output}),
        ));
    }
    all
}

/// The user is one no plugin can guess, so that a plan that names another stands out.
fn context() -> Value {
    json!({"settings": {}, "user": "app-of-the-suite", "facts": {}})
}

fn handle(name: &str) -> Value {
    json!({"name": name, "path": format!("/var/lib/suite/db/{name}/suite.db"), "database": format!("suite_{name}")})
}

fn app_settings() -> Value {
    json!({"database": handle("live"), "context": context()})
}

fn database_purposes() -> [Value; 10] {
    [
        json!({"kind": "provision", "database": handle("live")}),
        json!({"kind": "check", "database": handle("live")}),
        json!({"kind": "dump", "database": handle("live"), "file": handle("file")}),
        json!({"kind": "load", "file": handle("file"), "database": handle("copy")}),
        json!({"kind": "count", "database": handle("copy")}),
        json!({"kind": "next_generation", "database": handle("live"), "next": handle("copy")}),
        json!({"kind": "remove", "copy": handle("copy")}),
        json!({"kind": "compare", "then": handle("copy"), "now": handle("live"), "leave_out": []}),
        json!({"kind": "export_newer", "then": handle("copy"), "now": handle("live"), "file": handle("file"), "leave_out": []}),
        json!({"kind": "status", "database": handle("live")}),
    ]
}

fn proxy_purposes() -> [Value; 4] {
    let certificate =
        json!({"from": "given", "chain": "-----BEGIN CERTIFICATE-----\n", "key": "tls_key"});
    [
        json!({"kind": "site", "site": site(), "certificate": certificate}),
        json!({"kind": "certificate", "site": site(), "certificate": certificate}),
        json!({"kind": "verify", "site": site()}),
        json!({"kind": "remove", "site": site()}),
    ]
}

fn site() -> Value {
    let socket = |name: &str| format!("/run/homeport/suite/{name}.sock");
    json!({
        "instance": "suite",
        "names": ["suite.example.org", "192.0.2.1", "2001:db8::1"],
        "http_port": 8080, "https_port": 8443, "internal_port": 8480,
        "upstreams": [
            {"component": "backend", "carries": "requests", "prefix": "/", "socket": socket("backend")},
            {"component": "backend", "carries": "streams", "prefix": "/", "socket": socket("streams")},
            {"component": "extra", "carries": "requests", "prefix": "/extra/", "socket": socket("extra")},
        ],
        "streams": [{"component": "backend", "path": "/api/v1/ws", "exact": true}],
        "max_body_bytes": 1_048_576, "read_timeout_seconds": 60, "stream_timeout_seconds": 3600, "waiting": 1024,
    })
}

fn probes() -> Value {
    json!({
        "components": [{
            "name": "backend", "unit": "backend.service",
            "ways": [{"name": "direct", "address": {"tcp": "127.0.0.1:3456"}, "host": "suite.example.org"}],
            "expects": [{"path": "/health", "status": 200, "body": {"contains": "OK"}}],
            "user": "app-of-the-suite", "directories": ["/var/lib/suite"],
        }],
        "machine": {"directories": ["/var/lib/suite"], "certificate": "192.0.2.1:443", "certificate_unit": "proxy.service"},
        "deadline_seconds": 10,
    })
}

/// A bad day: nothing was tried, or it failed, and every figure is a bad one.
fn report() -> Value {
    let probe = |name: &str, component: &str, check: Value| json!({"name": name, "component": component, "check": check, "deadline_seconds": 2, "listener": "backend.service"});
    let page = json!({"try": "http", "address": {"tcp": "127.0.0.1:3456"}, "host": "suite.example.org",
        "expect": {"path": "/health", "status": 200}});
    let outcome = |name: &str, passed: bool, figures: Value| {
        json!({"probe": name, "passed": passed, "milliseconds": 3, "said": "said", "figures": figures,
            "listener": {"pid": 7, "program": "other", "unit": ""}, "body": {"redis": "down", "version": "0.0.1"}})
    };
    json!({
        "probes": [
            probe("unit", "backend", json!({"try": "unit", "unit": "backend.service"})),
            probe("page", "backend", page),
            probe("connect", "backend", json!({"try": "connect", "address": {"unix": "/run/suite.sock"}})),
            probe("exec", "backend", json!({"try": "exec", "argv": ["test", "-w", "/var/lib/suite"], "user": "app-of-the-suite"})),
            probe("disk", "", json!({"try": "disk", "path": "/"})),
            probe("memory", "", json!({"try": "memory"})),
            probe("certificate", "", json!({"try": "certificate", "address": "192.0.2.1:443"})),
            probe("untried", "", json!({"try": "memory"})),
        ],
        "outcomes": [
            outcome("unit", false, json!({"restarts": 5, "uptime_seconds": 0})),
            outcome("page", false, json!({})), outcome("connect", false, json!({})), outcome("exec", false, json!({})),
            outcome("disk", true, json!({"total": 100, "free": 1})),
            outcome("memory", true, json!({"total": 100, "available": 1})),
            outcome("certificate", true, json!({"expires_in": 0})),
        ],
        "in_guest": ["pct", "exec", "105", "--"], "version": "9.9.9", "instance": "suite",
    })
}
