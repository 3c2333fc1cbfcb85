//! Columns of text, each as wide as its widest cell. An empty cell is shown as a dash: it is not a missing one.

use crate::cli::style::harmless;

/// Rows under a heading. Without rows, only the heading.
pub(super) fn table<const N: usize>(heading: [&str; N], rows: &[[String; N]]) -> String {
    let heading = heading.map(str::to_owned);
    let shown = |row: &[String; N]| row.clone().map(|cell| cell_of(&cell));
    let rows: Vec<[String; N]> = std::iter::once(&heading).chain(rows).map(shown).collect();
    let wide = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: [usize; N] = std::array::from_fn(|column| wide(column).unwrap_or(0));
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths);
        let cells: Vec<String> = cells
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn cell_of(text: &str) -> String {
    if text.is_empty() {
        "-".to_owned()
    } else {
        harmless(text)
    }
}
