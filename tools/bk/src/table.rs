//! Prints results in aligned columns.

use std::io::IsTerminal as _;

/// Prints rows in columns as wide as their widest cell; the last column is not padded. Prints the headline only on a
/// terminal.
pub(crate) fn print<const COLUMNS: usize>(headline: [&str; COLUMNS], rows: &[[String; COLUMNS]]) {
    let headline = headline.map(str::to_owned);
    let widths = widths(&headline, rows);
    if std::io::stdout().is_terminal() && !rows.is_empty() {
        outln!("{}", line(&headline, &widths));
    }
    print_lines(rows, &widths);
}

/// Prints rows like [`print`], but always with the headline, and on standard output.
pub(crate) fn print_with_headline<const COLUMNS: usize>(headline: [&str; COLUMNS], rows: &[[String; COLUMNS]]) {
    let headline = headline.map(str::to_owned);
    let widths = widths(&headline, rows);
    outln!("{}", line(&headline, &widths));
    print_lines(rows, &widths);
}

fn print_lines<const COLUMNS: usize>(rows: &[[String; COLUMNS]], widths: &[usize; COLUMNS]) {
    for row in rows {
        outln!("{}", line(row, widths));
    }
}

fn widths<const COLUMNS: usize>(headline: &[String; COLUMNS], rows: &[[String; COLUMNS]]) -> [usize; COLUMNS] {
    rows.iter().chain([headline]).fold([0; COLUMNS], |mut widths, row| {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
        widths
    })
}

fn line<const COLUMNS: usize>(row: &[String; COLUMNS], widths: &[usize; COLUMNS]) -> String {
    let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
    cells.join("  ").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["a", "long cell", ""], ["model", "b", "words of any length"]].map(|row| row.map(str::to_owned));
        let widths = widths(&["ID", "NAME", "X"].map(str::to_owned), &rows);
        let lines = rows.each_ref().map(|row| line(row, &widths));
        assert_eq!(lines, ["a      long cell", "model  b          words of any length"]);
    }
}
