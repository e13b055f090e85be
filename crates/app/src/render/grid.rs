//! Tables that drop their least important columns on narrow pages instead of breaking every cell.

use super::Page;
use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};

/// Nothing but a rule below the header.
const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

struct Column {
    title: String,
    alignment: CellAlignment,
    /// 0 always stays; the highest goes first.
    dispensable: u8,
}

/// A table under construction.
pub struct Grid {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

impl Grid {
    pub fn new() -> Grid {
        Grid { columns: Vec::new(), rows: Vec::new() }
    }

    /// A column of words.
    pub fn left(self, title: impl Into<String>) -> Grid {
        self.column(title.into(), CellAlignment::Left, 0)
    }

    /// A column of numbers.
    pub fn right(self, title: impl Into<String>) -> Grid {
        self.column(title.into(), CellAlignment::Right, 0)
    }

    /// The last column may be left out on narrow pages, those of a higher `rank` first.
    pub fn dispensable(mut self, rank: u8) -> Grid {
        if let Some(last) = self.columns.last_mut() {
            last.dispensable = rank;
        }
        self
    }

    fn column(mut self, title: String, alignment: CellAlignment, dispensable: u8) -> Grid {
        self.columns.push(Column { title, alignment, dispensable });
        self
    }

    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn cell<'a>(row: &'a [String], column: usize) -> &'a str {
        row.get(column).map_or("", String::as_str)
    }

    /// Width of a column's widest cell, with its padding.
    fn natural(&self, column: usize) -> usize {
        let widest = |text: &str| text.lines().map(|l| l.chars().count()).max().unwrap_or(0);
        let cells = self.rows.iter().map(|r| widest(Grid::cell(r, column))).max().unwrap_or(0);
        cells.max(widest(&self.columns[column].title)) + 2
    }

    /// Indices of the columns that fit, at least those that are not dispensable. Columns without any
    /// content are left out everywhere.
    fn chosen(&self, width: usize) -> Vec<usize> {
        let filled = |c: &usize| self.columns[*c].dispensable == 0 || self.rows.iter().any(|r| !Grid::cell(r, *c).is_empty());
        let mut chosen: Vec<usize> = (0..self.columns.len()).filter(filled).collect();
        while chosen.iter().map(|c| self.natural(*c)).sum::<usize>() > width + 2 {
            let worst = chosen.iter().copied().filter(|c| self.columns[*c].dispensable > 0).max_by_key(|c| self.columns[*c].dispensable);
            match worst {
                Some(worst) => chosen.retain(|c| *c != worst),
                None => break,
            }
        }
        chosen
    }

    pub fn render(&self, page: &Page) -> String {
        let chosen = self.chosen(page.width);
        let mut table = Table::new();
        table.load_style(STYLE).set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(u16::try_from(page.width).unwrap_or(u16::MAX));
        table.set_header(chosen.iter().map(|c| self.columns[*c].title.as_str()));
        for row in &self.rows {
            table.add_row(chosen.iter().map(|c| Grid::cell(row, *c)));
        }
        for (at, c) in chosen.iter().enumerate() {
            if let Some(column) = table.column_mut(at) {
                column.set_cell_alignment(self.columns[*c].alignment);
                column.set_padding((0, if at + 1 == chosen.len() { 0 } else { 2 }));
            }
        }
        table.lines().map(|l| format!("{}\n", l.trim_end())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Grid {
        let mut g = Grid::new().left("system").right("chips").right("note").dispensable(1);
        g.row(vec!["trn2".into(), "16,384".into(), "long words that need room".into()]);
        g
    }

    #[test]
    fn wide_pages_show_all() {
        let text = sample().render(&Page { width: 60, color: false });
        assert!(text.contains("long words"), "{text}");
    }

    #[test]
    fn narrow_pages_drop_columns() {
        let text = sample().render(&Page { width: 30, color: false });
        assert_eq!(text, "system   chips\n──────────────\ntrn2    16,384\n");
    }
}
