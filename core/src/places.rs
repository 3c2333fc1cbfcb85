//! Where Homeport keeps things, on the host and in a guest. One page, so that nothing is looked for in two places.

use std::path::{Path, PathBuf};

/// State on the host: journals, instance registry, staging.
pub const STATE: &str = "/var/lib/homeport";
/// Installed versions of Homeport itself, one directory each.
pub const PROGRAM: &str = "/usr/local/lib/homeport";
/// Plugins of others, put here by the administrator.
pub const PLUGINS: &str = "/etc/homeport/plugins";
/// Minisign keys whose plugins the administrator trusts.
pub const TRUSTED_KEYS: &str = "/etc/homeport/trusted-keys";
/// The command users type: a link to the version in use.
pub const COMMAND: &str = "/usr/local/bin/homeport";

/// What everybody on the host reads: manual pages and completions are links below it.
pub const SHARE: &str = "/usr/local/share";

/// Directories of all instances' journals on the host.
pub fn all_journals() -> PathBuf {
    Path::new(STATE).join("journal")
}

/// Directory of an operation's journal on the host.
pub fn journals(instance: &str) -> PathBuf {
    all_journals().join(instance)
}

/// The registry of instances on the host.
pub fn instances() -> PathBuf {
    Path::new(STATE).join("instances")
}

/// The registry's entry of an instance on the host.
pub fn registry(instance: &str) -> PathBuf {
    instances().join(format!("{instance}.json"))
}

/// What was seen last of an instance, and when.
pub fn health(instance: &str) -> PathBuf {
    Path::new(STATE)
        .join("health")
        .join(format!("{}.json", instance.to_lowercase()))
}

/// What an operation fetches and unpacks lies here, until it ends.
pub fn staging(operation: &str) -> PathBuf {
    Path::new(STATE).join("staging").join(operation)
}

/// Paths in a guest.
pub mod guest {
    /// Directory of units that are the machine's own.
    pub const UNITS: &str = "/etc/systemd/system";
    /// The agent.
    pub const AGENT: &str = "/usr/local/bin/homeport-agent";
    /// State of the instance: the truth about it.
    pub const STATE: &str = "/var/lib/homeport/state.json";
    /// Directory whose one file names the colour in service.
    pub const COLOUR: &str = "/var/lib/homeport/colour";
    /// What `homeport-agent status` looks at.
    pub const HEALTH: &str = "/var/lib/homeport/health.json";
    /// The health plugin's probes, by which it reads what was seen.
    pub const PROBES: &str = "/var/lib/homeport/probes.json";
    /// Whom to ask what was seen of the database means.
    pub const DATABASE: &str = "/var/lib/homeport/database.json";
    /// What is fetched for the guest lies here until it is verified and unpacked.
    pub const STAGING: &str = "/var/lib/homeport/staging";
    /// Settings of the gates.
    pub const GATES: &str = "/etc/homeport";
    /// Those of a component's gate, as its units say.
    pub fn gate_settings(component: &str) -> String {
        format!("{GATES}/gate-{component}.env")
    }

    /// Loopback port of the proxy's internal listener.
    pub const INTERNAL_PORT: u16 = 9080;

    /// The socket of a component's gate: `requests` or `streams`, as its units say.
    pub fn gate_socket(component: &str, kind: &str) -> String {
        format!("/run/homeport/{kind}-{component}.sock")
    }

    /// The deployment's own settings.
    pub fn deployment_config(app: &str) -> String {
        format!("/etc/{app}/deployment-config.yaml")
    }

    /// What editors check them by.
    pub fn settings_schema(app: &str) -> String {
        format!("/etc/{app}/{}", crate::settings::Pages::SCHEMA_FILE)
    }

    /// A secret of the app.
    pub fn secret(app: &str, name: &str) -> String {
        format!("/etc/{app}/secrets/{name}")
    }

    /// The control socket of a component's gate, as its unit says.
    pub fn gate_control(component: &str) -> String {
        format!("/run/homeport/gate/{component}.control")
    }

    /// Where the app works and keeps its data.
    pub fn data(app: &str) -> String {
        format!("/var/lib/{app}")
    }

    /// Releases of the app and the links `blue` and `green`.
    pub fn program(app: &str) -> String {
        format!("/opt/{app}")
    }
}
