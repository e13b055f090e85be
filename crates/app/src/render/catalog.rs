//! The pages of `catalog list` and `catalog show`.

use super::Page;
use super::grid::Grid;
use super::numbers::{sig3, thousands};
use secondsource::catalog::{ListRow, Sheet, SheetRow, Thing};

/// The word over each group of the list.
const fn plural(thing: Thing) -> &'static str {
    match thing {
        Thing::Chip => "Chips",
        Thing::Node => "Nodes",
        Thing::Rack => "Racks and pods",
        Thing::Link => "Links and networks",
        Thing::Table => "Tables",
    }
}

pub fn list(rows: &[ListRow], page: &Page) -> String {
    let mut out = String::new();
    for thing in Thing::ALL {
        let mut grid = Grid::new()
            .left("id")
            .left("vendor")
            .left("chip")
            .dispensable(2)
            .right("chips")
            .dispensable(1)
            .left("job can run")
            .dispensable(1)
            .left("name")
            .dispensable(3)
            .left("other names")
            .clipped(4);
        for r in rows.iter().filter(|r| r.thing == thing) {
            let runs = match r.runs {
                Some(true) => "yes",
                Some(false) => "no",
                None => "",
            };
            grid.row(vec![
                r.id.clone(),
                r.vendor.clone(),
                r.chip.clone().unwrap_or_default(),
                r.chips.map_or(String::new(), thousands),
                runs.to_owned(),
                r.name.clone(),
                r.aliases.join(", "),
            ]);
        }
        if grid.is_empty() {
            continue;
        }
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(&page.heading(plural(thing)));
        out.push_str(&grid.render(page));
    }
    let lacking: Vec<&ListRow> = rows.iter().filter(|r| r.lacks.is_some()).collect();
    if !lacking.is_empty() {
        out.push('\n');
        out.push_str(&page.heading("Why no job can run"));
        for r in lacking {
            let why = r.lacks.as_deref().unwrap_or_default();
            let why = why.strip_prefix(&format!("{}: ", r.id)).unwrap_or(why);
            out.push_str(&page.hanging("", 3, &format!("{}: {why}", r.id)));
        }
    }
    out
}

/// Numbers the sources of a sheet in order of appearance.
#[derive(Default)]
struct Numbered {
    ids: Vec<String>,
    lines: Vec<String>,
}

impl Numbered {
    fn number(&mut self, id: &str, line: String) -> usize {
        let at = self.ids.iter().position(|i| i == id).unwrap_or_else(|| {
            self.ids.push(id.to_owned());
            self.lines.push(line);
            self.ids.len() - 1
        });
        at + 1
    }

    fn of_row(&mut self, row: &SheetRow) -> String {
        let numbers: Vec<String> =
            row.sources.iter().map(|s| format!("[{}]", self.number(&s.id, format!("{}. {}", s.title, s.at)))).collect();
        numbers.join("")
    }
}

pub fn sheet(s: &Sheet, page: &Page) -> String {
    let mut out = page.heading(&format!("{} · {} · {} · {}", s.id, s.name, s.vendor, s.thing.name()));
    out.push_str(&page.field("chip", s.chip.as_deref().unwrap_or_default()));
    out.push_str(&page.field("family", s.family.as_deref().unwrap_or_default()));
    out.push_str(&page.field("usual", s.usual.as_deref().unwrap_or_default()));
    out.push_str(&page.field("also", &s.aliases.join(", ")));
    out.push_str(&page.field("note", &s.note));
    let mut sources = Numbered::default();
    let figures = figures(&s.rows, &mut sources);
    if !figures.is_empty() {
        out.push('\n');
        out.push_str(&figures.render(page));
    }
    out.push_str(&levels(s, page));
    out.push_str(&prices(s, page));
    if !sources.lines.is_empty() {
        out.push('\n');
        out.push_str(&page.heading("Sources"));
        for (i, line) in sources.lines.iter().enumerate() {
            out.push_str(&page.hanging(&format!("[{}]", i + 1), 5, line));
        }
    }
    out
}

fn figures(rows: &[SheetRow], sources: &mut Numbered) -> Grid {
    let mut grid = Grid::new().left("figure").left("value").left("kind").left("date").left("source").left("note").wrapped(1);
    for row in rows {
        let rivals = row.rivals.iter().map(|r| (r, true));
        for (r, rival) in std::iter::once((row, false)).chain(rivals) {
            let label = if rival { "  rival".to_owned() } else { r.label.clone() };
            let value =
                [&r.value, &r.unit, &r.qualifier].iter().filter(|t| !t.is_empty()).map(|t| t.as_str()).collect::<Vec<_>>().join(" ");
            let cited = sources.of_row(r);
            // With spaces a narrow column can break it.
            grid.row(vec![label, value, r.kind.replace('-', " "), r.date.clone(), cited, r.note.clone()]);
        }
    }
    grid
}

fn levels(s: &Sheet, page: &Page) -> String {
    let mut grid =
        Grid::new().left("network").left("chips").left("shape").left("bandwidth per chip, one way").left("latency").left("scale-out");
    for l in &s.levels {
        let shape = serde_json::to_string(&l.shape).unwrap_or_default();
        let shape = [shape.trim_matches('"'), &l.extents].join(" ");
        grid.row(vec![
            l.name.clone(),
            l.chips.clone(),
            shape.trim().to_owned(),
            l.injection.clone(),
            l.latency.clone(),
            if l.scale_out { "yes".into() } else { String::new() },
        ]);
    }
    if grid.is_empty() { String::new() } else { format!("\n{}", grid.render(page)) }
}

fn prices(s: &Sheet, page: &Page) -> String {
    let mut grid = Grid::new()
        .left("price from")
        .left("basis")
        .right("USD/chip-hour")
        .right("USD/chip")
        .dispensable(1)
        .left("region")
        .dispensable(3)
        .left("date")
        .left("kind")
        .dispensable(4)
        .left("source")
        .dispensable(2)
        .left("item")
        .dispensable(5);
    for p in &s.prices {
        grid.row(vec![
            p.provider.clone(),
            p.basis.clone(),
            p.per_chip_hour.map_or(String::new(), sig3),
            p.per_chip.map_or(String::new(), |v| thousands(v.max(0.0).round() as u64)),
            p.region.clone(),
            p.date.clone(),
            p.kind.name().replace('-', " "),
            p.sources.join(", "),
            p.item.clone(),
        ]);
    }
    if grid.is_empty() { String::new() } else { format!("\n{}", grid.render(page)) }
}
