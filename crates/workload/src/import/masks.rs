//! Which layers look back over a window only.

use super::cfg::{Cfg, Field, optional};
use super::family::Window;
use crate::model::AttentionMask;
use secondsource_base::Diagnostic;

/// The mask of each layer.
pub enum Masks {
    All(AttentionMask),
    Each(Vec<AttentionMask>),
    AllBut { every: u64, windowed: AttentionMask },
    From { first: u64, windowed: AttentionMask },
}

impl Masks {
    pub fn at(&self, index: u64) -> AttentionMask {
        let windowed = |yes: bool, w: AttentionMask| if yes { w } else { AttentionMask::Causal };
        match self {
            Masks::All(mask) => *mask,
            Masks::Each(list) => usize::try_from(index).ok().and_then(|i| list.get(i)).copied().unwrap_or(AttentionMask::Causal),
            Masks::AllBut { every, windowed: w } => windowed(!(index + 1).is_multiple_of(*every), *w),
            Masks::From { first, windowed: w } => windowed(index >= *first, *w),
        }
    }
}

const SLIDING: Field = optional(&["sliding_window"], 1_000_000_000);
const CHUNK: Field = Field { names: &["attention_chunk_size"], max: 1_000_000_000, zero: false };
const PATTERN: Field = Field { names: &["sliding_window_pattern", "_sliding_window_pattern"], max: 100_000, zero: false };

pub fn masks(cfg: &Cfg<'_>, window: Window, layers: u64) -> Result<Masks, Diagnostic> {
    let (field, default) = match window {
        Window::Never => return Ok(Masks::All(AttentionMask::Causal)),
        Window::All(width) | Window::AllBut { width, .. } => (SLIDING, width),
        Window::Qwen => (SLIDING, 4096),
        Window::Chunked { width, .. } => (CHUNK, width),
    };
    let width = match cfg.nullable(field)? {
        Some(v) => v,
        None => Some(default),
    };
    let Some(width) = width.filter(|w| *w > 0) else { return Ok(Masks::All(AttentionMask::Causal)) };
    let windowed = AttentionMask::Sliding(width);
    if let Some(types) = cfg.per_layer("layer_types", layers)? {
        let of = |t: &&str| match *t {
            "full_attention" => Ok(AttentionMask::Causal),
            "sliding_attention" | "chunked_attention" => Ok(windowed),
            other => Err(cfg
                .complain("layer_types", format!("layer type `{other}` is not known for this architecture"))
                .hint("known: `full_attention`, `sliding_attention`, `chunked_attention`")),
        };
        return Ok(Masks::Each(types.iter().map(of).collect::<Result<_, _>>()?));
    }
    Ok(match window {
        Window::AllBut { every, .. } => {
            let every = match cfg.raw(PATTERN.names) {
                // EXAONE writes the pattern as letters (`LLLG`), which repeat.
                Some((_, serde_json::Value::String(s))) => (s.len() as u64).clamp(1, 100_000),
                _ => cfg.get_or(PATTERN, every)?,
            };
            Masks::AllBut { every, windowed }
        }
        Window::Chunked { every, .. } => Masks::AllBut { every, windowed },
        Window::Qwen if !cfg.flag("use_sliding_window", false)? => Masks::All(AttentionMask::Causal),
        Window::Qwen => Masks::From { first: cfg.get_or(optional(&["max_window_layers"], 100_000), 28)?, windowed },
        Window::All(_) | Window::Never => Masks::All(windowed),
    })
}
