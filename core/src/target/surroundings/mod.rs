//! How this host reaches the world, which a guest on it needs to be told: name servers, proxies, authorities its
//! distribution does not know, package mirrors. Reads the host's own files and asks its own tools; changes nothing.

mod proxies;
mod registries;

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::Path;

use homeport_engine::run::{Fault, FaultKind};

pub use self::proxies::{ForGuest, Proxies};
pub use self::registries::Registries;
use super::machine::tool;

/// What a guest has to be given to reach the world as the host does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// The host's name servers. Some are of no use in a guest: loopback, and 100.100.100.100 of a VPN.
    pub nameservers: Vec<String>,
    /// Proxies.
    pub proxies: Proxies,
    /// Certificates, PEM, that the host trusts beyond its distribution's own: a company's, a TLS-inspecting proxy's.
    pub authorities: Option<String>,
    /// The host's package sources.
    pub apt: Vec<AptSource>,
    /// The host's registries for builds.
    pub registries: Registries,
}

/// One source of packages.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AptSource {
    /// Who publishes it, as its release file says: `Debian`, `Debian-Security`, …
    pub label: String,
    /// Address of the repository.
    pub uri: String,
    /// Code name of the release: `bookworm`, `bookworm-security`, …
    pub release: String,
    /// `main`, …
    pub component: String,
}

/// The bundle Debian makes of all trusted authorities.
const BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Where Debian's package keeps the authorities the distribution trusts.
const DISTRIBUTION: &str = "/usr/share/ca-certificates";

impl Surroundings {
    /// Gathers them. `platform_proxy` is the proxy the platform itself is configured with, empty for none.
    pub(super) fn gather(platform_proxy: &str) -> Result<Surroundings, Fault> {
        let resolv = read("/etc/resolv.conf")?.unwrap_or_default();
        let apt = tool(&["apt-config", "dump", "--format", "%F %v%n", "Acquire"])?;
        let sources = tool(&[
            "apt-get",
            "indextargets",
            "--format",
            SOURCE,
            "Created-By: Packages",
        ])?;
        Ok(Surroundings {
            nameservers: nameservers(&resolv),
            proxies: Proxies::find(&|name| env::var(name).ok(), &apt, platform_proxy),
            authorities: authorities()?,
            apt: apt_sources(&sources),
            registries: registries()?,
        })
    }

    /// The host's name servers that a guest can ask: not those on the host's loopback address, nor that of a VPN, which
    /// answer the host alone.
    pub fn guest_nameservers(&self) -> Vec<&String> {
        let reached = |server: &&String| {
            let address = server.parse::<IpAddr>();
            address.is_ok_and(|address| !address.is_loopback()) && *server != "100.100.100.100"
        };
        self.nameservers.iter().filter(reached).collect()
    }

    /// The host's proxies as apt's configuration for a guest: a secret.
    pub(super) fn apt_proxy(&self) -> String {
        let mirrors = self.apt.iter().map(|source| source.uri.as_str());
        self.proxies.apt(mirrors)
    }

    /// The host's mirrors of Debian as a `sources.list` for the release with this code name, which need not be the
    /// host's own. `None` when the host uses the public ones, as every template does.
    pub fn package_sources(&self, codename: &str) -> Option<String> {
        let of = |label: &str| {
            self.apt
                .iter()
                .find(|source| source.label == label)
                .map(|source| source.uri.as_str())
        };
        let (main, security) = (of("Debian"), of("Debian-Security"));
        let is_public = |uri: &str| {
            PUBLIC
                .iter()
                .any(|name| uri.contains(&format!("://{name}/")))
        };
        let main =
            main.filter(|uri| !is_public(uri) || security.is_some_and(|uri| !is_public(uri)))?;
        let mut lines = format!("deb {main} {codename} main\ndeb {main} {codename}-updates main\n");
        if let Some(uri) = security {
            lines += &format!("deb {uri} {codename}-security main\n");
        }
        Some(lines)
    }
}

/// Debian's own names for its mirrors.
const PUBLIC: [&str; 3] = ["deb.debian.org", "security.debian.org", "ftp.debian.org"];

/// Fields of a source, separated by blanks; the label may hold some and comes last.
const SOURCE: &str = "$(REPO_URI) $(CODENAME) $(COMPONENT) $(LABEL)";

fn registries() -> Result<Registries, Fault> {
    let home = env::var("HOME").unwrap_or_else(|_| "/root".to_owned());
    let read = |path: String| Ok(read(&path)?.unwrap_or_default());
    let npmrc = [format!("{home}/.npmrc"), "/etc/npmrc".to_owned()].map(read);
    let npmrc = npmrc.into_iter().collect::<Result<Vec<_>, Fault>>()?;
    let go_env = read(format!("{home}/.config/go/env"))?;
    Ok(Registries::find(
        &|name| env::var(name).ok().filter(|value| !value.is_empty()),
        &go_env,
        &npmrc,
    ))
}

fn nameservers(resolv: &str) -> Vec<String> {
    let lines = resolv
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    let named = lines.filter_map(|words| match words[..] {
        ["nameserver", address, ..] => Some(address.to_owned()),
        _ => None,
    });
    named.collect()
}

fn apt_sources(answer: &str) -> Vec<AptSource> {
    let lines = answer
        .lines()
        .map(|line| line.splitn(4, ' ').map(str::to_owned).collect::<Vec<_>>());
    let sources: BTreeSet<AptSource> = lines
        .filter_map(|words| match <[String; 4]>::try_from(words) {
            Ok([uri, release, component, label]) => Some(AptSource {
                label,
                uri,
                release,
                component,
            }),
            Err(_) => None,
        })
        .collect();
    sources.into_iter().collect()
}

/// What the host trusts – its bundle, or the one `SSL_CERT_FILE` names – without what its distribution trusts.
fn authorities() -> Result<Option<String>, Fault> {
    let named = env::var("SSL_CERT_FILE")
        .ok()
        .filter(|path| !path.is_empty());
    let bundle = read(named.as_deref().unwrap_or(BUNDLE))?.unwrap_or_default();
    let mut common = BTreeSet::new();
    collect(Path::new(DISTRIBUTION), &mut common)
        .map_err(|error| unreadable(DISTRIBUTION, &error))?;
    let extra = blocks(&bundle)
        .into_iter()
        .filter(|block| !common.contains(block));
    let pem: String = extra.map(|block| block + "\n").collect();
    Ok(Some(pem).filter(|pem| !pem.is_empty()))
}

/// Every certificate below a directory.
fn collect(directory: &Path, into: &mut BTreeSet<String>) -> io::Result<()> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, into)?;
        } else {
            into.extend(blocks(&String::from_utf8_lossy(&fs::read(&path)?)));
        }
    }
    Ok(())
}

/// The certificates of a PEM file, each in one form.
fn blocks(pem: &str) -> Vec<String> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";
    let parts = pem
        .split(BEGIN)
        .skip(1)
        .filter_map(|part| part.split_once(END));
    let lines = parts.map(|(body, _)| {
        body.lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect::<Vec<_>>()
    });
    lines
        .map(|lines| format!("{BEGIN}\n{}\n{END}", lines.join("\n")))
        .collect()
}

fn read(path: &str) -> Result<Option<String>, Fault> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(path, &error)),
    }
}

fn unreadable(path: &str, error: &io::Error) -> Fault {
    Fault::new(
        FaultKind::Failed,
        format!("`{path}` cannot be read: {error}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_servers_are_read() {
        let file =
            "# x\nsearch a\nnameserver 10.0.0.1\n nameserver fd00::1 # y\noptions z\nnameserver\n";
        assert_eq!(nameservers(file), ["10.0.0.1", "fd00::1"]);
    }

    #[test]
    fn name_servers_of_the_host_alone_are_none_of_a_guests() {
        let around = Surroundings {
            nameservers: [
                "127.0.0.53",
                "10.0.0.1",
                "100.100.100.100",
                "::1",
                "fd00::1",
            ]
            .map(str::to_owned)
            .into(),
            ..Surroundings::default()
        };
        assert_eq!(around.guest_nameservers(), ["10.0.0.1", "fd00::1"]);
    }

    #[test]
    fn sources_are_read_once_each() {
        let answer = "http://deb/debian/ bookworm main Debian\nhttp://deb/debian/ bookworm main Debian\n\
            http://sec/ bookworm-security main Debian-Security\nhttp://x/ y main A label\nshort\n";
        let found = apt_sources(answer);
        let labels: Vec<&str> = found.iter().map(|source| source.label.as_str()).collect();
        assert_eq!(labels, ["A label", "Debian", "Debian-Security"]);
        assert_eq!(found[1].uri, "http://deb/debian/");
    }

    #[test]
    fn mirrors_are_carried_over_to_the_guests_release_and_public_ones_not_at_all() {
        let with = |lines: &str| Surroundings {
            apt: apt_sources(lines),
            ..Surroundings::default()
        };
        let public =
            "http://deb.debian.org/debian/ bookworm main Debian\nhttp://other/ x main Proxmox\n";
        assert_eq!(with(public).package_sources("trixie"), None);
        let own = "http://m/debian/ bookworm main Debian\nhttp://m/sec/ bookworm-security main Debian-Security\n";
        assert_eq!(
            with(own).package_sources("trixie").unwrap(),
            "deb http://m/debian/ trixie main\ndeb http://m/debian/ trixie-updates main\ndeb http://m/sec/ trixie-security main\n"
        );
        assert_eq!(with("").package_sources("trixie"), None);
    }

    #[test]
    fn certificates_are_compared_by_content_not_by_layout() {
        let block = "-----BEGIN CERTIFICATE-----\nAAAA\nBBBB\n-----END CERTIFICATE-----";
        let loose = format!("text\n{}\n\nmore", block.replace('\n', "\r\n"));
        assert_eq!(blocks(&loose), [block]);
        assert_eq!(blocks("-----BEGIN CERTIFICATE-----\ncut"), [""; 0]);
    }

    #[test]
    fn this_machine_can_be_looked_at() {
        let found = Surroundings::gather("").unwrap();
        assert!(
            found.apt.iter().any(|source| source.uri.contains("://")),
            "{:?}",
            found.apt
        );
    }
}
