//! What `pvesh` answers as JSON. Numbers may be strings, booleans are numbers or absent, fields nobody knows
//! are left alone.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::Malformed;

/// One entry of `/cluster/resources`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::target::proxmox) struct Resource {
    /// `lxc`, `qemu`, `storage`, `node`, …
    pub(in crate::target::proxmox) kind: String,
    /// Id of a guest, name of anything else.
    pub(in crate::target::proxmox) name: String,
    /// Node it belongs to.
    pub(in crate::target::proxmox) node: String,
    /// Its status, if it has one.
    pub(in crate::target::proxmox) status: Option<String>,
    /// Processors a guest has, and the part of them in use, percent.
    pub(in crate::target::proxmox) cpu: Option<(u64, u64)>,
    /// Space in use, bytes.
    pub(in crate::target::proxmox) disk: Option<u64>,
    /// Space in all, bytes.
    pub(in crate::target::proxmox) maxdisk: Option<u64>,
}

/// Reads `pvesh get /cluster/resources`.
pub(in crate::target::proxmox) fn resources(answer: &[u8]) -> Result<Vec<Resource>, Malformed> {
    let entries = list(answer, "a list of resources")?;
    Ok(entries.iter().filter_map(resource).collect())
}

fn resource(entry: &Map<String, Value>) -> Option<Resource> {
    let kind = text(entry, "type")?;
    let name = match kind.as_str() {
        "lxc" | "qemu" => text(entry, "vmid")?,
        "storage" | "node" => text(entry, &kind)?,
        _ => return None,
    };
    Some(Resource {
        name,
        node: text(entry, "node")?,
        status: text(entry, "status"),
        cpu: number(entry, "maxcpu").zip(percent(entry, "cpu")),
        disk: number(entry, "disk"),
        maxdisk: number(entry, "maxdisk"),
        kind,
    })
}

/// Reads `pvesh get /nodes/N/storage/S/content --content vztmpl`: sizes in bytes by volume name.
pub(in crate::target::proxmox) fn templates(
    answer: &[u8],
) -> Result<BTreeMap<String, u64>, Malformed> {
    let entries = list(answer, "a list of templates")?;
    let sized = |entry: &Map<String, Value>| Some((text(entry, "volid")?, number(entry, "size")?));
    Ok(entries.iter().filter_map(sized).collect())
}

/// The cluster as `/etc/pve/.members` describes it: whether it is quorate, and the nodes with their presence. A node that
/// stands alone has no cluster and always is.
pub(in crate::target::proxmox) fn members(
    file: &[u8],
) -> Result<(bool, BTreeMap<String, bool>), Malformed> {
    let expected = "the list of cluster members";
    let value: Value = serde_json::from_slice(file).map_err(|error| Malformed {
        expected,
        why: error.to_string(),
    })?;
    let quorate = match value.pointer("/cluster/quorate") {
        Some(flag) => of(flag).is_some_and(|text| text == "1"),
        None => value.get("cluster").is_none(),
    };
    let mut nodes = BTreeMap::new();
    for (name, node) in value
        .get("nodelist")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let online = node.get("online").and_then(of);
        nodes.insert(name.clone(), online.is_some_and(|text| text == "1"));
    }
    Ok((quorate, nodes))
}

/// A list of objects; entries of another kind are left out. `null` is an empty list: that is how `pvesh` says so.
fn list(answer: &[u8], expected: &'static str) -> Result<Vec<Map<String, Value>>, Malformed> {
    let malformed = |why: String| Malformed { expected, why };
    match serde_json::from_slice(answer).map_err(|error| malformed(error.to_string()))? {
        Value::Null => Ok(Vec::new()),
        Value::Array(entries) => Ok(entries
            .into_iter()
            .filter_map(|entry| match entry {
                Value::Object(entry) => Some(entry),
                _ => None,
            })
            .collect()),
        _ => Err(malformed("it is no list".to_owned())),
    }
}

fn text(entry: &Map<String, Value>, key: &str) -> Option<String> {
    entry.get(key).and_then(of)
}

fn of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(u8::from(*flag).to_string()),
        _ => None,
    }
}

/// A part of one, such as 0.0237, in percent. Total: what is no part of one is none.
fn percent(entry: &Map<String, Value>, key: &str) -> Option<u64> {
    let part: f64 = text(entry, key)?.parse().ok()?;
    format!("{:.0}", part * 100.0).parse().ok()
}

fn number(entry: &Map<String, Value>, key: &str) -> Option<u64> {
    match entry.get(key)? {
        Value::String(text) => text.trim().parse().ok(),
        // Sizes of some storages come with a fraction.
        Value::Number(number) => number
            .as_u64()
            .or_else(|| number.to_string().split('.').next()?.parse().ok()),
        _ => None,
    }
}
