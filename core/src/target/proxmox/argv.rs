//! The command lines of Proxmox's programs, as pure functions. Options are spelled out where versions differ in their
//! defaults (rules 5 and 6). Runs nothing.

use homeport_engine::exec::Exec;
use homeport_engine::exec::PATH;
use homeport_engine::op::{GuestNetwork, GuestSpec};

/// One command line.
pub(super) type Argv = Vec<String>;

fn argv<const N: usize>(words: [&str; N]) -> Argv {
    words.map(str::to_owned).into()
}

/// The versions of Proxmox's packages.
pub(super) fn versions() -> Argv {
    argv(["pveversion", "--verbose"])
}

/// Nodes, storages and guests of the whole cluster in one answer, up to ten seconds old.
pub(super) fn resources() -> Argv {
    argv([
        "pvesh",
        "get",
        "/cluster/resources",
        "--output-format",
        "json",
    ])
}

/// The templates that can be downloaded.
pub(super) fn available() -> Argv {
    argv(["pveam", "available", "--section", "system"])
}

/// Refreshes the list of templates that can be downloaded.
pub(super) fn update_index() -> Argv {
    argv(["pveam", "update"])
}

/// Downloads a template. Ends with 0 whatever happens.
pub(super) fn download(storage: &str, template: &str) -> Argv {
    argv(["pveam", "download", storage, template])
}

/// The templates a storage holds, with their exact sizes.
pub(super) fn templates(node: &str, storage: &str) -> Argv {
    let path = format!("/nodes/{node}/storage/{storage}/content");
    argv([
        "pvesh",
        "get",
        &path,
        "--content",
        "vztmpl",
        "--output-format",
        "json",
    ])
}

/// The volumes that belong to a guest id.
pub(super) fn volumes(storage: &str, id: u32) -> Argv {
    argv(["pvesm", "list", storage, "--vmid", &id.to_string()])
}

/// All volumes of a storage.
pub(super) fn all_volumes(storage: &str) -> Argv {
    argv(["pvesm", "list", storage])
}

/// Frees a volume. Ends with 0 whatever happens.
pub(super) fn free(volume: &str) -> Argv {
    argv(["pvesm", "free", volume])
}

/// Makes a container. It is not started: a failing start would not show (rule 2).
pub(super) fn create(id: u32, spec: &GuestSpec) -> Argv {
    let mut words = argv(["pct", "create", &id.to_string(), &spec.template]);
    let mut option = |name: &str, value: String| words.extend([name.to_owned(), value]);
    option("--unprivileged", "1".to_owned());
    option("--features", "nesting=1".to_owned());
    option(
        "--rootfs",
        format!("{}:{}", spec.identity.storage, spec.disk_gb),
    );
    option("--hostname", spec.hostname.clone());
    option("--cores", spec.cores.to_string());
    option("--memory", spec.memory_mb.to_string());
    option("--swap", spec.swap_mb.to_string());
    option("--net0", net(&spec.network));
    option("--onboot", "1".to_owned());
    let tags = spec.tags.iter().chain([&spec.identity.tag]);
    option("--tags", tags.cloned().collect::<Vec<_>>().join(";"));
    if !spec.network.nameservers.is_empty() {
        option("--nameserver", spec.network.nameservers.join(" "));
    }
    words
}

/// The network as a property string. The host's end of the cable is as large as the bridge; the container's is not,
/// unless it is told.
fn net(network: &GuestNetwork) -> String {
    let properties = [
        ("ip", Some(network.address.clone())),
        ("gw", network.gateway.clone()),
        ("ip6", network.address6.clone()),
        ("gw6", network.gateway6.clone()),
        ("mtu", network.mtu.map(|mtu| mtu.to_string())),
    ];
    let given = properties
        .into_iter()
        .filter_map(|(name, value)| Some(format!(",{name}={}", value?)));
    let given: String = given.collect();
    format!("name=eth0,bridge={}{given}", network.bridge)
}

/// Spawns a container's init; returns long before the guest is up.
pub(super) fn start(id: u32) -> Argv {
    argv(["pct", "start", &id.to_string()])
}

/// Shuts a container down, by force when `seconds` have passed.
pub(super) fn shutdown(id: u32, seconds: u32) -> Argv {
    argv([
        "pct",
        "shutdown",
        &id.to_string(),
        "--timeout",
        &seconds.to_string(),
        "--forceStop",
        "1",
    ])
}

/// Whether a container runs. A container that does not exist is an error here, unlike in `stop` and `shutdown`.
pub(super) fn status(id: u32) -> Argv {
    argv(["pct", "status", &id.to_string()])
}

/// Takes the lock off that a killed creation left.
pub(super) fn unlock(id: u32) -> Argv {
    argv(["pct", "unlock", &id.to_string()])
}

/// Removes a container with its volumes, and what backup jobs, replication and HA know of it. A running one is killed.
pub(super) fn destroy(id: u32) -> Argv {
    argv([
        "pct",
        "destroy",
        &id.to_string(),
        "--force",
        "1",
        "--purge",
        "1",
    ])
}

/// Sets the text of the Notes panel. In one word with its option, because a text may begin with a dash.
pub(super) fn describe(id: u32, text: &str) -> Argv {
    argv([
        "pct",
        "set",
        &id.to_string(),
        &format!("--description={text}"),
    ])
}

/// Sets all tags of a container.
pub(super) fn tags(id: u32, tags: &[String]) -> Argv {
    argv(["pct", "set", &id.to_string(), "--tags", &tags.join(";")])
}

/// A command inside a container, with an environment that owes nothing to the host's (rule 7).
pub(super) fn inside<'a>(id: u32, command: impl IntoIterator<Item = &'a str>) -> Argv {
    let mut words = argv(["pct", "exec", &id.to_string(), "--", "/usr/bin/env", "-i"]);
    words.push(format!("PATH={PATH}"));
    words.extend(["HOME=/root", "LANG=C.UTF-8", "LC_ALL=C.UTF-8"].map(str::to_owned));
    words.extend(command.into_iter().map(str::to_owned));
    words
}

/// A declared command inside a container, as its user.
pub(super) fn declared(id: u32, exec: &Exec) -> Argv {
    let settings = exec
        .env
        .iter()
        .map(|(name, value)| format!("{name}={value}"));
    let settings: Vec<String> = settings.collect();
    let user: &[&str] = match exec.user.as_str() {
        "root" => &[],
        other => &["/sbin/runuser", "-u", other, "--"],
    };
    let words = settings.iter().map(String::as_str);
    let command = exec.argv.iter().map(String::as_str);
    inside(id, words.chain(user.iter().copied()).chain(command))
}

#[cfg(test)]
#[path = "argv_tests.rs"]
pub(super) mod tests;
