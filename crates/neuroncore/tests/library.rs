//! Our kernels as instruction streams: what they compute, move and keep to.

use secondsource_neuroncore::kernels::library::{Format, Work};
use secondsource_neuroncore::schedule::{bound, schedule};
use secondsource_neuroncore::trace::{Direction, Flags, OpCode, Trace};
use secondsource_neuroncore::{Gen, Place, Timing};

/// Multiply-adds times two of all products but transposes, passes of wide formats included.
fn flops(trace: &Trace, depth: f64) -> f64 {
    let products = trace.instrs.iter().filter(|i| i.op == OpCode::NcMatmul && !i.cost.flags.has(Flags::TRANSPOSE));
    products.map(|i| 2.0 * f64::from(i.cost.k) * depth * f64::from(i.cost.m) * f64::from(i.cost.n)).sum()
}

fn dma(trace: &Trace, direction: Direction) -> f64 {
    trace.instrs.iter().filter(|i| matches!(i.op, OpCode::DmaCopy) && i.cost.direction == direction).map(|i| i.cost.bytes as f64).sum()
}

#[test]
fn products_compute_what_they_say() {
    for (format, version, depth) in [(Format::Bf16, Gen::Gen2, 1.0), (Format::Fp8, Gen::Gen3, 2.0), (Format::MxFp8, Gen::Gen4, 4.0)] {
        for (m, n, k) in [(128, 128, 512), (2048, 512, 2048), (512, 2048, 8192), (384, 640, 1024)] {
            let work = Work::Matmul { format, m, n, k };
            let trace = work.trace(version);
            assert!((flops(&trace, depth) / work.flops() - 1.0).abs() < 1e-12, "{work:?}");
            // The result leaves once, in bf16.
            assert_eq!(dma(&trace, Direction::SbufToHbm), 2.0 * f64::from(m) * f64::from(n), "{work:?}");
            let size = 2.0 / depth;
            assert!(dma(&trace, Direction::HbmToSbuf) >= size * f64::from(k) * f64::from(m + n), "{work:?}");
        }
    }
}

/// Tiles above the diagonal are left out: forward between half of the square and that with its diagonal banks whole.
#[test]
fn causal_attention_computes_the_lower_half() {
    for (seq, width) in [(512, 64), (2048, 128), (4096, 192)] {
        let (half, bank) = (f64::from(seq) / 2.0, 512.0);
        let whole = |products: f64| products * 2.0 * f64::from(seq) * f64::from(width) * (half + bank);
        let f = flops(&Work::AttentionForward { seq, width }.trace(Gen::Gen3), 1.0);
        assert!(f >= Work::AttentionForward { seq, width }.flops() && f <= whole(2.0), "{seq} {width}: {f}");
        let b = flops(&Work::AttentionBackward { seq, width }.trace(Gen::Gen3), 1.0);
        assert!(b >= Work::AttentionBackward { seq, width }.flops() && b <= whole(5.0), "{seq} {width}: {b}");
    }
}

/// Streamed kernels move at least what must cross once; only the loss, whose rows pass twice, moves more than 2% beyond it.
#[test]
fn streams_move_their_bytes() {
    let (rows, width) = (1024, 4096);
    for work in [
        Work::RmsNorm { rows, width },
        Work::Rotary { rows, width },
        Work::SwiGlu { rows, width },
        Work::Softmax { rows, width },
        Work::CrossEntropy { rows, width },
        Work::AdamW { rows, width },
        Work::Dispatch { rows, width },
    ] {
        let trace = work.trace(Gen::Gen4);
        let moved = dma(&trace, Direction::HbmToSbuf) + dma(&trace, Direction::SbufToHbm);
        // Six bytes a logit are counted with both passes; the angles of a rotary embedding come on top.
        assert!(moved >= work.bytes() && moved <= work.bytes() * 1.04, "{work:?}: {moved} of {}", work.bytes());
    }
}

/// Every operand keeps the limits of its memory: 128 partitions, the bytes of SBUF, one bank for a product's columns, and no
/// product longer than the array takes.
#[test]
fn streams_keep_the_limits() {
    let all = [
        Work::Matmul { format: Format::Bf16, m: 8192, n: 2048, k: 8192 },
        Work::AttentionForward { seq: 8192, width: 256 },
        Work::AttentionBackward { seq: 4096, width: 256 },
        Work::RmsNorm { rows: 256, width: 16384 },
        Work::CrossEntropy { rows: 256, width: 16384 },
        Work::AdamW { rows: 256, width: 16384 },
    ];
    for version in Gen::ALL {
        let t = Timing::embedded(version).expect("tables");
        for work in all {
            let trace = work.trace(version);
            for s in &trace.storages {
                let limit = match s.place {
                    Place::Sbuf => t.sbuf_bytes,
                    Place::Psum => t.psum_bank_bytes,
                    Place::Hbm | Place::Register => u32::MAX,
                };
                assert!(s.partitions <= 128 && s.bytes <= limit, "{work:?}: {s:?}");
            }
            for i in trace.instrs.iter().filter(|i| i.op == OpCode::NcMatmul) {
                assert!(i.cost.k <= 128 && i.cost.m <= 128 && i.cost.n <= 512, "{work:?}: {:?}", i.cost);
            }
        }
    }
}

/// No kernel beats its bound, nor the array's clock.
#[test]
fn no_kernel_beats_its_bound() {
    for version in Gen::ALL {
        let t = Timing { launch: 0.0, ..Timing::embedded(version).expect("tables") };
        for work in [Work::Matmul { format: Format::Bf16, m: 2048, n: 2048, k: 2048 }, Work::AttentionForward { seq: 2048, width: 128 }] {
            let trace = work.trace(version);
            let (g, s) = schedule(&t, &trace, 32).expect("short");
            assert_eq!(s.stuck, 0);
            assert!(s.total >= bound(&t, &trace, &g).total, "{work:?}");
            let peak = 128.0 * 128.0 * 2.0 / (t.tensor * 1e-12);
            assert!(work.flops() / s.seconds() < peak, "{work:?}");
        }
    }
}
