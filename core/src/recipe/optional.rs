//! Components that not every release has. Pure.

use super::{Component, Loaded, Recipe};

impl Component {
    /// Whether a path can be reached through the proxy: it hands on what begins with the component's prefix.
    pub(crate) fn proxied(&self, path: &str) -> bool {
        path.starts_with(&self.prefix)
    }
}

impl Loaded {
    /// The recipe of a release that lacks these components: neither they are in it nor anything that is only for them.
    pub fn without(&self, absent: &[String]) -> Loaded {
        let mut loaded = self.clone();
        let Recipe {
            components,
            files,
            secrets,
            ..
        } = &mut loaded.recipe;
        let there = |name: Option<&String>| !name.is_some_and(|name| absent.contains(name));
        components.retain(|component| there(Some(&component.name)));
        secrets.retain(|secret| there(secret.only_with.as_ref()));
        files.retain(|file| {
            let slot = file.slot.as_ref().map(|slot| &slot.component);
            there(slot) && there(file.only_with.as_ref())
        });
        loaded
    }
}
