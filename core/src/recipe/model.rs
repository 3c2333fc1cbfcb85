//! An app as data: what `templates/<app>/recipe.yaml` may say. Unknown keys are errors.

use std::collections::BTreeMap;

use homeport_engine::talk::Request;
use serde::{Deserialize, Serialize};

use super::build::{Build, Git};

/// Number of the recipe's schema; a reader takes this one only.
pub const SCHEMA: u32 = 1;

/// A recipe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Short name: lower-case letters and digits; names directories, units and tags.
    pub app: String,
    /// Name for people.
    pub title: String,
    /// Unprivileged user it runs as in the guest.
    pub user: String,
    /// Where it comes from.
    pub source: Source,
    /// What it needs.
    pub resources: Needs,
    /// How it is built from its source, if it can be.
    #[serde(default)]
    pub build: Option<Build>,
    /// Packages of the guest's distribution it needs beside the plugins'.
    #[serde(default)]
    pub packages: Vec<String>,
    /// Secrets made once in the guest.
    #[serde(default)]
    pub secrets: Vec<Secret>,
    /// Settings of its own, below `settings` in a deployment's file.
    #[serde(default)]
    pub settings: Vec<Setting>,
    /// How its first account is made; without it, people register or the administrator makes it by hand.
    #[serde(default)]
    pub first_login: Option<FirstLogin>,
    /// When it must not be switched.
    #[serde(default)]
    pub clock: Option<Clock>,
    /// Directories of its own, owned by its user.
    #[serde(default)]
    pub directories: Vec<Directory>,
    /// Where its data lies.
    pub data: Data,
    /// How it takes its database.
    pub database: Database,
    /// Files rendered from templates.
    #[serde(default)]
    pub files: Vec<File>,
    /// Its parts.
    pub components: Vec<Component>,
    /// What its proxy must allow.
    pub proxy: Proxy,
    /// How a release of it is tried on a copy before it is put in service.
    #[serde(default)]
    pub rehearsal: Rehearsal,
}

/// How a release is tried on a copy. Nothing of it reaches the data in service, or any network.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rehearsal {
    /// Environment that differs from the real one: mail and the like off.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Name of the component that is talked with.
    #[serde(default)]
    pub component: String,
    /// What is said to it, in order: what its users do every day.
    #[serde(default)]
    pub talk: Vec<Request>,
    /// Tables whose rows come and go by themselves.
    #[serde(default)]
    pub volatile: Vec<String>,
}

/// Where an app comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// A release its publisher built.
    pub release: Release,
    /// The repository it is built from.
    #[serde(default)]
    pub git: Option<Git>,
}

/// A release its publisher built. Texts may use `version` and `arch`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// The version taken when none is asked for.
    pub version: String,
    /// How the app calls that version when it is asked.
    pub reports: String,
    /// Directory of the release's files, without a closing slash.
    pub base_url: String,
    /// Name of the zip archive in it.
    pub archive: String,
    /// Name of the publisher's checksum file in it. It is only compared: it lies on the same server.
    pub checksum: String,
    /// Who signs the archive. Without it only pinned versions can be installed.
    #[serde(default)]
    pub signature: Option<Signature>,
    /// Repository whose tags are its versions; without one, the page above its files lists them.
    #[serde(default)]
    pub tags: Option<String>,
    /// A larger archive, or file in it, is refused, MiB.
    pub limit_mb: u64,
    /// SHA-256 of archives known to be good, by version.
    #[serde(default)]
    pub pins: BTreeMap<String, String>,
    /// What is taken from the archive.
    pub files: Vec<Member>,
}

/// Whose OpenPGP signature makes an archive trusted. The key lies beside the recipe as `keys/<fingerprint>.asc`, armoured,
/// or `.gpg`, binary.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// Name of the detached signature's file beside the archive.
    pub file: String,
    /// Fingerprint of the publisher's primary key: 40 digits from 0 to F.
    pub fingerprint: String,
}

/// One file or directory taken from the archive.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// Its name in the archive.
    pub member: String,
    /// Its name in the release directory.
    pub to: String,
    /// Octal permission bits of a file; left out, it is a directory.
    #[serde(default)]
    pub mode: Option<String>,
    /// Whether it is a directory that not every archive has.
    #[serde(default)]
    pub optional: bool,
}

/// What an app needs: what it is given when nothing is asked for, and the floors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Needs {
    /// Cores given.
    pub cpu_cores: u32,
    /// Memory given, MiB.
    pub memory_mb: u32,
    /// Disk given, GiB.
    pub disk_size_gb: u32,
    /// Less memory is refused, MiB.
    pub least_memory_mb: u32,
    /// Less disk is refused, GiB.
    pub least_disk_gb: u32,
}

/// A secret made once, kept for ever.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secret {
    /// Its file's name in `/etc/<app>/secrets`.
    pub name: String,
    /// Number of random characters.
    pub length: u32,
    /// The optional component that it is for, if for one.
    #[serde(default)]
    pub only_with: Option<String>,
}

/// A setting of the app's own: what plugins' settings are, with what only an app has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// Key in the file, and variable behind `HOMEPORT_`: lower-case letters, digits, underscores.
    pub name: String,
    /// What it may hold.
    pub r#type: SettingType,
    /// The words of a choice.
    #[serde(default)]
    pub of: Vec<String>,
    /// Smallest whole number.
    #[serde(default)]
    pub min: Option<i64>,
    /// Largest whole number.
    #[serde(default)]
    pub max: Option<i64>,
    /// Whether it must be given; never together with a default.
    #[serde(default)]
    pub required: bool,
    /// Taken when it is not given.
    #[serde(default)]
    pub default: Option<String>,
    /// Settings without which this one says nothing.
    #[serde(default)]
    pub needs: Vec<String>,
    /// What it is and why the default is what it is, as sentences.
    pub help: String,
}

/// What a setting of the app's own may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SettingType {
    /// One line of text.
    Text,
    /// A whole number from `min` to `max`.
    Integer,
    /// A TCP port.
    Port,
    /// An absolute path.
    Path,
    /// One of the words in `of`.
    Choice,
    /// Yes or no.
    Flag,
    /// A file on the host with a secret; the app is given the path of a copy that only it can read.
    SecretFile,
}

/// How the first account is made, by the app's own command. Texts may use `username` and `email` and nothing else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FirstLogin {
    /// The command, run as root with the password on its stdin. What it needs of a terminal, of the unit's user, variables and
    /// directory, it must see to itself.
    pub create: Vec<String>,
    /// On how many lines the password stands there: as often as it is asked for.
    pub asks: u32,
    /// The command by which a new password is given, in a terminal of the administrator's.
    pub reset: Vec<String>,
    /// Shortest password it takes, bytes.
    pub least: u32,
    /// Longest password it takes, bytes.
    pub most: u32,
    /// How one logs in.
    pub log_in: LogIn,
}

/// A POST request with name and password as JSON that is answered with 200.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogIn {
    /// Its path.
    pub path: String,
    /// Key of the name.
    pub username: String,
    /// Key of the password.
    pub password: String,
}

/// When an app must not be switched from one release to the other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clock {
    /// The turn it must not lie across.
    pub not_across: Turn,
}

/// A turn of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Turn {
    /// A full minute.
    Minute,
    /// A full hour.
    Hour,
}

/// A directory of the app's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Directory {
    /// Absolute path.
    pub path: String,
    /// Octal permission bits.
    pub mode: String,
}

/// Where the data lies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// Directory of the database's generations.
    pub database: String,
    /// Directory of uploaded files.
    pub files: String,
    /// Directory of the app's own logs.
    pub logs: String,
}

/// How the app takes its database.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// The app's own word for each dialect it speaks.
    pub dialects: BTreeMap<String, String>,
    /// Base name of its databases; generation N is `<name>_g<N>`.
    pub name: String,
}

/// A file rendered from a template beside the recipe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Name of the template.
    pub template: String,
    /// Absolute path in the guest.
    pub to: String,
    /// Octal permission bits.
    pub mode: String,
    /// Group that may read it; the owner is root.
    pub group: String,
    /// The slot it is for, if for one: gives the template `colour` and `port`.
    #[serde(default)]
    pub slot: Option<Slot>,
    /// The optional component that it is for, if for one and not for a slot of it.
    #[serde(default)]
    pub only_with: Option<String>,
}

/// A slot of a component.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slot {
    /// Name of the component.
    pub component: String,
    /// Colour of the slot.
    pub colour: crate::settings::Color,
}

/// A part of the app: one process with one port per slot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Component {
    /// Lower-case letters, digits, hyphens.
    pub name: String,
    /// When it is there; left out for a component that always is.
    #[serde(default)]
    pub optional: Option<Optional>,
    /// Its unit; may use `colour`.
    pub unit: String,
    /// Packages of the guest's distribution that only it needs.
    #[serde(default)]
    pub packages: Vec<String>,
    /// Units that it needs beside its own: both slots share them.
    #[serde(default)]
    pub needs: Vec<String>,
    /// Requests whose path begins with this are its.
    pub prefix: String,
    /// Default port of the blue slot.
    pub port_blue: u16,
    /// Default port of the green slot.
    pub port_green: u16,
    /// How many requests are let go at once after a hold, by dialect.
    pub width: BTreeMap<String, u32>,
    /// How long a start may take, seconds.
    pub start_seconds: u32,
    /// Paths of WebSockets and streams.
    #[serde(default)]
    pub streams: Vec<Stream>,
    /// What it must answer.
    pub expects: Vec<Expect>,
}

/// A component that not every release has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Optional {
    /// What a release that has it has in its directory.
    pub has: String,
}

/// A path of long-lived connections.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stream {
    /// The path.
    pub path: String,
    /// This path only, or everything below it, too.
    pub exact: bool,
}

/// One expectation. Texts may use `version`, and the ports of the slot that is asked. One whose path does not begin with
/// its component's prefix cannot be reached through the proxy, and is asked at the component's own port only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// What is asked for.
    pub path: String,
    /// What is posted; left out for a GET request. It must change nothing: it is asked whenever somebody looks.
    #[serde(default)]
    pub post: Option<Post>,
    /// Status it must have.
    pub status: u16,
    /// What its body must be like.
    #[serde(default)]
    pub body: Option<Body>,
}

/// What an expectation posts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Post {
    /// Headers beside those every request has.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Body.
    pub body: String,
}

/// What a body must be like. Exactly one of the three is said.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Body {
    /// Exactly this.
    #[serde(default)]
    pub is: Option<String>,
    /// This is in it.
    #[serde(default)]
    pub contains: Option<String>,
    /// It is JSON with this text at this pointer.
    #[serde(default)]
    pub json: Option<JsonBody>,
}

/// A text in a JSON body.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JsonBody {
    /// RFC 6901.
    pub pointer: String,
    /// The text there.
    pub equals: String,
}

/// What the proxy must allow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proxy {
    /// Largest request body, MiB.
    pub max_body_mb: u64,
    /// How long a request may wait for its answer, seconds.
    pub read_timeout_s: u32,
    /// How long a stream may be silent, seconds.
    pub stream_timeout_s: u32,
    /// How many requests may wait at once.
    pub waiting: u32,
}
