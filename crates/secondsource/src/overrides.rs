//! What a job says of the recipe beyond number format, task and era: each left out keeps the usual.

use secondsource_base::Diagnostic;
use secondsource_workload::recipe::{ExtraRecompute, Recipe};
use serde::Serialize;

/// Parts of a recipe that a job sets itself.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Overrides {
    /// Recomputed beside what the layout says.
    pub recompute_modules: Option<ExtraRecompute>,
    /// Bytes of optimizer state per parameter, master copy included.
    pub optimizer_bytes: Option<f64>,
    /// Bytes per gradient element, reduced and accumulated.
    pub grad_bytes: Option<f64>,
    /// Kept activations wait in host memory between forward and backward.
    pub offload_activations: Option<bool>,
}

/// Names of the parts of a recipe that a job can set.
pub const PARTS: [&str; 4] = ["recompute-modules", "optimizer-bytes", "grad-bytes", "offload-activations"];

/// Most bytes of state that one parameter can have.
const MOST_BYTES: f64 = 64.0;

impl Overrides {
    /// Sets one part from what was typed: `norms,mlp`, `12`, `on`.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), Diagnostic> {
        let bytes = || match value.trim().parse::<f64>() {
            Ok(b) if (0.0..=MOST_BYTES).contains(&b) => Ok(Some(b)),
            _ => Err(Diagnostic::error(format!("`{key}` must be bytes per parameter from 0 to {MOST_BYTES}, not `{value}`"))
                .hint("Adam with an fp32 master copy keeps 12, in bf16 moments 8; gradients are 4 (fp32) or 2 (bf16)")),
        };
        match key {
            "recompute-modules" => self.recompute_modules = Some(modules(value)?),
            "optimizer-bytes" => self.optimizer_bytes = bytes()?,
            "grad-bytes" => {
                self.grad_bytes = bytes()?;
                if self.grad_bytes == Some(0.0) {
                    return Err(Diagnostic::error("`grad-bytes` is 0, but gradients have to be somewhere").hint("4 for fp32, 2 for bf16"));
                }
            }
            "offload-activations" => {
                self.offload_activations = Some(match value {
                    "on" | "true" => true,
                    "off" | "false" => false,
                    _ => return Err(Diagnostic::error(format!("`{key}` is `{value}`, but must be on or off"))),
                });
            }
            _ => return Err(Diagnostic::error(format!("`{key}` is not a part of the recipe")).suggest(key, PARTS)),
        }
        Ok(())
    }

    /// The recipe with these parts in place of the usual ones.
    pub(crate) fn apply(self, mut recipe: Recipe) -> Recipe {
        recipe.extra_recompute = self.recompute_modules.unwrap_or(recipe.extra_recompute);
        recipe.optimizer_bytes = self.optimizer_bytes.unwrap_or(recipe.optimizer_bytes);
        recipe.grad_bytes = self.grad_bytes.unwrap_or(recipe.grad_bytes);
        recipe.offloaded_share = self.offload_activations.map_or(recipe.offloaded_share, |all| f64::from(u8::from(all)));
        recipe
    }

    /// Each part that is set, in words.
    pub(crate) fn words(self) -> Vec<String> {
        let mut out = Vec::new();
        if let Some(m) = self.recompute_modules {
            let names: Vec<&str> = MODULES.iter().filter(|(_, get)| *get(&mut m.clone())).map(|(n, _)| *n).collect();
            out.push(format!("recompute also: {}", if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }));
        }
        if let Some(b) = self.optimizer_bytes {
            out.push(format!("{b} bytes of optimizer state per parameter"));
        }
        if let Some(b) = self.grad_bytes {
            out.push(format!("{b} bytes per gradient"));
        }
        if let Some(on) = self.offload_activations {
            out.push(format!("activations {}", if on { "offloaded to the host" } else { "kept on the device" }));
        }
        out
    }
}

type Module = (&'static str, fn(&mut ExtraRecompute) -> &mut bool);

const MODULES: [Module; 5] = [
    ("norms", |e| &mut e.norms),
    ("activation", |e| &mut e.activation),
    ("mlp", |e| &mut e.mlp),
    ("mla-up", |e| &mut e.mla_up),
    ("half", |e| &mut e.half),
];

/// Names separated by commas, or `none`.
fn modules(words: &str) -> Result<ExtraRecompute, Diagnostic> {
    let mut out = ExtraRecompute::NONE;
    if words.trim() == "none" {
        return Ok(out);
    }
    for word in words.split(',').map(str::trim) {
        let Some((_, get)) = MODULES.iter().find(|(name, _)| *name == word) else {
            let names = MODULES.map(|(name, _)| name);
            return Err(Diagnostic::error(format!("`{word}` is not a module that can be recomputed"))
                .suggest(word, names)
                .hint(format!("one or more of {}, or none", names.join(", "))));
        };
        *get(&mut out) = true;
    }
    Ok(out)
}
