//! Chooses the container template: the newest Debian that this host's tools and this product know, downloaded if none
//! lies here. An old list of templates is renewed before anything is downloaded by it.

use homeport_engine::event::Event;
use homeport_engine::op::Op;

use crate::error::Error;
use crate::report::Finding;
use crate::settings::Settings;
use crate::target::{HostFacts, StorageSeen, TemplateSeen};
use crate::verbs::Context;
use crate::verbs::choose::{TEMPLATES, unusable, usable};
use crate::verbs::preflight::no_template;

/// A template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// In the platform's own notation.
    pub volume: String,
    /// What makes sure that it is there and whole; `None` for a file somewhere on the host.
    pub ensure: Option<Op>,
    /// Whether it has to be downloaded for that.
    pub downloads: bool,
}

/// Has the list of templates renewed if one is to be downloaded by it. Where that fails and a fitting template lies here,
/// nothing counts as to be had any more, and the user is told.
pub fn renew(
    cx: &mut Context<'_>,
    facts: &mut HostFacts,
    settings: &Settings,
) -> Result<(), Error> {
    let named = settings.proxmox.template.as_deref();
    let suffices = choose(facts, named).is_ok_and(|template| !template.downloads);
    if facts.platform.is_none() || named.is_some() || suffices {
        return Ok(());
    }
    let Some(why) = cx.target.renew_templates(facts)? else {
        return Ok(());
    };
    let here = newest(facts).find_map(lying_here);
    let text = match here {
        Some(template) => {
            facts.templates.retain(|found| !found.stores.is_empty());
            format!("so `{}` is used, which lies here already", template.volume)
        }
        None => "what it names may be gone from the server".to_owned(),
    };
    let text = format!("The list of templates cannot be renewed ({why}); {text}.");
    (cx.tell)(Event::Noticed { text });
    Ok(())
}

/// The template that is named, or else the newest fitting Debian.
pub fn choose(facts: &HostFacts, named: Option<&str>) -> Result<Template, Finding> {
    match named {
        Some(given) => by_name(facts, given),
        None => by_default(facts),
    }
}

/// The template the administrator names: a volume, a file of the host, or a name that lies in a storage or is listed.
fn by_name(facts: &HostFacts, given: &str) -> Result<Template, Finding> {
    if given.starts_with('/') {
        return Ok(Template {
            volume: given.to_owned(),
            ensure: None,
            downloads: false,
        });
    }
    let (storage, name) = match given.split_once(":vztmpl/") {
        Some((storage, name)) => (Some(storage), name),
        None => (None, given),
    };
    let seen = facts.templates.iter().find(|found| found.name == name);
    let lies_in = seen.and_then(|found| found.stores.first());
    let Some(storage) = storage
        .or(lies_in.map(String::as_str))
        .or(store(facts).map(|store| store.name.as_str()))
    else {
        return Err(no_store(facts));
    };
    let there = seen.is_some_and(|found| found.stores.contains(storage));
    Ok(ensured(storage, name, !there))
}

/// One of the newest release that lies here is taken before a newer build of the same is downloaded, and an older release
/// that lies here where nothing can be downloaded to.
fn by_default(facts: &HostFacts) -> Result<Template, Finding> {
    let release = |found: &TemplateSeen| found.version.first().copied();
    let first = newest(facts).next();
    let here = newest(facts).find(|found| !found.stores.is_empty());
    match (first, here, store(facts)) {
        (Some(first), Some(here), _) if release(first) == release(here) => lying_here(here),
        (Some(first), _, Some(store)) => Some(ensured(&store.name, &first.name, true)),
        (_, Some(here), None) => lying_here(here),
        _ => None,
    }
    .ok_or_else(|| {
        if first.is_some() {
            no_store(facts)
        } else {
            none(facts)
        }
    })
}

/// Those that fit, newest first.
fn newest(facts: &HostFacts) -> impl Iterator<Item = &TemplateSeen> {
    facts.templates.iter().filter(|template| template.fits)
}

fn lying_here(found: &TemplateSeen) -> Option<Template> {
    let storage = found.stores.first()?;
    Some(ensured(storage, &found.name, false))
}

fn ensured(storage: &str, name: &str, downloads: bool) -> Template {
    let ensure = Op::EnsureTemplate {
        storage: storage.to_owned(),
        name: name.to_owned(),
    };
    Template {
        volume: format!("{storage}:vztmpl/{name}"),
        ensure: Some(ensure),
        downloads,
    }
}

/// Where a template is downloaded to: the storage with most room.
fn store(facts: &HostFacts) -> Option<&StorageSeen> {
    let stores = facts
        .storages
        .iter()
        .filter(|storage| usable(storage, TEMPLATES));
    stores.max_by_key(|storage| storage.available)
}

fn no_store(facts: &HostFacts) -> Finding {
    let (found, remedy) = unusable(facts, None, TEMPLATES, "templates");
    no_template(&found, remedy)
}

/// A host without a way out gets its template by hand.
fn none(facts: &HostFacts) -> Finding {
    let mut remedy =
        "Read the list again: `pveam update; pveam available --section system`".to_owned();
    if let Some(path) = store(facts).and_then(|store| store.path.as_ref()) {
        remedy += &format!(
            "; without a way out, bring one from another Proxmox host: \
             `scp OTHER:/var/lib/vz/template/cache/debian-12-standard_*_amd64.tar.zst {}/template/cache/`",
            path.display()
        );
    }
    no_template(
        "none is here, and none is in the list of those that can be downloaded",
        remedy,
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::target::StorageState;

    const OLD: &str = "debian-12-standard_12.7-1_amd64.tar.zst";
    const NEWER: &str = "debian-12-standard_12.12-1_amd64.tar.zst";
    const NEWEST: &str = "debian-13-standard_13.1-2_amd64.tar.zst";

    fn seen(name: &str, version: &[u32], here: bool) -> TemplateSeen {
        TemplateSeen {
            name: name.to_owned(),
            os: "debian".to_owned(),
            version: version.to_vec(),
            stores: if here {
                BTreeSet::from(["local".to_owned()])
            } else {
                BTreeSet::new()
            },
            listed: !here,
            fits: true,
        }
    }

    fn facts(templates: Vec<TemplateSeen>, store: bool) -> HostFacts {
        let storage = StorageSeen {
            name: "local".to_owned(),
            kind: "dir".to_owned(),
            contents: BTreeSet::from(["vztmpl".to_owned()]),
            state: StorageState::Active,
            available: Some(1 << 40),
            path: Some("/srv/pve".into()),
        };
        HostFacts {
            templates,
            storages: store.then_some(storage).into_iter().collect(),
            ..HostFacts::default()
        }
    }

    fn chosen(templates: Vec<TemplateSeen>) -> (String, bool) {
        let found = by_default(&facts(templates, true)).unwrap();
        (found.volume, found.downloads)
    }

    #[test]
    fn the_newest_release_wins_and_of_it_what_lies_here() {
        let (old, newer, newest) = (
            seen(OLD, &[12, 7, 1], true),
            seen(NEWER, &[12, 12, 1], false),
            seen(NEWEST, &[13, 1, 2], false),
        );
        let local = |name: &str| format!("local:vztmpl/{name}");
        assert_eq!(
            chosen(vec![newer.clone(), old.clone()]),
            (local(OLD), false)
        );
        assert_eq!(
            chosen(vec![newest.clone(), newer.clone(), old.clone()]),
            (local(NEWEST), true)
        );
        let unfit = TemplateSeen {
            fits: false,
            ..newest.clone()
        };
        assert_eq!(chosen(vec![unfit, newer]), (local(NEWER), true));
        // Nowhere to download to: what lies here does.
        let found = by_default(&facts(vec![newest, old], false)).unwrap();
        assert_eq!((found.volume, found.downloads), (local(OLD), false));
    }

    #[test]
    fn a_host_with_neither_template_nor_list_is_told_how_to_bring_one() {
        let error = by_default(&facts(Vec::new(), true)).unwrap_err();
        let said = format!("{error:?}");
        assert!(said.contains("pveam update"), "{said}");
        assert!(
            said.contains("amd64.tar.zst /srv/pve/template/cache/"),
            "{said}"
        );
        let no_store = by_default(&facts(vec![seen(NEWER, &[12, 12, 1], false)], false));
        assert!(format!("{:?}", no_store.unwrap_err()).contains("pvesm status"));
    }

    #[test]
    fn a_named_template_is_looked_for_and_a_file_is_left_to_the_platform() {
        let facts = facts(vec![seen(OLD, &[12, 7, 1], true)], true);
        let of = |given: &str| {
            let found = by_name(&facts, given).unwrap();
            (found.volume, found.ensure.is_some(), found.downloads)
        };
        let local = |name: &str| format!("local:vztmpl/{name}");
        assert_eq!(of(OLD), (local(OLD), true, false));
        assert_eq!(of(NEWER), (local(NEWER), true, true));
        assert_eq!(
            of("nas:vztmpl/x.tar.zst"),
            ("nas:vztmpl/x.tar.zst".to_owned(), true, true)
        );
        assert_eq!(
            of("/srv/x.tar.zst"),
            ("/srv/x.tar.zst".to_owned(), false, false)
        );
    }
}
