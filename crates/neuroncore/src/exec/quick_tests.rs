//! The short way of an instruction leaves the bytes, registers and trace of the general way.

use secondsource_base::Stream;
use secondsource_catalog::Catalog;

use super::{general, quick};
use crate::op::{ActFn, AluOp, AluStage, Op, Operand, ReduceCmd, Reduction};
use crate::{Allocation, Dtype, Engine, Gen, Generation, Machine, Place, SourceLine, View};

struct Dice(Stream);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        (self.0.uniform() * n as f64) as usize
    }

    fn one<T: Clone>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())].clone()
    }

    /// A view of some rows and columns of one of the tensors.
    fn view(&mut self, m: &Machine, rows: u32, free: u32) -> View {
        loop {
            let id = crate::TensorId(self.below(m.tensors().len()) as u32);
            let t = &m.tensors()[id.0 as usize];
            let row = t.row_bytes / t.dtype.size() as u32;
            if t.rows < rows || row < free {
                continue;
            }
            let first = [0, 32, 64][self.below(3)].min(t.rows - rows);
            let column = self.below((row - free + 1) as usize) as u32 * u32::from(self.below(3) > 0);
            let offset = i64::from(first * row + column);
            let flat = [(i64::from(row), rows), (1, free)];
            let halves = [(i64::from(row), rows), (i64::from(free / 2), 2), (1, free / 2)];
            let still = [(i64::from(row), rows), (0, free)];
            let dims: &[(i64, u32)] = match self.below(8) {
                0 if free.is_multiple_of(2) => &halves,
                1 => &still,
                _ => &flat,
            };
            return View::new(id, t.dtype, offset, dims).expect("three dimensions");
        }
    }

    fn operand(&mut self, m: &Machine, rows: u32) -> Operand {
        match self.below(2) {
            0 => Operand::Value(self.one(&[0.0, 1.0, 0.5, -3.25])),
            _ => Operand::View(self.view(m, rows, 1)),
        }
    }

    fn stage(&mut self, m: &Machine, rows: u32) -> AluStage {
        AluStage { op: self.alu(), operand: self.operand(m, rows), reverse: self.below(2) == 0 }
    }

    fn alu(&mut self) -> AluOp {
        use AluOp::{Add, Max, Min, Multiply, Subtract};
        if self.below(3) == 0 { self.one(&AluOp::ALL) } else { self.one(&[Add, Subtract, Multiply, Max, Min]) }
    }

    fn op(&mut self, m: &Machine) -> Op {
        let rows = self.one(&[128, 128, 128, 64, 32, 1]);
        let free = self.one(&[1, 2, 7, 16, 32, 60]);
        let (dst, a, b) = (self.view(m, rows, free), self.view(m, rows, free), self.view(m, rows, free));
        let a = if self.below(3) == 0 { dst.clone() } else { a };
        let engine = self.one(&[None, None, None, Some(Engine::Vector), Some(Engine::Scalar), Some(Engine::GpSimd)]);
        let function = self.one(&ActFn::ALL);
        let cmd = self.one(&[ReduceCmd::Idle, ReduceCmd::ResetReduce, ReduceCmd::Reduce]);
        let result = (self.below(2) == 0).then(|| self.view(m, rows, 1));
        match self.below(9) {
            0 | 1 => Op::TensorTensor { dst, data1: a, data2: b, op: self.alu(), engine },
            2 | 3 => {
                let stage1 = (self.below(2) == 0).then(|| self.stage(m, rows));
                Op::TensorScalar { dst, data: a, stage0: self.stage(m, rows), stage1, engine }
            }
            4 => Op::ScalarTensorTensor { dst, data: a, stage0: self.stage(m, rows), op1: self.alu(), operand1: b, reverse1: rows == 64 },
            5 => Op::TensorCopy { dst, src: a, engine },
            6 => self.one(&[Op::Memset { dst: dst.clone(), value: 0.5, engine }, Op::Reciprocal { dst, data: a }]),
            7 => Op::TensorReduce { dst: self.view(m, rows, 1), data: a, op: self.alu(), axes: 1, negate: free == 7 },
            _ => Op::Activation {
                dst,
                data: a,
                function,
                scale: self.operand(m, rows),
                bias: (self.below(2) == 0).then(|| self.operand(m, rows)),
                reduction: Reduction { cmd, result, ..Reduction::NONE },
            },
        }
    }
}

fn machine(version: Gen) -> Machine {
    let mut m = Machine::new(Generation::read(Catalog::embedded(), version).expect("tables"), 1, 1, 3);
    for (place, dtype, rows, row, address) in [
        (Place::Sbuf, Dtype::Fp32, 128, 60, None),
        (Place::Sbuf, Dtype::Fp32, 128, 60, None),
        (Place::Sbuf, Dtype::Bf16, 128, 60, None),
        (Place::Sbuf, Dtype::Bf16, 128, 32, None),
        (Place::Sbuf, Dtype::Fp16, 128, 60, None),
        (Place::Sbuf, Dtype::U8, 128, 60, None),
        (Place::Sbuf, Dtype::Fp32, 128, 1, None),
        (Place::Sbuf, Dtype::Bf16, 128, 1, None),
        (Place::Sbuf, Dtype::Fp32, 128, 2000, None),
        (Place::Psum, Dtype::Fp32, 128, 64, None),
        (Place::Psum, Dtype::Fp32, 128, 64, None),
        (Place::Sbuf, Dtype::Fp32, 128, 60, Some((0, 0))),
        (Place::Sbuf, Dtype::Fp32, 128, 60, Some((0, 64))),
        (Place::Sbuf, Dtype::Fp32, 64, 60, Some((64, 128))),
    ] {
        let line = SourceLine::default();
        let id = m.alloc(Allocation { core: 0, place, dtype, rows, row_elements: row, address, name: String::new(), line }).expect("fits");
        let n = rows as usize * row as usize;
        let value = |i: usize| crate::convert::encode_one(dtype, ((i * 37 + n) % 101) as f32 * 0.11 - 5.0);
        let bytes: Vec<u8> = (0..n).flat_map(|i| value(i).to_le_bytes()[..dtype.size()].to_vec()).collect();
        m.write(id, &bytes).expect("right size");
    }
    m
}

#[test]
fn both_ways_leave_the_same() {
    let (mut short, mut all) = (0, 0);
    for (seed, version) in [(1, Gen::Gen2), (2, Gen::Gen3), (3, Gen::Gen4)] {
        let mut dice = Dice(Stream::new(seed, "two ways"));
        let (mut a, mut b) = (machine(version), machine(version));
        let line = a.line(SourceLine::default());
        b.line(SourceLine::default());
        for _ in 0..600 {
            let op = dice.op(&a);
            let Ok(id) = general(&mut b, 0, &op, line) else {
                assert_eq!(quick::run(&mut a, 0, &op, line), None, "{op:?}");
                continue;
            };
            all += 1;
            match quick::run(&mut a, 0, &op, line) {
                Some(quick) => {
                    short += 1;
                    assert_eq!(quick, id);
                }
                None => assert_eq!(general(&mut a, 0, &op, line), Ok(id)),
            }
            let (x, y) = (a.trace.instrs.last().expect("just run"), b.trace.instrs.last().expect("just run"));
            assert_eq!(x, y, "{op:?}");
            assert_eq!(a.trace.reads(x), b.trace.reads(y), "{op:?}");
            assert_eq!(a.trace.writes(x), b.trace.writes(y), "{op:?}");
            for id in 0..a.tensors.len() {
                let whole = a.whole(crate::TensorId(id as u32)).expect("a tensor");
                let (x, y) = (a.values(&whole).expect("live"), b.values(&whole).expect("live"));
                assert!(same(&x, &y), "{op:?}");
            }
            let lanes = |m: &Machine| m.cores[0].scalar.iter().map(|v| f64::from(*v)).collect::<Vec<_>>();
            assert!(same(&lanes(&a), &lanes(&b)), "{op:?}");
        }
        for (x, y) in a.psum.values().zip(b.psum.values()) {
            assert_eq!(x, y);
        }
    }
    assert!(short * 3 > all, "{short} of {all} went the short way");
}

/// Equal bits, or both NaN: which of two NaNs an addition passes on is left to the compiler.
fn same(x: &[f64], y: &[f64]) -> bool {
    x.iter().zip(y).all(|(x, y)| x.to_bits() == y.to_bits() || (x.is_nan() && y.is_nan()))
}
