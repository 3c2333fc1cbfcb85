//! What preflight and doctor found: each finding with how it should be, how it is, and what cures it.

use crate::cli::style::{Style, harmless, wrap};
use crate::report::{Checkup, Finding, Severity};

/// Width of the label before a line of a finding.
const LABEL: usize = 10;

/// What doctor found: what is well in one line, then everything that is not.
pub fn checkup(found: &Checkup, style: Style) -> String {
    let node = harmless(&found.node);
    let (sign, heading) = match (found.ready, found.findings.len()) {
        (true, 0) => (
            style.green(style.sign("✔", "+")),
            "everything is as it should be".to_owned(),
        ),
        (true, count) => (
            style.yellow("!"),
            format!("nothing is in the way; to know: {count}"),
        ),
        (false, count) => (
            style.red(style.sign("✖", "x")),
            format!("not ready; found: {count}"),
        ),
    };
    let mut parts = vec![format!("{sign} {}: {heading}", style.bold(&node))];
    if !found.well.is_empty() {
        parts.extend(labelled("well", &found.well.join(", "), style));
    }
    if !found.findings.is_empty() {
        parts.push(String::new());
        parts.push(findings(&found.findings, style));
    }
    parts.join("\n")
}

/// Findings, in the order given.
pub fn findings(findings: &[Finding], style: Style) -> String {
    let blocks = findings.iter().map(|finding| block(finding, style));
    blocks.collect::<Vec<_>>().join("\n")
}

fn block(finding: &Finding, style: Style) -> String {
    let sign = match finding.severity {
        Severity::Blocks => style.red(style.sign("✖", "x")),
        Severity::Warns => style.yellow(style.sign("!", "!")),
    };
    let mut lines = vec![format!(
        "{sign} {}: {}",
        style.bold(finding.check),
        harmless(&finding.found)
    )];
    for (label, text) in [("expected", &finding.expected), ("do", &finding.remedy)] {
        lines.extend(labelled(label, text, style));
    }
    lines.join("\n")
}

fn labelled(label: &str, text: &str, style: Style) -> Vec<String> {
    let wrapped = wrap(&harmless(text), style.width.saturating_sub(LABEL + 2));
    let labels = std::iter::once(label).chain(std::iter::repeat(""));
    labels
        .zip(wrapped)
        .map(|(label, line)| format!("  {}{line}", style.dim(&format!("{label:<LABEL$}"))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn what_is_found_is_shown_with_what_cures_it() {
        let texts = |expected: &str, found: &str, remedy: &str| {
            [expected, found, remedy].map(str::to_owned)
        };
        let storage = texts(
            "an active storage",
            "storage `x` is switched off",
            "Switch it on: `pvesm set x --disable 0`",
        );
        let clock = texts(
            "the clock is right",
            "it is 90 s slow\x1b[2J",
            "`timedatectl set-ntp true`",
        );
        let sick = Checkup {
            node: "pve".to_owned(),
            ready: false,
            well: vec!["root", "version"],
            findings: vec![
                Finding::blocks("storage", Kind::Resources, storage),
                Finding::warns("clock", Kind::Resources, clock),
            ],
            host_calls: 4,
        };
        insta::assert_snapshot!(checkup(&sick, Style::PLAIN), @r"
        x pve: not ready; found: 2
          well      root, version

        x storage: storage `x` is switched off
          expected  an active storage
          do        Switch it on: `pvesm set x --disable 0`
        ! clock: it is 90 s slow [2J
          expected  the clock is right
          do        `timedatectl set-ntp true`
        ");
        let well = Checkup {
            ready: true,
            findings: Vec::new(),
            ..sick
        };
        insta::assert_snapshot!(checkup(&well, Style::PLAIN), @r"
        + pve: everything is as it should be
          well      root, version
        ");
    }
}
