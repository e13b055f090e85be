//! Instructions that work element by element, some with a reduction of each partition into the engine's registers.

use crate::access::{Access, Cursor};
use crate::exec::Cx;
use crate::exec::cx::Input;
use crate::exec::map::{Blocks, map, map_rows, write_column};
use crate::fault::Fault;
use crate::generation::Gen;
use crate::op::{ActFn, AluOp, AluStage, Op, Operand, ReduceCmd, Reduction};
use crate::tensor::View;
use crate::trace::{Cost, Engine, Flags, InstrId};
use crate::{Dtype, act, alu};

pub(super) fn run(cx: &mut Cx<'_>, op: &Op) -> Result<InstrId, Fault> {
    match op {
        Op::TensorTensor { dst, data1, data2, op, engine } => tensor_tensor(cx, dst, data1, data2, *op, *engine),
        Op::TensorScalar { dst, data, stage0, stage1, engine } => tensor_scalar(cx, dst, data, stage0, stage1.as_ref(), *engine),
        Op::ScalarTensorTensor { dst, data, stage0, op1, operand1, reverse1 } => {
            scalar_tensor_tensor(cx, dst, data, stage0, *op1, operand1, *reverse1)
        }
        Op::Reciprocal { dst, data } => {
            let (dst, data) = tile_to_tile(cx, dst, data, "data")?;
            map(cx, &dst, &[Input::Access(data)], false, &|blocks, n| alu::unary(AluOp::Reciprocal, &mut blocks[0][..n]));
            let cost = Cx::with_alu(cx.cost(&[&data], &dst), AluOp::Reciprocal, None);
            Ok(cx.finish(Engine::Vector, cost))
        }
        Op::Activation { dst, data, function, scale, bias, reduction } => {
            activation(cx, dst, data, *function, (scale, bias.as_ref()), reduction)
        }
        Op::ActivationReduce { dst, data, function, scale, bias, op, result } => {
            let reduction = Reduction { cmd: ReduceCmd::ResetReduce, op: *op, result: Some(result.clone()), ..Reduction::NONE };
            activation(cx, dst, data, *function, (scale, bias.as_ref()), &reduction)
        }
        Op::Activate2 { dst, data, function, stage0, stage1, relu_param, reduction } => {
            activate2(cx, dst, data, *function, [stage0, stage1], relu_param, reduction)
        }
        Op::Exponential { dst, src, max_value, reduction } => exponential(cx, dst, src, max_value, reduction),
        Op::TensorScalarReduce { dst, data, stage0, reduction } => tensor_scalar_reduce(cx, dst, data, stage0, reduction),
        _ => Err(cx.fault("internal", "", "not an element-wise instruction", None)),
    }
}

/// Names a destination and one input of the same shape on chip.
fn tile_to_tile(cx: &mut Cx<'_>, dst: &View, data: &View, name: &'static str) -> Result<(Access, Access), Fault> {
    let data = cx.read(name, data)?;
    let dst = cx.write("dst", dst)?;
    cx.on_chip(name, &data)?;
    cx.on_chip("dst", &dst)?;
    cx.unpacked(name, &data)?;
    cx.unpacked("dst", &dst)?;
    cx.same_shape("dst", &dst, name, &data)?;
    Ok((dst, data))
}

fn is_32_bit(a: &Access) -> bool {
    matches!(a.dtype, Dtype::I32 | Dtype::U32)
}

fn tensor_tensor(cx: &mut Cx<'_>, dst: &View, data1: &View, data2: &View, op: AluOp, engine: Option<Engine>) -> Result<InstrId, Fault> {
    let (dst, a) = tile_to_tile(cx, dst, data1, "data1")?;
    let b = cx.read("data2", data2)?;
    cx.on_chip("data2", &b)?;
    cx.unpacked("data2", &b)?;
    cx.same_shape("data2", &b, "data1", &a)?;
    if op.is_unary() || op == AluOp::Average {
        return Err(cx.fault("operator", "op", format!("`{}` takes one input", op.name()), Some("use `tensor_scalar` or `activation`")));
    }
    cx.not_both_psum("data1", &a, "data2", &b)?;
    cx.bitvec(op, &[("dst", &dst), ("data1", &a), ("data2", &b)])?;
    let integers = [&dst, &a, &b].into_iter().all(is_32_bit) && !op.is_bitvec();
    let may: &[Engine] = match op {
        AluOp::Power => &[Engine::GpSimd],
        _ if integers => &[Engine::GpSimd, Engine::Vector],
        _ => &[Engine::Vector, Engine::GpSimd],
    };
    let ran = cx.engine(engine, may, &[&dst, &a, &b])?;
    if op == AluOp::Power && ran != Engine::GpSimd {
        return Err(cx.fault("gpsimd-psum", "op", "`power` runs on GpSimd, which cannot reach PSUM", Some("copy to SBUF first")));
    }
    if op.is_bitvec() || (integers && ran == Engine::GpSimd) {
        let signed = a.dtype == Dtype::I32 || (op.is_bitvec() && matches!(a.dtype, Dtype::I8 | Dtype::I16));
        map_bits(cx, &dst, &a, &BitsInput::Access(b), &|x, y| {
            if op.is_bitvec() { alu::bits(op, x, y) } else { alu::integer(op, x, y, signed) }
        });
    } else {
        map(cx, &dst, &[Input::Access(a), Input::Access(b)], op == AluOp::Power, &|blocks, n| {
            let (x, y) = two(blocks);
            alu::binary(op, &mut x[..n], &y[..n], false);
        });
    }
    let cost = Cx::with_alu(cx.cost(&[&a, &b], &dst), op, None);
    let cost = Cost { flags: cost.flags.with_if(engine.is_some(), Flags::ENGINE_GIVEN), ..cost };
    Ok(cx.finish(ran, cost))
}

/// Blocks 0 and 1.
fn two(blocks: &mut Blocks) -> (&mut [f32], &[f32]) {
    let (a, b) = blocks.split_at_mut(1);
    (&mut a[0], &b[0])
}

/// The second input of an integer operation.
#[expect(clippy::large_enum_variant, reason = "one on the stack")]
enum BitsInput {
    Constant(u32),
    Access(Access),
}

/// `dst = f(a, b)` on 32-bit patterns; all of the inputs are read before anything is written.
fn map_bits(cx: &mut Cx<'_>, dst: &Access, a: &Access, b: &BitsInput, f: &dyn Fn(u32, u32) -> u32) {
    let memory = cx.memory();
    let mut x = memory.all_bits(a);
    match b {
        BitsInput::Constant(c) => x.iter_mut().for_each(|v| *v = f(*v, *c)),
        BitsInput::Access(b) => {
            let y = memory.all_bits(b);
            x.iter_mut().zip(&y).for_each(|(v, w)| *v = f(*v, *w));
            memory.give_bits(y);
        }
    }
    memory.write_bits(dst, &mut Cursor::new(dst, 0), &x);
    memory.give_bits(x);
}

/// A stage's operand with its checks: fp32 for arithmetic, integer for bit operators.
fn stage_input(cx: &mut Cx<'_>, name: &'static str, s: &AluStage, data: &Access) -> Result<Input, Fault> {
    if s.op.is_unary() {
        return Ok(Input::Constant(0.0));
    }
    if s.op == AluOp::Average {
        return Err(cx.fault("operator", name, "`mean` is no element-wise operator", None));
    }
    let input = cx.operand(name, &s.operand, data.first(), data.free())?;
    if let Input::Access(a) = &input {
        let fits = if s.op.is_bitvec() { a.dtype.is_integer() } else { a.dtype == Dtype::Fp32 || (is_32_bit(a) && is_32_bit(data)) };
        if !fits {
            let want = if s.op.is_bitvec() { "an integer type" } else { "float32" };
            return Err(cx.fault(
                "operand-dtype",
                name,
                format!("{}, but must be {want}", a.dtype.name()),
                Some("copy it into a tile of that type"),
            ));
        }
    }
    Ok(input)
}

fn tensor_scalar(
    cx: &mut Cx<'_>,
    dst: &View,
    data: &View,
    stage0: &AluStage,
    stage1: Option<&AluStage>,
    engine: Option<Engine>,
) -> Result<InstrId, Fault> {
    let (dst, data) = tile_to_tile(cx, dst, data, "data")?;
    let b0 = stage_input(cx, "operand0", stage0, &data)?;
    let b1 = stage1.map(|s| stage_input(cx, "operand1", s, &data)).transpose()?;
    let bitvec = stage0.op.is_bitvec();
    if let Some(s) = stage1.filter(|s| s.op.is_bitvec() != bitvec && s.op != AluOp::Bypass && stage0.op != AluOp::Bypass) {
        let message = format!("`{}` and `{}`: both operators must work on bits, or both on numbers", stage0.op.name(), s.op.name());
        return Err(cx.fault("operator-mix", "op1", message, Some("use two instructions")));
    }
    cx.bitvec(stage0.op, &[("dst", &dst), ("data", &data)])?;
    let rsqrt = [Some(stage0), stage1].into_iter().flatten().any(|s| s.op == AluOp::Rsqrt);
    let may: &[Engine] = if bitvec {
        &[Engine::Vector]
    } else if rsqrt {
        &[Engine::GpSimd, Engine::Vector, Engine::Scalar]
    } else {
        &[Engine::Vector, Engine::Scalar, Engine::GpSimd]
    };
    let ran = cx.engine(engine, may, &[&dst, &data])?;
    if ran == Engine::Scalar && cx.m.generation.version < Gen::Gen4 {
        let ops = (stage0.op, stage1.map(|s| s.op));
        let known = matches!(ops, (AluOp::Multiply, None | Some(AluOp::Add)) | (AluOp::Add, None));
        if !known || cx.m.generation.version == Gen::Gen2 {
            let message = "the Scalar engine runs multiply, add and multiply-add only, from trn2 on";
            return Err(cx.fault("engine", "op0", message, Some("use the Vector engine or `activation`")));
        }
    }
    let stages: Vec<(&AluStage, Input)> = [Some((stage0, b0)), stage1.zip(b1)].into_iter().flatten().collect();
    let whole = |s: &(&AluStage, Input)| match (&s.0.operand, &s.1) {
        _ if s.0.op.is_unary() => {
            matches!(s.0.op, AluOp::BitwiseNot | AluOp::Abs | AluOp::Square | AluOp::Relu | AluOp::Negative | AluOp::LogicalNot)
        }
        (Operand::Value(v), _) => *v == libm::trunc(*v),
        (_, Input::Access(a)) => a.dtype.is_integer(),
        _ => false,
    };
    let exact = !matches!(stage0.op, AluOp::Divide | AluOp::Power) && !stage1.is_some_and(|s| matches!(s.op, AluOp::Divide | AluOp::Power));
    if bitvec || stage1.is_some_and(|s| s.op.is_bitvec()) || (is_32_bit(&data) && is_32_bit(&dst) && exact && stages.iter().all(whole)) {
        integer_stages(cx, &dst, &data, &stages);
    } else {
        arithmetic_stages(cx, &dst, &data, &stages);
    }
    let cost = Cx::with_alu(cx.cost(&[&data], &dst), stage0.op, stage1.map(|s| s.op));
    let cost = Cost { flags: cost.flags.with_if(engine.is_some(), Flags::ENGINE_GIVEN), ..cost };
    Ok(cx.finish(ran, cost))
}

fn integer_stages(cx: &mut Cx<'_>, dst: &Access, data: &Access, stages: &[(&AluStage, Input)]) {
    let mut x = cx.memory().all_bits(data);
    let signed = matches!(data.dtype, Dtype::I8 | Dtype::I16 | Dtype::I32);
    for (s, input) in stages {
        let y = match (&s.operand, input) {
            (Operand::Value(v), _) => BitsInput::Constant(if *v < 0.0 { *v as i64 as i32 as u32 } else { *v as u32 }),
            (_, Input::Access(a)) => BitsInput::Access(*a),
            _ => BitsInput::Constant(0),
        };
        let f = |a: u32, b: u32| {
            let (a, b) = if s.reverse && !s.op.is_unary() { (b, a) } else { (a, b) };
            // A right shift of a short unsigned type must not see the bits above it; they are zero already.
            if s.op.is_bitvec() { alu::bits(s.op, a, b) } else { alu::integer(s.op, a, b, signed) }
        };
        match y {
            BitsInput::Constant(c) => x.iter_mut().for_each(|v| *v = f(*v, c)),
            BitsInput::Access(a) => {
                let y = cx.memory().all_bits(&a);
                x.iter_mut().zip(y).for_each(|(v, w)| *v = f(*v, w));
            }
        }
    }
    let memory = cx.memory();
    memory.write_bits(dst, &mut Cursor::new(dst, 0), &x);
    memory.give_bits(x);
}

fn arithmetic_stages(cx: &mut Cx<'_>, dst: &Access, data: &Access, stages: &[(&AluStage, Input)]) {
    let mut inputs = vec![Input::Access(*data)];
    inputs.extend(stages.iter().map(|(_, i)| *i));
    map(cx, dst, &inputs, false, &|blocks, n| {
        let (x, rest) = blocks.split_at_mut(1);
        for ((s, _), y) in stages.iter().zip(rest) {
            alu::binary(s.op, &mut x[0][..n], &y[..n], s.reverse);
        }
    });
}

fn scalar_tensor_tensor(
    cx: &mut Cx<'_>,
    dst: &View,
    data: &View,
    stage0: &AluStage,
    op1: AluOp,
    operand1: &View,
    reverse1: bool,
) -> Result<InstrId, Fault> {
    let (dst, data) = tile_to_tile(cx, dst, data, "data")?;
    let b = cx.read("operand1", operand1)?;
    cx.on_chip("operand1", &b)?;
    cx.unpacked("operand1", &b)?;
    cx.same_shape("operand1", &b, "data", &data)?;
    cx.not_both_psum("data", &data, "operand1", &b)?;
    for (op, name) in [(stage0.op, "op0"), (op1, "op1")] {
        if op.is_bitvec() || op == AluOp::Average {
            return Err(cx.fault(
                "operator",
                name,
                format!("`{}` is no arithmetic operator", op.name()),
                Some("use `tensor_scalar` and `tensor_tensor`"),
            ));
        }
    }
    let first =
        if stage0.op.is_unary() { Input::Constant(0.0) } else { cx.operand("operand0", &stage0.operand, data.first(), data.free())? };
    let (op0, reverse0) = (stage0.op, stage0.reverse);
    map(cx, &dst, &[Input::Access(data), first, Input::Access(b)], false, &|blocks, n| {
        let (x, rest) = blocks.split_at_mut(1);
        alu::binary(op0, &mut x[0][..n], &rest[0][..n], reverse0);
        alu::binary(op1, &mut x[0][..n], &rest[1][..n], reverse1);
    });
    let cost = Cx::with_alu(cx.cost(&[&data, &b], &dst), op0, Some(op1));
    Ok(cx.finish(Engine::Vector, cost))
}

/// Whose registers a reduction goes to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lanes {
    Vector,
    Scalar,
}

/// Checks a reduction and runs `f` over the rows with it. Gives the flags that it adds to the cost.
pub(super) fn reduced(
    cx: &mut Cx<'_>,
    lanes: Lanes,
    (dst, inputs): (&Access, &[Input]),
    (data, reduction): (&Access, &Reduction),
    f: &(dyn Fn(&mut Blocks, usize) + Sync),
) -> Result<Flags, Fault> {
    let op = reduction.op;
    let rows = data.first();
    let init = match (&reduction.init, reduction.cmd) {
        (Some(init), ReduceCmd::LoadReduce) => Some(match cx.operand("reduce_init", init, rows, 1)? {
            Input::Constant(v) => vec![v; rows],
            Input::Access(a) => cx.memory().all(&a),
        }),
        (None, ReduceCmd::LoadReduce) => return Err(cx.fault("reduce-init", "reduce_init", "`load_reduce` needs it", None)),
        _ => None,
    };
    let result = match &reduction.result {
        Some(view) => {
            let a = cx.write("reduce_res", view)?;
            cx.on_chip("reduce_res", &a)?;
            cx.same_partitions("reduce_res", &a, "data", data)?;
            cx.free_is("reduce_res", &a, 1)?;
            Some(a)
        }
        None => None,
    };
    let lane = |row: usize| (data.partition as usize + row) % 128;
    let state = |cx: &Cx<'_>| -> Vec<f32> {
        let core = &cx.m.cores[usize::from(cx.core)];
        let file = if lanes == Lanes::Vector { &core.vector } else { &core.scalar };
        (0..rows).map(|r| file[lane(r)]).collect()
    };
    let start = match reduction.cmd {
        ReduceCmd::Reduce => state(cx),
        ReduceCmd::LoadReduce => init.unwrap_or_default(),
        _ => vec![op.identity(); rows],
    };
    let values = if matches!(reduction.cmd, ReduceCmd::Idle | ReduceCmd::Reset) {
        map(cx, dst, inputs, lanes == Lanes::Scalar, f);
        if reduction.cmd == ReduceCmd::Reset { Some(start) } else { None }
    } else {
        Some(map_rows(cx, dst, inputs, &start, lanes == Lanes::Scalar, f, &|acc, x| alu::join(op, acc, alu::reduce(op, x))))
    };
    if let Some(values) = values {
        let core = &mut cx.m.cores[usize::from(cx.core)];
        let file = if lanes == Lanes::Vector { &mut core.vector } else { &mut core.scalar };
        for (row, v) in values.iter().enumerate() {
            file[lane(row)] = *v;
        }
    }
    if let Some(a) = result {
        let mut values = state(cx);
        if reduction.negate {
            values.iter_mut().for_each(|v| *v = -*v);
        }
        write_column(cx, &a, &values);
        return Ok(Flags::REDUCE_OUT);
    }
    Ok(Flags::default())
}

fn activation(
    cx: &mut Cx<'_>,
    dst: &View,
    data: &View,
    function: ActFn,
    (scale, bias): (&Operand, Option<&Operand>),
    reduction: &Reduction,
) -> Result<InstrId, Fault> {
    let (dst, data) = tile_to_tile(cx, dst, data, "data")?;
    let gen2 = cx.m.generation.version == Gen::Gen2;
    let (p, n) = (data.first(), data.free());
    let scale = cx.operand("scale", scale, p, n)?;
    if let Input::Access(a) = &scale {
        cx.typed("scale", a, &[Dtype::Fp32])?;
    }
    let bias = match bias {
        None => Input::Constant(0.0),
        Some(b) => cx.operand("bias", b, p, n)?,
    };
    match &bias {
        Input::Access(a) if a.dtype == Dtype::Tf32 => return Err(cx.fault("dtype", "bias", "cannot be tfloat32", None)),
        Input::Constant(c) if *c != 0.0 && gen2 => {
            return Err(cx.fault(
                "bias-scalar",
                "bias",
                "on trn1 the bias is a [P, 1] tile",
                Some("put the constant into a tile with `memset`"),
            ));
        }
        Input::Access(_) if gen2 && function == ActFn::Reciprocal => {
            return Err(cx.fault("bias-reciprocal", "bias", "on trn1 `reciprocal` takes no bias", None));
        }
        _ => {}
    }
    let reduces = !matches!(reduction.cmd, ReduceCmd::Idle | ReduceCmd::Reset);
    if reduces && reduction.op != AluOp::Add && (gen2 || cx.code == crate::OpCode::Activation) {
        return Err(cx.fault("reduce-op", "reduce_op", format!("`{}`, but must be `add`", reduction.op.name()), None));
    }
    if reduction.cmd == ReduceCmd::LoadReduce {
        return Err(cx.fault("reduce-cmd", "reduce_cmd", "`load_reduce` is not known to the Scalar engine", None));
    }
    let plain_scale = matches!(scale, Input::Constant(1.0));
    let plain_bias = matches!(bias, Input::Constant(0.0));
    let inputs = [Input::Access(data), scale, bias];
    let flags = reduced(cx, Lanes::Scalar, (&dst, &inputs), (&data, reduction), &|blocks, n| {
        let (x, rest) = blocks.split_at_mut(1);
        if !plain_scale {
            alu::binary(AluOp::Multiply, &mut x[0][..n], &rest[0][..n], false);
        }
        if !plain_bias {
            alu::binary(AluOp::Add, &mut x[0][..n], &rest[1][..n], false);
        }
        act::apply(function, &mut x[0][..n], 0.0);
    })?;
    let cost = cx.cost(&[&data], &dst);
    Ok(cx.finish(Engine::Scalar, Cost { alu0: function as u8, flags: cost.flags.with(flags), ..cost }))
}

fn activate2(
    cx: &mut Cx<'_>,
    dst: &View,
    data: &View,
    function: ActFn,
    stages: [&AluStage; 2],
    relu_param: &Operand,
    reduction: &Reduction,
) -> Result<InstrId, Fault> {
    cx.generation(Gen::Gen4, "activate2")?;
    let (dst, data) = tile_to_tile(cx, dst, data, "data")?;
    let ops = (stages[0].op, stages[1].op);
    use AluOp::{Add, Bypass, Multiply, Subtract};
    if !matches!(ops, (Multiply, Add | Subtract | Bypass) | (Add | Subtract | Bypass, Bypass)) {
        let message = format!("`{}` then `{}` is none of the six pairs", ops.0.name(), ops.1.name());
        let hint = "multiply+add, multiply+subtract, multiply, add, subtract, or bypass alone";
        return Err(cx.fault("operator-pair", "op0", message, Some(hint)));
    }
    let reduces = !matches!(reduction.cmd, ReduceCmd::Idle | ReduceCmd::Reset);
    if reduces && !matches!(reduction.op, Add | AluOp::Max | AluOp::Min | AluOp::AbsMax | AluOp::AbsMin) {
        return Err(cx.fault("reduce-op", "reduce_op", format!("`{}` does not reduce here", reduction.op.name()), None));
    }
    let (p, n) = (data.first(), data.free());
    let a = cx.operand("imm0", &stages[0].operand, p, n)?;
    let b = cx.operand("imm1", &stages[1].operand, p, n)?;
    let param = cx.operand("relu_param", relu_param, p, n)?;
    let (s0, s1) = (stages[0], stages[1]);
    let inputs = [Input::Access(data), a, b, param];
    let flags = reduced(cx, Lanes::Scalar, (&dst, &inputs), (&data, reduction), &|blocks, n| {
        let (x, rest) = blocks.split_at_mut(1);
        let x = &mut x[0][..n];
        alu::binary(s0.op, x, &rest[0][..n], s0.reverse && s0.op != Bypass);
        alu::binary(s1.op, x, &rest[1][..n], s1.reverse && s1.op != Bypass);
        if function == ActFn::Prelu {
            x.iter_mut().zip(&rest[2][..n]).for_each(|(v, slope)| *v = if *v > 0.0 { *v } else { slope * *v });
        } else {
            act::apply(function, x, 0.0);
        }
    })?;
    let cost = cx.cost(&[&data], &dst);
    Ok(cx.finish(Engine::Scalar, Cost { alu0: function as u8, flags: cost.flags.with(flags), ..cost }))
}

fn exponential(cx: &mut Cx<'_>, dst: &View, src: &View, max_value: &Operand, reduction: &Reduction) -> Result<InstrId, Fault> {
    cx.generation(Gen::Gen4, "exponential")?;
    let (dst, data) = tile_to_tile(cx, dst, src, "src")?;
    use Dtype::{Bf16, Fp8E4, Fp8E5, Fp16, Fp32, I8, I16, I32, Tf32, U8, U16, U32};
    cx.typed("dst", &dst, &[Fp8E4, Fp8E5, Fp16, Bf16, Fp32, Tf32, I8, I16, I32, U8, U16])?;
    cx.typed("src", &data, &[Fp8E4, Fp8E5, Fp16, Bf16, Fp32, I8, I16, I32, U8, U16, U32])?;
    if reduction.cmd == ReduceCmd::Reset {
        return Err(cx.fault("reduce-cmd", "reduce_cmd", "`reset` alone is not known here", None));
    }
    let max = cx.operand("max_value", max_value, data.first(), data.free())?;
    if let Input::Access(a) = &max {
        cx.typed("max_value", a, &[Fp32])?;
    }
    let reduction = Reduction { op: AluOp::Add, ..reduction.clone() };
    let flags = reduced(cx, Lanes::Vector, (&dst, &[Input::Access(data), max]), (&data, &reduction), &|blocks, n| {
        let (x, y) = two(blocks);
        alu::binary(AluOp::Subtract, &mut x[..n], &y[..n], false);
        act::apply(ActFn::Exp, &mut x[..n], 0.0);
    })?;
    let cost = cx.cost(&[&data], &dst);
    Ok(cx.finish(Engine::Vector, Cost { flags: cost.flags.with(flags), ..cost }))
}

fn tensor_scalar_reduce(cx: &mut Cx<'_>, dst: &View, data: &View, stage: &AluStage, reduction: &Reduction) -> Result<InstrId, Fault> {
    let (dst, data) = tile_to_tile(cx, dst, data, "data")?;
    if stage.op.is_bitvec() {
        return Err(cx.fault("operator", "op0", format!("`{}` is no arithmetic operator", stage.op.name()), None));
    }
    if !matches!(reduction.op, AluOp::Add | AluOp::Multiply | AluOp::Max | AluOp::Min) {
        let message = format!("`{}`, but must be add, multiply, maximum or minimum", reduction.op.name());
        return Err(cx.fault("reduce-op", "reduce_op", message, None));
    }
    if matches!(reduction.cmd, ReduceCmd::Idle | ReduceCmd::Reset) {
        return Err(cx.fault("reduce-cmd", "reduce_cmd", "must be `reset_reduce`, `reduce` or `load_reduce`", None));
    }
    let b = stage_input(cx, "operand0", stage, &data)?;
    let (op, reverse) = (stage.op, stage.reverse);
    let flags = reduced(cx, Lanes::Vector, (&dst, &[Input::Access(data), b]), (&data, reduction), &|blocks, n| {
        let (x, y) = two(blocks);
        alu::binary(op, &mut x[..n], &y[..n], reverse);
    })?;
    let cost = Cx::with_alu(cx.cost(&[&data], &dst), op, Some(reduction.op));
    Ok(cx.finish(Engine::Vector, Cost { flags: cost.flags.with(flags), ..cost }))
}
