//! What `catalog list` and `catalog show` print, as plain data.

use secondsource_base::{Diagnostic, Figure};
use serde::Serialize;

use crate::catalog::Catalog;
use crate::fields::FIELDS;
use crate::types::{Facts, Figures, Level, Price, Reference, Shape, Thing};

/// One line of `catalog list`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ListRow {
    pub id: String,
    pub thing: Thing,
    pub name: String,
    pub vendor: String,
    /// The chip of a node or rack.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chip: Option<String>,
    /// Chips in a node or rack.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chips: Option<u64>,
    /// True when a job can run on it; links and tables have no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runs: Option<bool>,
    /// Why a job cannot run on it: the figure that no source gives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lacks: Option<String>,
    pub aliases: Vec<String>,
}

/// Everything the catalog says about one thing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sheet {
    pub id: String,
    pub thing: Thing,
    pub name: String,
    pub vendor: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    /// The chip of a node or rack.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chip: Option<String>,
    /// The system that a bare chip id means.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usual: Option<String>,
    pub aliases: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
    pub rows: Vec<SheetRow>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub levels: Vec<SheetLevel>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub prices: Vec<Price>,
}

/// A figure or a fact, with its sources spelt out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SheetRow {
    pub label: String,
    /// As printed by the source.
    pub value: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub unit: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub qualifier: String,
    pub kind: &'static str,
    pub date: String,
    pub sources: Vec<SourceRef>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rivals: Vec<SheetRow>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourceRef {
    pub id: String,
    pub title: String,
    pub at: String,
}

/// A network level with the figures behind it, such as `chip.scaleup_bw_uni = 450 GB/s`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SheetLevel {
    pub name: String,
    pub chips: String,
    pub shape: Shape,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub extents: String,
    pub injection: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub axes: Vec<String>,
    pub latency: String,
    pub scale_out: bool,
}

impl Catalog {
    /// Chips, then nodes, racks, links and tables, each in id order.
    pub fn list(&self) -> Vec<ListRow> {
        let mut rows = Vec::new();
        let mut push = |id: &str, thing: Thing, name: &str, vendor: &str, chip: Option<String>, chips: Option<f64>| {
            let job = matches!(thing, Thing::Chip | Thing::Node | Thing::Rack).then(|| self.hardware(id));
            rows.push(ListRow {
                id: id.to_owned(),
                thing,
                name: name.to_owned(),
                vendor: vendor.to_owned(),
                chip,
                chips: chips.map(|c| c as u64),
                runs: job.as_ref().map(Result::is_ok),
                lacks: job.and_then(Result::err).map(|d| d.message),
                aliases: self.aliases_of(id),
            });
        };
        self.chips().for_each(|c| push(&c.id, Thing::Chip, &c.name, &c.vendor, None, None));
        for thing in [Thing::Node, Thing::Rack] {
            for s in self.systems().filter(|s| s.thing == thing) {
                push(&s.id, thing, &s.name, &s.vendor, s.chip.clone(), s.si("chips"));
            }
        }
        self.links().for_each(|l| push(&l.id, Thing::Link, &l.name, &l.vendor, None, None));
        self.tables().for_each(|t| push(&t.id, Thing::Table, &t.name, &t.vendor, None, None));
        rows
    }

    /// The sheet of a chip, node, rack, link or table, by id or alias.
    pub fn show(&self, name: &str) -> Result<Sheet, Diagnostic> {
        let Some(id) = self.resolve_alias(name) else {
            return Err(Diagnostic::error(format!("the catalog has no `{name}`"))
                .suggest(name, self.ids())
                .hint("`secondsource catalog list` names everything there is"));
        };
        let mut sheet = Sheet {
            id: id.to_owned(),
            thing: self.thing(id).unwrap_or(Thing::Table),
            name: String::new(),
            vendor: String::new(),
            family: None,
            chip: None,
            usual: None,
            aliases: self.aliases_of(id),
            note: String::new(),
            rows: Vec::new(),
            levels: Vec::new(),
            prices: self.prices_of(id).cloned().collect(),
        };
        let mut head = |name: &str, vendor: &str, note: &str, figures: &Figures, facts: &Facts| {
            sheet.name = name.to_owned();
            sheet.vendor = vendor.to_owned();
            sheet.note = note.to_owned();
            sheet.rows = self.rows(figures, facts);
        };
        if let Some(c) = self.chips.get(id) {
            head(&c.name, &c.vendor, &c.note, &c.figures, &c.facts);
            sheet.family = Some(c.family.clone());
            sheet.usual = c.usual.clone();
        } else if let Some(s) = self.systems.get(id) {
            head(&s.name, &s.vendor, &s.note, &s.figures, &s.facts);
            sheet.chip = s.chip.clone();
            sheet.levels = s.levels.iter().map(|l| self.sheet_level(id, l)).collect();
        } else if let Some(l) = self.links.get(id) {
            head(&l.name, &l.vendor, &l.note, &l.figures, &l.facts);
        } else if let Some(t) = self.tables.get(id) {
            head(&t.name, &t.vendor, &t.note, &t.figures, &t.facts);
        }
        Ok(sheet)
    }

    fn aliases_of(&self, id: &str) -> Vec<String> {
        self.aliases.iter().filter(|(_, target)| *target == id).map(|(alias, _)| alias.clone()).collect()
    }

    /// Figures in the order of [`FIELDS`], then facts.
    fn rows(&self, figures: &Figures, facts: &Facts) -> Vec<SheetRow> {
        let rank = |field: &str| FIELDS.iter().position(|(name, _)| *name == field).unwrap_or(usize::MAX);
        let mut order: Vec<_> = figures.iter().collect();
        order.sort_by_key(|(field, _)| (rank(field), *field));
        let mut rows: Vec<SheetRow> = order
            .into_iter()
            .map(|(field, set)| {
                let rivals = set.rivals.iter().map(|r| self.row(field, r)).collect();
                SheetRow { rivals, ..self.row(field, &set.main) }
            })
            .collect();
        rows.extend(facts.iter().map(|(field, fact)| SheetRow {
            label: field.clone(),
            value: fact.value.clone(),
            unit: String::new(),
            qualifier: fact.qualifier.clone(),
            kind: fact.kind.name(),
            date: fact.as_of.clone(),
            sources: self.source_refs(&fact.sources),
            note: fact.note.clone(),
            rivals: Vec::new(),
        }));
        rows
    }

    fn row(&self, label: &str, figure: &Figure) -> SheetRow {
        SheetRow {
            label: label.to_owned(),
            value: figure.value.to_string(),
            unit: figure.unit.clone(),
            qualifier: figure.qualifier.clone(),
            kind: figure.kind.name(),
            date: figure.as_of.clone(),
            sources: self.source_refs(&figure.sources),
            note: figure.note.clone(),
            rivals: Vec::new(),
        }
    }

    /// Titles and places of source ids.
    pub fn source_refs(&self, ids: &[String]) -> Vec<SourceRef> {
        let of = |id: &String| {
            let (title, at) = self.sources.get(id).map_or_else(Default::default, |s| (s.title.clone(), s.at.clone()));
            SourceRef { id: id.clone(), title, at }
        };
        ids.iter().map(of).collect()
    }

    fn sheet_level(&self, system: &str, level: &Level) -> SheetLevel {
        let spell = |r: &Reference| {
            let figures = match r {
                Reference::Chip(_) => self.systems.get(system).and_then(|s| self.chips.get(s.chip.as_ref()?)).map(|c| &c.figures),
                Reference::Own(_) => self.systems.get(system).map(|s| &s.figures),
                Reference::Link(id, _) => self.links.get(id).map(|l| &l.figures),
            };
            let (Reference::Chip(field) | Reference::Own(field) | Reference::Link(_, field)) = r;
            match figures.and_then(|f| f.get(field)) {
                Some(set) => format!("{r} = {} {}", set.main.value, set.main.unit),
                None => format!("{r}: no source gives it"),
            }
        };
        let facts = self.systems.get(system).map(|s| &s.facts);
        let extents = level.extents.as_ref().and_then(|e| Some(facts?.get(e)?.value.clone()));
        SheetLevel {
            name: level.name.clone(),
            chips: level.chips.as_ref().map_or_else(|| "cluster".to_owned(), spell),
            shape: level.shape,
            extents: extents.unwrap_or_default(),
            injection: spell(&level.injection),
            axes: level.axes.iter().map(spell).collect(),
            latency: spell(&level.latency),
            scale_out: level.scale_out,
        }
    }
}
