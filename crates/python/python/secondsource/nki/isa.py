"""`nki.isa`: the instructions (Beta 2: every one writes its `dst`)."""

from secondsource import _native
from secondsource._native import (  # noqa: F401 - the module's names
    NkiInstruction,
    NkiValidationError,
    VirtualRegister,
    activate2,
    activation,
    activation_reduce,
    affine_select,
    bn_aggr,
    bn_stats,
    dma_compute,
    dma_copy,
    dma_transpose,
    dropout,
    exponential,
    iota,
    local_gather,
    max8,
    memset,
    nc_find_index8,
    nc_match_replace8,
    nc_matmul,
    nc_matmul_mx,
    nc_n_gather,
    nc_stream_shuffle,
    nc_transpose,
    nonzero_with_count,
    quantize_mx,
    rand2,
    rand_get_state,
    rand_set_state,
    range_select,
    reciprocal,
    register_alloc,
    register_load,
    register_move,
    register_store,
    rng,
    scalar_tensor_tensor,
    select_reduce,
    sequence_bounds,
    set_rng_seed,
    tensor_copy,
    tensor_copy_predicated,
    tensor_partition_reduce,
    tensor_reduce,
    tensor_scalar,
    tensor_scalar_cumulative,
    tensor_scalar_reduce,
    tensor_tensor,
    tensor_tensor_scan,
    topk,
)

from . import _launch, _state, constants  # noqa: F401
from .constants import (  # noqa: F401
    dge_mode,
    dma_engine,
    engine,
    gpsimd_engine,
    matmul_perf_mode,
    nc_version,
    oob_mode,
    reduce_cmd,
    scalar_engine,
    sync_engine,
    tensor_engine,
    unknown_engine,
    vector_engine,
)


def core_barrier(data=None, cores=(0, 1), engine=None, name=None):
    """Waits until both cores of the logical core are here."""
    if cores is not None and len(cores if isinstance(cores, (list, tuple)) else (cores,)) < 2:
        # A core that waits for itself alone.
        return None
    if data is not None and not isinstance(data, _native.NkiTensor):
        raise TypeError(f"`data` must be a tensor, not {type(data).__name__}")
    if data is not None and not str(data.buffer).endswith("hbm"):
        # Kernels also name data of their own core; there is nothing to order on it.
        data = None
    issued = _native.core_barrier(data, cores, engine, name)
    _launch.meet()
    return issued


def sendrecv(src, dst, send_to_rank, recv_from_rank, pipe_id, dma_engine=None, name=None):
    """Sends `src` to one core and receives `dst` from one."""
    issued = _native.sendrecv(src, dst, send_to_rank, recv_from_rank, pipe_id, dma_engine, name)
    _launch.meet()
    return issued


def get_nc_version():
    """NeuronCore generation of the target."""
    return nc_version(_state.generation())


def get_nc_sub_version():
    """Silicon revision within the generation; the first here."""
    return 0
