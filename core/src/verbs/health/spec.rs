//! A health plugin's probes as what the agent looks at. Pure.

use homeport_engine::exec::Exec;
use homeport_engine::probe::{Call, Check as EngineCheck, HttpCheck, Probe as EngineProbe, Via};
use homeport_engine::report::Spec;
use homeport_plugin_api::wire::health::{Address, Body, Check, Expect, Probe};

/// The plugin's probes as the agent's looks.
pub(super) fn of(probes: &[Probe]) -> Spec {
    let mut spec = Spec::default();
    for probe in probes {
        let watched = probe.listener.as_ref().and_then(|_| port(&probe.check));
        spec.ports
            .extend(watched.filter(|port| !spec.ports.contains(port)));
        match &probe.check {
            Check::Http {
                address,
                host,
                expect,
            } => {
                let check = EngineCheck::Http(http(address, host, expect));
                spec.probes
                    .insert(probe.name.clone(), engine(check, probe.deadline_seconds));
            }
            Check::Connect { address } => {
                let check = EngineCheck::Tcp {
                    address: text(address).to_owned(),
                };
                spec.probes
                    .insert(probe.name.clone(), engine(check, probe.deadline_seconds));
            }
            Check::Exec { argv, user } => {
                let exec = Exec {
                    argv: argv.clone(),
                    ..Exec::root([], probe.deadline_seconds).as_user(user)
                };
                spec.commands.insert(probe.name.clone(), exec.keep(4096));
            }
            Check::Certificate { address, .. } => {
                spec.commands
                    .insert(probe.name.clone(), expiry(address, probe.deadline_seconds));
            }
            Check::Unit { unit } => spec.units.push(unit.clone()),
            Check::Disk { path } => spec.directories.push(path.clone()),
            Check::Memory => {}
        }
    }
    spec
}

/// Seconds until the served certificate expires, on stdout.
fn expiry(address: &str, timeout_s: u32) -> Exec {
    let script = "end=$(openssl s_client -connect \"$1\" </dev/null 2>/dev/null | openssl x509 -noout -enddate | cut -d= -f2) \
                  && echo $(( $(date -d \"$end\" +%s) - $(date +%s) ))";
    Exec::root(["sh", "-c", script, "sh", address], timeout_s).keep(64)
}

fn engine(check: EngineCheck, deadline_s: u32) -> EngineProbe {
    EngineProbe {
        check,
        deadline_ms: deadline_s * 1000,
        // A status says how it is now: what is refused is not asked again.
        interval_ms: deadline_s * 1000,
        unit: None,
    }
}

fn text(address: &Address) -> &str {
    match address {
        Address::Tcp(text) | Address::Tls(text) | Address::Unix(text) => text,
    }
}

fn http(address: &Address, host: &str, expect: &Expect) -> HttpCheck {
    let via = match address {
        Address::Tcp(address) | Address::Tls(address) => Via::Tcp(address.clone()),
        Address::Unix(path) => Via::Unix(path.clone()),
    };
    let (body_contains, json_equals) = match &expect.body {
        Some(Body::Is(text) | Body::Contains(text)) => (Some(text.clone()), None),
        Some(Body::Json { pointer, equals }) => (
            None,
            equals
                .as_str()
                .map(|text| (pointer.clone(), text.to_owned())),
        ),
        None => (None, None),
    };
    HttpCheck {
        via,
        host: host.to_owned(),
        path: expect.path.clone(),
        call: expect.post.as_ref().map(|post| Call {
            headers: post.headers.clone(),
            body: post.body.clone(),
        }),
        status: expect.status,
        body_contains,
        json_equals,
        post: None,
    }
}

/// The port a probe asks at, if it is one of this machine's.
pub(super) fn port(check: &Check) -> Option<u16> {
    let address = match check {
        Check::Http { address, .. } | Check::Connect { address } => text(address),
        Check::Certificate { address, .. } => address,
        _ => return None,
    };
    address.strip_prefix("127.0.0.1:")?.parse().ok()
}
