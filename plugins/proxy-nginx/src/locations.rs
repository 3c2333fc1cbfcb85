//! Which path goes to which socket. Only plain prefixes and exact paths, so the longest always wins.

use homeport_plugin_api::wire::proxy::{Carries, Site, StreamRule, Upstream};

use crate::config::upstream_name;

/// What users see when nobody answers at once: it is the gate that waits, so this means the app is down.
pub(crate) const UNAVAILABLE: &str = "    location @homeport_unavailable {
        internal;
        default_type text/plain;
        add_header Retry-After 5 always;
        add_header Cache-Control no-store always;
        return 503 \"Not available at the moment; please try again in a few seconds.\\n\";
    }
";

/// Locations for users: streams have their own sockets where there are some.
pub(crate) fn users(site: &Site) -> String {
    let streams = site.streams.iter().map(|rule| {
        let socket = socket(site, &rule.component, Carries::Streams);
        stream(site, rule, socket)
    });
    requests(site)
        .map(|own| request(&own.prefix, Some(own)))
        .chain(streams)
        .collect()
}

/// Locations for probes: every path a plain request, through the probes' sockets where there are some.
pub(crate) fn probes(site: &Site) -> String {
    requests(site)
        .map(|own| request(&own.prefix, socket(site, &own.component, Carries::Probes)))
        .collect()
}

fn requests(site: &Site) -> impl Iterator<Item = &Upstream> {
    site.upstreams
        .iter()
        .filter(|upstream| upstream.carries == Carries::Requests)
}

/// The component's socket for this, or the one for its requests.
fn socket<'a>(site: &'a Site, component: &str, carries: Carries) -> Option<&'a Upstream> {
    let find = |carries| {
        site.upstreams
            .iter()
            .find(|u| u.component == component && u.carries == carries)
    };
    find(carries).or_else(|| find(Carries::Requests))
}

fn request(prefix: &str, upstream: Option<&Upstream>) -> String {
    location(prefix, upstream, "")
}

fn stream(site: &Site, rule: &StreamRule, upstream: Option<&Upstream>) -> String {
    let silence = site.stream_timeout_seconds;
    let exactly = if rule.exact { "= " } else { "" };
    let more = format!(
        "        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection $homeport_connection;
        proxy_buffering off;
        proxy_send_timeout {silence}s;
        proxy_read_timeout {silence}s;
"
    );
    location(&format!("{exactly}{}", rule.path), upstream, &more)
}

/// The address a request came from is written anew: what a client claims about it is not passed on. The port stays in
/// `Host`, so that an app on another port than 443 makes right links.
fn location(path: &str, upstream: Option<&Upstream>, more: &str) -> String {
    let name = upstream.map(upstream_name).unwrap_or_default();
    format!(
        "    location {path} {{
        proxy_pass http://{name};
        proxy_set_header Host $http_host;
        proxy_set_header X-Real-IP $remote_addr;
        proxy_set_header X-Forwarded-For $remote_addr;
        proxy_set_header X-Forwarded-Proto https;
        proxy_set_header X-Forwarded-Host $http_host;
{more}    }}
"
    )
}

/// A line of the map that tells streams apart in the counting log.
pub(crate) fn stream_pattern(rule: &StreamRule) -> String {
    let path = rule.path.replace('.', "\\.");
    let end = if rule.exact { "$" } else { "" };
    format!("    \"~^{path}{end}\" s;\n")
}
