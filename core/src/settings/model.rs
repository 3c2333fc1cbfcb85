//! The settings of one deployment, typed: what `deployment-config.yaml` holds. Never a secret: at most the name of one.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::cidr::Cidr;
use super::cidr6::Cidr6;

/// A slot's colour.
pub use homeport_engine::cutover::Colour as Color;

/// Number of the file's schema. A reader takes this and lower ones.
pub const SCHEMA: u32 = 1;

/// Everything that is set for one deployment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Name of the recipe.
    pub app: String,
    /// Time zone name, as in `Europe/Vienna`.
    pub timezone: String,
    /// Whether strangers may register.
    pub registration: Registration,
    /// Which instance this is.
    pub deployment: Deployment,
    /// Where the app comes from.
    pub source: Source,
    /// Where on Proxmox it goes.
    pub proxmox: Proxmox,
    /// What the guest gets.
    pub resources: Resources,
    /// How it is reached.
    pub network: Network,
    /// Where it keeps its data.
    pub database: Database,
    /// Ports and certificate.
    pub services: Services,
    /// What it was built from.
    pub git: Git,
    /// Where backups go.
    pub backup: Backup,
    /// Who looks after it.
    pub admin: Admin,
    /// Settings of the app's own, valid by its recipe.
    #[serde(default)]
    pub settings: Map<String, Value>,
}

/// Whether strangers may register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Registration {
    /// Anyone who reaches the page may.
    Open,
    /// Only the administrator adds accounts.
    Closed,
}

/// Which instance this is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    /// [`SCHEMA`] of the program that wrote it.
    pub schema: u32,
    /// Unique in the cluster.
    pub instance_id: String,
    /// When it was installed, UTC.
    pub created_at: Option<String>,
    /// When it was last changed, UTC.
    pub updated_at: Option<String>,
}

/// Where the app comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// What kind of source.
    pub kind: SourceKind,
    /// Version wanted; `None`: the one the recipe names.
    pub version: Option<String>,
    /// Base URL of the release files; `None` and no directory: the publisher's own.
    pub url: Option<String>,
    /// Directory on the host: with the release files, or a clone of the repository.
    pub directory: Option<String>,
    /// SHA-256 of the release's archive; `None`: the recipe knows what to trust.
    pub sha256: Option<String>,
    /// Where the tools for a build come from.
    pub toolchains: ToolchainSource,
    /// Base URL of a Go module proxy; `None`: the host's own, if it has one configured.
    pub go_proxy: Option<String>,
    /// Base URL of an npm registry; `None`: the host's own, if it has one configured.
    pub npm_registry: Option<String>,
}

/// Where the tools for a build come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ToolchainSource {
    /// Their publishers; a registry where they cannot be reached.
    Official,
    /// A registry only.
    Registry,
}

/// What kind of source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceKind {
    /// A release its publisher has built.
    Release,
    /// Built from a repository.
    Git,
    /// Built from a clone on the host.
    Local,
}

impl SourceKind {
    /// Whether the app is built.
    pub fn builds(self) -> bool {
        self != SourceKind::Release
    }
}

/// Where on Proxmox the instance goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proxmox {
    /// Node; `None`: the one Homeport runs on.
    pub node: Option<String>,
    /// Container id; `None`: the next free one.
    pub container_id: Option<u32>,
    /// Storage for the root file system; `None`: the fitting one with most room.
    pub storage: Option<String>,
    /// Container template; `None`: the newest fitting Debian.
    pub template: Option<String>,
}

/// What the guest gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resources {
    /// CPU cores.
    pub cpu_cores: u32,
    /// Memory, MiB.
    pub memory_mb: u32,
    /// Root file system, GiB.
    pub disk_size_gb: u32,
}

/// How the instance is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// Name or address people type.
    pub domain: String,
    /// Whole address, when it is another than `https://<domain>`: behind somebody else's proxy, say.
    pub public_url: Option<String>,
    /// Host bridge.
    pub bridge: String,
    /// Address of the guest with prefix length.
    pub ip_address: Cidr,
    /// Way out of the guest's network.
    pub gateway: Option<std::net::Ipv4Addr>,
    /// IPv6 address of the guest with prefix length; `None`: it is reached over IPv4 only.
    pub ipv6_address: Option<Cidr6>,
    /// Way out of the guest's IPv6 network.
    pub ipv6_gateway: Option<std::net::Ipv6Addr>,
    /// Name servers; empty: the host's own.
    #[serde(default)]
    pub nameservers: Vec<IpAddr>,
}

/// Where the app keeps its data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Database {
    /// Name of the database plugin.
    pub plugin: String,
    /// What the app speaks to it; the plugin says.
    pub dialect: Option<String>,
    /// The plugin's own settings, valid by its schema.
    #[serde(default)]
    pub settings: Map<String, Value>,
}

/// Ports and certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Services {
    /// The proxy.
    pub frontend: Frontend,
    /// The app's components by name.
    #[serde(flatten)]
    pub components: BTreeMap<String, Component>,
}

/// The proxy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frontend {
    /// HTTP port; only redirects to HTTPS.
    pub port: u16,
    /// HTTPS port.
    pub ssl_port: u16,
    /// Certificate chain on the host, PEM; `None`: self-signed.
    pub ssl_cert: Option<String>,
    /// Its key on the host, PEM.
    pub ssl_key: Option<String>,
}

/// One component of the app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Component {
    /// Whether it is installed; only of a component of which there are releases without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<Presence>,
    /// Port of the blue slot.
    pub port_blue: u16,
    /// Port of the green slot.
    pub port_green: u16,
    /// The slot in service.
    pub active_color: Option<Color>,
    /// Version in the blue slot.
    pub version_blue: Option<String>,
    /// Version in the green slot.
    pub version_green: Option<String>,
}

/// Whether a component is installed of which there are releases without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Presence {
    /// When the release has it.
    Auto,
    /// Always; a release without it is refused.
    On,
    /// Never.
    Off,
}

/// What the app was built from, when it was built from source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Git {
    /// Repository; `None`: the recipe's.
    pub repository: Option<String>,
    /// Branch, tag or commit; `None`: the recipe's.
    pub branch: Option<String>,
    /// Commit in service.
    pub deployed_commit: Option<String>,
}

/// Where backups go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backup {
    /// Directory on the host.
    pub directory: String,
    /// How many of those that updates make are kept.
    pub retention_count: u32,
    /// How much room these may take together, MiB.
    pub retention_mb: Option<u32>,
    /// When the last one was made, UTC.
    pub last_backup: Option<String>,
}

/// Who looks after the instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Admin {
    /// E-mail address; also the first account's.
    pub email: String,
    /// Name of the first account; `None`: what the e-mail address suggests.
    pub username: Option<String>,
    /// File on the host whose first line is the first account's password; `None`: one is made and shown once.
    pub password_file: Option<String>,
}

impl Network {
    /// The guest's addresses, IPv4 first.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> + use<> {
        let v6 = self.ipv6_address.map(|cidr| cidr.address().into());
        [self.ip_address.address().into()].into_iter().chain(v6)
    }

    /// A port of the guest's, at each of its addresses.
    pub fn endpoints(&self, port: u16) -> impl Iterator<Item = SocketAddr> + use<> {
        self.addresses()
            .map(move |address| SocketAddr::new(address, port))
    }
}

impl Settings {
    /// Name of the first account: as set, or the first part of the e-mail address where that makes a name.
    pub fn admin_username(&self) -> String {
        if let Some(name) = &self.admin.username {
            return name.clone();
        }
        let local = self
            .admin
            .email
            .split(['@', '+'])
            .next()
            .unwrap_or_default();
        let local = local.to_lowercase();
        match super::check::username(&local) {
            Ok(name) => name,
            Err(_) => "admin".to_owned(),
        }
    }

    /// The address people open, without a closing slash.
    pub fn public_url(&self) -> String {
        match (&self.network.public_url, self.services.frontend.ssl_port) {
            (Some(url), _) => url.clone(),
            (None, 443) => format!("https://{}", self.network.domain),
            (None, port) => format!("https://{}:{port}", self.network.domain),
        }
    }
}
