//! A layout in one line.

use secondsource::workload::layout::{CpMode, Layout, Recompute, Schedule, Zero};

/// `TP8 · PP16×5 · DP128 · mb1 · ZeRO-1 · selective recompute · 1F1B`. Sizes of 1 are left out, except DP.
pub fn line(l: &Layout) -> String {
    let mut parts = Vec::new();
    let mut size = |name: &str, n: u32, least: u32| {
        if n > least {
            parts.push(format!("{name}{n}"));
        }
    };
    size("TP", l.tp, 1);
    size("CP", l.cp, 1);
    size("PP", l.pp, 1);
    if let Some(last) = parts.last_mut()
        && l.pp > 1
        && l.vpp > 1
    {
        last.push_str(&format!("×{}", l.vpp));
    }
    let mut size = |name: &str, n: u32, least: u32| {
        if n > least {
            parts.push(format!("{name}{n}"));
        }
    };
    size("DP", l.dp, 0);
    size("EP", l.ep, 1);
    size("ETP", l.etp, 1);
    size("mb", l.micro_batch, 0);
    let zero = match l.zero {
        Zero::Z0 => "no ZeRO",
        Zero::Z1 => "ZeRO-1",
        Zero::Z2 => "ZeRO-2",
        Zero::Z3 => "ZeRO-3",
    };
    parts.push(if l.shard_group > 0 { format!("{zero} over {}", l.shard_group) } else { zero.to_owned() });
    parts.push(
        match l.recompute {
            Recompute::None => "no recompute",
            Recompute::Selective => "selective recompute",
            Recompute::Full => "full recompute",
        }
        .to_owned(),
    );
    if l.pp > 1 {
        parts.push(schedule(l).to_owned());
    }
    if l.cp > 1 {
        let mode = match l.cp_mode {
            CpMode::Ring => "ring CP",
            CpMode::AllGather => "all-gather CP",
            CpMode::Ulysses => "Ulysses CP",
        };
        parts.push(mode.to_owned());
    }
    if l.tp > 1 && !l.sequence_parallel {
        parts.push("no sequence parallelism".to_owned());
    }
    parts.join(" · ")
}

fn schedule(l: &Layout) -> &'static str {
    match l.schedule {
        Schedule::OneFOneB if l.vpp > 1 => "interleaved 1F1B",
        Schedule::OneFOneB => "1F1B",
        Schedule::ZeroBubble => "zero-bubble",
        Schedule::Dualpipe => "DualPipe",
        Schedule::Gpipe => "GPipe",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_one_line() {
        let l = Layout { tp: 8, pp: 16, vpp: 5, dp: 128, recompute: Recompute::Selective, ..Layout::SINGLE };
        assert_eq!(line(&l), "TP8 · PP16×5 · DP128 · mb1 · ZeRO-1 · selective recompute · interleaved 1F1B");
        assert_eq!(line(&Layout::SINGLE), "DP1 · mb1 · ZeRO-1 · no recompute");
    }
}
