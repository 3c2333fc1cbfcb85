//! nginx's configuration as text. Each line's reason is `hold-switch.md` or the TLS requirement; a site has been checked
//! before it gets here, so its words need no quoting.

use homeport_plugin_api::wire::{
    Facts,
    proxy::{Carries, Site, Upstream},
};
use serde_json::Value;

use crate::{COUNTING_LOG, HOME, capacity, certificate, locations};

const HEADER: &str =
    "# Written by Homeport's nginx plugin; overwritten when the deployment changes.\n";

/// `/etc/nginx/nginx.conf`, whole: `events` can be set nowhere else. After a reload an old worker would otherwise live as
/// long as its last WebSocket.
pub(crate) fn main(site: &Site, settings: &Facts) -> String {
    let workers = settings.get("workers").and_then(Value::as_u64).unwrap_or(2);
    let (files, connections) = (capacity::files(site), capacity::connections(site));
    format!(
        "{HEADER}user www-data;
worker_processes {workers};
worker_rlimit_nofile {files};
worker_shutdown_timeout 60s;
pid /run/nginx.pid;
error_log /var/log/nginx/error.log warn;

events {{
    worker_connections {connections};
}}

http {{
    default_type application/octet-stream;
    server_tokens off;
    tcp_nopush on;
    include {HOME}/site*.conf;
}}
"
    )
}

/// `site.conf`: what stands inside `http`.
pub(crate) fn site(site: &Site, settings: &Facts, ipv6: bool) -> String {
    let http2 = settings.get("http2") != Some(&Value::Bool(false));
    [
        HEADER.to_owned(),
        maps(site),
        site.upstreams.iter().map(upstream).collect(),
        behaviour(site),
        redirect(site, ipv6),
        secure(site, http2, ipv6),
        internal(site),
    ]
    .join("\n")
}

/// Which names are ours, which pair of files is read, whether a path is a stream's and a connection changes its protocol.
fn maps(site: &Site) -> String {
    let names: String = site
        .names
        .iter()
        .map(|name| format!("    \"{}\" 1;\n", as_host(name)))
        .collect();
    let streams: String = site.streams.iter().map(locations::stream_pattern).collect();
    format!(
        "map $host $homeport_ours {{\n    default 0;\n{names}}}\n{}map $uri $homeport_carries {{\n    default r;\n{streams}}}
map $http_upgrade $homeport_connection {{\n    default upgrade;\n    \"\" close;\n}}
log_format homeport_count '$msec $status $request_time $homeport_carries';\n",
        certificate::choice()
    )
}

/// One socket, never marked as down: a refused connection says nothing about the next one. No kept-alive connections:
/// the gate counts one request per connection.
fn upstream(upstream: &Upstream) -> String {
    format!(
        "upstream {} {{\n    server unix:{} max_fails=0;\n}}\n",
        upstream_name(upstream),
        upstream.socket
    )
}

pub(crate) fn upstream_name(upstream: &Upstream) -> String {
    let carries = match upstream.carries {
        Carries::Requests => "requests",
        Carries::Streams => "streams",
        Carries::Probes => "probes",
    };
    format!("{}_{carries}", upstream.component)
}

/// A request is passed on when it is complete, once, and may wait as long as the longest hold.
fn behaviour(site: &Site) -> String {
    let (body, wait) = (site.max_body_bytes, site.read_timeout_seconds);
    format!(
        "client_max_body_size {body};
proxy_http_version 1.1;
proxy_request_buffering on;
proxy_next_upstream off;
proxy_connect_timeout 60s;
proxy_send_timeout {wait}s;
proxy_read_timeout {wait}s;
"
    )
}

fn redirect(site: &Site, ipv6: bool) -> String {
    let port = if site.https_port == 443 {
        String::new()
    } else {
        format!(":{}", site.https_port)
    };
    format!(
        "server {{
{listen}    access_log off;
    if ($homeport_ours = 0) {{
        return 404;
    }}
    return 301 https://$host{port}$request_uri;
}}
",
        listen = listen(site.http_port, "default_server", ipv6)
    )
}

/// The default for this port, because a client that names an IP address sends no name in its handshake.
fn secure(site: &Site, http2: bool, ipv6: bool) -> String {
    let options = if http2 {
        "ssl http2 default_server backlog=4096"
    } else {
        "ssl default_server backlog=4096"
    };
    format!(
        "server {{
{listen}    ssl_certificate $homeport_pair/certificate.pem;
    ssl_certificate_key $homeport_pair/key.pem;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;
    ssl_prefer_server_ciphers off;
    ssl_session_cache shared:homeport:4m;
    ssl_session_timeout 1d;
    ssl_session_tickets off;
    access_log {COUNTING_LOG} homeport_count;
    access_log /var/log/nginx/access.log;
    error_page 502 503 =503 @homeport_unavailable;
    if ($homeport_ours = 0) {{
        return 421;
    }}
{locations}{unavailable}}}
",
        listen = listen(site.https_port, options, ipv6),
        locations = locations::users(site),
        unavailable = locations::UNAVAILABLE,
    )
}

/// For probes while users wait. Loopback TCP rather than a socket file, which a killed nginx would leave behind and then
/// not start over.
fn internal(site: &Site) -> String {
    let locations = locations::probes(site);
    format!(
        "server {{\n    listen 127.0.0.1:{};\n    access_log off;\n{locations}}}\n",
        site.internal_port
    )
}

fn listen(port: u16, options: &str, ipv6: bool) -> String {
    let both = format!("    listen {port} {options};\n");
    if ipv6 {
        format!("{both}    listen [::]:{port} {options};\n")
    } else {
        both
    }
}

/// As `$host` has it: an IPv6 address in brackets, everything in lower case.
fn as_host(name: &str) -> String {
    if name.contains(':') {
        format!("[{}]", name.to_lowercase())
    } else {
        name.to_lowercase()
    }
}
