//! Two cores of a rank, and several ranks in one machine.

use secondsource_neuroncore::op::*;
use secondsource_neuroncore::*;

use crate::copies::dma;
use crate::support::{Lab, noise};

fn fill(lab: &mut Lab, core: u16, place: Place, rows: u32, values: &[f32]) -> View {
    let v = if place == Place::Hbm {
        let t = lab.alloc(core, place, Dtype::Fp32, 1, values.len() as u64, None).expect("fits");
        lab.m.whole(t).expect("live")
    } else {
        lab.tile_on(core, place, Dtype::Fp32, rows, values.len() as u64 / u64::from(rows))
    };
    lab.put(&v, values);
    v
}

#[test]
fn sendrecv_swaps_tiles_and_waits_for_both() {
    let mut lab = Lab::with(Gen::Gen3, 1, 2);
    let (x, y) = (noise(64, 1), noise(64, 2));
    let tiles = [fill(&mut lab, 0, Place::Sbuf, 4, &x), fill(&mut lab, 1, Place::Sbuf, 4, &y)];
    let swap =
        |t: &View, other: u8| Op::SendRecv { dst: t.clone(), src: t.clone(), send_to: other, recv_from: other, pipe: 0, gpsimd_dma: false };
    let a = lab.try_on(0, swap(&tiles[0], 1)).expect("posted");
    assert!(lab.m.waiting(0) && !lab.m.waiting(1) && lab.get(&tiles[0]) == x);
    assert_eq!(lab.try_on(0, swap(&tiles[0], 1)).expect_err("waits").rule, "waiting");
    let b = lab.try_on(1, swap(&tiles[1], 0)).expect("met");
    assert!(!lab.m.waiting(0) && !lab.m.waiting(1));
    assert_eq!((lab.get(&tiles[0]), lab.get(&tiles[1])), (y, x));
    let instrs = &lab.m.trace().instrs;
    let meeting = |i: InstrId| instrs[i.0 as usize].meeting;
    assert!(meeting(a) == meeting(b) && meeting(a) != 0);
}

#[test]
fn a_barrier_lets_both_go() {
    let mut lab = Lab::with(Gen::Gen3, 1, 2);
    let shared = fill(&mut lab, 0, Place::Hbm, 1, &[0.0; 8]);
    let tile = fill(&mut lab, 1, Place::Sbuf, 1, &[1.0; 8]);
    // HBM belongs to both cores, SBUF to its own.
    lab.try_on(1, dma(&shared, &tile)).expect("core 1 writes shared memory");
    assert_eq!(lab.try_on(0, dma(&shared, &tile)).expect_err("not its tile").rule, "other-core");
    let barrier = Op::CoreBarrier { data: Some(shared), engine: None };
    lab.try_on(1, barrier.clone()).expect("posted");
    assert!(lab.m.waiting(1));
    lab.try_on(0, barrier.clone()).expect("met");
    assert!(!lab.m.waiting(1));
    assert_eq!(Lab::new(Gen::Gen3).try_run(barrier.clone()).expect_err("one core").rule, "lnc");
    assert_eq!(Lab::new(Gen::Gen2).try_run(barrier).expect_err("trn1").rule, "generation");
}

fn collective(kind: Collective, dst: &View, src: &View, op: AluOp) -> Op {
    Op::Collective { kind, dsts: vec![dst.clone()], srcs: vec![src.clone()], op, groups: vec![], pairs: vec![], dim: 0, metadata: None }
}

#[test]
fn collectives_agree_with_arithmetic_over_the_ranks() {
    const R: usize = 4;
    let data: Vec<Vec<f32>> = (0..R).map(|r| noise(24, r as u64)).collect();
    for kind in [Collective::AllReduce, Collective::ReduceScatter, Collective::AllGather, Collective::AllToAll] {
        let mut lab = Lab::with(Gen::Gen3, R as u16, 1);
        let size = match kind {
            Collective::ReduceScatter => 6,
            Collective::AllGather => 96,
            _ => 24,
        };
        let srcs: Vec<View> = (0..R).map(|r| fill(&mut lab, r as u16, Place::Hbm, 1, &data[r])).collect();
        let dsts: Vec<View> = (0..R).map(|r| fill(&mut lab, r as u16, Place::Hbm, 1, &vec![0.0; size])).collect();
        // Issued in any order; the last one runs it.
        for r in [2, 0, 3, 1] {
            lab.try_on(r as u16, collective(kind, &dsts[r], &srcs[r], AluOp::Add)).expect("legal");
        }
        for r in 0..R {
            let got = lab.get(&dsts[r]);
            for (i, v) in got.iter().enumerate() {
                let sum = |at: usize| data.iter().map(|d| f64::from(d[at])).sum::<f64>();
                let want = match kind {
                    Collective::AllReduce => sum(i),
                    Collective::ReduceScatter => sum(r * 6 + i),
                    Collective::AllGather => f64::from(data[i / 24][i % 24]),
                    _ => f64::from(data[i / 6][r * 6 + i % 6]),
                };
                assert!((f64::from(*v) - want).abs() < 1e-5, "{kind:?} rank {r} at {i}");
            }
        }
    }
}

#[test]
fn groups_and_pairs_limit_who_takes_part() {
    let mut lab = Lab::with(Gen::Gen3, 4, 1);
    let srcs: Vec<View> = (0..4).map(|r| fill(&mut lab, r, Place::Hbm, 1, &[f32::from(r as u8)])).collect();
    let dsts: Vec<View> = (0..4).map(|r| fill(&mut lab, r, Place::Hbm, 1, &[-1.0])).collect();
    for r in 0..4usize {
        let groups = vec![vec![0, 2], vec![3, 1]];
        let op = Op::Collective {
            kind: Collective::AllReduce,
            dsts: vec![dsts[r].clone()],
            srcs: vec![srcs[r].clone()],
            op: AluOp::Max,
            groups,
            pairs: vec![],
            dim: 0,
            metadata: None,
        };
        lab.try_on(r as u16, op).expect("legal");
    }
    assert_eq!(dsts.iter().map(|d| lab.get(d)[0]).collect::<Vec<_>>(), [2.0, 3.0, 2.0, 3.0]);
    for r in 0..4usize {
        let pairs = vec![(0, 1), (1, 2), (2, 3), (3, 0)];
        let op = Op::Collective {
            kind: Collective::Permute,
            dsts: vec![dsts[r].clone()],
            srcs: vec![srcs[r].clone()],
            op: AluOp::Add,
            groups: vec![],
            pairs,
            dim: 0,
            metadata: None,
        };
        lab.try_on(r as u16, op).expect("legal");
    }
    assert_eq!(dsts.iter().map(|d| lab.get(d)[0]).collect::<Vec<_>>(), [3.0, 0.0, 1.0, 2.0]);
}

#[test]
fn all_gather_in_sbuf_along_the_free_dimension() {
    let mut lab = Lab::with(Gen::Gen3, 2, 1);
    let srcs = [fill(&mut lab, 0, Place::Sbuf, 2, &[1.0, 2.0]), fill(&mut lab, 1, Place::Sbuf, 2, &[3.0, 4.0])];
    let dsts: Vec<View> = (0..2).map(|r| fill(&mut lab, r, Place::Sbuf, 2, &[0.0; 4])).collect();
    for r in 0..2usize {
        let op = Op::Collective {
            kind: Collective::AllGather,
            dsts: vec![dsts[r].clone()],
            srcs: vec![srcs[r].clone()],
            op: AluOp::Add,
            groups: vec![],
            pairs: vec![],
            dim: 1,
            metadata: None,
        };
        lab.try_on(r as u16, op).expect("legal");
    }
    assert_eq!(lab.get(&dsts[1]), [1.0, 3.0, 2.0, 4.0]);
}
