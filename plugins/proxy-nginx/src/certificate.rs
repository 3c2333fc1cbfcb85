//! Certificate and key: where they lie, how they are made, and how another pair takes over without a reload.
//!
//! nginx opens both files at every handshake, one after the other. Were they swapped in place, a handshake in between
//! would get a certificate and a key that do not belong together and fail. So there are two pairs, `a` and `b`, read in
//! turn by the minute of the clock, and only the pair not being read is ever replaced.

use std::net::IpAddr;

use homeport_plugin_api::{
    Answer, Refusal,
    wire::{
        Facts,
        proxy::{Certificate, Site},
        step::{Content, File, Run, Step},
    },
};
use serde_json::Value;

use crate::{HOME, directory, public, reading, root};

/// Seconds after the change of the minute from which the other pair is surely read.
const MARGIN: u64 = 5;

/// The last second of a minute in which replacing a pair is begun. The steps may start half a minute after the clock was
/// looked at and still be done before the minute changes.
const LATEST: u64 = 25;

/// The certificate users see.
pub(crate) fn in_use() -> String {
    format!("{HOME}/a/certificate.pem")
}

/// nginx's choice of a pair: `a` in even minutes, `b` in odd ones.
pub(crate) fn choice() -> String {
    format!(
        "map $time_iso8601 $homeport_pair {{\n    default {HOME}/b;\n    \"~:[0-5][02468]:\" {HOME}/a;\n}}\n"
    )
}

/// Steps that put a certificate in place for a site that is not served yet, or served with this same one.
pub(crate) fn first(site: &Site, certificate: &Certificate, facts: &Facts) -> Answer<Vec<Step>> {
    let mut steps: Vec<Step> = ["", "/new", "/a", "/b"]
        .map(|place| directory(&format!("{HOME}{place}"), "0750", "www-data"))
        .into();
    if !kept(site, certificate, facts) {
        steps.extend(staged(site, certificate));
        steps.extend([into("a"), into("b"), unstaged()]);
    }
    Ok(steps)
}

/// Steps that bring another certificate into use: first the pair not being read, then, a minute later, the other one.
pub(crate) fn another(site: &Site, certificate: &Certificate, facts: &Facts) -> Answer<Vec<Step>> {
    if kept(site, certificate, facts) {
        return Ok(Vec::new());
    }
    let clock = facts.get(reading::CLOCK).and_then(Value::as_u64);
    let clock = clock
        .ok_or_else(|| Refusal::invalid("the guest's clock was not read", "run `observe` first"))?;
    let until_change = |clock: u64| 60 - clock % 60 + MARGIN;
    let start = if clock % 60 <= LATEST {
        clock
    } else {
        clock + until_change(clock)
    };
    let (now, then) = if start / 60 % 2 == 0 {
        ("b", "a")
    } else {
        ("a", "b")
    };
    let mut steps = staged(site, certificate);
    steps.extend([
        wait(start - clock),
        into(now),
        wait(until_change(start)),
        into(then),
        unstaged(),
    ]);
    Ok(steps)
}

/// A self-signed certificate for these very names is not made again: browsers have been told to trust it.
fn kept(site: &Site, certificate: &Certificate, facts: &Facts) -> bool {
    let Certificate::SelfSigned { .. } = certificate else {
        return false;
    };
    let names = facts
        .get(reading::SELF_SIGNED_FOR)
        .and_then(Value::as_array);
    names.is_some_and(|names| {
        names
            .iter()
            .filter_map(Value::as_str)
            .eq(site.names.iter().map(String::as_str))
    })
}

/// The new pair, checked by nginx itself: readable, and key and certificate belong together.
fn staged(site: &Site, certificate: &Certificate) -> Vec<Step> {
    let (chain, key) = (
        format!("{HOME}/new/certificate.pem"),
        format!("{HOME}/new/key.pem"),
    );
    let mut steps: Vec<Step> = match certificate {
        Certificate::SelfSigned { days } => vec![self_signed(site, *days, &chain, &key).into()],
        Certificate::Given {
            chain: text,
            key: secret,
        } => {
            vec![
                public(chain, text.clone()).into(),
                secret_file(key, secret).into(),
            ]
        }
    };
    let conf = format!("{HOME}/check.conf");
    steps.push(public(conf.clone(), check_conf()).into());
    let title = "Check that certificate and key belong together";
    steps.push(root(title, ["nginx", "-t", "-q", "-c", &conf]).into());
    steps
}

fn check_conf() -> String {
    format!(
        "# Written by Homeport: only ever tested, never served.\npid /run/homeport-nginx-check.pid;\nevents {{}}\nhttp {{\n    \
         access_log off;\n    server {{\n        listen unix:/run/homeport-nginx-check.sock ssl;\n        \
         ssl_certificate {HOME}/new/certificate.pem;\n        ssl_certificate_key {HOME}/new/key.pem;\n    }}\n}}\n"
    )
}

fn secret_file(path: String, secret: &str) -> File {
    let content = Content::Secret(secret.to_owned());
    File {
        path,
        mode: "0640".to_owned(),
        owner: "root".to_owned(),
        group: "www-data".to_owned(),
        content,
    }
}

/// ECDSA on P-256, which every browser of the last ten years takes. The key is made here and never leaves. Whoever has
/// a computer trust the certificate trusts this one site by it, no authority.
fn self_signed(site: &Site, days: u32, chain: &str, key: &str) -> Run {
    let subject = format!("/CN={}", site.instance);
    let names = format!(
        "subjectAltName={}",
        site.names
            .iter()
            .map(alternative)
            .collect::<Vec<_>>()
            .join(",")
    );
    let days = days.to_string();
    let argv = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-sha256",
        "-days",
        &days,
        "-subj",
        &subject,
        "-addext",
        &names,
        "-addext",
        "basicConstraints=critical,CA:FALSE",
        "-addext",
        "extendedKeyUsage=serverAuth",
        "-keyout",
        key,
        "-out",
        chain,
    ];
    root("Make a self-signed certificate", argv)
}

fn alternative(name: &String) -> String {
    if name.parse::<IpAddr>().is_ok() {
        format!("IP:{name}")
    } else {
        format!("DNS:{name}")
    }
}

/// Both files of the new pair at once; `-C` leaves a file alone that is the same already. Workers read the key.
fn into(pair: &str) -> Step {
    let place = format!("{HOME}/{pair}/");
    let (chain, key) = (
        format!("{HOME}/new/certificate.pem"),
        format!("{HOME}/new/key.pem"),
    );
    let argv = [
        "install", "-C", "-m", "0640", "-o", "root", "-g", "www-data", &chain, &key, &place,
    ];
    root(&format!("Put the certificate into pair {pair}"), argv).into()
}

fn unstaged() -> Step {
    root(
        "Remove the key's spare copy",
        ["rm", "-f", &format!("{HOME}/new/key.pem")],
    )
    .into()
}

fn wait(seconds: u64) -> Step {
    let argv = ["sleep".to_owned(), seconds.to_string()];
    Run::new("Wait until nginx reads the other pair", "root", argv)
        .within(300)
        .into()
}
