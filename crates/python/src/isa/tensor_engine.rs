//! Instructions of the Tensor engine.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use secondsource_neuroncore::Op;
use secondsource_neuroncore::op::Tile;

use crate::args::{Any, Instruction, Maybe, double_row, dst, engine, issued, src};
use crate::session::exec;

fn truth(any: Maybe<'_, '_>) -> PyResult<Option<bool>> {
    any.filter(|a| !a.is_none()).map(|a| a.is_truthy()).transpose()
}

/// None for the whole array: both unset or empty.
fn tile(position: Maybe<'_, '_>, size: Maybe<'_, '_>) -> PyResult<Option<Tile>> {
    let pair = |any: Maybe<'_, '_>, name: &str| -> PyResult<Option<(u8, u8)>> {
        let Some(any) = any.filter(|a| !a.is_none()) else { return Ok(None) };
        match any.extract::<Vec<u8>>().as_deref() {
            Ok([]) => Ok(None),
            Ok([a, b]) => Ok(Some((*a, *b))),
            _ => Err(PyValueError::new_err(format!("`{name}`: {any} is no pair of numbers (rows, columns) up to 128"))),
        }
    };
    Ok(match (pair(position, "tile_position")?, pair(size, "tile_size")?) {
        (None, None) => None,
        (position, size) => {
            let (row, column) = position.unwrap_or((0, 0));
            let (rows, columns) = size.unwrap_or((128, 128));
            Some(Tile { row, column, rows, columns })
        }
    })
}

#[pyfunction]
#[pyo3(signature = (dst, stationary, moving, is_stationary_onezero=false, is_moving_onezero=false, is_transpose=false, accumulate=None, tile_position=None, tile_size=None, perf_mode=None, name=None))]
pub fn nc_matmul(
    py: Python<'_>,
    dst: Any<'_, '_>,
    stationary: Any<'_, '_>,
    moving: Any<'_, '_>,
    is_stationary_onezero: bool,
    is_moving_onezero: bool,
    is_transpose: bool,
    accumulate: Maybe<'_, '_>,
    tile_position: Maybe<'_, '_>,
    tile_size: Maybe<'_, '_>,
    perf_mode: Maybe<'_, '_>,
    name: Maybe<'_, '_>,
) -> PyResult<Instruction> {
    let _ = name;
    let op = Op::NcMatmul {
        dst: self::dst(dst, "dst")?,
        stationary: src(stationary, "stationary")?,
        moving: src(moving, "moving")?,
        accumulate: truth(accumulate)?,
        transpose: is_transpose,
        double_row: self::double_row(perf_mode)?,
        tile: tile(tile_position, tile_size)?,
        one_zero: is_stationary_onezero || is_moving_onezero,
    };
    exec(py, op).map(issued)
}

#[pyfunction]
#[pyo3(signature = (dst, stationary, moving, stationary_scale, moving_scale, tile_position=None, tile_size=None, accumulate=None, name=None))]
pub fn nc_matmul_mx(
    py: Python<'_>,
    dst: Any<'_, '_>,
    stationary: Any<'_, '_>,
    moving: Any<'_, '_>,
    stationary_scale: Any<'_, '_>,
    moving_scale: Any<'_, '_>,
    tile_position: Maybe<'_, '_>,
    tile_size: Maybe<'_, '_>,
    accumulate: Maybe<'_, '_>,
    name: Maybe<'_, '_>,
) -> PyResult<Instruction> {
    let _ = name;
    let op = Op::NcMatmulMx {
        dst: self::dst(dst, "dst")?,
        stationary: src(stationary, "stationary")?,
        moving: src(moving, "moving")?,
        stationary_scale: src(stationary_scale, "stationary_scale")?,
        moving_scale: src(moving_scale, "moving_scale")?,
        accumulate: truth(accumulate)?,
        tile: tile(tile_position, tile_size)?,
    };
    exec(py, op).map(issued)
}

#[pyfunction]
#[pyo3(signature = (dst, data, engine=None, name=None))]
pub fn nc_transpose(
    py: Python<'_>,
    dst: Any<'_, '_>,
    data: Any<'_, '_>,
    engine: Maybe<'_, '_>,
    name: Maybe<'_, '_>,
) -> PyResult<Instruction> {
    let _ = name;
    let op = Op::NcTranspose { dst: self::dst(dst, "dst")?, data: src(data, "data")?, engine: self::engine(engine)? };
    exec(py, op).map(issued)
}
