//! `VirtualRegister`: a scalar that an engine's sequencer holds.

use pyo3::exceptions::{PyTypeError, PyZeroDivisionError};
use pyo3::prelude::*;
use secondsource_neuroncore::RegId;
use secondsource_neuroncore::op::{Op, RegisterValue};

use crate::session;
use crate::tensor::Tensor;

#[pyclass(frozen, module = "nki.isa", name = "VirtualRegister")]
pub struct Register {
    pub id: RegId,
    /// Loop variables cannot be written.
    frozen: bool,
}

impl Register {
    pub fn value(&self) -> PyResult<i32> {
        session::with(|s| Ok(s.machine.register_value(self.id).unwrap_or(0)))
    }

    fn writable(&self) -> PyResult<()> {
        if self.frozen { Err(PyTypeError::new_err("the variable of a dynamic loop cannot be written")) } else { Ok(()) }
    }
}

fn no_value(what: &str) -> PyErr {
    PyTypeError::new_err(format!(
        "{what} of a register: its value is not known while a kernel is traced; use nl.fori_loop, nl.while_loop or nl.dynamic_range"
    ))
}

#[pymethods]
impl Register {
    /// True while the register is not zero: `while reg:` is a dynamic loop.
    fn __bool__(&self) -> PyResult<bool> {
        Ok(self.value()? != 0)
    }
    fn __int__(&self) -> PyResult<i64> {
        Err(no_value("int()"))
    }
    fn __index__(&self) -> PyResult<i64> {
        Err(no_value("the value"))
    }
    /// The value, for the emulator's own loops.
    #[getter]
    fn _value(&self) -> PyResult<i32> {
        self.value()
    }
    fn __repr__(&self) -> String {
        self.value().map_or_else(|_| "VirtualRegister".into(), |v| format!("VirtualRegister({v})"))
    }
    fn __add__(&self, other: &Bound<'_, PyAny>) -> PyResult<Register> {
        derived(self.value()?.wrapping_add(number(other)?))
    }
    fn __radd__(&self, other: &Bound<'_, PyAny>) -> PyResult<Register> {
        self.__add__(other)
    }
    fn __sub__(&self, other: &Bound<'_, PyAny>) -> PyResult<Register> {
        derived(self.value()?.wrapping_sub(number(other)?))
    }
    fn __rsub__(&self, other: &Bound<'_, PyAny>) -> PyResult<Register> {
        derived(number(other)?.wrapping_sub(self.value()?))
    }
    fn __mul__(&self, other: &Bound<'_, PyAny>) -> PyResult<Register> {
        derived(self.value()?.wrapping_mul(number(other)?))
    }
    fn __rmul__(&self, other: &Bound<'_, PyAny>) -> PyResult<Register> {
        self.__mul__(other)
    }
    fn __floordiv__(&self, other: &Bound<'_, PyAny>) -> PyResult<Register> {
        derived(floored(self.value()?, number(other)?)?.0)
    }
    fn __mod__(&self, other: &Bound<'_, PyAny>) -> PyResult<Register> {
        derived(floored(self.value()?, number(other)?)?.1)
    }
}

/// Quotient and rest as Python has them: the quotient rounded down, the rest with the divisor's sign.
fn floored(value: i32, by: i32) -> PyResult<(i32, i32)> {
    if by == 0 {
        return Err(PyZeroDivisionError::new_err("a register divided by zero"));
    }
    let (quotient, rest) = (value.wrapping_div(by), value.wrapping_rem(by));
    Ok(if rest != 0 && (rest < 0) != (by < 0) { (quotient - 1, rest + by) } else { (quotient, rest) })
}

fn number(any: &Bound<'_, PyAny>) -> PyResult<i32> {
    match any.cast::<Register>() {
        Ok(register) => register.get().value(),
        Err(_) => any.extract(),
    }
}

/// The result of address arithmetic on registers; sequencers do it beside the instructions.
fn derived(value: i32) -> PyResult<Register> {
    Python::attach(|py| {
        let id = session::with(|s| Ok(s.machine.register()))?;
        session::exec(py, Op::RegisterMove { dst: id, value: RegisterValue::Constant(value) })?;
        Ok(Register { id, frozen: false })
    })
}

#[pyfunction]
#[pyo3(signature = (x=None))]
pub fn register_alloc(py: Python<'_>, x: Option<&Bound<'_, PyAny>>) -> PyResult<Register> {
    let id = session::with(|s| Ok(s.machine.register()))?;
    let register = Register { id, frozen: false };
    match x.filter(|x| !x.is_none()) {
        None => {}
        Some(x) if x.cast::<Tensor>().is_ok() => {
            let src = x.cast::<Tensor>()?.get().view(py)?;
            session::exec(py, Op::RegisterLoad { dst: id, src })?;
        }
        Some(x) => {
            session::exec(py, Op::RegisterMove { dst: id, value: value(x)? })?;
        }
    }
    Ok(register)
}

fn value(any: &Bound<'_, PyAny>) -> PyResult<RegisterValue> {
    match any.cast::<Register>() {
        Ok(register) => Ok(RegisterValue::Register(register.get().id)),
        Err(_) => Ok(RegisterValue::Constant(any.extract()?)),
    }
}

#[pyfunction]
pub fn register_move(py: Python<'_>, dst: &Register, src: &Bound<'_, PyAny>) -> PyResult<()> {
    dst.writable()?;
    session::exec(py, Op::RegisterMove { dst: dst.id, value: value(src)? })?;
    Ok(())
}

#[pyfunction]
pub fn register_load(py: Python<'_>, dst: &Register, src: &Tensor) -> PyResult<()> {
    dst.writable()?;
    session::exec(py, Op::RegisterLoad { dst: dst.id, src: src.view(py)? })?;
    Ok(())
}

#[pyfunction]
pub fn register_store(py: Python<'_>, dst: &Tensor, src: &Register) -> PyResult<()> {
    session::exec(py, Op::RegisterStore { dst: dst.view(py)?, src: src.id })?;
    Ok(())
}

/// A loop variable.
#[pyfunction]
pub fn loop_register(value: i32) -> PyResult<Register> {
    Ok(Register { id: derived(value)?.id, frozen: true })
}
