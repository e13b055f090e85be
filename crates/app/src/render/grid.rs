//! Tables that, on narrow pages, shorten or drop their least important columns instead of breaking every cell.

use super::Page;
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, LineStyle, Table, TableStyle, Width};

/// Nothing but a rule below the header.
const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─'));

/// What happens to a dispensable column that does not fit, when at least [`ROOM`] is left for it. With less
/// room it goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Narrow {
    Drop,
    /// Cells are cut, with `…` at the end.
    Clip,
    /// The same of names, of which a part says enough: [`NAME`] characters.
    Name,
    /// Cells take several lines.
    Wrap,
}

/// Narrowest useful column of words.
const ROOM: usize = 28;
/// Narrowest useful column of names, padding included.
const NAME: usize = 15;

struct Column {
    title: String,
    alignment: CellAlignment,
    /// 0 always stays; the highest goes first.
    dispensable: u8,
    narrow: Narrow,
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
        self.column(title.into(), CellAlignment::Left)
    }

    /// A column of numbers.
    pub fn right(self, title: impl Into<String>) -> Grid {
        self.column(title.into(), CellAlignment::Right)
    }

    /// The last column may be left out on narrow pages, those of a higher `rank` first.
    pub fn dispensable(mut self, rank: u8) -> Grid {
        if let Some(last) = self.columns.last_mut() {
            last.dispensable = rank;
        }
        self
    }

    /// The last column is dispensable, and is cut short before it is dropped.
    pub fn clipped(mut self, rank: u8) -> Grid {
        if let Some(last) = self.columns.last_mut() {
            (last.dispensable, last.narrow) = (rank, Narrow::Clip);
        }
        self
    }

    /// The last column is dispensable names, which are cut short before they are dropped.
    pub fn named(mut self, rank: u8) -> Grid {
        if let Some(last) = self.columns.last_mut() {
            (last.dispensable, last.narrow) = (rank, Narrow::Name);
        }
        self
    }

    /// The last column is dispensable, and takes several lines before it is dropped.
    pub fn wrapped(mut self, rank: u8) -> Grid {
        if let Some(last) = self.columns.last_mut() {
            (last.dispensable, last.narrow) = (rank, Narrow::Wrap);
        }
        self
    }

    fn column(mut self, title: String, alignment: CellAlignment) -> Grid {
        self.columns.push(Column { title, alignment, dispensable: 0, narrow: Narrow::Drop });
        self
    }

    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn cell(row: &[String], column: usize) -> &str {
        row.get(column).map_or("", String::as_str)
    }

    /// Width of a column's widest cell, with its padding.
    fn natural(&self, column: usize) -> usize {
        let widest = |text: &str| text.lines().map(|l| l.chars().count()).max().unwrap_or(0);
        let cells = self.rows.iter().map(|r| widest(Grid::cell(r, column))).max().unwrap_or(0);
        cells.max(widest(&self.columns[column].title)) + 2
    }

    /// Indices of the columns that fit with their widths (padding included), at least those that are not
    /// dispensable. Columns without any content are left out everywhere.
    fn chosen(&self, width: usize) -> Vec<(usize, usize)> {
        let filled = |c: &usize| self.columns[*c].dispensable == 0 || self.rows.iter().any(|r| !Grid::cell(r, *c).is_empty());
        let mut chosen: Vec<(usize, usize)> = (0..self.columns.len()).filter(filled).map(|c| (c, self.natural(c))).collect();
        // The last column has no padding on its right.
        while chosen.iter().map(|(_, w)| w).sum::<usize>() > width + 2 {
            let worst = chosen.iter().filter(|(c, _)| self.columns[*c].dispensable > 0).max_by_key(|(c, _)| self.columns[*c].dispensable);
            let Some(&(worst, _)) = worst else { break };
            let others: usize = chosen.iter().filter(|(c, _)| *c != worst).map(|(_, w)| w).sum();
            let room = (width + 2).saturating_sub(others);
            let least = match self.columns[worst].narrow {
                Narrow::Drop => usize::MAX,
                Narrow::Name => NAME,
                Narrow::Clip | Narrow::Wrap => ROOM,
            };
            if room < least {
                chosen.retain(|(c, _)| *c != worst);
            } else {
                chosen.iter_mut().filter(|(c, _)| *c == worst).for_each(|(_, w)| *w = room);
            }
        }
        chosen
    }

    pub fn render(&self, page: &Page) -> String {
        let chosen = self.chosen(page.width);
        let mut table = Table::new();
        table.load_style(STYLE).set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(u16::try_from(page.width).unwrap_or(u16::MAX));
        table.set_header(chosen.iter().map(|(c, _)| self.columns[*c].title.as_str()));
        for row in &self.rows {
            table.add_row(chosen.iter().map(|(c, width)| match self.columns[*c].narrow {
                Narrow::Clip | Narrow::Name => clip(Grid::cell(row, *c), width - 2),
                Narrow::Drop | Narrow::Wrap => Grid::cell(row, *c).to_owned(),
            }));
        }
        for (at, (c, width)) in chosen.iter().enumerate() {
            let last = at + 1 == chosen.len();
            let Some(column) = table.column_mut(at) else { continue };
            column.set_cell_alignment(self.columns[*c].alignment);
            column.set_padding((0, if last { 0 } else { 2 }));
            if self.columns[*c].narrow == Narrow::Wrap {
                let width = if last { width - 2 } else { *width };
                column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(u16::try_from(width).unwrap_or(u16::MAX))));
            }
        }
        table.lines().map(|l| format!("{}\n", l.trim_end())).collect()
    }
}

/// At most `width` characters, the last of them `…` if any were cut.
fn clip(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut out: String = text.chars().take(width.saturating_sub(1)).collect();
    out.push('…');
    out
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

    #[test]
    fn columns_of_words_are_cut_or_wrapped_first() {
        let page = Page { width: 46, color: false };
        let words = "words ".repeat(9).trim_end().to_owned();
        let mut cut = Grid::new().left("system").left("note").clipped(1);
        cut.row(vec!["trn2".into(), words.clone()]);
        assert_eq!(cut.render(&page).lines().last(), Some("trn2    words words words words words words w…"));
        let mut named = Grid::new().left("system").left("customer").named(1).right("racks");
        named.row(vec!["trn2".into(), "Somebody with a long name".into(), "12".into()]);
        let last = |width| named.render(&Page { width, color: false }).lines().last().map(str::to_owned);
        assert_eq!(last(29).as_deref(), Some("trn2    Somebody with…     12"));
        assert_eq!(last(24).as_deref(), Some("trn2       12"));
        let mut wrapped = Grid::new().left("system").left("note").wrapped(1);
        wrapped.row(vec!["trn2".into(), words]);
        assert_eq!(wrapped.render(&page).lines().count(), 4, "{}", wrapped.render(&page));
    }
}
