//! The proxies this host reaches the world through, and the same for a guest. A proxy's address may hold a password:
//! it is shown nowhere, and leaves this module only as text for a file that root alone reads.

use std::fmt::{self, Write};
use std::net::IpAddr;

/// Proxies.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    /// For `http://`.
    pub http: Option<String>,
    /// For `https://`.
    pub https: Option<String>,
    /// Names and networks that need none, separated by commas.
    pub none_for: Option<String>,
}

/// What the host's proxies are to a guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ForGuest {
    /// There are none.
    None,
    /// A guest reaches them.
    Usable,
    /// One listens on the host's loopback address, where no guest reaches it.
    Loopback,
    /// One is not an address a configuration file can hold.
    Malformed,
}

impl fmt::Debug for Proxies {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let some = |proxy: &Option<String>| proxy.as_ref().map(|_| "…");
        to.debug_struct("Proxies")
            .field("http", &some(&self.http))
            .field("https", &some(&self.https))
            .field("none_for", &self.none_for)
            .finish()
    }
}

impl Proxies {
    /// Finds them. The environment wins over apt's configuration, that over the platform's, as it does for whoever works
    /// on the host. `variable` is the environment, `apt` the answer of `apt-config dump`.
    pub(super) fn find(
        variable: &dyn Fn(&str) -> Option<String>,
        apt: &str,
        platform: &str,
    ) -> Proxies {
        let set =
            |value: Option<String>| value.filter(|value| !value.is_empty() && value != "DIRECT");
        let either =
            |name: &str| set(variable(name)).or_else(|| set(variable(&name.to_uppercase())));
        let configured = |name: &str| {
            let key = format!("Acquire::{name}::Proxy ");
            set(apt
                .lines()
                .find_map(|line| line.strip_prefix(&key))
                .map(|value| value.trim().to_owned()))
        };
        let platform = || set(Some(platform.to_owned()));
        let http = either("http_proxy")
            .or_else(|| configured("http"))
            .or_else(platform)
            .map(with_scheme);
        Proxies {
            // An HTTP proxy takes HTTPS as well, by CONNECT, and apt uses it so when nothing else is said.
            https: either("https_proxy")
                .or_else(|| configured("https"))
                .map(with_scheme)
                .or_else(|| http.clone()),
            http,
            none_for: either("no_proxy"),
        }
    }

    /// What they are to a guest.
    pub fn for_guest(&self) -> ForGuest {
        let mut found = ForGuest::None;
        for proxy in [&self.http, &self.https].into_iter().flatten() {
            found = match host(proxy) {
                None => return ForGuest::Malformed,
                Some(name) if loopback(name) => return ForGuest::Loopback,
                Some(_) => ForGuest::Usable,
            };
        }
        found
    }

    /// As apt's configuration; `mirrors` are the addresses of package sources, of which some may need no proxy.
    pub(super) fn apt<'a>(&'a self, mirrors: impl Iterator<Item = &'a str>) -> String {
        let mut text = String::new();
        let mut line = |scheme: &str, of: &str, value: &str| {
            // Writing into a String cannot fail.
            let _ = writeln!(text, "Acquire::{scheme}::Proxy{of} \"{value}\";");
        };
        for (scheme, proxy) in [("http", &self.http), ("https", &self.https)] {
            if let Some(proxy) = proxy {
                line(scheme, "", proxy);
            }
        }
        for name in self.direct(mirrors) {
            line("http", &format!("::{name}"), "DIRECT");
            line("https", &format!("::{name}"), "DIRECT");
        }
        text
    }

    /// As a shell's assignments, under both spellings that tools look for.
    pub(crate) fn variables(&self) -> String {
        let named = [
            ("http_proxy", &self.http),
            ("https_proxy", &self.https),
            ("no_proxy", &self.none_for),
        ];
        let mut text = String::new();
        for (name, value) in named {
            let Some(value) = value else { continue };
            let quoted = value.replace('\'', "'\\''");
            for name in [name, &name.to_uppercase()] {
                // Writing into a String cannot fail.
                let _ = writeln!(text, "export {name}='{quoted}'");
            }
        }
        text
    }

    /// Names that need no proxy: those said in full, and the mirrors that end in one of them. Apt knows no patterns here.
    fn direct<'a>(&'a self, mirrors: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
        let listed = self.none_for.as_deref().unwrap_or_default().split(',');
        let entries: Vec<&str> = listed
            .map(|entry| entry.trim().trim_start_matches(['*', '.']))
            .filter(|entry| is_name(entry))
            .collect();
        let ends = |name: &str, entry: &str| {
            name.strip_suffix(entry)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        let mirrors = mirrors.filter_map(host);
        let mut names: Vec<&str> = mirrors
            .filter(|name| entries.iter().any(|entry| ends(name, entry)))
            .chain(entries.iter().copied())
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// Variables often hold `proxy:3128`, which apt does not take.
fn with_scheme(proxy: String) -> String {
    if proxy.contains("://") {
        proxy
    } else {
        format!("http://{proxy}")
    }
}

/// The host of an address; `None`: it is no address, or cannot stand between quotation marks.
fn host(address: &str) -> Option<&str> {
    let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '"' | '\\');
    if address.contains(odd) {
        return None;
    }
    let (_, rest) = address.split_once("://")?;
    let authority = rest.split('/').next().unwrap_or_default();
    let place = authority
        .rsplit_once('@')
        .map_or(authority, |(_, place)| place);
    let name = match place
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
    {
        Some((name, _)) => name,
        None => place.split(':').next().unwrap_or_default(),
    };
    is_name(name).then_some(name)
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte))
}

fn loopback(name: &str) -> bool {
    name == "localhost" || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(http: &str, none_for: &str) -> Proxies {
        Proxies {
            http: Some(http.to_owned()),
            https: None,
            none_for: Some(none_for.to_owned()),
        }
    }

    #[test]
    fn proxies_come_from_the_nearest_place_and_never_show_in_messages() {
        let none = |_: &str| None;
        let apt = "Acquire::http::Proxy http://u:secret@apt:3128\nAcquire::https::Proxy DIRECT\n";
        let found = Proxies::find(&none, apt, "http://platform:1");
        assert_eq!(found.http.as_deref(), Some("http://u:secret@apt:3128"));
        assert_eq!(found.https, found.http);
        assert!(!format!("{found:?}").contains("secret"));
        let variables = |name: &str| (name == "HTTPS_PROXY").then(|| "env:2".to_owned());
        let found = Proxies::find(&variables, "", "http://platform:1");
        assert_eq!(found.http.as_deref(), Some("http://platform:1"));
        assert_eq!(found.https.as_deref(), Some("http://env:2"));
        assert_eq!(Proxies::find(&none, "", ""), Proxies::default());
    }

    #[test]
    fn a_guest_is_not_sent_to_the_hosts_loopback_nor_given_what_breaks_a_file() {
        let judged = |http: &str| of(http, "").for_guest();
        assert_eq!(judged("http://u:p@proxy.example:3128"), ForGuest::Usable);
        assert_eq!(judged("http://[fd00::1]:3128/"), ForGuest::Usable);
        for here in [
            "http://localhost:1",
            "http://u:p@127.0.0.1:1",
            "http://[::1]:1",
        ] {
            assert_eq!(judged(here), ForGuest::Loopback, "{here}");
        }
        for odd in ["http://a\";x \"", "http://", "http://u:p @h", "h\n"] {
            assert_eq!(judged(odd), ForGuest::Malformed, "{odd}");
        }
        assert_eq!(Proxies::default().for_guest(), ForGuest::None);
    }

    #[test]
    fn a_shell_takes_the_proxy_for_one_word() {
        let text = of("http://u:p'w@h:1", "local").variables();
        assert!(text.starts_with("export http_proxy='http://u:p'\\''w@h:1'\nexport HTTP_PROXY="));
        assert!(text.ends_with("export no_proxy='local'\nexport NO_PROXY='local'\n"));
        assert_eq!(Proxies::default().variables(), "");
    }

    #[test]
    fn apt_is_told_the_proxy_and_what_needs_none() {
        let proxies = of(
            "http://u:p@h:1",
            "local, .inner.example,10.0.0.0/8,*.x.example",
        );
        let mirrors = ["http://deb.inner.example/debian/", "http://deb.debian.org/"];
        assert_eq!(
            proxies.apt(mirrors.into_iter()),
            "Acquire::http::Proxy \"http://u:p@h:1\";\n\
             Acquire::http::Proxy::deb.inner.example \"DIRECT\";\nAcquire::https::Proxy::deb.inner.example \"DIRECT\";\n\
             Acquire::http::Proxy::inner.example \"DIRECT\";\nAcquire::https::Proxy::inner.example \"DIRECT\";\n\
             Acquire::http::Proxy::local \"DIRECT\";\nAcquire::https::Proxy::local \"DIRECT\";\n\
             Acquire::http::Proxy::x.example \"DIRECT\";\nAcquire::https::Proxy::x.example \"DIRECT\";\n"
        );
    }
}
