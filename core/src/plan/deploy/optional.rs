//! Components that not every release has: whether this one has them, and what only they need.

use homeport_engine::exec::Exec;
use homeport_engine::op::{Op, ServiceState};
use homeport_engine::plan::Step;
use homeport_engine::require::Observations;

use super::{Deploy, DeployError, base};
use crate::recipe::{Component, Loaded, Optional, Recipe};
use crate::settings::Presence;

/// Says in one word whether there is something at `$1`.
const LOOK: &str = "if test -e \"$1\"; then echo there; else echo absent; fi";

/// What [`LOOK`] says of something that is there.
const THERE: &str = "there";

fn observation(component: &Component) -> String {
    format!("component {}", component.name)
}

fn optional(recipe: &Recipe) -> impl Iterator<Item = (&Component, &Optional)> {
    let components = recipe.components.iter();
    components.filter_map(|component| Some((component, component.optional.as_ref()?)))
}

/// Whether the release has it; `None`: nobody has looked.
fn found(seen: &Observations, component: &Component) -> Option<bool> {
    let found = seen.get(&observation(component))?;
    Some(found.stdout.trim() == THERE)
}

impl Deploy<'_> {
    fn presence(&self, component: &Component) -> Presence {
        let set = self.settings.services.components.get(&component.name);
        set.and_then(|set| set.enabled).unwrap_or(Presence::Auto)
    }

    /// The optional components that this deployment goes without, by what was seen of the release – before it was looked
    /// at, all that are not asked for.
    ///
    /// # Errors
    /// When one is asked for that the release was seen not to have.
    pub fn absent(&self, seen: &Observations) -> Result<Vec<String>, DeployError> {
        let mut absent = Vec::new();
        for (component, optional) in optional(&self.recipe.recipe) {
            match (self.presence(component), found(seen, component)) {
                (Presence::On, Some(false)) => {
                    return Err(DeployError::NotInRelease {
                        component: component.name.clone(),
                        release: self.version.to_owned(),
                        has: optional.has.clone(),
                    });
                }
                (Presence::On, _) | (Presence::Auto, Some(true)) => {}
                (Presence::Off, _) | (Presence::Auto, _) => absent.push(component.name.clone()),
            }
        }
        Ok(absent)
    }

    /// The release that is to come has what is installed – this deployment's recipe – of the whole one, no less and no more.
    ///
    /// # Errors
    /// When it would bring a component, or lacks one.
    pub fn has_what_is_installed(
        &self,
        whole: &Loaded,
        seen: &Observations,
    ) -> Result<(), DeployError> {
        for (component, _) in optional(&whole.recipe) {
            let mut installed = self.recipe.recipe.components.iter();
            let installed = installed.any(|known| known.name == component.name);
            let brings = found(seen, component) == Some(true);
            let wanted = installed || self.presence(component) != Presence::Off;
            if wanted && brings != installed {
                return Err(DeployError::OtherComponents {
                    component: component.name.clone(),
                    release: self.version.to_owned(),
                    brings,
                });
            }
        }
        Ok(())
    }
}

/// Looks whether a release, which is in its directory by now, has what it may have.
pub(crate) fn looks(recipe: &Recipe, release: &str) -> Vec<Step> {
    let look = |(component, optional): (&Component, &Optional)| {
        let path = format!("{release}/{}", optional.has);
        let exec = Exec::root(["sh", "-c", LOOK, "sh", &path], 10).keep(64);
        let name = observation(component);
        let title = format!("See whether the release has {}", component.name);
        Step::guest(title, Op::Observe { name, exec })
    };
    optional(recipe).map(look).collect()
}

/// Secrets that only components need that are there.
pub(super) fn secrets(deploy: &Deploy<'_>) -> Vec<Step> {
    let recipe = &deploy.recipe.recipe;
    let only = recipe.secrets.iter();
    let only = only.filter(|secret| secret.only_with.is_some());
    only.map(|secret| base::secret(recipe, secret)).collect()
}

/// Packages that only they need. Their files are written by now: a package whose service starts by itself starts it with
/// these.
pub(super) fn packages(deploy: &Deploy<'_>) -> Vec<Step> {
    let components = deploy.recipe.recipe.components.iter();
    let wanted: Vec<String> = components
        .flat_map(|component| component.packages.clone())
        .collect();
    match wanted.is_empty() {
        true => Vec::new(),
        false => base::installed(wanted).into(),
    }
}

/// Units that components need beside their own.
pub(super) fn needs(deploy: &Deploy<'_>) -> Vec<Step> {
    let components = deploy.recipe.recipe.components.iter();
    let units = components.flat_map(|component| component.needs.clone());
    units
        .map(|unit| {
            let title = format!("Start {unit} now and at boot");
            let state = ServiceState::EnabledAndRunning;
            Step::guest(title, Op::Service { unit, state })
        })
        .collect()
}
