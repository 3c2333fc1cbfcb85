//! Names of operations and guests. Tags are what makes a guest recognisable as ours on any node of a cluster.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::error::Error;

/// Every guest of Homeport's carries this tag.
pub const TAG: &str = "homeport";

const INSTANCE: &str = "hp-id-";
const APP: &str = "hp-app-";
const OPERATION: &str = "hp-op-";

/// A fresh operation id: sortable by time, unguessable enough that no other guest carries its tag by chance.
pub fn operation() -> Result<String, Error> {
    let mut random = [0; 8];
    let source = Path::new("/dev/urandom");
    let read = File::open(source).and_then(|mut file| file.read_exact(&mut random));
    read.map_err(|error| Error::unreadable(source, error))?;
    Ok(format!(
        "{:010x}-{:016x}",
        homeport_engine::run::unix_now(),
        u64::from_be_bytes(random)
    ))
}

/// The tag only the guest made by this operation carries.
pub fn tag(operation: &str) -> String {
    format!("{OPERATION}{operation}")
}

/// Tags that say what a guest is. The platform stores tags in lower case.
pub fn tags(app: &str, instance: &str) -> Vec<String> {
    vec![
        TAG.to_owned(),
        format!("{APP}{app}"),
        instance_tag(instance),
    ]
}

/// The tag of an instance's guest.
pub fn instance_tag(instance: &str) -> String {
    format!("{INSTANCE}{}", instance.to_lowercase())
}

/// What a guest's tags say of it: instance, app, ownership tag. `None`: it is not ours.
///
/// An adopted guest has several ownership tags. The last one counts: operation ids begin with the time, so tags sort by it.
pub fn read(tags: &BTreeSet<String>) -> Option<(String, String, String)> {
    let value = |prefix: &str| {
        tags.iter()
            .filter_map(|tag| tag.strip_prefix(prefix))
            .next_back()
            .map(str::to_owned)
    };
    if !tags.contains(TAG) {
        return None;
    }
    Some((
        value(INSTANCE)?,
        value(APP)?,
        format!("{OPERATION}{}", value(OPERATION)?),
    ))
}

/// The tags of a guest that is, from this operation on, this instance: its own ones stay, for they are what it is
/// recognised by until the operation has ended.
pub fn adopted(tags: &BTreeSet<String>, instance: &str, operation: &str) -> Vec<String> {
    let others = tags.iter().filter(|tag| !tag.starts_with(INSTANCE));
    let ours = [instance_tag(instance), tag(operation)];
    let all: BTreeSet<String> = others.cloned().chain(ours).collect();
    all.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_as_tags_is_read_back() {
        let id = operation().unwrap();
        let mut all: BTreeSet<String> = tags("vikunja", "Todo").into_iter().collect();
        assert_eq!(read(&all), None);
        all.insert(tag(&id));
        assert_eq!(
            read(&all),
            Some(("todo".to_owned(), "vikunja".to_owned(), tag(&id)))
        );
        assert!(id < operation().unwrap() || id.len() == 27);
    }

    #[test]
    fn an_adopted_guest_is_known_by_its_last_ownership_tag() {
        let (first, second) = ("0065-a", "0066-b");
        let mut all: BTreeSet<String> = tags("vikunja", "todo").into_iter().collect();
        all.extend([tag(first), "prod".to_owned()]);
        let adopted: BTreeSet<String> = adopted(&all, "other", second).into_iter().collect();
        assert!(adopted.contains("prod") && adopted.contains(&tag(first)));
        let expected = ("other".to_owned(), "vikunja".to_owned(), tag(second));
        assert_eq!(read(&adopted), Some(expected));
    }

    #[test]
    fn a_stranger_with_a_similar_tag_is_not_ours() {
        let tags = ["hp-id-todo", "hp-app-vikunja"].map(str::to_owned).into();
        assert_eq!(read(&tags), None);
    }
}
