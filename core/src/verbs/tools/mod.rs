//! Finds where the tools that a source pins can be got, and what they must be: asks their publishers, else a registry.
//! Downloads statements only; the tools themselves are fetched by the plan, which carries what they must be.

mod ask;
mod stated;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use homeport_engine::event::Event;
use homeport_engine::op::Trust;

use self::ask::{Asking, Refusal};
use crate::error::{Error, Kind};
use crate::plan::build::{Format, Got, Pin, Registries, Revision, Tool, Within};
use crate::recipe::{self, Loaded, Origin, Toolchain};
use crate::settings::ToolchainSource;

/// What is wanted, and who may be asked.
pub struct Wanted<'a> {
    /// The app.
    pub recipe: &'a Loaded,
    /// How it is built.
    pub how: &'a recipe::Build,
    /// What is built.
    pub revision: &'a Revision,
    /// Who is asked first.
    pub from: ToolchainSource,
    /// Registries that may be asked.
    pub registries: &'a Registries,
}

/// The tools, in the recipe's order. What is noticed on the way – a publisher that cannot be reached, say – is told.
pub fn find(
    wanted: &Wanted<'_>,
    stop: &AtomicBool,
    tell: &mut dyn FnMut(Event),
) -> Result<Vec<Tool>, Error> {
    let both = wanted.revision.pins.iter().zip(&wanted.how.toolchains);
    let mut tools = Vec::new();
    for (pin, toolchain) in both {
        tools.push(match there(pin, wanted) {
            Some(version) => Tool {
                name: pin.tool.clone(),
                version,
                got: None,
            },
            None => wanted.got(pin, toolchain, stop, tell)?,
        });
    }
    Ok(tools)
}

/// Tools before anything is known of the source: for the plan that is only shown.
pub fn unseen(how: &recipe::Build) -> Vec<Tool> {
    let tool = |tool: &Toolchain| Tool {
        name: tool.name.clone(),
        version: format!("as {} says", tool.pin.file),
        got: Some(Got {
            url: "its publisher".to_owned(),
            trust: Trust::Digest(String::new()),
            format: Format::Tar,
        }),
    };
    how.toolchains.iter().map(tool).collect()
}

/// The version that is there and is wanted, the newest if there are several.
fn there(pin: &Pin, wanted: &Wanted<'_>) -> Option<String> {
    let prefix = format!("{}-", pin.tool);
    let versions = wanted.revision.there.iter();
    let versions = versions.filter_map(|name| name.strip_prefix(&prefix));
    match &pin.version {
        Within::Exactly(version) => versions
            .into_iter()
            .find(|found| *found == version)
            .map(str::to_owned),
        Within::NewestOf(begin) => stated::newest(versions, begin).map(str::to_owned),
    }
}

impl Wanted<'_> {
    fn got(
        &self,
        pin: &Pin,
        toolchain: &Toolchain,
        stop: &AtomicBool,
        tell: &mut dyn FnMut(Event),
    ) -> Result<Tool, Error> {
        let registry = self.base(&toolchain.registry);
        let official = self.from == ToolchainSource::Official;
        let mut asking = Asking {
            // Who has another place to ask does not wait for long.
            patient: registry.is_none() || !official,
            stop,
        };
        let mut refused = Vec::new();
        if official {
            match self.offered(&toolchain.official, pin, &mut asking) {
                Ok(tool) => return Ok(tool),
                Err(refusal) => refused.push(refusal),
            }
        }
        if registry.is_some() {
            asking.patient = true;
            match self.offered(&toolchain.registry, pin, &mut asking) {
                Ok(tool) => {
                    if let Some(refusal) = refused.first() {
                        let text = format!(
                            "{} is taken from the registry: its publisher does not answer ({refusal}).",
                            tool.name
                        );
                        tell(Event::Noticed { text });
                    }
                    return Ok(tool);
                }
                Err(refusal) => refused.push(refusal),
            }
        }
        Err(unfound(pin, &toolchain.registry, &refused))
    }

    /// The base URL of the registry an origin is of; an archive has none.
    fn base<'b>(&'b self, origin: &'b Origin) -> Option<&'b str> {
        match origin {
            Origin::Archive { .. } => None,
            Origin::GoModule { .. } => self.registries.go_proxy.as_deref(),
            Origin::Npm { at, .. } => at.as_deref().or(self.registries.npm.as_deref()),
        }
    }

    /// What an origin offers of it.
    fn offered(
        &self,
        origin: &Origin,
        pin: &Pin,
        asking: &mut Asking<'_>,
    ) -> Result<Tool, Refusal> {
        let base = self.base(origin).map(|base| base.trim_end_matches('/'));
        match (origin, base) {
            (
                Origin::Archive {
                    url,
                    digests,
                    newest,
                },
                _,
            ) => self.archive((url, digests, newest.as_deref()), pin, asking),
            (
                Origin::GoModule {
                    module,
                    version,
                    sums,
                },
                Some(base),
            ) => {
                let wanted = exactly(pin)?;
                let name = self.text(version, wanted)?;
                let record = asking.text(&format!("{base}/sumdb/{sums}/lookup/{module}@{name}"))?;
                let sum = stated::in_record(&record, module, &name);
                let sum = sum.ok_or_else(|| Refusal::no(wanted))?;
                let url = format!("{base}/{module}/@v/{name}.zip");
                Ok(tool(
                    pin,
                    wanted,
                    url,
                    Trust::ModuleSum(sum),
                    Format::Module,
                ))
            }
            (Origin::Npm { package, .. }, Some(base)) => {
                let found = asking.json(&format!("{base}/{package}"))?;
                let (version, digest) = stated::in_packument(&found, &pin.version)
                    .ok_or_else(|| Refusal::no(pin.wanted()))?;
                let digest = pin.sha512.clone().unwrap_or(digest);
                let url = format!("{base}/{package}/-/{package}-{version}.tgz");
                Ok(tool(pin, &version, url, Trust::Sha512(digest), Format::Tar))
            }
            (_, None) => Err(Refusal::Odd("no registry is known".to_owned())),
        }
    }

    /// What a publisher offers of it as an archive, with its digest in a list.
    fn archive(
        &self,
        (url, digests, newest): (&str, &str, Option<&str>),
        pin: &Pin,
        asking: &mut Asking<'_>,
    ) -> Result<Tool, Refusal> {
        let (version, list) = match (&pin.version, newest) {
            (Within::Exactly(version), _) => {
                (version.clone(), asking.text(&self.text(digests, version)?)?)
            }
            (Within::NewestOf(begin), Some(newest)) => {
                let list = asking.text(&self.text(newest, begin)?)?;
                let name = self.text(url, stated::ANY)?;
                let found = stated::newest_in_list(&list, &name, begin);
                (found.ok_or_else(|| Refusal::no(begin))?, list)
            }
            (Within::NewestOf(begin), None) => return Err(Refusal::vague(begin)),
        };
        let url = self.text(url, &version)?;
        let digest = stated::in_list(&list, &url).ok_or_else(|| Refusal::no(&version))?;
        let trust = Trust::Digest(digest);
        Ok(tool(pin, &version, url, trust, Format::Tar))
    }

    /// One of the recipe's texts, for this version.
    fn text(&self, text: &str, version: &str) -> Result<String, Refusal> {
        let values = BTreeMap::from([("version", version)]);
        let rendered = self.recipe.text(text, values);
        rendered.map_err(|error| Refusal::Odd(error.to_string()))
    }
}

fn tool(pin: &Pin, version: &str, url: String, trust: Trust, format: Format) -> Tool {
    Tool {
        name: pin.tool.clone(),
        version: version.to_owned(),
        got: Some(Got { url, trust, format }),
    }
}

fn exactly(pin: &Pin) -> Result<&str, Refusal> {
    match &pin.version {
        Within::Exactly(version) => Ok(version),
        Within::NewestOf(begin) => Err(Refusal::vague(begin)),
    }
}

/// Nobody has it.
fn unfound(pin: &Pin, registry: &Origin, refused: &[Refusal]) -> Error {
    let reasons: Vec<String> = refused.iter().map(Refusal::to_string).collect();
    let why = match reasons.join("; ") {
        none if none.is_empty() => "no registry is known that could be asked".to_owned(),
        reasons => reasons,
    };
    let flag = match registry {
        Origin::GoModule { .. } => "--go-proxy",
        Origin::Npm { .. } | Origin::Archive { .. } => "--npm-registry",
    };
    let stopped = refused
        .iter()
        .any(|refusal| matches!(refusal, Refusal::Stopped));
    let kind = if stopped {
        Kind::Cancelled
    } else {
        Kind::Download
    };
    let what = format!("{} {} cannot be got.", pin.tool, pin.wanted());
    Error::new(kind, what, format!("{why}.")).with_remedy(format!(
        "Check this host's way out; or name a registry that it reaches: `{flag}`."
    ))
}
