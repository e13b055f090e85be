//! Instructions with operands drawn at random, most of them illegal: each runs or is refused, none panics, and what is
//! refused leaves no trace.

use secondsource_base::Stream;
use secondsource_neuroncore::check::check;
use secondsource_neuroncore::op::*;
use secondsource_neuroncore::trace::Dge;
use secondsource_neuroncore::*;

use crate::support::{Lab, noise};

struct Dice {
    stream: Stream,
    /// Shape that most views of an instruction have.
    shape: (u32, u32),
}

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.stream.below(n)
    }

    fn one<T: Clone>(&mut self, list: &[T]) -> T {
        list[self.below(list.len() as u64) as usize].clone()
    }

    fn chance(&mut self, p: f64) -> bool {
        self.stream.chance(p)
    }

    /// A view that often fits: the whole tensor, a part of it, or numbers without sense.
    fn view(&mut self, lab: &Lab, tensors: &[View]) -> View {
        let whole = self.one(tensors);
        let mut v = match self.below(8) {
            0 => whole,
            1..7 => {
                let t = lab.m.tensor(whole.tensor).expect("allocated").clone();
                let row = i64::from(t.row_bytes) / t.dtype.size() as i64;
                let (rows, n) = (self.shape.0.min(t.rows), self.shape.1.min(row as u32));
                View::new(whole.tensor, t.dtype, 0, &[(row, rows), (1, n)]).expect("two dimensions")
            }
            _ => {
                let dims: Vec<(i64, u32)> = (0..self.below(6)).map(|_| (self.below(300) as i64 - 40, self.below(40) as u32)).collect();
                let dtype = self.one(&Dtype::ALL);
                let offset = self.one(&[0, 1, -1, 1000, i64::MAX / 2, i64::MIN / 2]);
                View::new(TensorId(self.below(12) as u32), dtype, offset, &dims).expect("few dimensions")
            }
        };
        if self.chance(0.1) {
            v.dtype = self.one(&Dtype::ALL);
        }
        if self.chance(0.05) {
            let index = self.one(tensors);
            let (row, rows) = (self.one(&[1, 8, 64, -3, i64::MAX]), self.below(200) as u32);
            v.indirect = Some(Box::new(match self.below(4) {
                0 => Indirect::Vector { index, row, rows },
                1 => Indirect::Free { index },
                2 => Indirect::Scalar { index: ScalarIndex::Register(RegId(self.below(2) as u32)), row, rows },
                _ => Indirect::Scalar { index: ScalarIndex::View(index), row, rows },
            }));
        }
        v
    }

    fn operand(&mut self, lab: &Lab, tensors: &[View]) -> Operand {
        if self.chance(0.5) {
            Operand::Value(self.one(&[0.0, 1.0, -3.5, 1e30, f64::NAN, 255.0]))
        } else {
            Operand::View(self.view(lab, tensors))
        }
    }

    fn alu(&mut self) -> AluOp {
        let names = [
            "add",
            "subtract",
            "multiply",
            "divide",
            "maximum",
            "power",
            "mod",
            "bitwise_and",
            "left_shift",
            "equal",
            "abs",
            "rsqrt",
            "mean",
            "bypass",
            "logical_xor",
            "invert",
        ];
        AluOp::parse(self.one(&names)).expect("known")
    }

    fn stage(&mut self, lab: &Lab, t: &[View]) -> AluStage {
        AluStage { op: self.alu(), operand: self.operand(lab, t), reverse: self.chance(0.3) }
    }

    fn reduction(&mut self, lab: &Lab, t: &[View]) -> Reduction {
        let cmd = self.one(&[ReduceCmd::Idle, ReduceCmd::Reset, ReduceCmd::Reduce, ReduceCmd::ResetReduce, ReduceCmd::LoadReduce]);
        let result = self.chance(0.5).then(|| match self.operand(lab, t) {
            Operand::View(v) => v,
            Operand::Value(_) => self.view(lab, t),
        });
        let init = self.chance(0.5).then(|| self.operand(lab, t));
        Reduction { cmd, op: self.alu(), result, init, negate: self.chance(0.2) }
    }

    fn op(&mut self, lab: &Lab, t: &[View]) -> Op {
        let engine = self.one(&[None, None, None, Some(Engine::Vector), Some(Engine::Scalar), Some(Engine::GpSimd), Some(Engine::Tensor)]);
        self.shape = self.one(&[(32, 8), (32, 32), (64, 16), (1, 64), (128, 1), (128, 64), (16, 16)]);
        let view = |d: &mut Dice| d.view(lab, t);
        let (dst, a, b, c, e) = (view(self), view(self), view(self), view(self), view(self));
        let yes = self.chance(0.5);
        let pattern = Pattern {
            dims: (0..self.below(6)).map(|_| (self.below(9) as i32 - 4, self.below(20) as u32)).collect(),
            offset: self.one(&[0, 5, i32::MAX]),
            channel: self.one(&[0, 1, i32::MIN]),
        };
        let function = self.one(&ActFn::ALL);
        let oob = self.one(&[OutOfBounds::Error, OutOfBounds::Skip]);
        let dge = self.one(&[Dge::Unknown, Dge::Software, Dge::Hardware, Dge::None]);
        let accumulate = self.one(&[None, Some(true), Some(false)]);
        let tile = self.chance(0.2).then(|| Tile {
            row: self.below(140) as u8,
            column: self.below(140) as u8,
            rows: self.below(140) as u8,
            columns: 128,
        });
        match self.below(46) {
            0 => Op::DmaCopy { dst, src: a, oob, dge, engine, priority: self.below(5) as u8 },
            1 => Op::DmaTranspose { dst, src: a, oob, dge, priority: 0 },
            2 => Op::DmaCompute { dst, srcs: vec![a, b], op: self.alu(), scales: vec![], oob, unique: yes },
            3 => Op::TensorCopy { dst, src: a, engine },
            4 => Op::TensorCopyPredicated { dst, src: self.operand(lab, t), predicate: a, reverse: yes },
            5 => Op::Memset { dst, value: self.one(&[0.0, 1.0, -1e20, f64::NAN]), engine },
            6 | 7 => Op::NcMatmul {
                dst,
                stationary: a,
                moving: b,
                accumulate,
                transpose: yes,
                double_row: self.chance(0.2),
                tile,
                one_zero: false,
            },
            8 => Op::NcMatmulMx { dst, stationary: a, moving: b, stationary_scale: c, moving_scale: e, accumulate, tile },
            9 => Op::NcTranspose { dst, data: a, engine },
            10 | 11 => Op::TensorTensor { dst, data1: a, data2: b, op: self.alu(), engine },
            12 | 13 => {
                let (stage0, stage1) = (self.stage(lab, t), yes.then(|| self.stage(lab, t)));
                Op::TensorScalar { dst, data: a, stage0, stage1, engine }
            }
            14 => Op::ScalarTensorTensor { dst, data: a, stage0: self.stage(lab, t), op1: self.alu(), operand1: b, reverse1: yes },
            15 => Op::TensorScalarReduce { dst, data: a, stage0: self.stage(lab, t), reduction: self.reduction(lab, t) },
            16 => Op::TensorScalarCumulative { dst, src: a, stage0: self.stage(lab, t), reduction: self.reduction(lab, t) },
            17 => Op::TensorReduce { dst, data: a, op: self.alu(), axes: self.below(5) as u8, negate: yes },
            18 => Op::TensorPartitionReduce { dst, data: a, op: self.alu() },
            19 => Op::TensorTensorScan {
                dst,
                data0: a,
                data1: b,
                initial: self.operand(lab, t),
                op0: self.alu(),
                op1: self.alu(),
                reverse0: yes,
                reverse1: false,
            },
            20 => Op::Activation {
                dst,
                data: a,
                function,
                scale: self.operand(lab, t),
                bias: yes.then(|| self.operand(lab, t)),
                reduction: self.reduction(lab, t),
            },
            21 => Op::ActivationReduce { dst, data: a, function, scale: self.operand(lab, t), bias: None, op: self.alu(), result: b },
            22 => Op::Activate2 {
                dst,
                data: a,
                function,
                stage0: self.stage(lab, t),
                stage1: self.stage(lab, t),
                relu_param: self.operand(lab, t),
                reduction: self.reduction(lab, t),
            },
            23 => Op::Exponential { dst, src: a, max_value: self.operand(lab, t), reduction: self.reduction(lab, t) },
            24 => Op::Reciprocal { dst, data: a },
            25 => Op::SelectReduce {
                dst,
                predicate: a,
                on_true: b,
                on_false: self.operand(lab, t),
                reverse: yes,
                reduction: self.reduction(lab, t),
            },
            26 => Op::RangeSelect {
                dst,
                data: a,
                op0: self.alu(),
                op1: self.alu(),
                bound0: b,
                bound1: c,
                start: self.one(&[0, -1, i64::MAX]),
                on_false: f32::MIN,
                reduction: self.reduction(lab, t),
            },
            27 => Op::AffineSelect { dst, pattern, on_true: a, on_false: 0.0, op: self.alu() },
            28 => Op::Iota { dst, pattern },
            29 => Op::BnStats { dst, data: a },
            30 => Op::BnAggr { dst, data: a },
            31 => Op::Max8 { dst, src: a },
            32 => Op::NcFindIndex8 { dst, data: a, vals: b },
            33 => Op::NcMatchReplace8 { dst, data: a, vals: b, imm: 0.0, dst_idx: yes.then_some(c) },
            34 => Op::NcStreamShuffle { dst, src: a, mask: [self.below(40) as u8; 32] },
            35 => Op::LocalGather { dst, src: a, index: b, elems: self.one(&[1, 4, 3]), valid: yes.then_some(7) },
            36 => Op::NcNGather { dst, data: a, indices: b },
            37 => Op::Topk { val_dst: dst, idx_dst: a, src: b, n: self.below(90) as u32 },
            38 => Op::NonzeroWithCount { dst, src: a, index_offset: i32::MAX, padding: -1 },
            39 => Op::SequenceBounds { dst, segment_ids: a },
            40 => Op::QuantizeMx { dst, src: a, dst_scale: b },
            41 => Op::Dropout { dst, data: a, prob: self.operand(lab, t) },
            42 => Op::Rand2 { dst, min: self.operand(lab, t), max: self.operand(lab, t) },
            43 => self.one(&[
                Op::Rng { dst, engine },
                Op::RandSetState { src: a.clone(), engine },
                Op::RandGetState { dst: b, engine },
                Op::SetRngSeed { src: a },
            ]),
            44 => self.one(&[
                Op::RegisterMove { dst: RegId(0), value: RegisterValue::Constant(7) },
                Op::RegisterMove { dst: RegId(0), value: RegisterValue::Register(RegId(9)) },
                Op::RegisterLoad { dst: RegId(0), src: a },
                Op::RegisterStore { dst, src: RegId(0) },
            ]),
            _ => Op::Collective {
                kind: Collective::AllGather,
                dsts: vec![dst],
                srcs: vec![a],
                op: self.alu(),
                groups: vec![],
                pairs: vec![],
                dim: self.below(4) as usize as u8,
                metadata: None,
            },
        }
    }
}

#[test]
fn no_instruction_panics_and_refusals_leave_no_trace() {
    for (seed, version) in [(1, Gen::Gen2), (2, Gen::Gen3), (3, Gen::Gen4), (4, Gen::Gen4)] {
        let mut lab = Lab::new(version);
        let mut dice = Dice { stream: Stream::new(seed, "instructions"), shape: (1, 1) };
        lab.m.register();
        let mut tensors = Vec::new();
        for (place, dtype, rows, row) in [
            (Place::Sbuf, Dtype::Fp32, 128, 64),
            (Place::Sbuf, Dtype::Bf16, 128, 64),
            (Place::Sbuf, Dtype::Fp32, 128, 1),
            (Place::Sbuf, Dtype::I32, 32, 64),
            (Place::Sbuf, Dtype::U16, 128, 8),
            (Place::Sbuf, Dtype::Fp8E4, 64, 64),
            (Place::Sbuf, Dtype::Fp8E4FnX4, 128, 16),
            (Place::Psum, Dtype::Fp32, 128, 64),
            (Place::Psum, Dtype::Fp32, 64, 128),
            (Place::Hbm, Dtype::Fp32, 1, 8192),
            (Place::Hbm, Dtype::Bf16, 1, 999),
        ] {
            let t = lab.alloc(0, place, dtype, rows, row, None).expect("fits");
            let v = lab.m.whole(t).expect("live");
            let n = rows as usize * row as usize;
            lab.put(&v, &noise(n, seed).iter().map(|x| x * 20.0).collect::<Vec<_>>());
            tensors.push(v);
        }
        let (mut ran, mut refused) = (std::collections::BTreeSet::new(), 0);
        for _ in 0..20_000 {
            let op = dice.op(&lab, &tensors);
            let code = op.code();
            let before = (lab.m.trace().instrs.len(), lab.m.trace().ranges.len(), lab.m.tensors().len());
            match lab.try_run(op) {
                Ok(_) => {
                    ran.insert(code.name());
                }
                Err(f) => {
                    refused += 1;
                    assert_ne!(f.rule, "internal", "{f}");
                    assert_eq!(before, (lab.m.trace().instrs.len(), lab.m.trace().ranges.len(), lab.m.tensors().len()), "{f}");
                }
            }
        }
        // The draw is no test if nearly nothing is legal.
        assert!(ran.len() >= 22 && refused > 1000, "{version:?}: {} kinds ran: {ran:?}; {refused} refused", ran.len());
        check(&lab.m);
    }
}
