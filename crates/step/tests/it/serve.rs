//! Serving: bounds that no machine beats, published cache sizes, laws of batches.

use crate::{MODELS, SYSTEMS, calibration, near};
use proptest::prelude::*;
use secondsource_base::Dtype;
use secondsource_catalog::Catalog;
use secondsource_fabric::Library;
use secondsource_step::seat;
use secondsource_step::serve::{Formats, Limits, Load, Replica, ServeParams, Server, Split, Unfit};
use secondsource_workload::builtin;
use secondsource_workload::recipe::AttentionKernel;

const LIMITS: Limits = Limits { memory_share: 0.9, chunk: 8192.0, slots: 2048.0 };
/// Nothing but bytes and FLOPs.
const IDEAL: ServeParams = ServeParams {
    bandwidth: 1.0,
    compute: 1.0,
    compute_fp4: 1.0,
    experts: 1.0,
    layer_gpu: 0.0,
    layer_neuron: 0.0,
    layer_tpu: 0.0,
    layer_gaudi: 0.0,
    collective: 0.0,
    pass: 0.0,
    load: 1.0,
};
/// Roughly what is fitted.
const USUAL: ServeParams = ServeParams {
    experts: 0.5,
    layer_gpu: 7e-5,
    layer_neuron: 1.7e-4,
    layer_tpu: 7e-6,
    layer_gaudi: 7e-5,
    collective: 5e-6,
    pass: 4e-4,
    load: 0.97,
    ..IDEAL
};

fn with<T>(
    model: &str,
    system: &str,
    tp: u32,
    split: Split,
    dtype: Dtype,
    p: &ServeParams,
    f: impl FnOnce(&Server<'_>) -> T,
) -> Result<T, Unfit> {
    let model = builtin(model).expect("a built-in model");
    let hw = seat(&Catalog::embedded().hardware(system).expect("a system"), u64::from(tp));
    let formats = Formats { weights: dtype, math: dtype, cache_bytes: dtype.bytes().min(2.0) };
    let replica = Replica { tp, pp: 1, split };
    let (params, energy) = (calibration::params(), calibration::energy());
    Server::new(&model, &hw, Library::of(&hw), replica, formats, LIMITS, AttentionKernel::Vendor, &params, &energy, p).map(|s| f(&s))
}

fn server<T>(model: &str, system: &str, tp: u32, p: &ServeParams, f: impl FnOnce(&Server<'_>) -> T) -> T {
    with(model, system, tp, Split::Heads, Dtype::Bf16, p, f).unwrap_or_else(|e| panic!("{model} on {tp} {system}: {e}"))
}

/// Table 1 of "Insights into DeepSeek-V3" (arXiv 2505.09343): key-value cache per token in bf16, KB of 1,000 bytes.
#[test]
fn cache_per_token_is_as_published() {
    for (model, system, tp, kilobytes) in
        [("deepseek-v3", "mi300x", 8, 70.272), ("qwen2.5-72b", "h100-sxm", 4, 327.680), ("llama-3.1-405b", "mi300x", 8, 516.096)]
    {
        // Whole on one chip of a replica whose requests are spread over chips; by heads for dense models.
        let bytes = if model == "deepseek-v3" {
            with(model, system, tp, Split::Requests, Dtype::Bf16, &IDEAL, |s| s.request_bytes(1000.0) * f64::from(tp) / 1000.0).unwrap()
        } else {
            server(model, system, tp, &IDEAL, |s| s.request_bytes(1000.0) * f64::from(tp) / 1000.0)
        };
        near(bytes / 1e3, kilobytes, 1e-9);
    }
}

/// A lone request reads all weights once a token: 70.6B parameters in bf16 (the embedding is looked up, not read) over four
/// H100 of 3.35 TB/s. The chip's own streaming efficiency stands between the wire and the answer.
#[test]
fn a_lone_token_takes_the_time_of_its_weights() {
    let (seconds, bytes) = server("llama-3.1-70b", "h100-sxm", 4, &IDEAL, |s| (s.token_seconds(1.0, 1.0), s.weight_bytes()));
    let embedding = 128_256.0 * 8192.0 * 2.0 / 4.0;
    let wire = (bytes - embedding) / 3.35e12;
    near(bytes, 2.0 * 70.55e9 / 4.0, 0.01);
    let stream = wire / calibration::params().memory_efficiency;
    assert!(seconds > stream && seconds < stream * 1.25, "{seconds} s, the weights alone take {stream} s");
}

/// Prefill at the datasheet peak would take 2 x parameters x tokens: 8.03B x 2 x 4,096 over 989.4 TFLOP/s is 66 ms.
#[test]
fn a_prompt_takes_at_least_its_flops() {
    let seconds = server("llama-3.1-8b", "h100-sxm", 1, &IDEAL, |s| s.first_token_seconds(1.0, 4096.0));
    let floor = 2.0 * 7.5e9 * 4096.0 / 989.4e12;
    assert!(seconds > floor && seconds < floor * 2.0, "{seconds} s, the FLOPs alone take {floor} s");
}

/// Experts: one token touches top-k of them, many tokens touch all, and the reads follow.
#[test]
fn few_tokens_read_few_experts() {
    let read = |batch: f64| server("mixtral-8x22b", "mi300x", 8, &IDEAL, |s| s.decode(batch, 1.0).products);
    // 2 of 8 experts against all: between two and four times the bytes, since attention weights are read either way.
    let ratio = read(64.0) / read(1.0);
    assert!((2.0..4.5).contains(&ratio), "{ratio}");
}

#[test]
fn what_does_not_fit_is_refused_with_its_size() {
    match with("llama-3.1-405b", "h100-sxm", 8, Split::Heads, Dtype::Bf16, &IDEAL, |_| ()) {
        Err(Unfit::Weights { needed, there }) => assert!(needed > 1e11 && there < 8.6e10, "{needed} {there}"),
        other => panic!("{other:?}"),
    }
    let cache = server("llama-3.1-8b", "h100-sxm", 1, &IDEAL, |s| s.capacity(1e7));
    assert!(matches!(cache, Err(Unfit::Cache { .. })), "{cache:?}");
    assert!(matches!(with("bert-base-uncased", "h100-sxm", 1, Split::Heads, Dtype::Bf16, &IDEAL, |_| ()), Err(Unfit::Shape(_))));
    assert!(matches!(with("llama-3.1-8b", "h100-sxm", 2, Split::Requests, Dtype::Bf16, &IDEAL, |_| ()), Err(Unfit::Shape(_))));
    assert!(matches!(with("llama-3.1-8b", "h100-sxm", 64, Split::Heads, Dtype::Bf16, &IDEAL, |_| ()), Err(Unfit::Shape(_))));
    assert!(matches!(with("llama-3.1-8b", "a100-80g-sxm", 1, Split::Heads, Dtype::Fp8, &IDEAL, |_| ()), Err(Unfit::Peak(_))));
}

/// A queue of whole waves is as fast as the stream; a last wave that is not full costs.
#[test]
fn a_queue_is_its_waves() {
    let load = Load { prompt: 512.0, output: 512.0 };
    server("llama-3.1-8b", "h100-sxm", 1, &USUAL, |s| {
        let steady = s.steady(64.0, load).tokens_per_s_per_chip;
        near(s.queue_rate(640.0, 64.0, load), steady, 1e-12);
        assert!(s.queue_rate(65.0, 64.0, load) < steady * 0.75);
        near(s.queue_rate(10.0, 64.0, load), s.steady(10.0, load).tokens_per_s_per_chip, 1e-12);
    });
}

/// What a token of the steady state costs beside decoding is the prompt share: with prompts and outputs of one length the
/// pass holds as many prompt tokens as requests.
#[test]
fn prompts_ride_along() {
    server("llama-3.1-8b", "h100-sxm", 1, &IDEAL, |s| {
        let decode = s.decode(512.0, 1536.0).seconds();
        let cycle = s.cycle(512.0, Load { prompt: 1024.0, output: 1024.0 }).seconds();
        let prefill = s.prefill(0.5, 1024.0).seconds();
        // Weights are read once for both, so less than the sum; more than either.
        assert!(cycle > decode.max(prefill) && cycle < decode + prefill, "{cycle} {decode} {prefill}");
    });
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: proptest::test_runner::RngSeed::Fixed(1), failure_persistence: None, cases: 96, ..ProptestConfig::default() })]

    /// Longer batches are slower a token and faster together; longer contexts and prompts are never faster; everything is
    /// finite.
    #[test]
    fn batches_trade_latency_for_rate(
        model in 0usize..MODELS.len(), system in 0usize..SYSTEMS.len(), tp in 0u32..4, batch in 1u32..1500, prompt in 1u32..20_000, output in 1u32..5_000,
    ) {
        let split = if model % 2 == 1 && builtin(MODELS[model]).unwrap().is_moe() { Split::Requests } else { Split::Heads };
        let (batch, load) = (f64::from(batch), Load { prompt: f64::from(prompt), output: f64::from(output) });
        let run = with(MODELS[model], SYSTEMS[system], 1 << tp, split, Dtype::Bf16, &USUAL, |s| {
            let more = Load { prompt: load.prompt * 1.5, output: load.output };
            (s.steady(batch, load), s.steady(batch * 2.0, load), s.steady(batch, more), s.first_token_seconds(1.0, load.prompt), s.first_token_seconds(2.0, load.prompt))
        });
        if let Ok((a, b, longer, one, two)) = run {
            let all = [a.first_token_s, a.inter_token_s, a.tokens_per_s_per_chip, b.inter_token_s, longer.inter_token_s, one, two];
            prop_assert!(all.iter().all(|v| v.is_finite() && *v > 0.0), "{all:?}");
            prop_assert!(b.inter_token_s > a.inter_token_s * 0.999, "{a:?} {b:?}");
            // Rows come in groups of 16 on GPUs, so doubling can waste a little.
            prop_assert!(b.tokens_per_s_per_chip > a.tokens_per_s_per_chip * 0.9, "{a:?} {b:?}");
            prop_assert!(longer.inter_token_s > a.inter_token_s * 0.999, "{a:?} {longer:?}");
            prop_assert!(two >= one * 0.999);
        }
    }
}
