//! Collectives of one layout on one system, in seconds, through the fabric's closed forms.

use secondsource_catalog::calibration::Params;
use secondsource_catalog::hardware::Hardware;
use secondsource_fabric::{Collective, Efficiency, Library, Slice, cost};

/// The network of a job with calibrated efficiencies applied.
#[derive(Debug, Clone)]
pub(crate) struct Net<'a> {
    hw: &'a Hardware,
    slice: Slice,
    efficiency: Efficiency,
    library: Library,
}

/// Time of a collective and whether it leaves the scale-up domain.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Comm {
    pub seconds: f64,
    pub out: bool,
}

impl<'a> Net<'a> {
    pub fn new(hw: &'a Hardware, chips: u64, library: Library, p: &Params) -> Net<'a> {
        let efficiency = Efficiency {
            scale_up: p.link_scale_up,
            scale_out: p.link_scale_out,
            scale_up_step: 0.0,
            scale_out_step: p.latency_scale_out,
            per_message: 0.0,
            launch: 0.0,
        };
        Net { hw, slice: Slice::new(hw, u32::try_from(chips).unwrap_or(u32::MAX)), efficiency, library }
    }

    fn run(&self, what: Collective, stride: u32, size: u32, bytes: f64) -> Comm {
        if (size <= 1 && what != Collective::SendRecv) || bytes <= 0.0 {
            return Comm::default();
        }
        let place = self.slice.place(self.hw, stride, size);
        let c = cost(self.hw, &place, what, bytes, &self.efficiency, &self.library);
        let out = place.outermost().is_some_and(|l| self.hw.levels[l].scale_out);
        // A job that no level joins costs a finite age, so that it is ranked last and never compared as NaN.
        Comm { seconds: if c.seconds.is_finite() { c.seconds } else { 1e9 }, out }
    }

    /// Whether the members of a group reach each other over links of their own, without host bus or scale-out network.
    pub fn own_links(&self, stride: u32, size: u32) -> bool {
        let place = self.slice.place(self.hw, stride, size);
        place.outermost().is_none_or(|l| !self.hw.levels[l].scale_out && !self.hw.levels[l].host_bus)
    }

    /// `bytes` is the gathered result.
    pub fn all_gather(&self, stride: u32, size: u32, bytes: f64) -> Comm {
        self.run(Collective::AllGather, stride, size, bytes)
    }

    /// `bytes` is the full input of a rank.
    pub fn reduce_scatter(&self, stride: u32, size: u32, bytes: f64) -> Comm {
        self.run(Collective::ReduceScatter, stride, size, bytes)
    }

    pub fn all_reduce(&self, stride: u32, size: u32, bytes: f64) -> Comm {
        self.run(Collective::AllReduce, stride, size, bytes)
    }

    /// `bytes` is the full buffer of a rank, the part for itself included.
    pub fn all_to_all(&self, stride: u32, size: u32, bytes: f64) -> Comm {
        self.run(Collective::AllToAll, stride, size, bytes)
    }

    /// One message to the rank `stride` further on, all ranks at the same time.
    pub fn send(&self, stride: u32, bytes: f64) -> Comm {
        self.run(Collective::SendRecv, stride, 2, bytes)
    }
}
