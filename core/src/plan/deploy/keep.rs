//! The Homeport that was unpacked only for this run stays on the host: complete, or not at all.

use homeport_engine::exec::Exec;
use homeport_engine::op::{Content, Op};
use homeport_engine::plan::Step;

use super::Deploy;
use crate::places;
use crate::plan::{absent, directory, put};

/// Copies the Homeport in `$1` to `$3` and puts it in `$2`'s place whole: whoever starts it meets the old one or the
/// new one, never half of either. A copy that is there already is known by its manifest, which has every file's digest.
const KEEP: &str = r#"cmp -s "$1/manifest.json" "$2/manifest.json" && exit
rm -rf "$3" "$2.old"
cp -aT "$1" "$3"
sync -f "$3"
if [ -e "$2" ]; then mv -T "$2" "$2.old"; fi
mv -T "$3" "$2"
rm -rf "$2.old""#;

/// Links the manual pages and completions in `$1` where programs below `$2` look for them, and takes away links to pages
/// that are no more. Files of others are left alone.
const SHOW: &str = r#"[ -d "$1/share" ] || exit 0
cd "$1/share"
link() {
    mkdir -p "$2/$3"
    if [ -L "$2/$3/$4" ] || [ ! -e "$2/$3/$4" ]; then ln -sfn "$1" "$2/$3/$4"; fi
}
for page in man/man1/*; do link "$1/share/$page" "$2" man/man1 "${page##*/}"; done
link "$1/share/completions/homeport.bash" "$2" bash-completion/completions homeport
link "$1/share/completions/_homeport" "$2" zsh/site-functions _homeport
link "$1/share/completions/homeport.fish" "$2" fish/vendor_completions.d homeport.fish
for page in "$2"/man/man1/homeport*.1; do
    if [ -L "$page" ] && [ ! -e "$page" ]; then rm -f "$page"; fi
done"#;

/// A Homeport that was unpacked only for this run is kept first, so that every later verb – also the one that
/// resolves this very operation – works without fetching it again. It stays on the way back: another instance's
/// command may be using it by then (decision 005).
pub(super) fn steps(deploy: &Deploy<'_>) -> Vec<Step> {
    if !deploy.program.passing {
        return Vec::new();
    }
    let kept = format!("{}/{}", places::PROGRAM, deploy.program.version);
    let copy = format!("{kept}.{}", deploy.operation.id);
    let from = deploy.program.directory.as_str();
    // Installs that run side by side keep the same version: one copies, the others wait and find it.
    let words = [
        "flock",
        places::PROGRAM,
        "sh",
        "-ec",
        KEEP,
        "sh",
        from,
        &kept,
        &copy,
    ];
    let program = format!("{kept}/bin/homeport");
    let link = put(places::COMMAND, 0, "root:root", Content::Link(program));
    let show = Exec::root(["sh", "-ec", SHOW, "sh", &kept, places::SHARE], 60);
    let title = format!("Keep Homeport {} on this host", deploy.program.version);
    let above = directory(places::PROGRAM, 0o755, "root:root");
    vec![
        Step::host(format!("Make {}", places::PROGRAM), above.clone()).undone_by(above.clone()),
        Step::host(title, Op::Exec(Exec::root(words, 60))).undone_by(absent(copy)),
        Step::host(format!("Link {} to it", places::COMMAND), link.clone()).undone_by(link),
        Step::host("Show its manual pages and completions", Op::Exec(show)).undone_by(above),
    ]
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::process::Command;

    use super::{KEEP, SHOW};

    fn bundle(directory: &Path, manifest: &str, program: &str) {
        fs::create_dir_all(directory.join("bin")).unwrap();
        fs::write(directory.join("manifest.json"), manifest).unwrap();
        fs::write(directory.join("bin/homeport"), program).unwrap();
    }

    fn keep(top: &Path) -> bool {
        let words = ["bundle", "1.0.0", "1.0.0.op"].map(|name| top.join(name));
        let mut shell = Command::new("sh");
        shell.args(["-ec", KEEP, "sh"]).args(words);
        shell.status().unwrap().success()
    }

    fn kept(top: &Path) -> String {
        fs::read_to_string(top.join("1.0.0/bin/homeport")).unwrap()
    }

    #[test]
    fn kept_once_and_replaced_whole() {
        let top = tempfile::tempdir().unwrap();
        let top = top.path();
        bundle(&top.join("bundle"), "a", "first");
        fs::create_dir(top.join("1.0.0.op")).unwrap();
        assert!(keep(top));
        assert_eq!(kept(top), "first");

        bundle(&top.join("1.0.0"), "a", "in use");
        assert!(keep(top));
        assert_eq!(kept(top), "in use", "the same release is left alone");

        bundle(&top.join("bundle"), "b", "second");
        fs::create_dir(top.join("1.0.0.old")).unwrap();
        assert!(keep(top));
        assert_eq!(kept(top), "second");
        assert_eq!(fs::read_dir(top).unwrap().count(), 2, "nothing beside it");
    }

    fn show(kept: &Path, share: &Path) {
        let mut shell = Command::new("sh");
        shell.args(["-ec", SHOW, "sh"]).args([kept, share]);
        assert!(shell.status().unwrap().success());
    }

    #[test]
    fn pages_are_shown_and_those_of_others_left_alone() {
        let top = tempfile::tempdir().unwrap();
        let (kept, share) = (top.path().join("1.0.0"), top.path().join("share"));
        show(&top.path().join("without documents"), &share);
        for place in [
            "man/man1/homeport.1",
            "man/man1/homeport-old.1",
            "man/man1/homeport-x.1",
        ] {
            let path = kept.join("share").join(place);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "page").unwrap();
        }
        show(&kept, &share);
        let page = |name: &str| share.join("man/man1").join(name);
        assert_eq!(fs::read_to_string(page("homeport.1")).unwrap(), "page");
        fs::remove_file(kept.join("share/man/man1/homeport-old.1")).unwrap();
        fs::remove_file(page("homeport-x.1")).unwrap();
        fs::write(page("homeport-x.1"), "somebody's").unwrap();
        show(&kept, &share);
        assert!(!page("homeport-old.1").is_symlink());
        assert_eq!(
            fs::read_to_string(page("homeport-x.1")).unwrap(),
            "somebody's"
        );
        assert!(share.join("zsh/site-functions/_homeport").is_symlink());
    }

    #[test]
    fn one_that_cannot_be_copied_leaves_the_old() {
        let top = tempfile::tempdir().unwrap();
        bundle(&top.path().join("1.0.0"), "a", "old");
        assert!(!keep(top.path()));
        assert_eq!(kept(top.path()), "old");
    }
}
