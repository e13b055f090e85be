//! A timeline as plain spans, for traces.

use super::{Item, Plan, Timeline};

/// One bar of a trace.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span {
    pub device: u32,
    /// 0; 1 for the backward of an overlapped pair, which runs at the same time as its forward.
    pub lane: u32,
    pub item: Item,
    /// Global virtual stage.
    pub stage: u32,
    pub start_s: f64,
    pub dur_s: f64,
}

/// All items with their times, device after device and in order on each.
pub fn timeline_spans<'a>(plan: &'a Plan, line: &'a Timeline) -> impl Iterator<Item = Span> + 'a {
    (0..plan.pp()).flat_map(move |device| {
        let range = plan.range(device as usize);
        let mut second = false;
        range.filter_map(move |i| {
            let item = *plan.items().get(i)?;
            let (start, end) = (*line.start_s.get(i)?, *line.end_s.get(i)?);
            let lane = u32::from(second);
            second = item.paired;
            let stage = plan.stage_of(device as usize, item.chunk) as u32;
            Some(Span { device, lane, item, stage, start_s: start, dur_s: end - start })
        })
    })
}
