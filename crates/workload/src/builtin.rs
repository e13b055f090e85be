//! Built-in models: the configurations of `models/`, compiled in, found by any usual spelling of their name.

use crate::import::{ImportOptions, import_config};
use crate::model::Model;
use secondsource_base::{Diagnostic, nearest};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::OnceLock;

mod files {
    include!(concat!(env!("OUT_DIR"), "/models.rs"));
}

/// One line of the list of built-in models.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BuiltinModel {
    pub id: String,
    pub aliases: Vec<String>,
    /// Architecture and size in a few words.
    pub description: String,
    /// Where the dimensions come from.
    pub source: String,
    pub params: u64,
}

struct Entry {
    info: BuiltinModel,
    model: Model,
}

/// All built-in models by id, and every folded name with the id it means.
struct Table {
    entries: BTreeMap<String, Entry>,
    names: BTreeMap<String, String>,
}

/// Words after a name that do not change its dimensions.
const SUFFIXES: [&str; 8] = ["instruct", "chat", "hf", "base", "it", "pt", "bf16", "fp8"];

static TABLE: OnceLock<Table> = OnceLock::new();

fn table() -> &'static Table {
    TABLE.get_or_init(|| {
        let mut table = Table { entries: BTreeMap::new(), names: BTreeMap::new() };
        for (file, text) in files::FILES {
            // A file that does not load is left out here; `every_file_loads` in the tests names it.
            if let Ok(entry) = load(file, text) {
                for name in entry.info.aliases.iter().chain([&entry.info.id]) {
                    table.names.insert(fold(name), entry.info.id.clone());
                }
                table.entries.insert(entry.info.id.clone(), entry);
            }
        }
        table
    })
}

fn load(file: &str, text: &str) -> Result<Entry, Diagnostic> {
    let id = file.strip_suffix(".json").unwrap_or(file).to_owned();
    let model = import_config(&format!("models/{file}"), text, &ImportOptions { name: Some(id.clone()) })?;
    let header: Value = crate::import::header(text);
    let field = |key: &str| header.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let aliases = header.get("aliases").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let aliases = aliases.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    let description = describe(&model);
    let info = BuiltinModel { id, aliases, description, source: field("source"), params: model.params_total() };
    Ok(Entry { info, model })
}

fn describe(model: &Model) -> String {
    let kind = if model.is_moe() { "mixture of experts" } else { "dense" };
    format!("{} ({kind}), {} layers, width {}, vocabulary {}", model.arch, model.layers(), model.hidden, model.vocab)
}

/// Lower case, without a leading organisation and without `-`, `_`, `.` and spaces.
fn fold(name: &str) -> String {
    let base = name.rsplit('/').next().unwrap_or(name);
    base.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn find(name: &str) -> Option<&'static Entry> {
    // Run tables add remarks behind a comma: `Llama2-7B, schedule 1f1b`.
    find_exact(name).or_else(|| find_exact(name.split_once(',')?.0))
}

fn find_exact(name: &str) -> Option<&'static Entry> {
    let mut folded = fold(name);
    loop {
        if let Some(id) = table().names.get(&folded) {
            return table().entries.get(id);
        }
        let shorter = SUFFIXES.iter().find_map(|s| folded.strip_suffix(s)).filter(|s| !s.is_empty())?;
        folded = shorter.to_owned();
    }
}

/// The built-in model of this name. Case, `-`, `_`, `.`, spaces and a leading `org/` do not matter.
pub fn builtin(name: &str) -> Result<Model, Diagnostic> {
    match find(name) {
        Some(entry) => Ok(entry.model.clone()),
        None => {
            let shown: String = name.chars().take(80).collect();
            let d = Diagnostic::error(format!("no built-in model is called `{shown}`"));
            let ids = table().entries.keys().map(String::as_str);
            let d = match nearest_by_name(name) {
                Some(near) => d.hint(format!("did you mean `{near}`?")),
                None => d.suggest(&shown, ids),
            };
            Err(d.hint("`secondsource model --list` lists them; a path of a Hugging Face config.json works too"))
        }
    }
}

/// The id whose name or alias is nearest.
fn nearest_by_name(name: &str) -> Option<&'static str> {
    let folded = fold(name);
    let near = nearest(&folded, table().names.keys().map(String::as_str))?;
    table().names.get(near).map(String::as_str)
}

/// Every built-in model, by id.
pub fn builtin_names() -> Vec<BuiltinModel> {
    table().entries.values().map(|e| e.info.clone()).collect()
}

/// Files of `models/` with the reason why they do not load; empty in a sound build.
pub fn broken_builtins() -> Vec<Diagnostic> {
    files::FILES.iter().filter_map(|(file, text)| load(file, text).err()).collect()
}
