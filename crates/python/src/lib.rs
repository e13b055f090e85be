//! Python module `secondsource._native`: the instruction emulator as Python sees it. The package `secondsource.nki`
//! gives it the names of the vendor's `nki` modules.

mod args;
mod dtypes;
mod isa;
mod launch;
mod layout;
mod region;
mod register;
mod report;
mod session;
mod tensor;

use pyo3::prelude::*;

#[pymodule]
#[pyo3(name = "_native")]
fn native(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<dtypes::DType>()?;
    m.add_class::<tensor::Tensor>()?;
    m.add_class::<tensor::MemoryRegion>()?;
    m.add_class::<tensor::DynamicSlice>()?;
    m.add_class::<register::Register>()?;
    m.add_class::<args::Instruction>()?;
    m.add("NkiValidationError", m.py().get_type::<session::NkiValidationError>())?;
    macro_rules! functions {
        ($($path:path),* $(,)?) => { $( m.add_function(wrap_pyfunction!($path, m)?)?; )* };
    }
    functions!(
        dtypes::dtype,
        session::source_files,
        args::register_operators,
        args::operator_names,
        tensor::ds,
        tensor::allocate,
        tensor::write_bytes,
        tensor::read_bytes,
        tensor::read_values,
        register::register_alloc,
        register::register_move,
        register::register_load,
        register::register_store,
        register::loop_register,
        launch::begin,
        launch::end,
        launch::running,
        launch::set_core,
        launch::waiting,
        launch::begin_loop,
        launch::next_trip,
        launch::end_loop,
        launch::instructions,
        report::report,
        report::perfetto,
        launch::sizes,
    );
    functions!(
        isa::dma::dma_copy,
        isa::dma::dma_transpose,
        isa::dma::dma_compute,
        isa::dma::sendrecv,
        isa::dma::core_barrier,
        isa::dma::collective,
        isa::tensor_engine::nc_matmul,
        isa::tensor_engine::nc_matmul_mx,
        isa::tensor_engine::nc_transpose,
        isa::vector::tensor_copy,
        isa::vector::tensor_copy_predicated,
        isa::vector::memset,
        isa::vector::tensor_tensor,
        isa::vector::tensor_scalar,
        isa::vector::scalar_tensor_tensor,
        isa::vector::tensor_scalar_reduce,
        isa::vector::tensor_scalar_cumulative,
        isa::vector::tensor_reduce,
        isa::vector::tensor_tensor_scan,
        isa::vector::exponential,
        isa::vector::reciprocal,
        isa::vector::select_reduce,
        isa::vector::range_select,
        isa::vector::bn_stats,
        isa::vector::bn_aggr,
        isa::vector::max8,
        isa::vector::nc_find_index8,
        isa::vector::nc_match_replace8,
        isa::vector::nc_stream_shuffle,
        isa::vector::quantize_mx,
        isa::vector::dropout,
        isa::vector::rng,
        isa::vector::rand2,
        isa::vector::rand_set_state,
        isa::vector::rand_get_state,
        isa::vector::set_rng_seed,
        isa::scalar::activation,
        isa::scalar::activation_reduce,
        isa::scalar::activate2,
        isa::gpsimd::tensor_partition_reduce,
        isa::gpsimd::iota,
        isa::gpsimd::affine_select,
        isa::gpsimd::local_gather,
        isa::gpsimd::nc_n_gather,
        isa::gpsimd::topk,
        isa::gpsimd::nonzero_with_count,
        isa::gpsimd::sequence_bounds,
    );
    Ok(())
}
