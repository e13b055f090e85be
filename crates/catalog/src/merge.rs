//! Laying texts over each other: the files of the catalog, and a user's overlay on top.

use std::collections::BTreeSet;

use secondsource_base::{Diagnostic, SourceText};

use crate::catalog::Catalog;
use crate::profile::KernelProfile;
use crate::read::{Body, Parts, read};
use crate::series::{read_history, read_statements, read_supply};
use crate::types::{Chip, Facts, Figures, Link, Reference, System, Table, Thing};

impl Catalog {
    /// A catalog from named texts, and what is wrong with them. Paths ending in `.csv` are time series.
    pub fn from_files(files: &[(&str, &str)]) -> (Catalog, Vec<Diagnostic>) {
        let mut catalog = Catalog { profiles: KernelProfile::embedded(), ..Catalog::default() };
        let mut diags = Vec::new();
        let mut order: Vec<_> = files.iter().collect();
        order.sort_by_key(|(name, _)| (!name.ends_with("sources.toml"), *name));
        let mut read_parts = Vec::new();
        for &&(name, text) in &order {
            if name.ends_with(".csv") {
                diags.extend(catalog.add_series(name, text));
                continue;
            }
            let (parts, found) = {
                let known = catalog.source_ids();
                read(name, text, &known)
            };
            diags.extend(found);
            diags.extend(catalog.merge(SourceText { name, text }, &parts, false));
            read_parts.push((SourceText { name, text }, parts));
        }
        for (source, parts) in &read_parts {
            diags.extend(catalog.check_links(*source, parts));
        }
        (catalog, diags)
    }

    /// This catalog with a user's file laid over it: `[chip.ID]`, `[node.ID]`, `[rack.ID]`, `[link.ID]`,
    /// `[table.ID]`, `[[price]]`, `[source.ID]`, `[alias]`. An overlay's figure is used; the one it replaces
    /// stays beside it as a rival.
    pub fn with_overlay(&self, name: &str, text: &str) -> Result<Catalog, Vec<Diagnostic>> {
        let source = SourceText { name, text };
        let (parts, mut diags) = read(name, text, &self.source_ids());
        let mut catalog = self.clone();
        if diags.is_empty() {
            diags.extend(catalog.merge(source, &parts, true));
            diags.extend(catalog.check_links(source, &parts));
        }
        if diags.is_empty() { Ok(catalog) } else { Err(diags) }
    }

    fn source_ids(&self) -> BTreeSet<&str> {
        self.sources.keys().map(String::as_str).collect()
    }

    fn add_series(&mut self, name: &str, text: &str) -> Vec<Diagnostic> {
        let known = self.source_ids();
        if name.contains("supply") {
            let (rows, diags) = read_supply(name, text, &known);
            self.supply = rows;
            diags
        } else if name.contains("statements") {
            let (rows, diags) = read_statements(name, text, &known);
            self.statements = rows;
            diags
        } else {
            let (rows, diags) = read_history(name, text, &known);
            self.history = rows;
            diags
        }
    }

    fn merge(&mut self, source: SourceText<'_>, parts: &Parts, overlay: bool) -> Vec<Diagnostic> {
        let mut diags = Vec::new();
        let mut fail = |at: usize, message: String| diags.push(Diagnostic::error(message).at_offset(source, at));
        for (id, entry, at) in &parts.sources {
            if self.sources.insert(id.clone(), entry.clone()).is_some() {
                fail(*at, format!("source `{id}` is already in the catalog"));
            }
        }
        for body in &parts.bodies {
            match self.thing(&body.id) {
                Some(thing) if overlay && thing == body.thing => {}
                Some(thing) => {
                    fail(body.at, format!("the id `{}` is already that of a {}", body.id, thing.name()));
                    continue;
                }
                None => {
                    if let Some(id) = self.aliases.get(&body.id) {
                        fail(body.at, format!("`{}` is another name of `{id}`: write `{id}`", body.id));
                        continue;
                    }
                }
            }
            if let Some(missing) = self.lacks(body) {
                fail(body.at, format!("{} `{}` has no `{missing}`", body.thing.name(), body.id));
                continue;
            }
            self.put(body);
        }
        for (price, _) in &parts.prices {
            let mut price = price.clone();
            if let Some(id) = self.aliases.get(&price.chip) {
                price.chip.clone_from(id);
            }
            self.prices.push(price);
        }
        let own = parts.bodies.iter().flat_map(|b| b.aliases.iter().map(|(a, at)| (a, &b.id, *at)));
        let listed = parts.aliases.iter().map(|(a, target, at)| (a, target, *at));
        for (alias, target, at) in own.chain(listed) {
            let old = self.aliases.get(alias);
            if self.thing(alias).is_some() {
                fail(at, format!("the alias `{alias}` is the id of something else"));
            } else if old.is_some_and(|o| o != target) {
                fail(at, format!("the alias `{alias}` already stands for `{}`", old.map_or("", String::as_str)));
            } else {
                self.aliases.insert(alias.clone(), target.clone());
            }
        }
        diags
    }

    /// A key that a new thing must have and this one lacks.
    fn lacks(&self, body: &Body) -> Option<&'static str> {
        let fresh = self.thing(&body.id).is_none();
        if fresh && body.name.is_none() {
            return Some("name");
        }
        if fresh && body.vendor.is_none() {
            return Some("vendor");
        }
        (fresh && body.thing == Thing::Chip && body.family.is_none()).then_some("family")
    }

    /// References between things: chips of systems and prices, links of levels, targets of aliases.
    fn check_links(&self, source: SourceText<'_>, parts: &Parts) -> Vec<Diagnostic> {
        let mut diags = Vec::new();
        let error = |at: usize, message: String| Diagnostic::error(message).at_offset(source, at);
        let mut chip = |id: &str, at: usize| {
            if !self.chips.contains_key(id) {
                let diag = error(at, format!("unknown chip `{id}`"));
                diags.push(diag.suggest(id, self.chips.keys().map(String::as_str)));
            }
        };
        parts.bodies.iter().filter_map(|b| b.chip.as_ref()).for_each(|(id, at)| chip(id, *at));
        parts.prices.iter().for_each(|(p, at)| chip(self.aliases.get(&p.chip).unwrap_or(&p.chip), *at));
        for body in &parts.bodies {
            if let Some((id, at)) = &body.usual
                && !self.systems.contains_key(id)
            {
                let diag = error(*at, format!("unknown system `{id}`"));
                diags.push(diag.suggest(id, self.systems.keys().map(String::as_str)));
            }
            for (level, at) in &body.levels {
                let used = level.axes.iter().chain([&level.injection, &level.latency]).chain(&level.chips);
                for r in used {
                    if let Reference::Link(id, _) = r
                        && !self.links.contains_key(id)
                    {
                        let diag = error(*at, format!("unknown link `{id}`"));
                        diags.push(diag.suggest(id, self.links.keys().map(String::as_str)));
                    }
                }
            }
        }
        for (alias, target, at) in &parts.aliases {
            if self.thing(target).is_none() {
                let diag = error(*at, format!("the alias `{alias}` stands for the unknown id `{target}`"));
                diags.push(diag.suggest(target, self.ids()));
            }
        }
        diags
    }

    fn put(&mut self, body: &Body) {
        let (id, figures, facts) = (body.id.clone(), body.figures.clone(), body.facts.clone());
        let name = body.name.clone();
        let vendor = body.vendor.clone();
        let note = body.note.clone();
        let (plain_name, plain_vendor) = (name.clone().unwrap_or_default(), vendor.clone().unwrap_or_default());
        match body.thing {
            Thing::Chip => {
                let family = body.family.as_ref().map(|f| f.0.clone());
                let usual = body.usual.as_ref().map(|u| u.0.clone());
                match self.chips.get_mut(&id) {
                    None => {
                        let family = family.unwrap_or_default();
                        let chip = Chip { id: id.clone(), name: plain_name, vendor: plain_vendor, family, usual, note, figures, facts };
                        self.chips.insert(id, chip);
                    }
                    Some(old) => {
                        name.into_iter().for_each(|n| old.name = n);
                        family.into_iter().for_each(|f| old.family = f);
                        usual.into_iter().for_each(|u| old.usual = Some(u));
                        lay_over(&mut old.figures, figures, &mut old.facts, facts);
                    }
                }
            }
            Thing::Node | Thing::Rack => {
                let chip = body.chip.as_ref().map(|c| c.0.clone());
                let levels: Vec<_> = body.levels.iter().map(|l| l.0.clone()).collect();
                match self.systems.get_mut(&id) {
                    None => {
                        let (name, vendor, thing) = (plain_name, plain_vendor, body.thing);
                        let system = System { id: id.clone(), thing, name, vendor, chip, levels, note, figures, facts };
                        self.systems.insert(id, system);
                    }
                    Some(old) => {
                        name.into_iter().for_each(|n| old.name = n);
                        chip.into_iter().for_each(|c| old.chip = Some(c));
                        if !levels.is_empty() {
                            old.levels = levels;
                        }
                        lay_over(&mut old.figures, figures, &mut old.facts, facts);
                    }
                }
            }
            Thing::Link => match self.links.get_mut(&id) {
                None => {
                    let link = Link { id: id.clone(), name: plain_name, vendor: plain_vendor, note, figures, facts };
                    self.links.insert(id, link);
                }
                Some(old) => lay_over(&mut old.figures, figures, &mut old.facts, facts),
            },
            Thing::Table => match self.tables.get_mut(&id) {
                None => {
                    let table = Table { id: id.clone(), name: plain_name, vendor: plain_vendor, note, figures, facts };
                    self.tables.insert(id, table);
                }
                Some(old) => lay_over(&mut old.figures, figures, &mut old.facts, facts),
            },
        }
    }
}

/// New figures win; a figure that is replaced becomes a rival of the new one.
fn lay_over(old: &mut Figures, new: Figures, old_facts: &mut Facts, new_facts: Facts) {
    for (field, mut set) in new {
        if let Some(before) = old.remove(&field) {
            set.rivals.push(before.main);
            set.rivals.extend(before.rivals);
        }
        old.insert(field, set);
    }
    old_facts.extend(new_facts);
}

/// What is wrong with a text: a catalog file of any sort, or an overlay. References are looked up in the
/// embedded catalog, so a file of it may be checked against itself.
pub fn check(name: &str, text: &str) -> Vec<Diagnostic> {
    let base = Catalog::embedded();
    if name.ends_with(".csv") {
        return Catalog::default_with_sources(base).add_series(name, text);
    }
    let source = SourceText { name, text };
    let (parts, mut diags) = read(name, text, &BTreeSet::new());
    let own_sources: BTreeSet<&str> = parts.sources.iter().map(|s| s.0.as_str()).collect();
    let known: BTreeSet<&str> = base.sources.keys().map(String::as_str).filter(|id| !own_sources.contains(id)).collect();
    let (parts, found) = if diags.is_empty() { (parts, Vec::new()) } else { read(name, text, &known) };
    diags = found;
    if diags.is_empty() {
        let mut catalog = base.clone();
        parts.sources.iter().for_each(|(id, _, _)| drop(catalog.sources.remove(id)));
        diags.extend(catalog.merge(source, &parts, true));
        diags.extend(catalog.check_links(source, &parts));
    }
    diags
}

impl Catalog {
    fn default_with_sources(base: &Catalog) -> Catalog {
        Catalog { sources: base.sources.clone(), ..Catalog::default() }
    }
}
