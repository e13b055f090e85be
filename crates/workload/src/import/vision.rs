//! Exact parameter counts of the vision towers that multimodal models carry. Absent keys take the defaults
//! of the tower's configuration class in transformers 5.23.

use super::cfg::{Cfg, Field, optional};
use secondsource_base::Diagnostic;

const fn size(names: &'static [&'static str]) -> Field {
    Field { names, max: 1_000_000, zero: false }
}

/// Sums of products of bounded sizes; [`narrow`](super::assemble::narrow) checks the result.
type Count = u128;

/// One pre-norm block: four square projections, two matrices, biases and two layer norms.
fn block(h: Count, i: Count, attention_bias: bool) -> Count {
    let bias = if attention_bias { 4 * h } else { 0 };
    4 * h * h + bias + 2 * h * i + i + h + 4 * h
}

fn read(cfg: &Cfg<'_>, names: &'static [&'static str], default: u64) -> Result<Count, Diagnostic> {
    cfg.get_or(size(names), default).map(Count::from)
}

/// `Llama4VisionModel` and its projector.
pub fn llama4(cfg: &Cfg<'_>, text_hidden: u64) -> Result<Count, Diagnostic> {
    let h = read(cfg, &["hidden_size"], 768)?;
    let i = read(cfg, &["intermediate_size"], 5632)?;
    let layers = read(cfg, &["num_hidden_layers"], 34)?;
    let patch = read(cfg, &["patch_size"], 14)?;
    let side = read(cfg, &["image_size"], 448)? / patch;
    let channels = read(cfg, &["num_channels"], 3)?;
    let input = read(cfg, &["projector_input_dim"], 4096)?;
    let output = read(cfg, &["projector_output_dim"], 4096)?;
    let out = read(cfg, &["vision_output_dim"], 7680)?;
    let embed = channels * patch * patch * h + h + (side * side + 1) * h + 4 * h;
    Ok(embed + layers * block(h, i, true) + i * input + output * output + out * Count::from(text_hidden))
}

/// `Qwen3VLVisionModel`: tower, merger, and one merger for each deepstack level.
pub fn qwen3_vl(cfg: &Cfg<'_>, _text_hidden: u64) -> Result<Count, Diagnostic> {
    let levels = cfg.items("deepstack_visual_indexes")?.map_or(3, <[_]>::len);
    qwen(cfg, levels as Count)
}

/// `Qwen3_5VisionModel`: the same without deepstack.
pub fn qwen3_5(cfg: &Cfg<'_>, _text_hidden: u64) -> Result<Count, Diagnostic> {
    qwen(cfg, 0)
}

fn qwen(cfg: &Cfg<'_>, levels: Count) -> Result<Count, Diagnostic> {
    let h = read(cfg, &["hidden_size"], 1152)?;
    let i = read(cfg, &["intermediate_size"], 4304)?;
    let patch = read(cfg, &["patch_size"], 16)?;
    let time = read(cfg, &["temporal_patch_size"], 2)?;
    let merge = read(cfg, &["spatial_merge_size"], 2)?;
    let out = read(cfg, &["out_hidden_size"], 3584)?;
    let embed = read(cfg, &["in_channels"], 3)? * time * patch * patch * h + h + read(cfg, &["num_position_embeddings"], 2304)? * h;
    let wide = h * merge * merge;
    let merger = wide * wide + wide + wide * out + out;
    Ok(embed + read(cfg, &["depth"], 27)? * block(h, i, true) + merger + 2 * h + levels * (merger + 2 * wide))
}

/// `SiglipVisionModel` with Gemma 3's projector.
pub fn gemma3(cfg: &Cfg<'_>, text_hidden: u64) -> Result<Count, Diagnostic> {
    let h = read(cfg, &["hidden_size"], 768)?;
    let i = read(cfg, &["intermediate_size"], 3072)?;
    let patch = read(cfg, &["patch_size"], 16)?;
    let side = read(cfg, &["image_size"], 224)? / patch;
    let embed = read(cfg, &["num_channels"], 3)? * patch * patch * h + h + side * side * h + 2 * h;
    let head = if cfg.flag("vision_use_head", true)? {
        // Attention pooling: probe, joint projection, output, norm and feed-forward.
        h + 4 * h * h + 4 * h + 2 * h + 2 * h * i + i + h
    } else {
        0
    };
    Ok(embed + read(cfg, &["num_hidden_layers"], 12)? * block(h, i, true) + head + h * Count::from(text_hidden) + h)
}

/// `MllamaVisionModel` and its projector.
pub fn mllama(cfg: &Cfg<'_>, text_hidden: u64) -> Result<Count, Diagnostic> {
    let h = read(cfg, &["hidden_size"], 1280)?;
    let i = read(cfg, &["intermediate_size"], 5120)?;
    let patch = read(cfg, &["patch_size"], 14)?;
    let side = read(cfg, &["image_size"], 448)? / patch;
    let tiles = read(cfg, &["max_num_tiles"], 4)?;
    let ratios = cfg.items("supported_aspect_ratios")?.map_or(8, <[_]>::len) as Count;
    let patches = side * side + 1;
    let embed = read(cfg, &["num_channels"], 3)? * patch * patch * h + h;
    let positions = 1 + patches * h + (ratios + 1) * tiles * patches * h;
    let tile_embeddings = 2 * ((ratios + 1) * tiles * h + 1);
    let locals = read(cfg, &["num_hidden_layers"], 32)?;
    let globals = cfg.get_or(optional(&["num_global_layers"], 100_000), 8)?;
    let layers = (locals + Count::from(globals)) * block(h, i, false) + 2 * Count::from(globals);
    let out = read(cfg, &["vision_output_dim"], 7680)?;
    let text = Count::from(text_hidden);
    Ok(embed + positions + tile_embeddings + 4 * h + layers + out * text + text)
}

/// `Gemma4VisionModel` and its embedder: gated feed-forward parts, no biases, two tables of positions.
pub fn gemma4(cfg: &Cfg<'_>, text_hidden: u64) -> Result<Count, Diagnostic> {
    let h = read(cfg, &["hidden_size"], 768)?;
    let i = read(cfg, &["intermediate_size"], 3072)?;
    let dim = read(cfg, &["head_dim"], 64)?;
    let q = read(cfg, &["num_attention_heads"], 12)? * dim;
    let kv = read(cfg, &["num_key_value_heads"], 12)? * dim;
    let patch = read(cfg, &["patch_size"], 16)?;
    let positions = 2 * read(cfg, &["position_embedding_size"], 10_240)? * h;
    let layer = 2 * h * q + 2 * h * kv + 2 * dim + 3 * h * i + 4 * h;
    Ok(3 * patch * patch * h + positions + read(cfg, &["num_hidden_layers"], 16)? * layer + h * Count::from(text_hidden))
}
