use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use secondsource_catalog::hardware::Hardware;
use secondsource_fabric::{Collective, Efficiency, Library, Slice, Thresholds, cost};

use crate::machines::all;

const KINDS: [Collective; 6] = [
    Collective::AllReduce,
    Collective::ReduceScatter,
    Collective::AllGather,
    Collective::AllToAll,
    Collective::SendRecv,
    Collective::Broadcast,
];

#[derive(Debug, Clone)]
struct Case {
    hw: Hardware,
    lib: Library,
    eff: Efficiency,
    what: Collective,
    world: u32,
    stride: u32,
    size: u32,
    bytes: f64,
}

impl Case {
    fn seconds(&self) -> f64 {
        let p = Slice::new(&self.hw, self.world).place(&self.hw, self.stride, self.size);
        let c = cost(&self.hw, &p, self.what, self.bytes, &self.eff, &self.lib);
        assert!(c.seconds >= 0.0 && c.latency_part >= 0.0 && c.bandwidth_part >= 0.0, "{c:?}");
        c.seconds
    }
}

prop_compose! {
    fn case()(
        machine in 0usize..7, what in 0usize..6, stride in 0u32..40, size in 0u32..600, slack in 1u32..4,
        log_bytes in 0.0f64..10.5, up in 0.3f64..1.0, out in 0.3f64..1.0, step in 0.0f64..1e-5, limits in any::<bool>(),
    ) -> Case {
        let hw = all().swap_remove(machine);
        let mut lib = Library::of(&hw);
        if limits {
            lib.scale_up = Thresholds { mesh_max: Some(1e6), rdh_max: Some(56e6) };
            lib.scale_out = lib.scale_up;
            lib.pat = Some(0.75);
        }
        let eff = Efficiency {
            scale_up: up, scale_out: out, scale_up_step: step, scale_out_step: 2.0 * step, per_message: step / 10.0,
            launch: step,
        };
        let world = stride.max(1) * size.max(1) * slack;
        Case { hw, lib, eff, what: KINDS[what], world, stride, size, bytes: 10f64.powf(log_bytes) }
    }
}

fn not_slower(better: &Case, worse: &Case) -> Result<(), TestCaseError> {
    let (b, w) = (better.seconds(), worse.seconds());
    prop_assert!(b <= w * (1.0 + 1e-9), "{b} > {w}: {better:?}");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

    #[test]
    fn more_bytes_are_never_faster(base in case(), factor in 1.0f64..1e4) {
        not_slower(&base, &Case { bytes: base.bytes * factor, ..base.clone() })?;
    }

    #[test]
    fn more_bandwidth_is_never_slower(base in case(), level in 0usize..4, axis in 0usize..4, factor in 1.0f64..20.0) {
        let mut better = base.clone();
        let level = level % better.hw.levels.len();
        let l = &mut better.hw.levels[level];
        l.injection *= factor;
        // One axis alone, or all of them. The box of the job must stay the same.
        for a in 0..3 {
            if axis == 3 {
                l.axis_bandwidth[a] *= factor;
            }
        }
        not_slower(&better, &base)?;
    }

    #[test]
    fn less_latency_is_never_slower(base in case(), level in 0usize..4, factor in 0.0f64..1.0) {
        let mut better = base.clone();
        let level = level % better.hw.levels.len();
        better.hw.levels[level].latency *= factor;
        not_slower(&better, &base)?;
        let mut better = base.clone();
        better.eff.launch *= factor;
        better.eff.scale_up_step *= factor;
        better.eff.scale_out_step *= factor;
        better.eff.per_message *= factor;
        not_slower(&better, &base)?;
    }

    #[test]
    fn better_efficiency_is_never_slower(base in case(), up in 1.0f64..3.0, out in 1.0f64..3.0) {
        let mut better = base.clone();
        better.eff.scale_up *= up;
        better.eff.scale_out *= out;
        not_slower(&better, &base)?;
    }

    /// A faster axis of a torus alone, on a box that stays the same. The shares of the parts follow the bandwidth by
    /// rule, not by optimisation, so an axis out of step with its siblings may cost up to 5% (docs/fabric.md).
    #[test]
    fn a_faster_axis_is_never_slower(base in case(), axis in 0usize..3, factor in 1.0f64..20.0) {
        let p = Slice::new(&base.hw, base.world).place(&base.hw, base.stride, base.size);
        let run = |hw: &Hardware| cost(hw, &p, base.what, base.bytes, &base.eff, &base.lib).seconds;
        let mut better = base.hw.clone();
        better.levels[0].axis_bandwidth[axis] *= factor;
        let (b, w) = (run(&better), run(&base.hw));
        prop_assert!(b <= w * 1.05, "{b} > {w}: axis {axis} x {factor} {base:?}");
    }

    /// Bytes are conserved: levels together carry what one flat exchange would.
    #[test]
    fn placement_is_sane(base in case()) {
        let p = Slice::new(&base.hw, base.world).place(&base.hw, base.stride, base.size);
        let product: u64 = p.extents.iter().map(|e| u64::from(*e)).product();
        prop_assert!(product >= u64::from(p.size), "{p:?}");
        prop_assert!(p.members[p.levels - 1] == p.size);
        for i in 0..p.levels {
            prop_assert!(p.extents[i] >= 1 && p.lanes[i] >= 1 && p.lanes[i] <= p.size);
        }
    }
}
