//! A release that its publisher has built, on its way – of one that is built here there is nothing to do: fetched on the host, trusted, and unpacked in the guest, where whatever is wrong with it ends.

use homeport_engine::op::{Fetch, Op, Origin, PushFile, Trust, Unpack, Verify};
use homeport_engine::plan::Step;

use super::{Deploy, DeployError};
use crate::places;
use crate::plan::{absent, directory};
use crate::recipe::{self, Release, Signature};

/// Debian's package of the program that verifies signatures.
const VERIFIER: &str = "gpgv";

/// A detached signature is a few hundred bytes.
const SIGNATURE_LIMIT: u64 = 64 << 10;

/// Name the publisher's key has in the guest while it is needed.
const KEY: &str = "publisher.key";

/// What makes the release trusted. There is no third way: a checksum that lies beside the archive says only that both
/// came from the same place.
enum Trusted<'a> {
    /// Its digest, which the administrator gave or the recipe pins.
    Digest(&'a str),
    /// Its publisher's signature, with the key at this path of the host.
    Signature(&'a Signature, String),
}

impl Deploy<'_> {
    fn published(&self) -> &Release {
        &self.recipe.recipe.source.release
    }

    fn trusted(&self) -> Result<Trusted<'_>, DeployError> {
        let release = self.published();
        let given = self.settings.source.sha256.as_ref();
        if let Some(digest) = given.or_else(|| release.pins.get(self.version)) {
            return Ok(Trusted::Digest(digest));
        }
        let Some(signature) = &release.signature else {
            let why = "the recipe pins no digest of it and names nobody who signs it".to_owned();
            return Err(self.untrusted(why, None));
        };
        match &self.recipe.key {
            Some(key) => Ok(Trusted::Signature(signature, key.display().to_string())),
            None => {
                let why = format!(
                    "the recipe pins no digest of it, and the key {} that signs it did not come with the recipe",
                    signature.fingerprint
                );
                let key = format!(
                    "Or get that key from its publisher and save it as `{}`.",
                    self.recipe.key_place(signature).display()
                );
                Err(self.untrusted(why, Some(key)))
            }
        }
    }

    fn untrusted(&self, why: String, more: Option<String>) -> DeployError {
        let pin = "If you know the archive's SHA-256 from a source you trust, give it: `--source-sha256 DIGEST`.";
        DeployError::Untrusted {
            what: format!("{} {}", self.recipe.recipe.title, self.version),
            why,
            remedies: [pin.to_owned()].into_iter().chain(more).collect(),
        }
    }

    /// Where the release's files are fetched from, without a closing slash.
    fn site(&self) -> Result<String, DeployError> {
        let source = &self.settings.source;
        match (&source.directory, &source.url) {
            (Some(directory), _) => Ok(format!("file://{}", directory.trim_end_matches('/'))),
            (None, Some(url)) => Ok(self.text(url)?.trim_end_matches('/').to_owned()),
            (None, None) => self.text(&self.published().base_url),
        }
    }
}

/// It is fetched before there is a guest to clean up.
pub(crate) fn fetched(deploy: &Deploy<'_>) -> Result<Vec<Step>, DeployError> {
    if deploy.build.is_some() {
        return Ok(Vec::new());
    }
    let release = deploy.published();
    let (staging, base) = (deploy.operation.staging(), deploy.site()?);
    let fetch = |name: &str, trust, limit| Fetch {
        url: format!("{base}/{name}"),
        to: format!("{staging}/{name}"),
        trust,
        limit,
    };
    let what = format!("{} {}", deploy.recipe.recipe.title, deploy.version);
    let step = |what: String, fetch: Fetch| {
        let gone = absent(fetch.to.clone());
        Step::host(format!("Fetch {what} from {}", fetch.url), Op::Fetch(fetch)).undone_by(gone)
    };
    let mut steps = vec![deploy.operation.room()];
    let archive = deploy.text(&release.archive)?;
    let limit = release.limit_mb << 20;
    match deploy.trusted()? {
        Trusted::Digest(digest) => {
            let trust = Trust::Digest(digest.to_owned());
            steps.push(step(what, fetch(&archive, trust, limit)));
        }
        Trusted::Signature(signature, _) => {
            let name = deploy.text(&signature.file)?;
            let fetched = fetch(&name, Trust::Signature, SIGNATURE_LIMIT);
            steps.push(step(format!("the signature of {what}"), fetched));
            steps.push(step(what, fetch(&archive, Trust::Signed, limit)));
        }
    }
    Ok(steps)
}

/// What goes into the guest: the archive, and what is needed to verify it there.
pub(crate) fn pushed(deploy: &Deploy<'_>) -> Result<Vec<PushFile>, DeployError> {
    if deploy.build.is_some() {
        return Ok(Vec::new());
    }
    let staging = deploy.operation.staging();
    let archive = deploy.text(&deploy.published().archive)?;
    let push = |from: String, name: &str, sha256| PushFile {
        from: Origin::File(from),
        to: format!("{}/{name}", places::guest::STAGING),
        mode: 0o600,
        sha256,
    };
    let from = format!("{staging}/{archive}");
    Ok(match deploy.trusted()? {
        Trusted::Digest(digest) => vec![push(from, &archive, Some(digest.to_owned()))],
        Trusted::Signature(signature, key) => {
            let name = deploy.text(&signature.file)?;
            vec![
                push(from, &archive, None),
                push(format!("{staging}/{name}"), &name, None),
                push(key, KEY, None),
            ]
        }
    })
}

/// Packages the guest needs to trust the release.
pub(crate) fn packages(deploy: &Deploy<'_>) -> Result<Vec<String>, DeployError> {
    if deploy.build.is_some() {
        return Ok(Vec::new());
    }
    Ok(match deploy.trusted()? {
        Trusted::Digest(_) => Vec::new(),
        Trusted::Signature(..) => vec![VERIFIER.to_owned()],
    })
}

/// Verified if need be, then taken apart; what it came as is removed.
pub(crate) fn unpacked(deploy: &Deploy<'_>) -> Result<Vec<Step>, DeployError> {
    if deploy.build.is_some() {
        return Ok(Vec::new());
    }
    let release = deploy.published();
    let staged = |name: &str| format!("{}/{name}", places::guest::STAGING);
    let archive = staged(&deploy.text(&release.archive)?);
    let mut steps = Vec::new();
    if let Trusted::Signature(signature, _) = deploy.trusted()? {
        let verify = Verify {
            file: archive.clone(),
            signature: staged(&deploy.text(&signature.file)?),
            key: staged(KEY),
            fingerprint: signature.fingerprint.clone(),
        };
        let title = "Verify that its publisher signed the release";
        steps.push(Step::guest(title, Op::Verify(verify)));
    }
    let into = deploy.release();
    steps.push(Step::guest(
        "Make the release's directory",
        directory(into.clone(), 0o755, "root:root"),
    ));
    for file in &release.files {
        let unpack = Unpack {
            archive: archive.clone(),
            member: deploy.text(&file.member)?,
            to: format!("{into}/{}", file.to),
            mode: file
                .mode
                .as_ref()
                .map(|mode| recipe::mode(mode).unwrap_or(0o644)),
            limit: release.limit_mb << 20,
            optional: file.optional,
        };
        let title = format!("Unpack {}", file.to);
        steps.push(Step::guest(title, Op::Unpack(unpack)));
    }
    steps.push(Step::guest(
        "Remove what the release came as",
        absent(places::guest::STAGING),
    ));
    Ok(steps)
}
