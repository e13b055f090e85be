//! Names of the training stacks, as own-run files write them.

use super::conventions::Stack;

impl Stack {
    pub(crate) const ALL: [Stack; 15] = [
        Stack::MegatronBridge,
        Stack::Nemo,
        Stack::MegatronCore,
        Stack::MegatronOld,
        Stack::Foundry,
        Stack::Torchtitan,
        Stack::Automodel,
        Stack::Fms,
        Stack::InternEvo,
        Stack::MaxTextTpu,
        Stack::MaxTextGpu,
        Stack::Neuron,
        Stack::Gaudi,
        Stack::Amd,
        Stack::Other,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Stack::MegatronBridge => "megatron-bridge",
            Stack::Nemo => "nemo",
            Stack::MegatronCore => "megatron-core",
            Stack::MegatronOld => "megatron-2022",
            Stack::Foundry => "llm-foundry",
            Stack::Torchtitan => "torchtitan",
            Stack::Automodel => "automodel",
            Stack::Fms => "fms",
            Stack::InternEvo => "internevo",
            Stack::MaxTextTpu => "maxtext-tpu",
            Stack::MaxTextGpu => "maxtext-gpu",
            Stack::Neuron => "neuron",
            Stack::Gaudi => "gaudi",
            Stack::Amd => "amd",
            Stack::Other => "other",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Stack> {
        Stack::ALL.into_iter().find(|s| s.name() == name)
    }
}
