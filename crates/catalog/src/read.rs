//! One text into checked parts. The same grammar serves catalog files, price lists and overlays.

use std::collections::BTreeSet;

use secondsource_base::{Diagnostic, Figure, Kind};
use toml::de::DeTable;

use crate::fields::{Measure, TABLE_UNITS, hint_for, measure};
use crate::prices::read_price;
use crate::types::{Fact, Facts, FigureSet, Figures, Level, Price, Reference, Shape, Source, Thing};
use crate::walk::{Tab, Walk};

/// A thing as it was written: what an overlay leaves out stays `None`.
#[derive(Debug, Clone)]
pub struct Body {
    pub thing: Thing,
    pub id: String,
    /// Byte offset of the id.
    pub at: usize,
    pub name: Option<String>,
    pub vendor: Option<String>,
    pub family: Option<(String, usize)>,
    pub usual: Option<(String, usize)>,
    pub chip: Option<(String, usize)>,
    pub aliases: Vec<(String, usize)>,
    pub note: String,
    pub levels: Vec<(Level, usize)>,
    pub figures: Figures,
    pub facts: Facts,
}

/// Everything one text holds.
#[derive(Debug, Default)]
pub struct Parts {
    pub bodies: Vec<Body>,
    /// Price, offset of its chip.
    pub prices: Vec<(Price, usize)>,
    pub sources: Vec<(String, Source, usize)>,
    /// Alias, the id it stands for, offset.
    pub aliases: Vec<(String, String, usize)>,
}

pub const FAMILIES: [&str; 13] =
    ["ampere", "hopper", "ada", "blackwell", "blackwell-ultra", "rubin", "cdna2", "cdna3", "cdna4", "cdna5", "gaudi", "tpu", "neuron"];
const KINDS: [&str; 7] = ["measured", "vendor", "vendor-via-third-party", "third-party", "derived", "assumed", "user"];
const SHAPES: [&str; 3] = ["switched", "full-mesh", "torus"];
const TOP: [&str; 8] = ["chip", "node", "rack", "link", "table", "price", "source", "alias"];
const FIGURE_KEYS: [&str; 8] = ["value", "unit", "qualifier", "kind", "as_of", "sources", "note", "rival"];

/// Reads a text. `known` are the source ids that exist besides those of the text itself.
pub fn read(name: &str, text: &str, known: &BTreeSet<&str>) -> (Parts, Vec<Diagnostic>) {
    let walk = Walk::new(name, text);
    let mut parts = Parts::default();
    match DeTable::parse(text) {
        Err(e) => {
            let at = e.span().map_or(0, |s| s.start);
            walk.fail(at, format!("not valid TOML: {}", e.message().trim_end_matches('.').replace('\n', ", ")));
        }
        Ok(doc) => {
            let top = Tab { table: doc.get_ref(), at: 0 };
            let mut reader = Reader { walk: &walk, known: known.iter().map(|s| (*s).to_owned()).collect() };
            reader.document(top, &mut parts);
        }
    }
    (parts, walk.into_diags())
}

pub(crate) struct Reader<'w, 't> {
    pub walk: &'w Walk<'t>,
    known: BTreeSet<String>,
}

impl<'t> Reader<'_, 't> {
    fn document(&mut self, top: Tab<'_, 't>, parts: &mut Parts) {
        if top.table.contains_key("thing") {
            if let Some(body) = self.single(top) {
                parts.bodies.push(body);
            }
            return;
        }
        self.walk.keys(top, "the file", &TOP);
        for (id, at, tab) in self.walk.tables(top, "source") {
            if let Some(source) = self.source(&id, tab) {
                self.known.insert(id.clone());
                parts.sources.push((id, source, at));
            }
        }
        for thing in Thing::ALL {
            for (id, at, tab) in self.walk.tables(top, thing.name()) {
                parts.bodies.push(self.body(thing, id, at, tab, &[]));
            }
        }
        for tab in self.walk.list(top, "price") {
            parts.prices.extend(read_price(self, tab));
        }
        if let Some(value) = top.table.get("alias") {
            match value.get_ref().as_table() {
                None => self.walk.fail(value.span().start, "`alias` must be a table of `name = \"id\"`"),
                Some(table) => {
                    let tab = Tab { table, at: value.span().start };
                    for key in table.keys() {
                        if let Some((target, at)) = self.walk.text(tab, key.get_ref()) {
                            parts.aliases.push((key.get_ref().to_string(), target, at));
                        }
                    }
                }
            }
        }
    }

    /// A file about one thing: `thing` and `id` stand at its head.
    fn single(&self, top: Tab<'_, 't>) -> Option<Body> {
        let (word, at) = self.walk.text(top, "thing")?;
        let word = self.walk.one_of(at, "thing", &word, &Thing::ALL.map(Thing::name))?;
        let thing = Thing::ALL.into_iter().find(|t| t.name() == word)?;
        let (id, at) = self.walk.need(top, "the file", "id")?;
        Some(self.body(thing, id, at, top, &["thing", "id"]))
    }

    fn source(&self, id: &str, tab: Tab<'_, 't>) -> Option<Source> {
        let w = self.walk;
        let what = format!("source `{id}`");
        w.keys(tab, &what, &["title", "where", "date", "license", "note"]);
        let (title, _) = w.need(tab, &what, "title")?;
        let (at, _) = w.need(tab, &what, "where")?;
        let (date, offset) = w.need(tab, &what, "date")?;
        w.date(offset, "date", &date);
        Some(Source { title, at, date, license: w.text_or_empty(tab, "license"), note: w.text_or_empty(tab, "note") })
    }

    fn body(&self, thing: Thing, id: String, at: usize, tab: Tab<'_, 't>, extra: &[&'static str]) -> Body {
        let w = self.walk;
        let what = format!("{} `{id}`", thing.name());
        let mut allowed = extra.to_vec();
        allowed.extend(["name", "vendor", "note", "figure", "fact"]);
        match thing {
            Thing::Chip => allowed.extend(["family", "usual", "aliases"]),
            Thing::Node | Thing::Rack => allowed.extend(["chip", "aliases", "level"]),
            Thing::Link | Thing::Table => {}
        }
        w.keys(tab, &what, &allowed);
        if !id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.') || id.is_empty() {
            w.fail(at, format!("the id `{id}` may only hold a-z, 0-9, `-` and `.`"));
        }
        let family = w.text(tab, "family").filter(|(f, at)| w.one_of(*at, "family", f, &FAMILIES).is_some());
        let mut levels = Vec::new();
        for (n, level) in w.list(tab, "level").into_iter().enumerate() {
            levels.extend(self.level(&format!("level {} of {what}", n + 1), level).map(|l| (l, level.at)));
        }
        Body {
            thing,
            at,
            name: w.text(tab, "name").map(|t| t.0),
            vendor: w.text(tab, "vendor").map(|t| t.0),
            family,
            usual: w.text(tab, "usual"),
            chip: w.text(tab, "chip"),
            aliases: w.texts(tab, "aliases"),
            note: w.text_or_empty(tab, "note"),
            levels,
            figures: self.figures(thing, tab),
            facts: self.facts(tab),
            id,
        }
    }

    fn figures(&self, thing: Thing, tab: Tab<'_, 't>) -> Figures {
        let mut out = Figures::new();
        for (field, at, inner) in self.walk.tables(tab, "figure") {
            let units = if thing == Thing::Table { Some(TABLE_UNITS) } else { measure(&field) };
            let Some(units) = units else {
                self.unknown_figure(at, &field);
                continue;
            };
            self.walk.keys(inner, &format!("figure `{field}`"), &FIGURE_KEYS);
            let mut rivals = Vec::new();
            for rival in self.walk.list(inner, "rival") {
                let what = format!("a rival of figure `{field}`");
                self.walk.keys(rival, &what, &FIGURE_KEYS[..7]);
                rivals.extend(self.figure(&what, units, rival));
            }
            if let Some(main) = self.figure(&format!("figure `{field}`"), units, inner) {
                out.insert(field, FigureSet { main, rivals });
            }
        }
        out
    }

    fn unknown_figure(&self, at: usize, field: &str) {
        let diag = self.walk.error(at, format!("unknown figure `{field}`"));
        self.walk.push(match hint_for(field) {
            Some(hint) => diag.hint(hint),
            None => diag,
        });
    }

    fn figure(&self, what: &str, units: Measure, tab: Tab<'_, 't>) -> Option<Figure> {
        let w = self.walk;
        let value = w.number(tab, what, "value");
        let unit = w.need(tab, what, "unit").filter(|(unit, at)| {
            let good = units.accepts(unit);
            if !good {
                let diag = w.error(*at, format!("unit `{unit}` does not fit {what}")).suggest(unit, units.units().iter().copied());
                w.push(diag.hint(format!("expected one of: {}", units.units().join(", "))));
            }
            good
        });
        let origin = self.origin(what, tab);
        let (kind, as_of, sources) = origin?;
        Some(Figure {
            value: value?.0,
            unit: unit?.0,
            kind,
            as_of,
            sources,
            qualifier: w.text_or_empty(tab, "qualifier"),
            note: w.text_or_empty(tab, "note"),
        })
    }

    /// Kind, date and sources, which figures, facts and prices share.
    pub(crate) fn origin(&self, what: &str, tab: Tab<'_, 't>) -> Option<(Kind, String, Vec<String>)> {
        let w = self.walk;
        let kind = w.need(tab, what, "kind").and_then(|(k, at)| self.kind(&k, at));
        let as_of = w.need(tab, what, "as_of").filter(|(d, at)| w.date(*at, "as_of", d));
        let sources = self.sources(what, kind, tab);
        Some((kind?, as_of?.0, sources?))
    }

    pub(crate) fn kind(&self, word: &str, at: usize) -> Option<Kind> {
        Some(match self.walk.one_of(at, "kind", word, &KINDS)? {
            "measured" => Kind::Measured,
            "vendor" => Kind::Vendor,
            "vendor-via-third-party" => Kind::VendorViaThirdParty,
            "third-party" => Kind::ThirdParty,
            "derived" => Kind::Derived,
            "assumed" => Kind::Assumed,
            _ => Kind::User,
        })
    }

    /// Source ids, each of which must exist; only `kind = "user"` and `kind = "assumed"` may have none, and what is
    /// assumed must say why in its note.
    pub(crate) fn sources(&self, what: &str, kind: Option<Kind>, tab: Tab<'_, 't>) -> Option<Vec<String>> {
        let w = self.walk;
        let listed = w.texts(tab, "sources");
        if kind == Some(Kind::Assumed) && w.text_or_empty(tab, "note").is_empty() {
            w.push(
                w.error(tab.at, format!("{what} is assumed, but has no `note`")).hint("say what is known and why this default was taken"),
            );
            return None;
        }
        if listed.is_empty() && kind.is_some_and(|k| k != Kind::User && k != Kind::Assumed) {
            let diag = w.error(tab.at, format!("{what} names no source"));
            w.push(diag.hint("list ids of sources.toml in `sources`, or give `kind = \"user\"` for a figure of your own"));
            return None;
        }
        let mut good = true;
        for (id, at) in &listed {
            if !self.known.contains(id) {
                good = false;
                let diag = w.error(*at, format!("unknown source `{id}`")).suggest(id, self.known.iter().map(String::as_str));
                w.push(diag.hint("sources are listed in sources.toml, or as [source.ID] in the same overlay"));
            }
        }
        good.then(|| listed.into_iter().map(|s| s.0).collect())
    }

    fn facts(&self, tab: Tab<'_, 't>) -> Facts {
        let w = self.walk;
        let mut out = Facts::new();
        for (field, _, inner) in w.tables(tab, "fact") {
            let what = format!("fact `{field}`");
            w.keys(inner, &what, &["value", "qualifier", "kind", "as_of", "sources", "note"]);
            let value = w.need(inner, &what, "value");
            if let (Some((value, _)), Some((kind, as_of, sources))) = (value, self.origin(&what, inner)) {
                let (qualifier, note) = (w.text_or_empty(inner, "qualifier"), w.text_or_empty(inner, "note"));
                out.insert(field, Fact { value, kind, as_of, sources, qualifier, note });
            }
        }
        out
    }

    fn level(&self, what: &str, tab: Tab<'_, 't>) -> Option<Level> {
        let w = self.walk;
        let keys = ["name", "chips", "shape", "extents", "injection", "axes", "latency", "scale_out"];
        w.keys(tab, what, &keys);
        let reference = |key: &str| w.need(tab, what, key).and_then(|(t, at)| self.reference(&t, at));
        let name = w.need(tab, what, "name");
        let chips = w.need(tab, what, "chips").and_then(|(t, at)| match t.as_str() {
            "cluster" => Some(None),
            _ => self.reference(&t, at).map(Some),
        });
        let shape = w.need(tab, what, "shape").and_then(|(s, at)| w.one_of(at, "shape", &s, &SHAPES));
        let (injection, latency) = (reference("injection"), reference("latency"));
        let mut axes = Vec::new();
        for (text, at) in w.texts(tab, "axes") {
            axes.push(self.reference(&text, at)?);
        }
        let extents = w.text(tab, "extents").and_then(|(t, at)| {
            let fact = t.strip_prefix("fact.").map(str::to_owned);
            if fact.is_none() {
                w.fail(at, "`extents` must name a fact of the system, such as `fact.extents`");
            }
            fact
        });
        let shape = match shape? {
            "switched" => Shape::Switched,
            "full-mesh" => Shape::FullMesh,
            _ => Shape::Torus,
        };
        if (shape == Shape::Torus) != (!axes.is_empty() && extents.is_some()) || axes.len() > 3 {
            w.fail(tab.at, format!("{what}: a torus needs `extents` and one to three `axes`, other shapes have neither"));
            return None;
        }
        let scale_out = w.flag(tab, "scale_out");
        let name = name?.0;
        Some(Level { name, chips: chips?, shape, extents, injection: injection?, axes, latency: latency?, scale_out })
    }

    fn reference(&self, text: &str, at: usize) -> Option<Reference> {
        let w = self.walk;
        let (found, field) = if let Some(f) = text.strip_prefix("chip.") {
            (Reference::Chip(f.to_owned()), f)
        } else if let Some(f) = text.strip_prefix("figure.") {
            (Reference::Own(f.to_owned()), f)
        } else if let Some((id, f)) = text.strip_prefix("link.").and_then(|rest| rest.rsplit_once('.')) {
            (Reference::Link(id.to_owned(), f.to_owned()), f)
        } else {
            let diag = w.error(at, format!("`{text}` does not say where the figure stands"));
            w.push(diag.hint("write `chip.FIELD`, `figure.FIELD` or `link.ID.FIELD`"));
            return None;
        };
        if measure(field).is_none() {
            self.unknown_figure(at, field);
            return None;
        }
        Some(found)
    }
}
