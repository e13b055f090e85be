//! Models whose decoder stands in `text_config`, beside a vision tower.

use super::assemble::{checked, narrow};
use super::cfg::Cfg;
use super::{decoder, family, recent, vision};
use crate::model::Model;
use secondsource_base::Diagnostic;
use serde_json::Map;

/// Who builds the decoder: a family, by its `model_type`, or a function.
enum Text {
    Family(&'static str),
    Own(fn(&str, &Cfg<'_>, &Cfg<'_>) -> Result<Model, Diagnostic>),
}

type Tower = fn(&Cfg<'_>, u64) -> Result<u128, Diagnostic>;

/// A multimodal wrapper: which decoder it holds and how its tower is counted.
pub struct Wrapper {
    pub types: &'static [&'static str],
    pub archs: &'static [&'static str],
    pub class: &'static str,
    text: Text,
    tower: Tower,
    /// Default of `tie_word_embeddings`, read from the outer object.
    tied: bool,
}

pub static WRAPPERS: &[Wrapper] = &[
    Wrapper {
        types: &["llama4"],
        archs: &["Llama4ForConditionalGeneration"],
        class: "Llama4Config",
        text: Text::Family("llama4_text"),
        tower: vision::llama4,
        tied: false,
    },
    Wrapper {
        types: &["qwen3_vl"],
        archs: &["Qwen3VLForConditionalGeneration"],
        class: "Qwen3VLConfig",
        text: Text::Family("qwen3"),
        tower: vision::qwen3_vl,
        tied: false,
    },
    Wrapper {
        types: &["qwen3_vl_moe"],
        archs: &["Qwen3VLMoeForConditionalGeneration"],
        class: "Qwen3VLMoeConfig",
        text: Text::Family("qwen3_vl_moe_text"),
        tower: vision::qwen3_vl,
        tied: false,
    },
    Wrapper {
        types: &["gemma3"],
        archs: &["Gemma3ForConditionalGeneration"],
        class: "Gemma3Config",
        text: Text::Family("gemma3_text"),
        tower: vision::gemma3,
        tied: true,
    },
    Wrapper {
        types: &["qwen3_5"],
        archs: &["Qwen3_5ForConditionalGeneration"],
        class: "Qwen3_5Config",
        text: Text::Own(|name, cfg, root| recent::delta(name, cfg, root, &recent::QWEN35)),
        tower: vision::qwen3_5,
        tied: false,
    },
    Wrapper {
        types: &["qwen3_5_moe"],
        archs: &["Qwen3_5MoeForConditionalGeneration"],
        class: "Qwen3_5MoeConfig",
        text: Text::Own(|name, cfg, root| recent::delta(name, cfg, root, &recent::QWEN35_MOE)),
        tower: vision::qwen3_5,
        tied: false,
    },
    Wrapper {
        types: &["gemma4"],
        archs: &["Gemma4ForConditionalGeneration"],
        class: "Gemma4Config",
        text: Text::Own(recent::gemma4),
        tower: vision::gemma4,
        tied: true,
    },
    Wrapper {
        types: &["mllama"],
        archs: &["MllamaForConditionalGeneration"],
        class: "MllamaConfig",
        text: Text::Own(recent::mllama),
        tower: vision::mllama,
        tied: false,
    },
];

pub fn build(name: &str, root: &Cfg<'_>, wrapper: &Wrapper) -> Result<Model, Diagnostic> {
    let Some(text) = root.child("text_config")? else {
        let d = Diagnostic::error(format!("field `text_config` is missing: `{}` keeps its decoder there", wrapper.types.join("`, `")));
        return Err(d.in_file(root.source.name));
    };
    let model = match wrapper.text {
        Text::Own(build) => build(name, &text, root)?,
        Text::Family(kind) => {
            let Some(family) = family::families().find(|f| f.types.contains(&kind)) else {
                return Err(root.complain("model_type", "the decoder of this wrapper is not known"));
            };
            decoder::build(name, &text, root, &family::Family { tied: wrapper.tied, ..*family })?
        }
    };
    if root.child("audio_config")?.is_some() {
        return Err(root
            .complain("audio_config", "models with an audio tower are not known")
            .hint("set `audio_config` to null to count the rest"));
    }
    with_tower(root, model, wrapper.tower, wrapper.types)
}

/// Adds a vision tower, counted from `vision_config` or, when that is missing, from its
/// class defaults (Gemma 4 has none then).
pub fn with_tower(root: &Cfg<'_>, model: Model, tower: Tower, types: &[&str]) -> Result<Model, Diagnostic> {
    let empty = Map::new();
    let defaults = Cfg { map: &empty, parent: Some("vision_config"), ..*root };
    let vision = match root.child("vision_config")? {
        Some(vision) => narrow(root, tower(&vision, model.hidden)?)?,
        None if types == ["gemma4"] => 0,
        None => narrow(root, tower(&defaults, model.hidden)?)?,
    };
    let arch = types.first().copied().unwrap_or_default().to_owned();
    checked(root, Model { arch, vision_params: vision, other_params: model.other_params.saturating_add(vision), ..model })
}
