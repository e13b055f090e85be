//! What each kind of block asks of the crates.

use super::blocks::Block;
use secondsource::Dtype;
use secondsource::calibrate::Calibration;
use secondsource::catalog::{Catalog, Hardware, NetworkLevel, ScaleUpShape};
use secondsource::workload::{
    AttentionKernel, CpMode, FlopsConvention, Launch, Layout, Model, Overlap, Recipe, Recompute, Schedule, Software, Zero, builtin,
};
use secondsource_chip::Engine;
use secondsource_fabric::{Collective, Efficiency, Library, LibraryKind, cost, place};
use secondsource_step::schedule::{P2p, StageTimes, build, simulate};
use secondsource_step::{StepInput, StepModel, memory, seat};

pub const NAMES: [&str; 12] = [
    "activation-bytes",
    "attention-flops",
    "bubble-fraction",
    "collective",
    "gemm-floor",
    "memory",
    "model-flops",
    "params",
    "step-bubble",
    "step-flops",
    "step-rate",
    "step-tokens",
];

type Answer = Result<f64, String>;

pub fn run(b: &Block) -> Answer {
    match b.text("kind") {
        "activation-bytes" => activation_bytes(b),
        "attention-flops" => attention_flops(b),
        "bubble-fraction" => bubble_fraction(b),
        "collective" => collective(b),
        "gemm-floor" => gemm_floor(b),
        "memory" => memory_states(b),
        "model-flops" => model_flops(b),
        "params" => params(b),
        "step-bubble" => step(b, |s, l| s.evaluate(l, true).map(|r| r.breakdown.bubble / (r.seconds - r.breakdown.bubble))),
        "step-flops" => step(b, |s, l| s.input.check(l, true).map(|()| s.model_flops())),
        "step-rate" => step(b, |s, l| s.evaluate(l, false).map(|r| r.model_flops / r.seconds / l.devices() as f64)),
        "step-tokens" => step(b, |s, l| s.evaluate(l, false).map(|r| r.tokens_per_s_per_chip)),
        other => Err(format!("no kind is called `{other}`")),
    }
}

fn model(b: &Block) -> Result<Model, String> {
    builtin(b.text("model")).map_err(|e| e.to_string())
}

fn params(b: &Block) -> Answer {
    let m = model(b)?;
    let of = [("total", m.params_total()), ("active", m.params_active()), ("embedding", m.embedding_params), ("head", m.head_params)];
    Ok(b.word("of", &of, m.params_total()) as f64)
}

/// FLOPs of `tokens` tokens (1 unless said): forward 1, training 3 times forward, recompute: layers once more.
fn model_flops(b: &Block) -> Answer {
    let m = model(b)?;
    let convention = b.word("convention", &[("full", FlopsConvention::Full), ("causal", FlopsConvention::Causal)], FlopsConvention::Causal);
    let seq = b.number("seq") as u64;
    let layers: f64 = m.flops_per_run(seq, convention).iter().map(|(run, f)| f.total() * run.count as f64).sum();
    let whole = m.flops_forward_per_token(seq, convention);
    let factor = match b.text("pass") {
        "forward" => whole,
        "training" => 3.0 * whole,
        "training-with-recompute" => 3.0 * whole + layers,
        "training-with-selective-recompute" => {
            let scores: f64 = m.flops_per_run(seq, convention).iter().map(|(run, f)| f.scores * run.count as f64).sum();
            3.0 * whole + scores
        }
        other => return Err(format!("`pass` is `{other}`")),
    };
    Ok(factor * b.number_or("tokens", 1.0) * b.number_or("sequences", 1.0) * if b.get("sequences").is_some() { seq as f64 } else { 1.0 })
}

fn attention_flops(b: &Block) -> Answer {
    let e = engine("h100-sxm", Dtype::Bf16)?;
    let (tokens, keys, heads, width) = (b.number("tokens"), b.number("keys"), b.number("heads"), b.number("width"));
    let run = if b.flag("backward", false) { Engine::attention_backward } else { Engine::attention_forward };
    Ok(run(&e, tokens, keys, keys, heads, width, b.number_or("value-width", width)).flops * b.number_or("sequences", 1.0))
}

/// Seconds at the catalog's dense peak; the engine's own time may not be below it.
fn gemm_floor(b: &Block) -> Answer {
    let dtype = Dtype::parse(b.get("dtype").unwrap_or("bf16")).ok_or("`dtype` is not a format")?;
    let hw = Catalog::embedded().hardware(b.text("chip")).map_err(|e| e.to_string())?;
    let c = engine(b.text("chip"), dtype)?.linear(b.number("m"), b.number("n"), b.number("k"));
    let floor = c.flops / hw.chip.peak(dtype).ok_or("no such peak")?;
    if c.seconds < floor { Err(format!("the engine takes {} s, below the floor of {floor} s", c.seconds)) } else { Ok(floor) }
}

fn modern() -> Software {
    Software { attention: AttentionKernel::Vendor, launch: Launch::Graph, overlap: Overlap::Modern, year: 2026.5 }
}

fn engine(chip: &str, dtype: Dtype) -> Result<Engine, String> {
    let c = Calibration::embedded().map_err(|e| e.to_string())?;
    let hw = Catalog::embedded().hardware(chip).map_err(|e| e.to_string())?;
    Engine::new(&hw.chip, &Recipe::mixed(dtype, modern()), &c.params, &c.energy).map_err(|e| e.to_string())
}

fn layout(b: &Block) -> Layout {
    let zero = [("0", Zero::Z0), ("1", Zero::Z1), ("2", Zero::Z2), ("3", Zero::Z3)];
    let recompute = [("none", Recompute::None), ("selective", Recompute::Selective), ("full", Recompute::Full)];
    Layout {
        tp: b.whole("tp", 1),
        cp: b.whole("cp", 1),
        pp: b.whole("pp", 1),
        vpp: b.whole("vpp", 1),
        dp: b.whole("dp", 1),
        ep: b.whole("ep", 1),
        etp: b.whole("etp", 1),
        zero: b.word("zero", &zero, Zero::Z1),
        shard_group: 0,
        micro_batch: b.whole("micro-batch", 1),
        recompute: b.word("recompute", &recompute, Recompute::None),
        schedule: schedule(b),
        sequence_parallel: b.flag("sequence-parallel", true),
        cp_mode: CpMode::Ring,
    }
}

fn schedule(b: &Block) -> Schedule {
    let names =
        [("1f1b", Schedule::OneFOneB), ("gpipe", Schedule::Gpipe), ("zero-bubble", Schedule::ZeroBubble), ("dualpipe", Schedule::Dualpipe)];
    b.word("schedule", &names, Schedule::OneFOneB)
}

/// Calls `f` with a job of the block.
fn step(b: &Block, f: impl FnOnce(&StepModel<'_>, &Layout) -> Result<f64, secondsource_step::Misfit>) -> Answer {
    let (mut m, l) = (model(b)?, layout(b));
    if b.flag("without-ends", false) {
        // Layers only: stages are then equal to the last digit.
        (m.head_flops_per_token, m.head_params, m.embedding_params, m.hidden) = (0, 0, 0, m.hidden);
    }
    let c = Calibration::embedded().map_err(|e| e.to_string())?;
    let hw = seat(&Catalog::embedded().hardware(b.text("system")).map_err(|e| e.to_string())?, l.devices());
    let kernels = [("vendor", AttentionKernel::Vendor), ("sdpa", AttentionKernel::Sdpa), ("unfused", AttentionKernel::Unfused)];
    let launches = [("graph", Launch::Graph), ("fused", Launch::Fused), ("eager", Launch::Eager)];
    let overlaps = [("modern", Overlap::Modern), ("blocking", Overlap::Blocking)];
    let software = Software {
        attention: b.word("kernel", &kernels, AttentionKernel::Vendor),
        launch: b.word("launch", &launches, Launch::Graph),
        overlap: b.word("overlap", &overlaps, Overlap::Modern),
        year: b.number_or("year", 2026.5),
    };
    let dtype = Dtype::parse(b.get("dtype").unwrap_or("bf16")).ok_or("`dtype` is not a format")?;
    let input = StepInput {
        model: &m,
        hw: &hw,
        seq: b.number("seq") as u64,
        global_batch: b.number("batch") as u64,
        chips: l.devices(),
        library: Library::of(&hw),
    };
    let s = StepModel::new(input, Recipe::mixed(dtype, software), &c.params, &c.energy).map_err(|e| e.to_string())?;
    f(&s, &l).map_err(|e| e.why)
}

/// Bytes that one layer keeps of one token, over the model's width: the figure in brackets of the paper. `masks = yes` adds
/// the dropout masks that the twin leaves out, one byte an element: two of the hidden state, one of the scores.
fn activation_bytes(b: &Block) -> Answer {
    let (m, l) = (model(b)?, layout(b));
    let hw = Catalog::embedded().hardware("a100-80g-sxm").map_err(|e| e.to_string())?;
    let unfused = b.flag("scores", true);
    let kernel = if unfused { AttentionKernel::Unfused } else { AttentionKernel::Vendor };
    let recipe = Recipe::mixed(Dtype::Bf16, Software { attention: kernel, ..modern() });
    let seq = b.number("seq");
    let input = StepInput { model: &m, hw: &hw, seq: seq as u64, global_batch: 1, chips: l.devices(), library: Library::of(&hw) };
    let layer = &m.runs[0].layer;
    let (kept, input_only) = memory::activation_bytes(&input, &recipe, &l, layer);
    let mut bytes = if l.recompute == Recompute::Full { input_only } else { kept };
    if b.flag("masks", false) && l.recompute != Recompute::Full {
        let (h, tp) = (m.hidden as f64, f64::from(l.tp));
        bytes += 2.0 * h / if l.sequence_parallel { tp } else { 1.0 };
        if unfused && l.recompute == Recompute::None {
            bytes += layer.attention.map_or(0.0, |a| a.heads as f64) * seq / tp;
        }
    }
    Ok(match b.text("unit") {
        "bytes per s b h" => bytes / m.hidden as f64,
        "bytes per layer" => bytes * seq * f64::from(l.micro_batch),
        other => return Err(format!("`unit` is `{other}`")),
    })
}

/// Model states of one device: weights, gradients, optimizer. For a model of `parameters`, scaled from a real one.
fn memory_states(b: &Block) -> Answer {
    let (m, l) = (model(b)?, layout(b));
    let c = Calibration::embedded().map_err(|e| e.to_string())?;
    let hw = seat(&Catalog::embedded().hardware("h100-sxm").map_err(|e| e.to_string())?, l.devices());
    let recipe = Recipe { grad_bytes: b.number_or("gradient-bytes", 4.0), ..Recipe::mixed(Dtype::Bf16, modern()) };
    let input = StepInput { model: &m, hw: &hw, seq: 2048, global_batch: u64::from(l.dp), chips: l.devices(), library: Library::of(&hw) };
    let s = StepModel::new(input, recipe, &c.params, &c.energy).map_err(|e| e.to_string())?;
    let r = s.evaluate(&l, true).map_err(|e| e.why)?.memory;
    Ok((r.weights + r.gradients + r.optimizer) / m.params_total() as f64 * b.number_or("parameters", 1.0))
}

/// The schedule run event by event; times of one stage and micro-batch in any unit.
fn bubble_fraction(b: &Block) -> Answer {
    let (pp, vpp, m) = (b.whole("pp", 1), b.whole("vpp", 1), b.whole("micro-batches", 1));
    let plan = build(schedule(b), pp, vpp, m).map_err(|e| e.to_string())?;
    let times = StageTimes::uniform(
        plan.stages(),
        b.number_or("forward", 1.0),
        b.number_or("backward-input", 1.0),
        b.number_or("backward-weight", 1.0),
    );
    Ok(simulate(&plan, &times, &P2p::NONE).map_err(|e| e.to_string())?.bubble_fraction())
}

/// A group on one level: seconds on a wire without losses.
fn collective(b: &Block) -> Answer {
    let bandwidth = b.number("bytes-per-second");
    let shape = match b.get("shape") {
        None | Some("switch") => ScaleUpShape::Switched,
        Some(t) => {
            let e: Vec<u32> = t.split('x').map(|n| n.trim().parse().map_err(|_| format!("`shape` is `{t}`"))).collect::<Result<_, _>>()?;
            ScaleUpShape::Torus([e[0], *e.get(1).unwrap_or(&1), *e.get(2).unwrap_or(&1)])
        }
    };
    let torus = matches!(shape, ScaleUpShape::Torus(_));
    let ranks = b.whole("ranks", 1);
    let injection = if torus { bandwidth * 6.0 } else { bandwidth };
    let level = NetworkLevel {
        chips: ranks,
        shape,
        injection,
        axis_bandwidth: [bandwidth; 3],
        latency: b.number_or("latency", 0.0),
        scale_out: false,
        host_bus: false,
    };
    let chip = Catalog::embedded().hardware("h100-sxm").map_err(|e| e.to_string())?.chip;
    let hw = Hardware { system: "spec".into(), chip, chips_per_node: ranks, levels: vec![level], max_chips: None };
    let what = [
        ("all-reduce", Collective::AllReduce),
        ("all-gather", Collective::AllGather),
        ("reduce-scatter", Collective::ReduceScatter),
        ("all-to-all", Collective::AllToAll),
        ("send", Collective::SendRecv),
    ];
    let lib = Library::rings(if torus { LibraryKind::Xla } else { LibraryKind::Nccl });
    Ok(cost(&hw, &place(&hw, 1, ranks), b.word("what", &what, Collective::AllReduce), b.number("bytes"), &Efficiency::WIRE, &lib).seconds)
}
