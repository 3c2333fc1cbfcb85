//! What preflight and doctor found: each finding with how it should be, how it is, and what cures it.

use crate::cli::style::{Style, harmless, wrap};
use crate::report::{Finding, Severity};

/// Width of the label before a line of a finding.
const LABEL: usize = 10;

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
