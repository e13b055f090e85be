//! The scheduler against closed forms, published points and a walk over every pair of instructions.

use proptest::prelude::*;
use secondsource_catalog::Catalog;
use secondsource_neuroncore::kernels::published;
use secondsource_neuroncore::kernels::{Builder, Tile};
use secondsource_neuroncore::op::ActFn;
use secondsource_neuroncore::report::report;
use secondsource_neuroncore::schedule::{Free, Schedule, bound, price, schedule, transfer, without};
use secondsource_neuroncore::trace::{Cost, Dge, Direction, Engine, Flags, Instr, OpCode, Range, SourceLine, Span, StorageInfo, Trace};
use secondsource_neuroncore::{Dtype, Fitted, Gen, Generation, Place, StorageId, TensorId, Timing};

/// Constants as stated, nothing fitted, no launch.
fn stated(version: Gen) -> Timing {
    let fitted = Fitted {
        tensor_clock_gen2: 1.0,
        tensor_clock_gen3: 1.0,
        two_input_gen2: 1.0,
        reciprocal: 1.0,
        dma_rate: 1.0,
        dma_floor_gen2: 64.0,
        dma_floor_gen3: 64.0,
        launch: 1e-9,
    };
    let machine = Generation::read(Catalog::embedded(), version).expect("tables");
    Timing::read(Catalog::embedded(), &machine, &fitted).expect("timing tables")
}

fn run(t: &Timing, trace: &Trace) -> Schedule {
    let s = schedule(t, trace, 1).expect("short").1;
    assert_eq!(s.stuck, 0);
    s
}

fn seconds(ps: u64) -> f64 {
    ps as f64 * 1e-12
}

/// nki.isa of SDK 2.26, NeuronCore-v2: cycles of one instruction with N elements a partition.
#[test]
fn prices_are_those_of_the_instruction_pages() {
    let t = stated(Gen::Gen2);
    let cycles = |engine: Engine, op: OpCode, n: u32, dtype: Dtype, psum: bool| {
        let mut b = Builder::new(Gen::Gen2, Dge::None);
        let (x, y, z) = (b.sbuf(128, n, dtype), if psum { b.psum(128, n) } else { b.sbuf(128, n, dtype) }, b.sbuf(128, n, dtype));
        b.run(op, engine, z, &[x, y]);
        let i = b.finish().instrs[0];
        let clock = match engine {
            Engine::Vector => t.vector,
            Engine::GpSimd => t.gpsimd,
            _ => t.scalar,
        };
        (price(&t, &i).busy as f64 / clock).round()
    };
    use OpCode::*;
    let access = 60.0;
    for (op, n, dtype, psum, want) in [
        (TensorTensor, 512, Dtype::Fp32, false, 1024.0),
        (TensorTensor, 512, Dtype::Fp32, true, 512.0),
        (TensorTensor, 512, Dtype::Bf16, false, 512.0),
        (TensorTensor, 16, Dtype::Fp32, true, 64.0),
        (TensorTensorScan, 512, Dtype::Fp32, false, 1024.0),
        (Reciprocal, 512, Dtype::Fp32, false, 4096.0),
        (TensorReduce, 512, Dtype::Bf16, false, 256.0),
        (TensorReduce, 512, Dtype::Fp32, false, 512.0),
        (TensorScalarReduce, 512, Dtype::Fp32, false, 576.0),
        (BnAggr, 30, Dtype::Fp32, false, 130.0),
        (TensorScalar, 512, Dtype::Bf16, false, 512.0),
        (Max8, 16_384, Dtype::Fp32, false, 16_384.0),
    ] {
        assert_eq!(cycles(Engine::Vector, op, n, dtype, psum), want + access, "{op:?} {n} {dtype:?}");
    }
    assert_eq!(cycles(Engine::GpSimd, AffineSelect, 512, Dtype::Fp32, false), 662.0);
    assert_eq!(cycles(Engine::Scalar, ActivationReduce, 512, Dtype::Fp32, false), 576.0 + access);
}

/// Trainium2's performance modes: four times the copy rate in SBUF, twice with PSUM, twice for two inputs.
#[test]
fn sixteen_bit_modes_of_generation_3() {
    let t = stated(Gen::Gen3);
    let busy = |op: OpCode, dtype: Dtype, two: bool| {
        let mut b = Builder::new(Gen::Gen3, Dge::None);
        let (x, y, z) = (b.sbuf(128, 4096, dtype), b.sbuf(128, 4096, dtype), b.sbuf(128, 4096, dtype));
        if two {
            b.vector(op, z, &[x, y])
        } else {
            b.vector(op, z, &[x])
        }
        (price(&t, &b.finish().instrs[0]).busy as f64 / t.vector).round() - 60.0
    };
    assert_eq!(busy(OpCode::TensorCopy, Dtype::Bf16, false), 1024.0);
    assert_eq!(busy(OpCode::TensorCopy, Dtype::Fp32, false), 4096.0);
    assert_eq!(busy(OpCode::TensorTensor, Dtype::Bf16, true), 2048.0);
}

/// The documentation's tutorial: 4096 x 8192 x 8192 in fp32 is 32,768 products of 4 x 512 cycles, 27.96 ms at 2.4 GHz.
#[test]
fn a_product_takes_its_cycles() {
    let t = stated(Gen::Gen3);
    let trace = published::trace("tutorial-v3", Gen::Gen3).expect("known");
    let (g, s) = schedule(&t, &trace, 1).expect("short");
    let floor = 32_768.0 * 4.0 * 512.0 / 2.4e9;
    // The first products run at half rate: nothing to a long kernel.
    assert!((1.0..1.001).contains(&(seconds(s.work[0][Engine::Tensor as usize]) / floor)));
    assert!(s.seconds() > floor && s.seconds() < 1.01 * floor, "{}", s.seconds());
    assert!(bound(&t, &trace, &g).total <= s.total);
    // Products are counted once, whatever the passes.
    let r = report(&t, &trace, 8).expect("short").0;
    assert_eq!(r.flops, 2.0 * 4096.0 * 8192.0 * 8192.0);
    // 20 TFLOP/s is what is printed, 19.66 what the clock gives.
    assert!((0.95..1.0).contains(&r.mfu), "{}", r.mfu);
}

/// nki-dma-overview, Trainium2: 32 KiB on one engine 1,416 ns; 820 ns to the first byte; 320 ns from the last to the consumer.
#[test]
fn published_points_of_one_dma() {
    let t = stated(Gen::Gen3);
    let trace = published::trace("exp-4x4096", Gen::Gen3).expect("known");
    let x = transfer(&t, &trace.instrs[0]);
    assert_eq!(x.engines, 1);
    assert!((x.each as f64 * 1e-3 / 1416.0 - 1.0).abs() < 0.01, "{x:?}");
    let s = run(&t, &trace);
    assert_eq!(s.start[1], x.start + x.each + x.end, "the activation waits for the load");
    assert_eq!((x.start, x.end), (820_000, 320_000));
    // The table load comes on top of the 3,710 ns that the figure shows for the instruction.
    let act = seconds(s.done[1] - s.start[1] - s.table_time);
    assert!((act / 3710e-9 - 1.0).abs() < 0.01, "{act}");
    assert_eq!(s.table_loads, 1);
}

#[test]
fn tables_are_loaded_when_the_function_changes() {
    let mut b = Builder::new(Gen::Gen3, Dge::None);
    let x = b.sbuf(128, 512, Dtype::Bf16);
    for f in [ActFn::Exp, ActFn::Copy, ActFn::Exp, ActFn::Silu, ActFn::Silu, ActFn::Exp] {
        let y = b.sbuf(128, 512, Dtype::Bf16);
        b.act(f, y, x);
    }
    let s = run(&stated(Gen::Gen3), &b.finish());
    assert_eq!(s.table_loads, 3);
    assert_eq!(s.table_time, 3 * 1_330_000);
}

/// Tiles of half the memory: the third load needs the first one's bytes, so it waits for their reader.
#[test]
fn memory_that_is_reused_is_waited_for() {
    let t = stated(Gen::Gen3);
    let half = t.sbuf_bytes / 8;
    let mut b = Builder::new(Gen::Gen3, Dge::None);
    let small = b.sbuf(128, 1, Dtype::Fp32);
    let tiles: Vec<Tile> = (0..3)
        .map(|_| {
            let x = b.sbuf(128, half - 4, Dtype::Fp32);
            b.load(x);
            b.vector(OpCode::TensorReduce, small, &[x]);
            x
        })
        .collect();
    assert_eq!(tiles.len(), 3);
    let s = run(&t, &b.finish());
    assert!(s.start[2] < s.free[1], "the second load has its own half");
    assert!(s.start[4] >= s.free[1], "the third takes the first one's: {} {}", s.start[4], s.free[1]);
}

/// trainium2_arch: Vector and GpSimd could not use SBUF together before; Vector and Scalar share PSUM but for one bank.
#[test]
fn ports_and_banks() {
    let side_by_side = |version: Gen, first: Engine, second: Engine, psum: bool, same: bool| {
        let mut b = Builder::new(version, Dge::None);
        let x = if psum { b.psum(128, 512) } else { b.sbuf(128, 512, Dtype::Fp32) };
        let y = if same {
            x
        } else if psum {
            b.psum(128, 512)
        } else {
            b.sbuf(128, 512, Dtype::Fp32)
        };
        let (u, v) = (b.sbuf(128, 512, Dtype::Fp32), b.sbuf(128, 512, Dtype::Fp32));
        b.run(OpCode::TensorCopy, first, u, &[x]);
        b.run(OpCode::TensorCopy, second, v, &[y]);
        let s = run(&stated(version), &b.finish());
        s.start[1] < s.free[0]
    };
    use Engine::{GpSimd, Scalar, Vector};
    assert!(!side_by_side(Gen::Gen2, Vector, GpSimd, false, false));
    assert!(side_by_side(Gen::Gen3, Vector, GpSimd, false, false));
    assert!(!side_by_side(Gen::Gen2, Vector, Scalar, true, false));
    assert!(side_by_side(Gen::Gen3, Vector, Scalar, true, false));
    assert!(!side_by_side(Gen::Gen3, Vector, Scalar, true, true));
    assert!(side_by_side(Gen::Gen2, Vector, Scalar, false, false));
}

fn instr(engine: Engine, op: OpCode, core: u16, meeting: u32) -> Instr {
    let none = Span::default();
    let cost = Cost { elements: 512, partitions: 128, k: 32, m: 32, n: 512, input: Dtype::Bf16, ..Cost::NONE };
    Instr { op, engine, core, line: 0, cost, reads: none, writes: none, after: none, in_loop: 0, meeting }
}

/// Four 64 x 64 tiles of the array take as long as one and their starts, four whole products four times.
#[test]
fn tiles_of_the_array_run_side_by_side() {
    let t = stated(Gen::Gen3);
    let total = |tile: &dyn Fn(u8) -> [u8; 4]| {
        let mut i = vec![instr(Engine::Tensor, OpCode::NcMatmul, 0, 0); 4];
        for (k, i) in i.iter_mut().enumerate() {
            i.cost.tile = tile(k as u8);
        }
        let s = run(&t, &Trace { instrs: i, ..Trace::default() });
        *s.free.iter().max().expect("four")
    };
    let one = total(&|_| [0; 4]) / 4;
    let tiled = total(&|k| [k / 2 * 64, k % 2 * 64, 64, 64]);
    assert!(tiled < one * 5 / 4, "{tiled} {one}");
    assert_eq!(total(&|_| [0, 0, 64, 64]), 4 * one);
}

/// Both cores leave a barrier when the later one comes; one that nobody else reaches is reported.
#[test]
fn cores_meet() {
    let t = stated(Gen::Gen3);
    let work = |core| instr(Engine::Vector, OpCode::TensorCopy, core, 0);
    let meet = |core| instr(Engine::Vector, OpCode::CoreBarrier, core, 7);
    let instrs = vec![work(0), meet(0), work(0), work(1), work(1), work(1), meet(1), work(1)];
    let s = run(&t, &Trace { instrs, ..Trace::default() });
    assert_eq!(s.start[1], s.start[6]);
    assert_eq!(s.start[6], s.free[5]);
    let stuck = Trace {
        instrs: vec![work(0), instr(Engine::Vector, OpCode::CoreBarrier, 0, 7), instr(Engine::Scalar, OpCode::CoreBarrier, 1, 7)],
        ..Trace::default()
    };
    assert_eq!(schedule(&t, &stuck, 1).expect("short").1.stuck, 0, "both reach it");
    let mut order = stuck;
    order.instrs.swap(0, 1);
    order.after.push(secondsource_neuroncore::InstrId(0));
    order.instrs[2].after = Span { start: 0, len: 1 };
    assert_eq!(schedule(&t, &order, 1).expect("short").1.stuck, 3, "each waits for the other");
}

#[test]
fn leaving_work_out_never_makes_a_kernel_slower_here() {
    let t = stated(Gen::Gen2);
    let trace = published::trace("rmsnorm_matmul", Gen::Gen2).expect("known");
    let (g, s) = schedule(&t, &trace, 1).expect("short");
    for free in [Free::Engine(Engine::Tensor), Free::Engine(Engine::Vector), Free::DmaBytes, Free::DmaLatency, Free::ActTable] {
        assert!(without(&t, &trace, &g, free).total <= s.total, "{free:?}");
    }
}

#[test]
fn every_published_stream_runs_and_repeats() {
    for version in Gen::ALL {
        let t = stated(version);
        for name in published::NAMES.iter().filter(|n| !n.starts_with("matmul-") && !n.starts_with("gemm") && !n.starts_with("tutorial")) {
            let trace = published::trace(name, version).expect("known");
            let (g, s) = schedule(&t, &trace, 1).expect("short");
            assert_eq!(s.stuck, 0, "{name}");
            assert!(bound(&t, &trace, &g).total <= s.total + s.launch, "{name}");
        }
    }
}

/// A stream of accesses to one image: engine, box, read or write.
#[derive(Debug, Clone)]
struct Touch {
    engine: u8,
    first: u8,
    rows: u8,
    low: u32,
    run: u32,
    period: u32,
    count: u32,
    write: bool,
}

fn touches() -> impl Strategy<Value = Vec<Touch>> {
    let one = (0u8..5, 0u8..4, 1u8..4, 0u32..48, 1u32..12, prop::sample::select(vec![0u32, 8, 16]), 1u32..4, any::<bool>()).prop_map(
        |(engine, first, rows, low, run, period, count, write)| Touch {
            engine,
            first,
            rows,
            low,
            run: if period > 0 { run.min(period) } else { run },
            period,
            count,
            write,
        },
    );
    prop::collection::vec(one, 1..40)
}

fn trace_of(list: &[Touch]) -> Trace {
    let mut t = Trace { lines: vec![SourceLine::default()], ..Trace::default() };
    t.storages.push(StorageInfo { place: Place::Sbuf, core: 0, partitions: 8, bytes: 128, image: true, born: 0, died: u32::MAX });
    for x in list {
        let high = if x.period > 0 { x.low + (x.count - 1) * x.period + x.run } else { x.low + x.run };
        t.ranges.push(Range {
            storage: StorageId(0),
            tensor: TensorId(0),
            first: x.first,
            last: x.first + x.rows,
            low: x.low,
            high,
            period: x.period,
            run: x.run,
        });
        let span = Span { start: t.ranges.len() as u32 - 1, len: 1 };
        let none = Span::default();
        let (reads, writes) = if x.write { (none, span) } else { (span, none) };
        let engine = [Engine::Tensor, Engine::Vector, Engine::Scalar, Engine::GpSimd, Engine::Dma][usize::from(x.engine)];
        let cost = Cost {
            elements: x.low + 1,
            partitions: 8,
            n: x.low as u16 + 1,
            m: 32,
            k: 32,
            flags: Flags::default(),
            rows: x.count,
            row_bytes: x.run,
            bytes: 64,
            direction: Direction::HbmToSbuf,
            ..Cost::NONE
        };
        let op = if engine == Engine::Dma {
            OpCode::DmaCopy
        } else if engine == Engine::Tensor {
            OpCode::NcMatmul
        } else {
            OpCode::TensorCopy
        };
        t.instrs.push(Instr { op, engine, core: 0, line: 0, cost, reads, writes, after: none, in_loop: 0, meeting: 0 });
    }
    t
}

/// Bytes of a touch as (partition, byte).
fn bytes(x: &Touch) -> std::collections::BTreeSet<(u8, u32)> {
    let runs = if x.period > 0 { x.count } else { 1 };
    (x.first..x.first + x.rows).flat_map(|p| (0..runs).flat_map(move |r| (0..x.run).map(move |b| (p, x.low + r * x.period + b)))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, rng_seed: proptest::test_runner::RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever shares a byte and is not two reads keeps the order of the program; engines take one instruction at a time.
    #[test]
    fn data_keeps_its_order(list in touches(), version in prop::sample::select(vec![Gen::Gen2, Gen::Gen3]), window in prop::sample::select(vec![1usize, 8])) {
        let t = stated(version);
        let trace = trace_of(&list);
        let (g, s) = schedule(&t, &trace, window).expect("short");
        prop_assert_eq!(s.stuck, 0);
        for (j, b) in list.iter().enumerate() {
            for (i, a) in list[..j].iter().enumerate() {
                if (a.write || b.write) && !bytes(a).is_disjoint(&bytes(b)) {
                    let same = g.stream[i] == g.stream[j];
                    let need = if !a.write || (same && (b.write || trace.instrs[i].engine == Engine::Tensor)) {
                        // A reader, or the same stream: its turn is enough.
                        if same { s.start[i] } else { s.free[i] }
                    } else {
                        s.done[i]
                    };
                    prop_assert!(s.start[j] >= need, "{} {:?} before {} {:?}", j, b, i, a);
                }
            }
        }
        for order in &g.order {
            let mut times: Vec<(u64, u64)> = order.iter().map(|i| (s.start[*i as usize], s.free[*i as usize])).collect();
            if trace.instrs[order[0] as usize].engine != Engine::Dma {
                times.sort_unstable();
                prop_assert!(times.windows(2).all(|w| w[0].1 <= w[1].0));
            }
        }
        prop_assert!(bound(&t, &trace, &g).total <= s.total);
    }
}

/// Products of `rows` x 128 weights and 512 columns, one after the other, into two banks in turn.
fn products(version: Gen, rows: u16, count: u32) -> Trace {
    let mut b = Builder::new(version, Dge::None);
    let (left, right) = (b.sbuf(rows, 128, Dtype::Bf16), b.sbuf(rows, 512, Dtype::Bf16));
    let banks = [b.psum(128, 512), b.psum(128, 512)];
    for at in 0..count {
        b.matmul(banks[at as usize % 2], left, right);
    }
    b.finish()
}

/// The Tensor engine of Trainium2 starts at half of its rate and leaves that when most of a window was in use.
#[test]
fn bursts_of_products_run_at_half_rate() {
    let t = stated(Gen::Gen3);
    let one = 512.0 * t.tensor;
    let busy = |rows: u16, count: u32| run(&t, &products(Gen::Gen3, rows, count)).work[0][Engine::Tensor as usize] as f64 / one;
    // 0.213 us each: half a window of 3 us at half rate is four products, the rest run in full.
    assert!((busy(128, 100) - 104.0).abs() < 0.1, "{}", busy(128, 100));
    // One row of weights never fills the array.
    assert!((busy(1, 100) - 200.0).abs() < 0.1, "{}", busy(1, 100));
    let old = stated(Gen::Gen2);
    let first = run(&old, &products(Gen::Gen2, 128, 100)).work[0][Engine::Tensor as usize] as f64;
    assert!((first / (512.0 * old.tensor) - 100.0).abs() < 0.1, "Trainium1 has no such limit");
}

/// What names no engine goes where less work is; what names one stays.
#[test]
fn open_instructions_share_vector_and_scalar() {
    let t = stated(Gen::Gen3);
    let mut b = Builder::new(Gen::Gen3, Dge::None);
    let x = b.sbuf(128, 4096, Dtype::Fp32);
    for _ in 0..90 {
        let y = b.sbuf(128, 4096, Dtype::Fp32);
        b.vector(OpCode::TensorCopy, y, &[x]);
    }
    let mut trace = b.finish();
    let alone = schedule(&t, &trace, 1).expect("short").1.seconds();
    // Streams by hand say what they run on.
    let given = schedule(&t, &trace, 32).expect("short").1.seconds();
    assert!((given / alone - 1.0).abs() < 1e-9);
    for i in &mut trace.instrs {
        i.cost.flags.0 &= !Flags::ENGINE_GIVEN.0;
    }
    let shared = schedule(&t, &trace, 32).expect("short").1.seconds();
    // Clocks of 0.96 and 1.2 GHz together.
    assert!((alone / shared - (0.96 + 1.2) / 0.96).abs() < 0.05, "{}", alone / shared);
}

/// Descriptors that stand in memory before the kernel starts leave no interval between small transfers.
#[test]
fn static_descriptors_have_no_generator() {
    let t = stated(Gen::Gen3);
    let time = |dge: Dge| {
        let mut b = Builder::new(Gen::Gen3, dge);
        for _ in 0..100 {
            let x = b.sbuf(128, 16, Dtype::Fp32);
            b.load(x);
        }
        run(&t, &b.finish()).total
    };
    assert!(time(Dge::None) * 5 < time(Dge::Unknown));
}
