//! First stage: the source lies in the guest, at the commit to build, and has been looked at.

use homeport_engine::exec::{Exec, Stdout};
use homeport_engine::op::{HostSecret, Op, Origin, PushFile};
use homeport_engine::plan::Step;
use homeport_engine::run::FaultKind;

use super::{Build, From, HOME, NETWORK_S, STEP_S, TOOLCHAINS, USER, tree};
use crate::plan::{absent, account, directory};

/// Name of the observation that tells what is to be built.
pub(super) const REVISION: &str = "revision";

/// What a build runs behind: in its directory, through the host's proxy if there is one to go through.
pub(super) const BEHIND: &str =
    "cd \"$1\"; shift; if [ -r \"$HOME/proxy\" ]; then . \"$HOME/proxy\"; fi; exec \"$@\"";

/// Brings the repository `$1` up to date in the mirror beside it, and a commit `$2` that no branch and no tag leads to.
const FETCH: &str = r#"[ -d mirror ] || git init --quiet --bare mirror
git -C mirror fetch --quiet --prune --force "$1" '+refs/heads/*:refs/heads/*' '+refs/tags/*:refs/tags/*'
case $2 in *[!0-9a-f]*) exit ;; esac
if [ ${#2} -eq 40 ] && ! git -C mirror cat-file -e "$2" 2>/dev/null; then git -C mirror fetch --quiet "$1" "$2"; fi"#;

/// Lays out the commit that the name `$1` stands for, and says what it is. A tag is called by the name that was asked
/// for, whichever others the commit has.
const CHECK_OUT: &str = r#"name=$1 kind='' full=''
if git -C mirror show-ref --quiet --verify "refs/heads/$name"; then kind=branch full=refs/heads/$name; fi
if git -C mirror show-ref --quiet --verify "refs/tags/$name"; then
    [ -z "$kind" ] || { echo "kind ambiguous"; exit 0; }
    kind=tag full=refs/tags/$name
fi
if [ -z "$kind" ]; then
    case $name in
        refs/heads/*) kind=branch full=$name ;;
        refs/tags/*) kind=tag full=$name name=${name#refs/tags/} ;;
        *[!0-9a-f]*) ;;
        *) kind=commit full=$name ;;
    esac
fi
commit=
[ -z "$kind" ] || commit=$(git -C mirror rev-parse --quiet --verify "$full^{commit}") || kind=
[ -n "$kind" ] || { echo "kind none"; exit 0; }
described=$name
[ $kind = tag ] || described=$(git -C mirror describe --tags --always --abbrev=10 "$commit")
rm -rf tree
git clone --quiet --shared --no-checkout mirror tree
git -C tree checkout --quiet --detach "$commit"
echo "kind $kind"
echo "commit $commit"
echo "described $described""#;

/// Lays out what came from the host, without what git ignores there, and says what it is. What differs from its commit
/// is built, too, and the version says so.
const UNPACK: &str = r#"rm -rf tree
mkdir tree
tar -x --no-same-owner -C tree -f source.tar
cd tree
commit=$(git rev-parse --verify 'HEAD^{commit}')
git clean --quiet -fdX
dirty=
[ -z "$(git status --porcelain)" ] || dirty=-dirty
echo "kind local"
echo "commit $commit"
echo "described $(git describe --tags --always --abbrev=10)$dirty""#;

/// Says what the files in the arguments hold, and which tools are there from earlier builds.
const TELL: &str = r#"cd "$HOME/tree"
for file in "$@"; do
    if [ -f "$file" ]; then echo "file $file $(head -c 65536 -- "$file" | base64 -w 0)"; fi
done
for tool in TOOLCHAINS/*/; do
    [ ! -e "$tool" ] || echo "tool $(basename "$tool")"
done"#;

/// Where that is kept until it is read: only root writes there.
const TOLD: &str = "/var/cache/homeport/revision";

/// The most it may be, bytes.
const LIMIT: u32 = 1 << 20;

impl Build<'_> {
    /// The steps; each has its way back. What others build from, too, is a cache and stays on the way back.
    pub fn source(&self) -> Vec<Step> {
        let mut steps = places_of_the_build();
        if self.registries.proxy {
            steps.extend(self.way_out());
        }
        match self.from {
            From::Git {
                repository,
                reference,
            } => {
                let fetch = shell(FETCH, &[repository, reference]);
                let fetch = Exec {
                    timeout_s: STEP_S,
                    ..fetch.over_network(NETWORK_S).fails_as(FaultKind::Download)
                };
                let title = format!("Bring the repository {repository} up to date");
                steps.push(cached(title, fetch));
                let look = shell(&format!("{CHECK_OUT}\n{}", tell()), &[reference]);
                steps.extend(self.laid_out(format!("Lay out {reference}"), look));
            }
            From::Local { directory } => {
                steps.extend(self.sent(directory));
                let look = shell(&format!("{UNPACK}\n{}", tell()), &["local"]);
                steps.extend(self.laid_out(format!("Lay out the clone {directory}"), look));
            }
        }
        steps
    }

    /// The host's proxy for the tools of the build, whose address may hold a password: in a file that only the user who
    /// builds reads, and only while something is built.
    fn way_out(&self) -> [Step; 2] {
        let file = PushFile {
            from: Origin::Secret {
                secret: HostSecret::BuildProxy,
            },
            to: PROXY.to_owned(),
            mode: 0o600,
            sha256: None,
        };
        let push = Op::Push {
            guest: self.operation.guest.clone(),
            files: vec![file],
        };
        let own = Exec::root(["chown", "--", USER, PROXY], 30);
        [
            // What takes it back in the guest is the undo of the step that has made its place.
            Step::host("Copy the host's proxy settings into the guest", push)
                .undone_by(absent(self.staged("proxy"))),
            Step::guest("Let the build read them", Op::Exec(own)).undone_by(Op::Exec(swept())),
        ]
    }

    /// The clone as one file, from the host into the guest.
    fn sent(&self, from: &str) -> Vec<Step> {
        let archive = self.staged("source.tar");
        let mut tar = Exec::root(["tar", "--create", "--file", &archive], STEP_S);
        let without = self.how.without.iter();
        tar.argv
            .extend(without.map(|path| format!("--exclude=./{path}")));
        tar.argv
            .extend(["--directory", from, "."].map(str::to_owned));
        let guest = self.operation.guest.clone();
        let file = PushFile {
            from: Origin::File(archive.clone()),
            to: format!("{HOME}/source.tar"),
            mode: 0o644,
            sha256: None,
        };
        let push = Op::Push {
            guest,
            files: vec![file],
        };
        vec![
            self.operation.room(),
            Step::host(format!("Pack {from}"), Op::Exec(tar)).undone_by(absent(archive.clone())),
            Step::host("Copy it into the guest", push).undone_by(absent(archive)),
        ]
    }

    /// Where the operation keeps something on the host until it is in the guest.
    pub(super) fn staged(&self, name: &str) -> String {
        format!("{}/{name}", self.operation.staging())
    }

    /// The source laid out by this command, and what it has told of it as the observation that the second stage is
    /// planned from.
    fn laid_out(&self, title: String, mut exec: Exec) -> [Step; 2] {
        let pins = self.how.toolchains.iter().map(|tool| tool.pin.file.clone());
        exec.argv.extend(pins);
        exec.timeout_s = STEP_S;
        exec.stdout = Stdout::File(TOLD.to_owned());
        let look = Op::Observe {
            name: REVISION.to_owned(),
            exec: Exec::root(["cat", TOLD], 10).keep(LIMIT),
        };
        let exec = exec.fails_as(FaultKind::Build);
        [
            Step::guest(title, Op::Exec(exec)).undone_by(Op::Exec(swept())),
            Step::guest("Read what is to be built", look),
        ]
    }
}

/// The script that tells, after one that took the first argument.
fn tell() -> String {
    format!("shift\n{}", TELL.replace("TOOLCHAINS", TOOLCHAINS))
}

fn places_of_the_build() -> Vec<Step> {
    let mut steps = vec![cached(format!("Make the user {USER}"), account(USER, HOME))];
    let owned = format!("{USER}:{USER}");
    let directories = [
        ("/var/cache/homeport", 0o755, "root:root"),
        (TOOLCHAINS, 0o755, "root:root"),
        (HOME, 0o750, owned.as_str()),
    ];
    steps.extend(directories.map(|(path, mode, owner)| {
        let made = directory(path, mode, owner);
        let undo = match path {
            HOME => Op::Exec(swept()),
            _ => made.clone(),
        };
        Step::guest(format!("Make {path}"), made).undone_by(undo)
    }));
    steps
}

/// A step that only fills a cache: its way back is to leave it.
pub(super) fn cached(title: impl Into<String>, exec: Exec) -> Step {
    Step::guest(title, Op::Exec(exec)).undone_by(kept())
}

/// Leaving what is there, said as an op that changes nothing.
fn kept() -> Op {
    directory("/var/cache/homeport", 0o755, "root:root")
}

/// The host's proxy, for the shell that every command of a build runs behind.
const PROXY: &str = "/var/cache/homeport/build/proxy";

/// A script in the build's home, as its user.
pub(super) fn shell(script: &str, words: &[&str]) -> Exec {
    let mut exec = Exec::root(
        ["sh", "-ec", BEHIND, "sh", HOME, "sh", "-ec", script, "sh"],
        120,
    );
    exec.argv
        .extend(words.iter().map(|word| (*word).to_owned()));
    exec.as_user(USER)
}

/// Nothing of the source is left.
pub(super) fn swept() -> Exec {
    let (tree, archive) = (tree(), format!("{HOME}/source.tar"));
    Exec::root(["rm", "-rf", "--", &tree, &archive, PROXY], 600)
}
