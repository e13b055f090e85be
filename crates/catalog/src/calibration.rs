//! Calibrated parameters: names, meanings, priors and bounds are data (`calibration/priors.toml`), values are
//! written by `secondsource calibrate` (`calibration/fitted.toml`).

macro_rules! parameters {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {
        /// All fitted parameters. Fractions are of a datasheet peak or of a link; times are seconds.
        #[derive(Debug, Clone, Copy, PartialEq)]
        pub struct Params { $($(#[doc = $doc])+ pub $name: f64,)+ }

        impl Params {
            /// Names in the order of [`Params::to_array`].
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name)),+];
            pub const COUNT: usize = Self::NAMES.len();

            pub fn to_array(self) -> [f64; Self::COUNT] {
                [$(self.$name),+]
            }

            pub fn from_array(values: &[f64; Self::COUNT]) -> Params {
                let [$($name),+] = *values;
                Params { $($name),+ }
            }
        }
    };
}

parameters! {
    /// Largest fraction of a GPU's dense peak that a large matrix product reaches when power does not limit it.
    gemm_cap_gpu,
    /// The same for TPUs.
    gemm_cap_tpu,
    /// The same for NeuronCores.
    gemm_cap_neuron,
    /// The same for Gaudi.
    gemm_cap_gaudi,
    /// Watts of board power that one sustained bf16 TFLOP/s takes on a 5 nm class GPU.
    gemm_watts,
    /// Watts of board power per peak bf16 TFLOP/s that flow whatever the products do: leakage, clocks, memory.
    idle_watts,
    /// Family factor on the sustained fraction: A100.
    gemm_ampere,
    /// Family factor: H100, H200.
    gemm_hopper,
    /// Family factor: B200, B300, GB200, GB300.
    gemm_blackwell,
    /// Family factor: CDNA 2 and 3 (MI300X, MI325X). CDNA 4 (MI350X, MI355X) goes by its power alone.
    gemm_cdna,
    /// Energy of an eight-bit or narrower operation against half, a quarter... of a bf16 one, on power-limited chips.
    energy_fp8,
    /// The same for mxfp8.
    dtype_mxfp8,
    /// The same for nvfp4 and mxfp4.
    dtype_fp4,
    /// The same for int8 on TPUs.
    dtype_int8,
    /// Fill and drain cost: elements of M, N and K lost per product on a 989 TFLOP/s chip.
    gemm_fill,
    /// Share of a partly filled last wave of tiles that is really lost.
    wave_loss,
    /// Efficiency of grouped expert products against one product of the same size, many experts per chip.
    moe_gemm,
    /// Extra fill cost of grouped expert products, elements.
    moe_fill,
    /// Fraction of HBM bandwidth that streaming kernels reach.
    memory_efficiency,
    /// Bytes that elementwise chains move over the least possible.
    elementwise,
    /// Further factor when nothing is fused.
    elementwise_eager,
    /// Attention, fraction of bf16 peak, head width 128: A100 class.
    attention_ampere,
    /// H100 class, vendor kernel.
    attention_hopper,
    /// Blackwell class, vendor kernel.
    attention_blackwell,
    /// Blackwell Ultra (B300, GB300), vendor kernel: twice the exponential rate of Blackwell.
    attention_ultra,
    /// TPU, vendor kernel.
    attention_tpu,
    /// AMD and Gaudi.
    attention_other,
    /// NeuronCores (unfused until 2024): products of score matrices.
    attention_neuron,
    /// PyTorch SDPA against the vendor kernel on Hopper and later.
    attention_sdpa,
    /// Triton FlashAttention of 2023 against the vendor kernel on Hopper and later.
    attention_triton,
    /// Exponent of head width / 128 in attention efficiency.
    attention_width,
    /// Passes over the score matrix that an unfused forward makes, 2 bytes each.
    unfused_passes,
    /// Host seconds to launch one layer's forward, eager or fused by operator.
    host_layer,
    /// The same for 2021-23 stacks with blocking collectives.
    host_layer_old,
    /// Host time of a MoE layer against a dense one.
    host_moe,
    /// Fraction of host time that remains under graphs or XLA.
    host_graph,
    /// Seconds per step outside of everything: data loading, logging, synchronisation.
    step_constant,
    /// Exposed share of tensor-parallel traffic: modern overlap.
    tp_exposed,
    /// The same: collectives in order, nothing hidden.
    tp_exposed_old,
    /// The same: XLA on TPU (collective matmul).
    tp_exposed_xla,
    /// The same: Neuron compiler.
    tp_exposed_neuron,
    /// Seconds that one tensor-parallel collective waits for its ranks beyond its bytes.
    collective_sync,
    /// The same for 2021-23 stacks, where each rank's host launches it.
    collective_sync_old,
    /// Exposed share of the data-parallel gradient reduction and weight gather.
    dp_exposed,
    /// Exposed share of expert all-to-all at mid-2026.
    ep_exposed,
    /// Exponent of the p-norm that combines FSDP traffic with compute (1: no overlap).
    fsdp_norm,
    /// The same for XLA.
    fsdp_norm_xla,
    /// Fraction of link bandwidth reached inside the scale-up domain.
    link_scale_up,
    /// Fraction of NIC bandwidth reached.
    link_scale_out,
    /// Seconds of software latency per collective step across the scale-out network.
    latency_scale_out,
    /// Fraction of a forward pass that a half-selective policy repeats.
    recompute_half,
    /// Factor on MoE overheads for each dispatcher generation before that of mid-2026.
    moe_age,
    /// MoE permute and unpermute traffic against the least possible.
    moe_permute,
    /// Bytes moved per logit by the loss, forward and backward.
    loss_bytes,
    /// Device bytes taken by the runtime and the communication library.
    memory_reserve,
    /// Share of gradients, activations and buffers lost to allocator fragmentation.
    memory_fragment,
}
