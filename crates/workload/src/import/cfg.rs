//! Typed, bounded reading of one JSON object, with the place of the key in every complaint.

use super::scan::KeyOffsets;
use secondsource_base::{Diagnostic, SourceText, nearest};
use serde_json::{Map, Value};

/// A whole number that configurations carry under several names, and the largest believable one.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    pub names: &'static [&'static str],
    pub max: u64,
    /// True when 0 says "none of these".
    pub zero: bool,
}

const fn field(names: &'static [&'static str], max: u64) -> Field {
    Field { names, max, zero: false }
}

/// A field under one name of its own, in which 0 means none.
pub const fn optional(names: &'static [&'static str], max: u64) -> Field {
    Field { names, max, zero: true }
}

pub const LAYERS: Field = field(&["num_hidden_layers", "n_layer", "n_layers", "num_layers"], 100_000);
pub const HIDDEN: Field = field(&["hidden_size", "n_embd", "d_model", "n_embed"], 10_000_000);
pub const HEADS: Field = field(&["num_attention_heads", "n_head", "n_heads", "num_heads"], 100_000);
pub const KV_HEADS: Field = field(&["num_key_value_heads", "num_kv_heads", "n_head_kv"], 100_000);
pub const HEAD_DIM: Field = field(&["head_dim", "attention_head_dim"], 100_000);
pub const FFN: Field = field(&["intermediate_size", "ffn_dim", "n_inner", "d_ff", "ffn_hidden_size"], 100_000_000);
pub const VOCAB: Field = field(&["vocab_size"], 1_000_000_000);
pub const POSITIONS: Field = field(&["max_position_embeddings", "n_positions", "max_seq_len"], 1_000_000_000);
pub const EXPERTS: Field = optional(&["num_local_experts", "n_routed_experts", "num_experts", "moe_num_experts"], 1_000_000);
pub const TOP_K: Field = field(&["num_experts_per_tok", "experts_per_token", "moe_top_k", "moe_k"], 1_000_000);

/// One object of the configuration: the outer one, or `text_config`, `vision_config`...
#[derive(Clone, Copy)]
pub struct Cfg<'a> {
    pub source: SourceText<'a>,
    pub keys: &'a KeyOffsets,
    pub map: &'a Map<String, Value>,
    /// The key this object stands under; `None` for the outer one.
    pub parent: Option<&'static str>,
}

impl<'a> Cfg<'a> {
    /// The object under `key`, if there is one.
    pub fn child(&self, key: &'static str) -> Result<Option<Cfg<'a>>, Diagnostic> {
        match self.map.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(map)) => Ok(Some(Cfg { map, parent: Some(key), ..*self })),
            Some(other) => Err(self.wrong_type(key, "an object", other)),
        }
    }

    /// A diagnostic that points at `key`.
    pub fn complain(&self, key: &str, message: impl Into<String>) -> Diagnostic {
        let path = match self.parent {
            Some(parent) => format!("{parent}.{key}"),
            None => key.to_owned(),
        };
        let d = Diagnostic::error(message);
        match self.keys.get(&path) {
            Some(&offset) => d.at_offset(self.source, offset),
            None => d.in_file(self.source.name),
        }
    }

    fn wrong_type(&self, key: &str, wanted: &str, got: &Value) -> Diagnostic {
        let kind = match got {
            Value::Null => "null",
            Value::Bool(_) => "true or false",
            Value::Number(_) => "a number",
            Value::String(s) if s.is_empty() => "empty, infinite or not a number",
            Value::String(_) => "a text",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
        };
        self.complain(key, format!("`{key}` must be {wanted}, and is {kind}"))
    }

    /// The first of the names that is present, with its value; `null` counts as present.
    pub fn raw(&self, names: &[&'static str]) -> Option<(&'static str, &'a Value)> {
        let present = |n: &&'static str| self.map.get(*n).map(|v| (*n, v));
        names.iter().find_map(|n| present(n).filter(|(_, v)| !v.is_null())).or_else(|| names.iter().find_map(present))
    }

    /// The value of a field: `None` when absent, `Some(None)` when `null`.
    pub fn nullable(&self, f: Field) -> Result<Option<Option<u64>>, Diagnostic> {
        match self.raw(f.names) {
            None => self.misspelt(f.names).map_or(Ok(None), Err),
            Some((_, Value::Null)) => Ok(Some(None)),
            Some((key, value)) => self.whole(key, value, f).map(|v| Some(Some(v))),
        }
    }

    pub fn get(&self, f: Field) -> Result<Option<u64>, Diagnostic> {
        Ok(self.nullable(f)?.flatten())
    }

    pub fn get_or(&self, f: Field, default: u64) -> Result<u64, Diagnostic> {
        Ok(self.get(f)?.unwrap_or(default))
    }

    /// A field that must be there: an inner object may leave it to the class default, the outer one may not.
    pub fn need(&self, f: Field, default: u64) -> Result<u64, Diagnostic> {
        match self.get(f)? {
            Some(v) => Ok(v),
            None if self.parent.is_some() && default > 0 => Ok(default),
            None => Err(self.missing(f)),
        }
    }

    fn missing(&self, f: Field) -> Diagnostic {
        let name = f.names.first().copied().unwrap_or_default();
        let place = self.parent.map(|p| format!(" in `{p}`")).unwrap_or_default();
        let d = Diagnostic::error(format!("field `{name}` is missing{place}")).in_file(self.source.name);
        let known = |k: &&str| !super::family::is_known_key(k);
        match nearest(name, self.map.keys().map(String::as_str).filter(known)) {
            Some(near) => self.point(d, near),
            None if f.names.len() > 1 => d.hint(format!("it is also read as {}", list(&f.names[1..]))),
            None => d,
        }
    }

    fn point(&self, d: Diagnostic, near: &str) -> Diagnostic {
        let there = self.complain(near, String::new());
        let line = there.at.map(|(line, _)| format!(" (line {line})")).unwrap_or_default();
        Diagnostic { at: there.at, snippet: there.snippet, ..d }.hint(format!("did you mean `{near}`{line}?"))
    }

    /// An absent key of which the object holds a version one slip away: never taken for a default.
    fn misspelt(&self, names: &[&str]) -> Option<Diagnostic> {
        let name = names.first().copied()?;
        let near = self.map.keys().find(|k| names.iter().any(|n| one_slip(n, k)) && !super::family::is_known_key(k))?;
        let d = Diagnostic::error(format!("field `{name}` is missing")).in_file(self.source.name);
        Some(self.point(d, near))
    }

    fn whole(&self, key: &str, value: &Value, f: Field) -> Result<u64, Diagnostic> {
        let low = u64::from(!f.zero);
        let allowed = || format!("a whole number from {low} to {}", f.max);
        let Value::Number(n) = value else { return Err(self.wrong_type(key, &allowed(), value)) };
        let integral = n.as_f64().filter(|v| v.fract() == 0.0 && *v >= 0.0 && *v <= 1e15);
        let whole = n.as_u64().or(integral.map(|v| v as u64));
        match whole {
            Some(v) if (low..=f.max).contains(&v) => Ok(v),
            _ => Err(self.complain(key, format!("`{key}` is {n}; it must be {}", allowed()))),
        }
    }

    pub fn flag(&self, key: &'static str, default: bool) -> Result<bool, Diagnostic> {
        match self.map.get(key) {
            None => self.misspelt(&[key]).map_or(Ok(default), Err),
            Some(Value::Null) => Ok(default),
            Some(Value::Bool(b)) => Ok(*b),
            Some(other) => Err(self.wrong_type(key, "true or false", other)),
        }
    }

    pub fn text(&self, key: &str) -> Result<Option<&'a str>, Diagnostic> {
        match self.map.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(s)) => Ok(Some(s)),
            Some(other) => Err(self.wrong_type(key, "a text", other)),
        }
    }

    pub fn items(&self, key: &str) -> Result<Option<&'a [Value]>, Diagnostic> {
        match self.map.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Array(items)) => Ok(Some(items)),
            Some(other) => Err(self.wrong_type(key, "a list", other)),
        }
    }

    /// A list of one text per layer.
    pub fn per_layer(&self, key: &str, layers: u64) -> Result<Option<Vec<&'a str>>, Diagnostic> {
        let Some(items) = self.items(key)? else { return Ok(None) };
        if items.len() as u64 != layers {
            return Err(self.complain(key, format!("`{key}` has {} entries, and the model has {layers} layers", items.len())));
        }
        let texts: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
        texts.map(Some).ok_or_else(|| self.complain(key, format!("`{key}` must be a list of texts")))
    }

    /// A list of layer numbers.
    pub fn indices(&self, key: &str) -> Result<Option<Vec<u64>>, Diagnostic> {
        let Some(items) = self.items(key)? else { return Ok(None) };
        let numbers: Option<Vec<u64>> = items.iter().map(Value::as_u64).collect();
        numbers.map(Some).ok_or_else(|| self.complain(key, format!("`{key}` must be a list of layer numbers")))
    }
}

pub fn list(names: &[&str]) -> String {
    names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ")
}

/// True when the words are of eight letters or more and differ by one letter: added, dropped, changed or swapped.
pub fn one_slip(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a == b || a.len().min(b.len()) < 8 || a.len().abs_diff(b.len()) > 1 {
        return false;
    }
    let front = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
    let back = a.iter().rev().zip(b.iter().rev()).take_while(|(x, y)| x == y).count();
    let longest = a.len().max(b.len());
    let swapped = a.len() == b.len() && front + back + 2 == longest && a[front] == b[front + 1] && a[front + 1] == b[front];
    front + back + 1 >= longest || swapped
}
