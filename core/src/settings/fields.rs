//! The one table of settings: it drives flags, environment, YAML file, checks and texts alike.
//! Order is the order of the file. What recipe and plugins add is in [`super::schema`].

use std::borrow::Cow;

use super::check;
use super::kind::{APP_PORT, Kind, PORT};

/// One setting.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    /// Flag without dashes; the variable is `HOMEPORT_` with it in capitals. Always the end of the path.
    pub(crate) name: Cow<'static, str>,
    /// Where it stands in the file.
    pub(crate) path: Cow<'static, str>,
    /// What it may hold.
    pub(crate) kind: Kind,
    /// Whether it must be given.
    pub(crate) need: Need,
    /// What it is and why the default is what it is, as sentences.
    pub(crate) reason: Cow<'static, str>,
}

/// Whether a setting must be given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Need {
    /// It must be, by someone.
    Required,
    /// Without it, Homeport decides as its reason says.
    Optional,
    /// Without it, this.
    Default(Cow<'static, str>),
    /// Never by a user: Homeport keeps it, for people to read. No flag, no variable.
    Recorded,
}

const fn field(
    name: &'static str,
    path: &'static str,
    kind: Kind,
    need: Need,
    reason: &'static str,
) -> Field {
    Field {
        name: Cow::Borrowed(name),
        path: Cow::Borrowed(path),
        kind,
        need,
        reason: Cow::Borrowed(reason),
    }
}

const fn default(value: &'static str) -> Need {
    Need::Default(Cow::Borrowed(value))
}

use Kind::{List, Number, OneOf, Text};
use Need::{Optional, Recorded, Required};

const TIME: Kind = Text("TIME", check::time);
const VERSION: Kind = Text("VERSION", check::version);

/// The settings that every deployment has.
#[rustfmt::skip] // a table: one setting, its kind and need on one line, its reason on the next
pub(crate) static FIELDS: &[Field] = &[
    field("app", "app", Text("NAME", check::name), Required,
        "The app: a recipe's name."),
    field("timezone", "timezone", Text("ZONE", check::timezone), default("UTC"),
        "Time zone for due dates and reminders, as in Europe/Vienna."),
    field("registration", "registration", OneOf(&["open", "closed"]), default("closed"),
        "Whether strangers who reach the page may register. Closed: only the administrator adds accounts."),

    field("schema", "deployment.schema", Kind::Schema, Recorded,
        "Number of this file's schema."),
    field("instance-id", "deployment.instance_id", Text("ID", check::instance_id), Required,
        "Name of this instance, unique in the cluster. Letters, digits and hyphens."),
    field("created-at", "deployment.created_at", TIME, Recorded,
        "When it was installed."),
    field("updated-at", "deployment.updated_at", TIME, Recorded,
        "When it was last changed."),

    field("source-kind", "source.kind", OneOf(&["release", "git", "local"]), default("release"),
        "Where the app comes from: a release its publisher has built, or built here from a repository or from a clone on this host."),
    field("source-version", "source.version", VERSION, Optional,
        "Version to install. Without it, the one the recipe names."),
    field("source-url", "source.url", Text("URL", check::url), Optional,
        "Base URL of the release files, for a mirror or fork. Without it, the publisher's own."),
    field("source-directory", "source.directory", Text("PATH", check::path), Optional,
        "Directory on this host: with the release files, instead of a URL, or the clone to build from."),
    field("source-sha256", "source.sha256", Text("DIGEST", check::sha256), Optional,
        "SHA-256 the release's archive must have. Without it, a digest the recipe pins, or else the publisher's signature."),
    field("toolchains", "source.toolchains", OneOf(&["official", "registry"]), default("official"),
        "Where tools for a build come from: their publishers, and a registry where those do not answer; or a registry only."),
    field("go-proxy", "source.go_proxy", Text("URL", check::url), Optional,
        "Go module proxy for a build. Without it, the one this host is configured with, if any."),
    field("npm-registry", "source.npm_registry", Text("URL", check::url), Optional,
        "npm registry for a build. Without it, the one this host is configured with, if any."),

    field("node", "proxmox.node", Text("NODE", check::node), Optional,
        "Proxmox node. Without it, the one Homeport runs on."),
    field("container-id", "proxmox.container_id", Number(100, 999_999_999), Optional,
        "Id of the container. Without it, the next free one in the cluster."),
    field("storage", "proxmox.storage", Text("STORAGE", check::storage), Optional,
        "Storage for the container's disk. Without it, the fitting one with most room."),
    field("template", "proxmox.template", Text("TEMPLATE", check::template), Optional,
        "Container template. Without it, the newest fitting Debian, downloaded if it is missing."),

    field("cpu-cores", "resources.cpu_cores", Number(1, 32), default("2"),
        "CPU cores. More than one, so that a busy request does not hold up the others."),
    field("memory-mb", "resources.memory_mb", Number(256, 1 << 20), default("1024"),
        "Memory in MiB. The default is meant for a household or a small team."),
    field("disk-size-gb", "resources.disk_size_gb", Number(2, 16 << 10), default("8"),
        "Disk in GiB, for the system, at least two releases and the data."),

    field("domain", "network.domain", Text("NAME", check::domain), Required,
        "Name people type to reach the app, or an IP address. It must lead to this instance or to a proxy before it."),
    field("public-url", "network.public_url", Text("URL", check::url), Optional,
        "Whole address people open, only if it is not https:// and the domain: behind another proxy, say."),
    field("bridge", "network.bridge", Text("BRIDGE", check::bridge), default("vmbr0"),
        "Bridge of the host. vmbr0 is what Proxmox sets up."),
    field("ip-address", "network.ip_address", Text("ADDRESS/LENGTH", check::cidr), Required,
        "Static address of the container with prefix length, as in 192.168.1.50/24. Nobody else may use it."),
    field("gateway", "network.gateway", Text("ADDRESS", check::gateway), Optional,
        "Gateway of that network. Without it the container reaches only its own network."),
    field("ipv6-address", "network.ipv6_address", Text("ADDRESS/LENGTH", check::cidr6), Optional,
        "Static IPv6 address of the container with prefix length, as in 2001:db8::50/64, beside its IPv4 address."),
    field("ipv6-gateway", "network.ipv6_gateway", Text("ADDRESS", check::gateway6), Optional,
        "Gateway of that IPv6 network, in it or a link-local address (fe80::…)."),
    field("nameservers", "network.nameservers", List("ADDRESS", check::nameserver, 3), Optional,
        "Name servers. Without them, the host's own."),

    field("database-plugin", "database.plugin", Text("PLUGIN", check::name), Required,
        "Database engine: the name of an installed plugin (`homeport plugin list`)."),
    field("dialect", "database.dialect", Text("NAME", check::name), Recorded,
        "What the app speaks to it."),

    field("frontend-port", "services.frontend.port", PORT, default("80"),
        "HTTP port. It only sends browsers on to HTTPS."),
    field("ssl-port", "services.frontend.ssl_port", PORT, default("443"),
        "HTTPS port."),
    field("ssl-cert", "services.frontend.ssl_cert", Text("PATH", check::path), Optional,
        "Certificate chain (PEM) on the host. Without it, a self-signed one, which browsers warn about."),
    field("ssl-key", "services.frontend.ssl_key", Text("PATH", check::path), Optional,
        "Its private key (PEM) on the host."),

    field("git-repository", "git.repository", Text("URL", check::url), Optional,
        "Repository to build from. Without it, the recipe's."),
    field("git-branch", "git.branch", Text("NAME", check::reference), Optional,
        "Branch, tag or commit to build. Without it, the recipe's branch."),
    field("deployed-commit", "git.deployed_commit", Text("COMMIT", check::line), Recorded,
        "Commit in service."),

    field("backup-directory", "backup.directory", Text("PATH", check::path), Required,
        "Directory on the host for backups."),
    field("retention-count", "backup.retention_count", Number(1, 1000), default("5"),
        "How many of the backups that updates make are kept; one is removed only after a later one is proven."),
    field("retention-mb", "backup.retention_mb", Number(1, 1_000_000_000), Optional,
        "How much room, MiB, these backups may take together; the newest is always kept. Without it, only their number counts."),
    field("last-backup", "backup.last_backup", TIME, Recorded,
        "When the last one was made."),

    field("admin-email", "admin.email", Text("ADDRESS", check::email), Required,
        "Your e-mail address: that of the first account, and of whoever looks after the instance."),
    field("admin-username", "admin.username", Text("NAME", check::username), Optional,
        "Name of the first account. Without it, the part of the e-mail address before the @, or admin."),
    field("admin-password-file", "admin.password_file", Text("PATH", check::path), Optional,
        "File on this host, or /dev/stdin, whose first line is the first account's password. Without it, one is made and shown once."),
];

/// Fields that every component of an app has: the end of the path, what it holds, whether it must be given, the reason.
pub(crate) const COMPONENT: [(&str, Kind, Need, &str); 5] = [
    (
        "port_blue",
        APP_PORT,
        Required,
        "Port of its blue slot, inside the container only.",
    ),
    (
        "port_green",
        APP_PORT,
        Required,
        "Port of its green slot, inside the container only.",
    ),
    (
        "active_color",
        OneOf(&["blue", "green"]),
        Recorded,
        "The slot in service.",
    ),
    (
        "version_blue",
        VERSION,
        Recorded,
        "Version in the blue slot.",
    ),
    (
        "version_green",
        VERSION,
        Recorded,
        "Version in the green slot.",
    ),
];

/// The field that a component has beside, of which there are releases without it.
pub(crate) const PRESENCE: (&str, Kind, Need, &str) = (
    "enabled",
    OneOf(&["auto", "on", "off"]),
    Need::Default(Cow::Borrowed("auto")),
    "Whether it is installed. auto: when the release has it. on: a release without it is refused. off: never.",
);

impl Field {
    /// Whether users may give it by flag and variable.
    pub(crate) fn asked(&self) -> bool {
        self.need != Need::Recorded
    }

    /// The flag, with its dashes.
    pub(crate) fn flag(&self) -> String {
        format!("--{}", self.name)
    }

    /// The environment variable.
    pub(crate) fn variable(&self) -> String {
        format!("HOMEPORT_{}", self.name.replace('-', "_").to_uppercase())
    }

    /// Last word of the path.
    pub(crate) fn key(&self) -> &str {
        self.path.rsplit('.').next().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn flag_variable_and_key_have_the_same_name() {
        for field in FIELDS {
            let path = format!("-{}", field.path.replace(['.', '_'], "-"));
            assert!(
                path.ends_with(&format!("-{}", field.name)),
                "{}",
                field.name
            );
        }
        let domain = FIELDS
            .iter()
            .find(|field| field.name == "ip-address")
            .unwrap();
        assert_eq!(
            (domain.flag(), domain.variable(), domain.key()),
            (
                "--ip-address".to_owned(),
                "HOMEPORT_IP_ADDRESS".to_owned(),
                "ip_address"
            )
        );
    }

    #[test]
    fn names_and_paths_are_unique_and_defaults_are_valid() {
        let names: BTreeSet<_> = FIELDS.iter().map(|field| &field.name).collect();
        let paths: BTreeSet<_> = FIELDS.iter().map(|field| &field.path).collect();
        assert_eq!((names.len(), paths.len()), (FIELDS.len(), FIELDS.len()));
        for field in FIELDS {
            if let Need::Default(text) = &field.need {
                let given = super::super::kind::Given::Text(text.clone().into_owned());
                assert!(field.kind.parse(&given).is_ok(), "{}", field.name);
            }
        }
    }
}
