//! The tools a build has: brought in where they are not there already, each verified before it gets its place.

use homeport_engine::exec::Exec;
use homeport_engine::op::{Fetch, Op, Origin, PushFile, Trust};
use homeport_engine::plan::Step;
use homeport_engine::run::FaultKind;

use super::source::cached;
use super::{Build, TOOLCHAINS};
use crate::plan::absent;
use crate::recipe::Toolchain;

/// A tool for a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tool {
    /// Its name in the recipe.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Where it is got; `None`: it is there.
    pub got: Option<Got>,
}

/// Where a tool is got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Got {
    /// Address of its archive.
    pub url: String,
    /// What makes it trusted.
    pub trust: Trust,
    /// What kind of archive it is.
    pub format: Format,
}

/// What kind of archive a tool comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// tar.gz with one directory at its top.
    Tar,
    /// A Go module's zip: everything lies below `MODULE@VERSION`, and nothing can be executed.
    Module,
}

/// A larger tool is refused, bytes. Go's are the largest: 70 MB.
const LIMIT: u64 = 500 << 20;

/// Takes the archive `$1` apart to `$2`, as format `$3`. What has its name there is whole. Then the programs that another
/// one has to start, as `NAME WITH FILE…` each.
const UNPACK: &str = r#"archive=$1 to=$2 format=$3
shift 3
if [ -d "$to" ]; then rm -f "$archive"; exit; fi
rm -rf "$to.new"
mkdir "$to.new"
case $format in
    tar) tar -x -z --no-same-owner --strip-components=1 -C "$to.new" -f "$archive" ;;
    module)
        unzip -q "$archive" -d "$to.new/in"
        top=$(find "$to.new/in" -type d -name '*@*' -prune)
        mv "$top"/* "$to.new/"
        rm -rf "$to.new/in"
        chmod -R u+w,a+rX "$to.new"
        chmod a+x "$to.new"/bin/* "$to.new"/pkg/tool/*/* ;;
esac
for starts in "$@"; do
    set -- $starts
    name=$1 with=$2
    shift 2
    for file in "$@"; do
        if [ -f "$to.new/$file" ]; then break; fi
    done
    [ -f "$to.new/$file" ] || { echo "there is no $file in $archive" >&2; exit 1; }
    mkdir -p "$to.new/bin"
    printf '#!/bin/sh\nexec %s "%s" "$@"\n' "$with" "$to/$file" >"$to.new/bin/$name"
    chmod 0755 "$to.new/bin/$name"
done
chmod -R go-w,a+rX "$to.new"
sync -f "$to.new"
mv -T "$to.new" "$to"
rm -f "$archive""#;

impl Tool {
    /// Its directory in the guest.
    pub(super) fn directory(&self) -> String {
        format!("{TOOLCHAINS}/{}-{}", self.name, self.version)
    }

    /// Name of its archive, on the host and then in the guest.
    fn archive(&self) -> String {
        format!("{}-{}.archive", self.name, self.version)
    }
}

impl Build<'_> {
    /// The steps that bring in what is not there.
    pub(super) fn tools(&self, tools: &[Tool]) -> Vec<Step> {
        let missing: Vec<(&Tool, &Got)> = tools
            .iter()
            .filter_map(|tool| Some((tool, tool.got.as_ref()?)))
            .collect();
        if missing.is_empty() {
            return Vec::new();
        }
        let mut steps = vec![self.operation.room()];
        let staged = |tool: &Tool| self.staged(&tool.archive());
        steps.extend(
            missing
                .iter()
                .map(|(tool, got)| fetched(tool, got, staged(tool))),
        );
        let file = |(tool, _): &(&Tool, &Got)| PushFile {
            from: Origin::File(staged(tool)),
            to: format!("{TOOLCHAINS}/{}", tool.archive()),
            mode: 0o600,
            sha256: None,
        };
        let push = Op::Push {
            guest: self.operation.guest.clone(),
            files: missing.iter().map(file).collect(),
        };
        let undo = absent(self.staged("tools"));
        steps.push(Step::host("Copy the tools into the guest", push).undone_by(undo));
        steps.extend(missing.iter().map(|(tool, got)| self.unpacked(tool, got)));
        steps
    }

    fn unpacked(&self, tool: &Tool, got: &Got) -> Step {
        let format = match got.format {
            Format::Tar => "tar",
            Format::Module => "module",
        };
        let archive = format!("{TOOLCHAINS}/{}", tool.archive());
        let to = tool.directory();
        let mut exec = Exec::root(["sh", "-ec", UNPACK, "sh", &archive, &to, format], 600);
        exec.argv
            .extend(self.toolchain(tool).into_iter().flat_map(starts));
        let title = format!("Unpack {} {}", tool.name, tool.version);
        cached(title, exec.fails_as(FaultKind::Build))
    }

    fn toolchain(&self, tool: &Tool) -> Option<&Toolchain> {
        let mut toolchains = self.how.toolchains.iter();
        toolchains.find(|toolchain| toolchain.name == tool.name)
    }
}

/// The programs of a tool that another one has to start, as the script takes them.
fn starts(toolchain: &Toolchain) -> impl Iterator<Item = String> {
    toolchain
        .starts
        .iter()
        .map(|(name, how)| format!("{name} {} {}", how.with, how.first_of.join(" ")))
}

fn fetched(tool: &Tool, got: &Got, to: String) -> Step {
    let title = format!("Fetch {} {} from {}", tool.name, tool.version, got.url);
    let fetch = Fetch {
        url: got.url.clone(),
        to: to.clone(),
        trust: got.trust.clone(),
        limit: LIMIT,
    };
    Step::host(title, Op::Fetch(fetch)).undone_by(absent(to))
}
