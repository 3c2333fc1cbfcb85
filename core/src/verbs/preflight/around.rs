//! What lies around the host: servers an install needs, name servers, the domain, the neighbours of its address. Asks all
//! of them at once; judging what they said is pure.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::thread;

use homeport_engine::run::Fault;

use super::place::{found_bridge, in_sight, is_own};
use super::{Asked, DOMAIN, Facts, MIRROR, NAMES, PROXY, SOURCE, Wanted, existing};
use crate::error::Kind;
use crate::places;
use crate::recipe::Recipe;
use crate::report::Finding;
use crate::settings::{Settings, SourceKind};
use crate::target::network::{Server, greet, neighbour, resolve};
use crate::target::{ForGuest, HostFacts, Surroundings, bare, free};

/// Where every template of Debian gets its packages unless the host says otherwise.
const PUBLIC_MIRROR: &str = "http://deb.debian.org/";

/// Labels of Debian's package sources.
const DEBIAN: [&str; 2] = ["Debian", "Debian-Security"];

/// Asks around.
pub(super) fn ask(
    host: HostFacts,
    recipe: &Recipe,
    wanted: Option<&Settings>,
) -> Result<Facts, Fault> {
    let urls: Vec<String> = source(recipe, wanted)
        .into_iter()
        .chain(mirrors(&host.surroundings))
        .collect();
    let proxy = proxy(&host.surroundings);
    let (servers, place) = thread::scope(|scope| {
        let asking: Vec<_> = urls
            .iter()
            .map(|url| scope.spawn(|| greet(url, proxy)))
            .collect();
        let place = wanted
            .map(|settings| neighbourhood(&host, settings))
            .transpose();
        let servers = asking.into_iter().filter_map(|server| server.join().ok());
        (servers.collect(), place)
    });
    Ok(Facts {
        servers,
        place: place?,
        staging: free(existing(Path::new(places::STATE))).ok(),
        host,
    })
}

fn neighbourhood(host: &HostFacts, settings: &Settings) -> Result<Asked, Fault> {
    let network = &settings.network;
    // Through a bridge that is not there nobody can be asked.
    let seen = found_bridge(host, &network.bridge).is_some() && in_sight(host, settings);
    let asked = |address: Ipv4Addr| {
        neighbour(
            &network.bridge,
            address,
            seen && !is_own(host, address.into()),
        )
    };
    let gateway = network
        .gateway
        .filter(|gateway| !is_own(host, (*gateway).into()));
    let no_directory = unfit(settings);
    thread::scope(|scope| {
        let gateway = gateway.map(|gateway| scope.spawn(move || asked(gateway)));
        let domain = scope.spawn(|| resolve(&network.domain));
        let address = asked(network.ip_address.address())?;
        let gateway = gateway
            .and_then(|gateway| gateway.join().ok())
            .transpose()?;
        Ok(Asked {
            address,
            gateway,
            domain: domain
                .join()
                .unwrap_or_else(|_| Err("it could not be asked".to_owned())),
            no_directory,
        })
    })
}

/// Why the directory of a release or of a clone is none.
fn unfit(settings: &Settings) -> Option<String> {
    let directory = Path::new(settings.source.directory.as_ref()?);
    let shown = directory.display();
    let clone = settings.source.kind == SourceKind::Local;
    if !directory.is_dir() {
        return Some(format!("`{shown}` is no directory"));
    }
    // A worktree has a file of that name, which leads out of the directory.
    (clone && !directory.join(".git").is_dir())
        .then(|| format!("`{shown}` is no clone: it has no directory `.git` of its own"))
}

/// The server releases come from: where the settings say, or the publisher's. A directory is none.
fn source(recipe: &Recipe, wanted: Option<&Settings>) -> Option<String> {
    let source = wanted.map(|settings| &settings.source);
    if source.is_some_and(|source| source.directory.is_some()) {
        return None;
    }
    if source.is_some_and(|source| source.kind == SourceKind::Git) {
        let named = wanted.and_then(|settings| settings.git.repository.as_ref());
        let git = recipe.source.git.as_ref().map(|git| &git.repository);
        return server(named.or(git)?);
    }
    let named = source.and_then(|source| source.url.as_ref());
    server(named.unwrap_or(&recipe.source.release.base_url))
}

/// `https://example.org/` of an address there. What follows may hold placeholders, and need not be there by itself.
fn server(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let host = rest.split('/').next()?;
    (!host.contains('{')).then(|| format!("{scheme}://{host}/"))
}

/// The servers Debian's packages come from.
fn mirrors(around: &Surroundings) -> Vec<String> {
    let sources = around
        .apt
        .iter()
        .filter(|source| DEBIAN.contains(&source.label.as_str()));
    let mut servers: Vec<String> = sources.filter_map(|source| server(&source.uri)).collect();
    if servers.is_empty() {
        servers.push(PUBLIC_MIRROR.to_owned());
    }
    servers.sort();
    servers.dedup();
    servers
}

/// The proxy to ask through. With exceptions from it the environment decides, which is where they stand.
fn proxy(around: &Surroundings) -> Option<&str> {
    let proxies = &around.proxies;
    proxies
        .http
        .as_deref()
        .filter(|_| proxies.none_for.is_none())
}

/// Judges what was said.
pub(super) fn judge(facts: &Facts, wanted: Option<Wanted<'_>>) -> Vec<Finding> {
    let settings = wanted.map(|wanted| wanted.settings);
    let mirrors = mirrors(&facts.host.surroundings);
    let mut found: Vec<Finding> = facts
        .servers
        .iter()
        .filter_map(|server| unreached(server, &mirrors, wanted.is_some()))
        .collect();
    found.extend(names(&facts.host.surroundings, settings));
    found.extend(proxies(&facts.host.surroundings));
    let Some((settings, asked)) = settings.zip(facts.place.as_ref()) else {
        return found;
    };
    found.extend(asked.no_directory.as_ref().map(|found| {
        let path = settings.source.directory.as_deref().unwrap_or_default();
        let texts = [
            "a directory with the release's files, or a clone to build from".to_owned(),
            found.clone(),
            format!("Correct `--source-directory`: `ls -lA {path}`"),
        ];
        Finding::blocks(SOURCE, Kind::Download, texts)
    }));
    found.extend(domain(settings, &asked.domain));
    found
}

/// The host itself fetches releases, which is in the way if one is wanted; packages are fetched by the guest, which may
/// go another way.
fn unreached(server: &Server, mirrors: &[String], wanted: bool) -> Option<Finding> {
    let why = server.answer.as_ref().err()?;
    let url = &server.url;
    let host = bare(url.split('/').nth(2).unwrap_or_default());
    let texts = |expected: &str| {
        let remedy = format!("See why: `getent hosts {host}`; `curl -I {url}`");
        let found = format!("`{url}` does not answer this host: {why}");
        [expected.to_owned(), found, remedy]
    };
    Some(match (mirrors.contains(url), wanted) {
        (true, _) => Finding::warns(MIRROR, Kind::Network, texts("the package mirror answers")),
        (_, true) => Finding::blocks(SOURCE, Kind::Download, texts("the release server answers")),
        (_, false) => Finding::warns(SOURCE, Kind::Download, texts("the release server answers")),
    })
}

/// A guest is told the host's name servers unless others are named, and reaches none of the host's loopback.
fn names(around: &Surroundings, settings: Option<&Settings>) -> Option<Finding> {
    if settings.is_some_and(|settings| !settings.network.nameservers.is_empty()) {
        return None;
    }
    around.guest_nameservers().is_empty().then(|| {
        let found = match around.nameservers.join(", ") {
            none if none.is_empty() => "this host names none".to_owned(),
            servers => format!("this host's are of no use in a container: {servers}"),
        };
        let texts = [
            "a name server that a container reaches".to_owned(),
            found,
            "Name some with `--nameservers`: the router's address, or `1.1.1.1,9.9.9.9`".to_owned(),
        ];
        Finding::blocks(NAMES, Kind::Network, texts)
    })
}

/// The host's proxies are the guest's, too, if it reaches them. Their addresses may hold passwords and are not shown.
fn proxies(around: &Surroundings) -> Option<Finding> {
    let texts = |found: &str, remedy: &str| {
        let expected = "an HTTP proxy that a container can use as well, or none".to_owned();
        [expected, found.to_owned(), remedy.to_owned()]
    };
    match around.proxies.for_guest() {
        ForGuest::None | ForGuest::Usable => None,
        ForGuest::Loopback => Some(Finding::warns(
            PROXY,
            Kind::Network,
            texts(
                "this host's listens on its loopback address, where no container reaches it: the container goes without",
                "If it has no other way out, let the proxy listen on the bridge, and name that address in `http_proxy`",
            ),
        )),
        ForGuest::Malformed => Some(Finding::blocks(
            PROXY,
            Kind::Network,
            texts(
                "this host's is not an address as in http://proxy.example.org:3128",
                "Correct it where it stands: `env | grep -i _proxy; apt-config dump | grep Proxy`",
            ),
        )),
    }
}

/// People open the domain. It may well lead to a proxy of the administrator's, or be made only later.
fn domain(settings: &Settings, answer: &Result<Vec<IpAddr>, String>) -> Option<Finding> {
    let network = &settings.network;
    let address = IpAddr::from(network.ip_address.address());
    let found = match answer {
        _ if network.public_url.is_some() => return None,
        Ok(found) if network.addresses().any(|address| found.contains(&address)) => return None,
        Ok(found) => {
            let found: Vec<String> = found.iter().map(IpAddr::to_string).collect();
            format!("`{}` leads to {}", network.domain, found.join(", "))
        }
        Err(why) => format!(
            "`{}` leads nowhere as this host sees it: {why}",
            network.domain
        ),
    };
    let texts = [
        format!("the domain leads to {address}"),
        found,
        format!(
            "Have your name server say so; meanwhile, on your own computer: `echo '{address} {}' >> /etc/hosts`",
            network.domain
        ),
    ];
    Some(Finding::warns(DOMAIN, Kind::Network, texts))
}
