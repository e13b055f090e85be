//! Instructions of the Scalar engine.

use pyo3::prelude::*;
use secondsource_neuroncore::Op;
use secondsource_neuroncore::op::{AluOp, AluStage, Operand, ReduceCmd, Reduction};

use crate::args::{Any, Instruction, Maybe, act, alu, dst, issued, maybe_alu, maybe_dst, operand, reduction, src};
use crate::session::exec;

fn bias_of(bias: Maybe<'_, '_>) -> PyResult<Option<Operand>> {
    bias.filter(|b| !b.is_none()).map(|b| operand(Some(b), "bias", 0.0)).transpose()
}

#[pyfunction]
#[pyo3(signature = (dst, op, data, bias=None, scale=None, reduce_op=None, reduce_res=None, reduce_cmd=None, name=None))]
pub fn activation(
    py: Python<'_>,
    dst: Any<'_, '_>,
    op: Any<'_, '_>,
    data: Any<'_, '_>,
    bias: Maybe<'_, '_>,
    scale: Maybe<'_, '_>,
    reduce_op: Maybe<'_, '_>,
    reduce_res: Maybe<'_, '_>,
    reduce_cmd: Maybe<'_, '_>,
    name: Maybe<'_, '_>,
) -> PyResult<Instruction> {
    let _ = name;
    let op = Op::Activation {
        dst: self::dst(dst, "dst")?,
        data: src(data, "data")?,
        function: act(op)?,
        scale: operand(scale, "scale", 1.0)?,
        bias: bias_of(bias)?,
        reduction: reduction(reduce_cmd, ReduceCmd::Idle, reduce_op, AluOp::Add, reduce_res, None, false)?,
    };
    exec(py, op).map(issued)
}

#[pyfunction]
#[pyo3(signature = (dst, op, data, reduce_op, reduce_res, bias=None, scale=None, name=None))]
pub fn activation_reduce(
    py: Python<'_>,
    dst: Any<'_, '_>,
    op: Any<'_, '_>,
    data: Any<'_, '_>,
    reduce_op: Any<'_, '_>,
    reduce_res: Maybe<'_, '_>,
    bias: Maybe<'_, '_>,
    scale: Maybe<'_, '_>,
    name: Maybe<'_, '_>,
) -> PyResult<Instruction> {
    let _ = name;
    let (dst, data, function) = (self::dst(dst, "dst")?, src(data, "data")?, act(op)?);
    let (scale, bias, reduce) = (operand(scale, "scale", 1.0)?, bias_of(bias)?, alu(reduce_op, "reduce_op")?);
    let op = match maybe_dst(reduce_res, "reduce_res")? {
        Some(result) => Op::ActivationReduce { dst, data, function, scale, bias, op: reduce, result },
        None => Op::Activation {
            dst,
            data,
            function,
            scale,
            bias,
            reduction: Reduction { cmd: ReduceCmd::ResetReduce, op: reduce, ..Reduction::NONE },
        },
    };
    exec(py, op).map(issued)
}

#[pyfunction]
#[pyo3(signature = (dst, op, data, imm0, imm1, op0, op1, relu_param=None, reverse0=false, reverse1=false, reduce_op=None, reduce_res=None, reduce_cmd=None, name=None))]
pub fn activate2(
    py: Python<'_>,
    dst: Any<'_, '_>,
    op: Any<'_, '_>,
    data: Any<'_, '_>,
    imm0: Maybe<'_, '_>,
    imm1: Maybe<'_, '_>,
    op0: Maybe<'_, '_>,
    op1: Maybe<'_, '_>,
    relu_param: Maybe<'_, '_>,
    reverse0: bool,
    reverse1: bool,
    reduce_op: Maybe<'_, '_>,
    reduce_res: Maybe<'_, '_>,
    reduce_cmd: Maybe<'_, '_>,
    name: Maybe<'_, '_>,
) -> PyResult<Instruction> {
    let _ = name;
    let op = Op::Activate2 {
        dst: self::dst(dst, "dst")?,
        data: src(data, "data")?,
        function: act(op)?,
        stage0: AluStage { op: maybe_alu(op0, "op0", AluOp::Bypass)?, operand: operand(imm0, "imm0", 0.0)?, reverse: reverse0 },
        stage1: AluStage { op: maybe_alu(op1, "op1", AluOp::Bypass)?, operand: operand(imm1, "imm1", 0.0)?, reverse: reverse1 },
        relu_param: operand(relu_param, "relu_param", 0.0)?,
        reduction: reduction(reduce_cmd, ReduceCmd::Idle, reduce_op, AluOp::Add, reduce_res, None, false)?,
    };
    exec(py, op).map(issued)
}
