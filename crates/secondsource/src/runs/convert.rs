//! From a row to a case that the step model can time.

use super::conventions::{self, Stack};
use super::table::{Grade, RunRow, Workload};
use crate::calibrate::Priors;
use secondsource_base::Dtype;
use secondsource_catalog::hardware::Hardware;
use secondsource_fabric::Library;
use secondsource_step::{Split, StepInput, StepModel, seat};
use secondsource_workload::layout::{CpMode, Layout, Recompute, Schedule};
use secondsource_workload::model::Model;
use secondsource_workload::recipe::{ExtraRecompute, Recipe};
use secondsource_workload::{ArchCells, AttentionKind, from_cells};

/// A row, ready to be timed.
#[derive(Debug, Clone)]
pub struct Case {
    pub id: String,
    pub source: String,
    pub chip: String,
    pub grade: Grade,
    pub measured: f64,
    pub hw: Hardware,
    pub model: Model,
    pub seq: u64,
    pub global_batch: u64,
    pub layout: Layout,
    pub recipe: Recipe,
    pub lora: bool,
    /// Family of training software.
    pub(crate) stack: Stack,
    /// Cells that were inferred, in words.
    pub inferred: Vec<String>,
}

impl Case {
    /// What the step model needs beside the layout.
    pub fn step_input(&self) -> StepInput<'_> {
        StepInput {
            model: &self.model,
            hw: &self.hw,
            seq: self.seq,
            global_batch: self.global_batch,
            chips: self.layout.devices(),
            library: Library::of(&self.hw),
        }
    }
}

impl Case {
    /// Peak memory over capacity with parameters at their priors; 0 when it cannot be told.
    fn overfull(&self) -> f64 {
        let Ok(priors) = Priors::embedded() else { return 0.0 };
        let Ok(step) = StepModel::new(self.step_input(), self.recipe, &priors.params(), &priors.energy) else { return 0.0 };
        step.peak_memory(&Split::new(&self.model, &self.layout), &self.layout).total() / self.hw.chip.hbm_bytes
    }
}

/// A row that cannot be timed, and why.
#[derive(Debug, Clone)]
pub struct Skipped {
    pub id: String,
    pub grade: Grade,
    pub why: String,
}

/// Turns a row into a case. `hardware` resolves a chip id of the table to its usual node.
pub fn convert(
    row: &RunRow,
    hardware: &dyn Fn(&str) -> Result<Hardware, String>,
    preset: &dyn Fn(&str) -> Option<Model>,
) -> Result<Case, Skipped> {
    build(row, hardware, preset).map_err(|why| Skipped { id: row.id.clone(), grade: row.grade, why })
}

/// Sizes that no cluster has are refused before any of them is multiplied.
fn bounded(row: &RunRow) -> Result<(), String> {
    let most = f64::from(1 << 20);
    let counts = [
        ("chips", row.chips),
        ("chips_per_node", row.chips_per_node),
        ("tp", row.tp),
        ("pp", row.pp),
        ("cp", row.cp),
        ("dp", row.dp),
        ("vpp", row.vpp),
        ("ep", row.ep),
    ];
    for (name, value) in counts {
        if value.is_some_and(|v| !(1.0..=most).contains(&v)) {
            return Err(format!("{name} is {}, not a count from 1 to {most}", value.unwrap_or(0.0)));
        }
    }
    if let (Some(vpp), Some(layers)) = (row.vpp, row.layers)
        && vpp > layers
    {
        return Err(format!("vpp is {vpp}, more than the {layers} layers"));
    }
    let devices: f64 = [row.tp, row.pp, row.cp, row.dp].iter().map(|f| f.unwrap_or(1.0)).product();
    if devices > most * 2.0 {
        return Err(format!("tp x pp x cp x dp is {devices}, more than any cluster"));
    }
    Ok(())
}

fn build(
    row: &RunRow,
    hardware: &dyn Fn(&str) -> Result<Hardware, String>,
    preset: &dyn Fn(&str) -> Option<Model>,
) -> Result<Case, String> {
    let measured = row.measured_step().ok_or("no measured step time and no metric that gives one")?;
    bounded(row)?;
    let stack = conventions::stack(row);
    let mut inferred = Vec::new();
    let mut hw = hardware(&row.chip)?;
    let chips = row.chips.ok_or("no chip count")? as u32;
    if let Some(nic) = conventions::nic_per_chip(row)
        && let Some(last) = hw.levels.last_mut()
        && last.scale_out
    {
        last.injection = nic;
    }
    hw = seat(&hw, u64::from(chips));
    let seq = row.seq_len.ok_or("no sequence length")?;
    let global_batch = row.global_batch.ok_or("no global batch")?;
    let model = model(row, preset)?;
    let moe = row.experts.is_some();
    let linear = conventions::precision(row, if matches!(stack, Stack::Nemo | Stack::Amd) { Dtype::Fp8 } else { Dtype::Bf16 });

    let (recompute, extra) = conventions::recompute(row, stack);
    let layout = {
        let (mut tp, mut pp, mut cp) = (row.tp.map(|x| x as u32), row.pp.map(|x| x as u32), row.cp.map(|x| x as u32));
        if tp.is_none() && pp.is_none() && cp.is_none() {
            let guess = infer_layout(row, &model, &hw, chips, global_batch);
            inferred.push(format!("layout (tp {}, pp {}, cp {})", guess.0, guess.1, guess.2));
            (tp, pp, cp) = (Some(guess.0), Some(guess.1), Some(guess.2));
        }
        let (mut tp, pp, cp) = (tp.unwrap_or(1), pp.unwrap_or(1), cp.unwrap_or(1));
        // Tables for chips with several devices count devices: Trainium1 rows count NeuronCores, TPU7x rows
        // JAX devices, two a chip each.
        let devices = device_factor(&row.chip) * chips;
        let mut dp = row.dp.map_or_else(|| (devices / (tp * pp * cp)).max(1), |d| d as u32);
        let mut micro = match row.micro_batch {
            Some(m) => m,
            None => {
                let m = if stack == Stack::Torchtitan && pp > 1 { (global_batch / f64::from(dp * pp)).max(1.0) } else { 1.0 };
                inferred.push(format!("micro-batch {m}"));
                m
            }
        };
        if device_factor(&row.chip) == 2 {
            if tp.is_multiple_of(2) {
                tp /= 2;
            } else if dp.is_multiple_of(2) {
                dp /= 2;
                micro *= 2.0;
            }
        }
        if [tp, pp, cp, dp].iter().fold(1, |n: u64, f| n.saturating_mul(u64::from(*f))) != u64::from(chips) {
            let dp2 = chips / tp.saturating_mul(pp).saturating_mul(cp).max(1);
            inferred.push(format!("dp {dp2} (tp x pp x cp x dp did not give the {chips} chips)"));
            dp = dp2.max(1);
        }
        let (zero, shard_group) = conventions::zero(row, stack, dp, tp);
        let mut ep = row.ep.map_or(1, |e| e as u32);
        if row.ep.is_none() && moe && row.framework.contains("DeepEP") {
            ep = dp.saturating_mul(cp).saturating_mul(tp).min(row.experts.unwrap_or(1.0) as u32);
            inferred.push(format!("ep {ep} (DeepEP spreads experts over all ranks)"));
        }
        let experts = row.experts.unwrap_or(1.0) as u32;
        let ranks = u64::from(tp).saturating_mul(u64::from(cp)).saturating_mul(u64::from(dp));
        while ep > 1 && (!experts.is_multiple_of(ep) || !ranks.is_multiple_of(u64::from(ep))) {
            ep /= 2;
        }
        let vpp = row.vpp.map_or_else(
            || {
                let v = infer_vpp(stack, &model, pp, global_batch / (f64::from(dp) * micro));
                if v > 1 {
                    inferred.push(format!("vpp {v}"));
                }
                v
            },
            |v| v as u32,
        );
        let sp_known = row.sequence_parallel == "yes";
        let sp = sp_known || !matches!(stack, Stack::MegatronOld | Stack::Neuron);
        Layout {
            tp,
            cp,
            pp,
            vpp: if pp == 1 { 1 } else { vpp.max(1) },
            dp,
            ep: ep.max(1),
            etp: 1,
            zero,
            shard_group: if shard_group >= dp * cp { 0 } else { shard_group },
            micro_batch: (micro.round() as u32).max(1),
            recompute,
            schedule: Schedule::OneFOneB,
            sequence_parallel: sp,
            cp_mode: CpMode::Ring,
        }
    };
    let recipe = conventions::recipe(row, stack, linear, extra);
    let mut case = Case {
        id: row.id.clone(),
        source: row.source.clone(),
        chip: row.chip.clone(),
        grade: row.grade,
        measured,
        hw,
        model,
        seq: seq as u64,
        global_batch: global_batch as u64,
        layout,
        recipe,
        lora: row.workload == Workload::Lora,
        stack,
        inferred,
    };
    if row.recompute.is_empty() {
        recompute_until_it_fits(&mut case);
    }
    Ok(case)
}

/// A row that ran and does not fit as stated recomputed something: the first that fits of Megatron-Core's usual
/// recompute modules (its recipes for latent attention and experts), else everything. The account is known to some
/// percent only (SimuMax's peaks are met within 7%), so everything needs a tenth too much.
fn recompute_until_it_fits(case: &mut Case) {
    let stated_ratio = case.overfull();
    if stated_ratio <= 1.0 {
        return;
    }
    let stated = case.recipe.extra_recompute;
    if matches!(case.stack, Stack::MegatronBridge | Stack::Nemo | Stack::MegatronCore) && case.model.is_moe() {
        let up = ExtraRecompute { mla_up: true, ..stated };
        let cheap = ExtraRecompute { norms: true, activation: true, ..up };
        for (extra, words) in [(up, "latent up-projections"), (cheap, "latent up-projections, norms, activation")] {
            case.recipe.extra_recompute = extra;
            if case.overfull() <= 1.0 {
                case.inferred.push(format!("recompute {words} (it would not fit without)"));
                return;
            }
        }
        case.recipe.extra_recompute = stated;
    }
    if stated_ratio > 1.1 {
        case.layout.recompute = Recompute::Full;
        case.inferred.push("recompute full (it would not fit without)".into());
    }
}

fn device_factor(chip: &str) -> u32 {
    if matches!(chip, "trn1" | "trn1n" | "tpu-v7") { 2 } else { 1 }
}

/// NeMo and MLPerf rows with a pipeline interleave at one or two layers a chunk when the cell is blank (the
/// 25.05 recipes and MLPerf scripts list it); Megatron-Bridge rows list it when it is used.
fn infer_vpp(stack: Stack, model: &Model, pp: u32, micro_batches: f64) -> u32 {
    if pp == 1 {
        return 1;
    }
    if stack == Stack::Torchtitan {
        return 1;
    }
    if !matches!(stack, Stack::Nemo | Stack::MegatronCore) || micro_batches < f64::from(pp) {
        return 1;
    }
    let per_stage = model.layers() / u64::from(pp);
    let v = if per_stage > 12 && per_stage.is_multiple_of(2) { per_stage / 2 } else { per_stage };
    v.clamp(1, 16) as u32
}

/// Layout of a submission that does not state one: tensor parallelism within a node and as many pipeline
/// stages as the weights need; for LoRA one sequence per group, by context parallelism.
fn infer_layout(row: &RunRow, model: &Model, hw: &Hardware, chips: u32, global_batch: f64) -> (u32, u32, u32) {
    if row.workload == Workload::Lora {
        let cp = (f64::from(chips) / global_batch).floor().max(1.0) as u32;
        return (1, 1, cp);
    }
    let node = row.chips_per_node.map_or(8, |c| c as u32).min(chips);
    let state = model.params_total() as f64 * 18.0;
    let room = hw.chip.hbm_bytes * 0.6;
    if model.params_total() as f64 * 6.0 + state / f64::from(chips) < room {
        return (1, 1, 1);
    }
    let mut pp = 1;
    while state / f64::from(node * pp) > room && pp * 2 * node <= chips {
        pp *= 2;
    }
    (node, pp, 1)
}

/// Architecture cells rule over the name; what is not a column (latent attention, windows, dense first layers)
/// comes from the built-in of that name, if there is one.
fn model(row: &RunRow, preset: &dyn Fn(&str) -> Option<Model>) -> Result<Model, String> {
    // "llama3-70b cut to 12 layers" has the shapes of llama3-70b.
    let known = preset(row.model.split(" cut to").next().unwrap_or(&row.model));
    let (Some(layers), Some(hidden), Some(heads)) = (row.layers, row.hidden, row.heads) else {
        return known.ok_or_else(|| format!("no architecture cells, and no built-in model is called `{}`", row.model));
    };
    let whole = |v: Option<f64>| v.map_or(0, |v| v as u64);
    let mut cells = ArchCells {
        name: row.model.clone(),
        layers: layers as u64,
        hidden: hidden as u64,
        ffn_hidden: whole(row.ffn_hidden),
        heads: heads as u64,
        kv_heads: row.kv_heads.map_or(heads as u64, |k| k as u64),
        head_dim: row.head_dim.map(|d| d as u64),
        vocab: row.vocab.or(known.as_ref().map(|m| m.vocab as f64)).ok_or("no vocabulary size")? as u64,
        experts: row.experts.map(|e| e as u64),
        experts_per_token: row.experts_per_token.map_or(1, |k| k as u64),
        moe_ffn_hidden: whole(row.moe_ffn_hidden.or(row.ffn_hidden)),
        shared_experts: whole(row.shared_experts),
        mlp_gated: row.mlp_gated != Some(false),
        attention: match row.attention.as_str() {
            "mla" => AttentionKind::Mla,
            "gqa" => AttentionKind::Gqa,
            _ => AttentionKind::Mha,
        },
        seq_len: whole(row.seq_len),
        sliding: None,
        dense_first: 0,
        moe_every: 1,
        mla: None,
    };
    if let Some(k) = &known {
        cells = cells.with_preset(k);
    }
    if cells.attention == AttentionKind::Mla && cells.mla.is_none() {
        // All MLA models of the table share the widths of DeepSeek-V3's configuration.
        cells.mla = preset("deepseek-v3").and_then(|m| m.runs.iter().find_map(|r| r.layer.attention).and_then(|a| a.mla));
    }
    if cells.ffn_hidden == 0 && cells.dense_first > 0 {
        cells.dense_first = 0;
    }
    from_cells(&cells).map_err(|d| d.message)
}
