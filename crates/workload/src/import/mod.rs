//! Import of model configurations: the text of a Hugging Face `config.json` in, a [`Model`] out.

pub(crate) mod assemble;
pub(crate) mod cfg;
mod decoder;
mod encoder;
mod family;
mod ffn;
mod hybrid;
mod indexer;
mod masks;
mod multimodal;
mod recent;
mod scan;
mod unknown;
mod vision;

use crate::model::Model;
use cfg::Cfg;
use family::{Family, families};
use secondsource_base::{Diagnostic, SourceText};
use serde_json::{Map, Value};

/// What the importer should do beyond reading.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportOptions {
    /// Name of the model; the file's name when `None`.
    pub name: Option<String>,
}

/// Reads a configuration. `file` is the name that diagnostics print.
pub fn import_config(file: &str, text: &str, options: &ImportOptions) -> Result<Model, Diagnostic> {
    let source = SourceText { name: file, text };
    let scanned = scan::scan(source)?;
    let map = parse(source, &scanned.text)?;
    let root = Cfg { source, keys: &scanned.keys, map: &map, parent: None };
    let name = match &options.name {
        Some(name) => name.clone(),
        None => stem(file).to_owned(),
    };
    dispatch(&name, &root)
}

/// The `_secondsource` object that our own files carry; null when there is none.
pub(crate) fn header(text: &str) -> Value {
    let whole: Value = scan::scan(SourceText { name: "", text }).ok().and_then(|s| serde_json::from_str(&s.text).ok()).unwrap_or_default();
    whole.get("_secondsource").cloned().unwrap_or_default()
}

fn parse(source: SourceText<'_>, text: &str) -> Result<Map<String, Value>, Diagnostic> {
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(Diagnostic::error("a model configuration is a JSON object, and this is something else").at_offset(source, 0)),
        Err(e) => {
            let message = e.to_string();
            let what = message.split(" at line ").next().unwrap_or_default();
            let starts = source.text.split_inclusive('\n').take(e.line().saturating_sub(1)).map(str::len).sum::<usize>();
            let d = Diagnostic::error(format!("this is not JSON: {what}"));
            Err(d.at_offset(source, starts + e.column().saturating_sub(1)))
        }
    }
}

/// `meta/config.json` is `config`; a bare name stays.
fn stem(file: &str) -> &str {
    let base = file.rsplit(['/', '\\']).next().unwrap_or(file);
    base.strip_suffix(".json").unwrap_or(base)
}

fn dispatch(name: &str, root: &Cfg<'_>) -> Result<Model, Diagnostic> {
    let arch = root.items("architectures")?.and_then(<[Value]>::first).and_then(Value::as_str);
    let kind = root.text("model_type")?;
    match find(arch, kind) {
        Some(Kind::Decoder(family)) => decoder::build(name, root, root, family),
        Some(Kind::Wrapper(wrapper)) => multimodal::build(name, root, wrapper),
        Some(Kind::Special(special)) => (special.build)(name, root, arch),
        None => Err(unknown::refuse(root, arch, kind)),
    }
}

/// An architecture with a builder of its own.
pub struct Special {
    pub types: &'static [&'static str],
    pub archs: &'static [&'static str],
    pub class: &'static str,
    /// Fields without which it cannot be built.
    pub needs: &'static [cfg::Field],
    /// Keys that mark it.
    pub keys: &'static [&'static str],
    build: fn(&str, &Cfg<'_>, Option<&str>) -> Result<Model, Diagnostic>,
}

use cfg::{FFN, HEADS, HIDDEN, LAYERS, VOCAB};

static SPECIALS: &[Special] = &[
    Special {
        types: &["bert"],
        archs: &["BertLMHeadModel", "BertForMaskedLM", "BertForPreTraining", "BertModel"],
        class: "BertConfig",
        needs: &[VOCAB, HIDDEN, FFN, LAYERS, HEADS],
        keys: &["type_vocab_size"],
        build: encoder::bert,
    },
    Special {
        types: &["roberta", "xlm-roberta", "camembert"],
        archs: &[
            "RobertaForMaskedLM",
            "RobertaForCausalLM",
            "RobertaModel",
            "XLMRobertaForMaskedLM",
            "XLMRobertaModel",
            "CamembertForMaskedLM",
        ],
        class: "RobertaConfig",
        needs: &[VOCAB, HIDDEN, FFN, LAYERS, HEADS],
        keys: &["type_vocab_size"],
        build: encoder::bert,
    },
    Special {
        types: &["dbrx"],
        archs: &["DbrxForCausalLM"],
        class: "DbrxConfig",
        needs: &[VOCAB, HIDDEN, LAYERS, HEADS],
        keys: &["ffn_config", "attn_config"],
        build: |name, cfg, _| recent::dbrx(name, cfg),
    },
    Special {
        types: &["vit"],
        archs: &["ViTForImageClassification", "ViTModel"],
        class: "ViTConfig",
        needs: &[HIDDEN, FFN, LAYERS, HEADS],
        keys: &["image_size", "patch_size"],
        build: encoder::vit,
    },
    Special {
        types: &["t5", "mt5"],
        archs: &["T5ForConditionalGeneration", "T5WithLMHeadModel", "MT5ForConditionalGeneration"],
        class: "T5Config",
        needs: &[VOCAB, HIDDEN, FFN, LAYERS, HEADS],
        keys: &["d_kv"],
        build: |name, cfg, _| encoder::t5(name, cfg),
    },
    Special {
        types: &["mamba"],
        archs: &["MambaForCausalLM"],
        class: "MambaConfig",
        needs: &[VOCAB, HIDDEN, LAYERS],
        keys: &["state_size"],
        build: |name, cfg, _| hybrid::mamba(name, cfg, 1),
    },
    Special {
        types: &["mamba2"],
        archs: &["Mamba2ForCausalLM"],
        class: "Mamba2Config",
        needs: &[VOCAB, HIDDEN, LAYERS],
        keys: &["state_size", "n_groups"],
        build: |name, cfg, _| hybrid::mamba(name, cfg, 2),
    },
    Special {
        types: &["jamba"],
        archs: &["JambaForCausalLM"],
        class: "JambaConfig",
        needs: &[VOCAB, HIDDEN, FFN, LAYERS, HEADS],
        keys: &["mamba_d_state", "attn_layer_period"],
        build: |name, cfg, _| hybrid::jamba(name, cfg),
    },
    Special {
        types: &["nemotron_h"],
        archs: &["NemotronHForCausalLM"],
        class: "NemotronHConfig",
        needs: &[VOCAB, HIDDEN, HEADS],
        keys: &["hybrid_override_pattern", "ssm_state_size"],
        build: |name, cfg, _| hybrid::nemotron_h(name, cfg),
    },
    Special {
        types: &["granitemoehybrid"],
        archs: &["GraniteMoeHybridForCausalLM"],
        class: "GraniteMoeHybridConfig",
        needs: &[VOCAB, HIDDEN, LAYERS, HEADS],
        keys: &["mamba_d_state", "layer_types"],
        build: |name, cfg, _| hybrid::granite_hybrid(name, cfg),
    },
    Special {
        types: &["qwen3_next"],
        archs: &["Qwen3NextForCausalLM"],
        class: "Qwen3NextConfig",
        needs: &[VOCAB, HIDDEN, LAYERS, HEADS],
        keys: &["linear_conv_kernel_dim", "moe_intermediate_size"],
        build: |name, cfg, _| recent::delta(name, cfg, cfg, &recent::NEXT),
    },
    Special {
        types: &["qwen3_5_text"],
        archs: &["Qwen3_5ForCausalLM"],
        class: "Qwen3_5TextConfig",
        needs: &[VOCAB, HIDDEN, FFN, LAYERS, HEADS],
        keys: &["linear_conv_kernel_dim"],
        build: |name, cfg, _| recent::delta(name, cfg, cfg, &recent::QWEN35),
    },
    Special {
        types: &["qwen3_5_moe_text"],
        archs: &["Qwen3_5MoeForCausalLM"],
        class: "Qwen3_5MoeTextConfig",
        needs: &[VOCAB, HIDDEN, LAYERS, HEADS],
        keys: &["linear_conv_kernel_dim", "moe_intermediate_size"],
        build: |name, cfg, _| recent::delta(name, cfg, cfg, &recent::QWEN35_MOE),
    },
    Special {
        types: &["gemma4_text"],
        archs: &["Gemma4ForCausalLM"],
        class: "Gemma4TextConfig",
        needs: &[VOCAB, HIDDEN, FFN, LAYERS, HEADS],
        keys: &["global_head_dim", "hidden_size_per_layer_input"],
        build: |name, cfg, _| recent::gemma4(name, cfg, cfg),
    },
];

/// Who builds an architecture.
enum Kind {
    Decoder(&'static Family),
    Wrapper(&'static multimodal::Wrapper),
    Special(&'static Special),
}

/// The class in `architectures` decides; `model_type` when there is none.
fn find(arch: Option<&str>, kind: Option<&str>) -> Option<Kind> {
    let hit = |archs: &[&str], types: &[&str]| match arch {
        Some(arch) => archs.contains(&arch),
        None => kind.is_some_and(|k| types.contains(&k)),
    };
    let decoder = families().find(|f| hit(f.archs, f.types)).map(Kind::Decoder);
    let wrapper = || multimodal::WRAPPERS.iter().find(|w| hit(w.archs, w.types)).map(Kind::Wrapper);
    let special = || SPECIALS.iter().find(|s| hit(s.archs, s.types)).map(Kind::Special);
    decoder.or_else(wrapper).or_else(special)
}
