//! What serving adds to the calibrated chip: a few physical parameters of their own.

use secondsource_chip::Class;

macro_rules! parameters {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {
        /// Parameters of serving. Fractions are of what the training calibration reaches; times are seconds.
        #[derive(Debug, Clone, Copy, PartialEq)]
        pub struct ServeParams { $($(#[doc = $doc])+ pub $name: f64,)+ }

        impl ServeParams {
            /// Names in the order of [`ServeParams::to_array`].
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name)),+];
            pub const COUNT: usize = Self::NAMES.len();

            pub fn to_array(self) -> [f64; Self::COUNT] {
                [$(self.$name),+]
            }

            pub fn from_array(values: &[f64; Self::COUNT]) -> ServeParams {
                let [$($name),+] = *values;
                ServeParams { $($name),+ }
            }
        }
    };
}

parameters! {
    /// Rate at which decoding reads weights and cache, against the streaming rate of training kernels.
    bandwidth,
    /// Speed of large products in prefill and large batches, against the same shapes in training.
    compute,
    /// The same for products in four-bit formats, against training in them.
    compute_fp4,
    /// Speed of routed experts' products against dense products of the same shapes (uneven routing, gathering).
    experts,
    /// Seconds of one layer in one pass that neither bytes nor FLOPs explain (kernel starts, gaps): GPUs.
    layer_gpu,
    /// The same on NeuronCores.
    layer_neuron,
    /// The same on TPUs.
    layer_tpu,
    /// The same on Gaudi.
    layer_gaudi,
    /// Seconds that one collective takes beyond its bytes and wire latency.
    collective,
    /// Seconds of one pass outside the layers: scheduling, sampling, output.
    pass,
    /// Share of the steady throughput that an engine under continuous load keeps.
    load,
}

impl ServeParams {
    /// Seconds per layer and pass on a class of chip.
    pub(crate) fn layer(&self, class: Class) -> f64 {
        match class {
            Class::Gpu => self.layer_gpu,
            Class::Neuron => self.layer_neuron,
            Class::Tpu => self.layer_tpu,
            Class::Gaudi => self.layer_gaudi,
        }
    }
}
