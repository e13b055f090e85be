"""`neuronxcc.nki.isa` (Beta 1): instructions that return their result."""

import math

import numpy as np

from .. import _dtypes, constants, language
from .. import isa as _isa
from ..constants import (  # noqa: F401
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
from ..isa import NkiValidationError, get_nc_version  # noqa: F401
from ._index import Affine, Mask, normal
from ._tile import Tile, both, dims_of, flush, operation, psum, sbuf, view_of

float32 = _dtypes.ALL["float32"]
_vector = engine.vector


def _kind(dtype, default):
    return default if dtype is None else _dtypes.convert(dtype)


def _tile(x):
    if not isinstance(x, Tile):
        raise TypeError(f"a tile is needed, not {type(x).__name__}")
    if x.buffer == language.hbm:
        from . import language as nl

        loaded = nl.load(x)
        loaded._only = x._only
        return loaded
    return x


def _unmasked(mask, shape, what, *tiles):
    """For instructions that take no part of a tile: a mask that leaves positions out, given or of `tile[mask]`, is refused."""
    mask = both(mask, *tiles)
    if mask is not None and not mask.full(shape):
        raise TypeError(f"{what} does not take a mask that leaves positions out")


def _box(mask, tile, what):
    """The box of a mask over a tile; None for all of it."""
    mask = both(mask, tile)
    if mask is None:
        return None
    box, exact = mask.box(tile.shape)
    if not exact:
        raise TypeError(f"{what} takes a mask that bounds each dimension by itself")
    return EMPTY if box is None else box


EMPTY = "nothing"


def _n(x):
    """The machine's view of a settled operand."""
    return x.native if isinstance(x, Tile) else x


def _flags(x):
    """A predicate of integers of at most 16 bits."""
    tile = _tile(x)
    if tile.dtype.name == "bool_":
        return tile.native.view(_dtypes.ALL["uint8"])
    if not tile.dtype.is_integer or tile.dtype.itemsize > 2:
        tile = tensor_scalar(tile, language.not_equal, 0.0, dtype="uint8")
    return tile.native


def _column(x):
    """A [P, 1] operand from a tile with one element a partition."""
    view = _n(x)
    if isinstance(x, Tile) and len(view.shape) > 2:
        view = view.reshape((view.shape[0], 1))
    return view


def _column_box(x, box, shape):
    if not isinstance(x, Tile):
        return x
    view = view_of(x, None if box is None else [box[0]] + [(0, n) for n in x.shape[1:]], x.shape)
    if len(view.shape) > 2:
        view = view.reshape((view.shape[0], 1))
    return view


def _out(out):
    """A given destination as the machine's view."""
    if not isinstance(out, Tile):
        return out
    out._added = False
    return out.crop(None, write=True)


def _fp32(x):
    """Operand columns are fp32 to the engines; others are converted first."""
    if isinstance(x, Tile) and x.dtype != float32:
        flush()
        converted = language._allocate((x.shape[0], math.prod(x.shape[1:])), float32, sbuf)
        view = x.native
        _isa.tensor_copy(converted, view if len(view.shape) == 2 else view.reshape(tuple(converted.shape)))
        return Tile(converted)
    return x


def tensor_copy(src, *, dtype=None, mask=None, engine=None, name=None):
    src = _tile(src)
    return operation(
        src.shape, _kind(dtype, src.dtype), sbuf, both(mask, src), lambda d, b: _isa.tensor_copy(d, view_of(src, b, src.shape), engine)
    )


def tensor_tensor(data1, data2, op, *, dtype=None, mask=None, engine=None, name=None):
    data1, data2 = _tile(data1), _tile(data2)
    shape = data1.shape if data1.size >= data2.size else data2.shape

    def emit(dst, box):
        a, b = view_of(data1, box, shape), view_of(data2, box, shape)
        _isa.tensor_tensor(dst, *_alike(a, b, dst), op, engine)

    kind = language._promote(data1, data2) if data1.dtype != data2.dtype else data1.dtype
    return operation(shape, _kind(dtype, kind), sbuf, both(mask, data1, data2), emit)


def _alike(a, b, dst):
    """Both inputs in the shape of the result; one of them copied when both stand in PSUM."""
    shape = tuple(dst.shape)
    if tuple(a.shape) != shape:
        a = a.reshape(shape) if a.size == math.prod(shape) else _widened(a, shape)
    if tuple(b.shape) != shape:
        b = b.reshape(shape) if b.size == math.prod(shape) else _widened(b, shape)
    if a.buffer == psum and b.buffer == psum:
        copied = language._allocate(shape, b.dtype, sbuf)
        _isa.tensor_copy(copied, b)
        b = copied
    return a, b


def _widened(x, shape):
    from . import language as nl

    return nl.broadcast_to(Tile(x), shape).native


def tensor_scalar(data, op0, operand0, reverse0=False, op1=None, operand1=None, reverse1=False, *, dtype=None, mask=None, engine=None, name=None):
    data = _tile(data)
    operand0, operand1 = _fp32(operand0), _fp32(operand1)

    def emit(dst, box):
        first = _scalar(_column_box(operand0, box, data.shape))
        second = _scalar(_column_box(operand1, box, data.shape))
        _isa.tensor_scalar(dst, view_of(data, box, data.shape), op0, first, reverse0, op1, second, reverse1, engine)

    return operation(data.shape, _kind(dtype, data.dtype), sbuf, both(mask, data), emit)


def _scalar(x):
    return float(x) if isinstance(x, (int, np.generic)) else x


def scalar_tensor_tensor(*, data, op0, operand0, op1, operand1, reverse0=False, reverse1=False, dtype=None, mask=None, name=None):
    data, operand1 = _tile(data), _tile(operand1)
    operand0 = _fp32(operand0)

    def emit(dst, box):
        a, b = _alike(view_of(data, box, data.shape), view_of(operand1, box, data.shape), dst)
        _isa.scalar_tensor_tensor(dst, a, op0, _scalar(_column_box(operand0, box, data.shape)), op1, b, reverse0, reverse1)

    return operation(data.shape, _kind(dtype, data.dtype), sbuf, both(mask, data, operand1), emit)


def tensor_scalar_reduce(*, data, op0, operand0, reduce_op, reduce_res, reverse0=False, dtype=None, mask=None, name=None):
    data = _tile(data)
    operand0 = _fp32(operand0)

    def emit(dst, box):
        result = _out(reduce_res) if box is None else _column_box(reduce_res, box, data.shape)
        _isa.tensor_scalar_reduce(dst, view_of(data, box, data.shape), op0, _scalar(_column_box(operand0, box, data.shape)), reduce_op, result, reverse0)

    return _now(operation(data.shape, _kind(dtype, data.dtype), sbuf, both(mask, data), emit))


def _now(tile):
    """Results beside the returned tile must exist when the call ends."""
    tile.settle()
    return tile


def tensor_scalar_cumulative(*, src, dst, op0, op1, imm0, imm1=None, reduce_cmd=reduce_cmd.reset_reduce, mask=None, name=None):
    flush()
    _unmasked(mask, dst.shape, "tensor_scalar_cumulative", src)
    _isa.tensor_scalar_cumulative(_out(dst), _n(_tile(src)), op0, op1, _scalar(_column(imm0)), _scalar(_column(imm1)), reduce_cmd)


def tensor_reduce(op, data, axis, *, dtype=None, negate=False, keepdims=False, mask=None, name=None):
    data = _tile(data)
    axes = sorted((a % data.ndim) for a in ([axis] if isinstance(axis, int) else axis))
    rest = [a for a in range(data.ndim) if a not in axes]
    kept = [1 if a in axes else data.shape[a] for a in range(data.ndim)]
    shape = kept if keepdims or len(rest) == 1 else [data.shape[a] for a in rest]
    if len(shape) > 2 and len(rest) == 1 and not keepdims:
        shape = [data.shape[0], 1]
    source_box = _box(mask, data, "tensor_reduce")

    def emit(dst, _box):
        if source_box is EMPTY:
            return
        view = view_of(data, source_box, data.shape)
        if axes != list(range(data.ndim - len(axes), data.ndim)):
            view = view.permute([*rest, *axes])
        if source_box is not None:
            low, high = source_box[0]
            dst = dst[low:high]
        flat = [view.shape[i] for i in range(len(rest))]
        dst = dst.reshape(tuple(flat) if len(flat) > 1 else (flat[0], 1))
        _isa.tensor_reduce(dst, op, view, tuple(range(len(rest), data.ndim)), negate)

    return operation(shape, _kind(dtype, data.dtype), sbuf, None, emit)


def tensor_partition_reduce(op, data, *, dtype=None, mask=None, name=None):
    data = _tile(data)
    box = _box(mask, data, "tensor_partition_reduce")

    def emit(dst, _b):
        if box is not EMPTY:
            target = dst if box is None else dst[(slice(0, 1), *(slice(low, high) for low, high in box[1:]))]
            _isa.tensor_partition_reduce(target, op, view_of(data, box, data.shape))

    return operation((1, *data.shape[1:]), _kind(dtype, data.dtype), sbuf, None, emit)


def tensor_tensor_scan(data0, data1, initial, op0, op1, reverse0=False, reverse1=False, *, dtype=None, mask=None, name=None):
    data0, data1 = _tile(data0), _tile(data1)
    shape = data0.shape

    def emit(dst, box):
        a, b = _alike(view_of(data0, box, shape), view_of(data1, box, shape), dst)
        _isa.tensor_tensor_scan(dst, a, b, _scalar(_column_box(initial, box, shape)), op0, op1, reverse0, reverse1)

    return operation(shape, _kind(dtype, data0.dtype), sbuf, both(mask, data0, data1), emit)


def activation(op, data, *, bias=None, scale=1.0, reduce_op=None, reduce_res=None, reduce_cmd=reduce_cmd.idle, dtype=None, mask=None,
               buffer=None, name=None):  # fmt: skip
    data = _tile(data)
    scale = _fp32(scale)

    def emit(dst, box):
        result = None if reduce_res is None else _out(reduce_res) if box is None else _column_box(reduce_res, box, data.shape)
        _isa.activation(
            dst,
            op,
            view_of(data, box, data.shape),
            _scalar(_column_box(bias, box, data.shape)),
            _scalar(_column_box(scale, box, data.shape)),
            reduce_op,
            result,
            reduce_cmd,
        )

    out = operation(data.shape, _kind(dtype, data.dtype), sbuf if buffer is None else buffer, both(mask, data), emit)
    return _now(out) if reduce_res is not None or reduce_cmd is not constants.reduce_cmd.idle else out


def activation_reduce(op, data, *, reduce_op, reduce_res, bias=None, scale=1.0, dtype=None, mask=None, name=None):
    return activation(
        op, data, bias=bias, scale=scale, reduce_op=reduce_op, reduce_res=reduce_res,
        reduce_cmd=constants.reduce_cmd.reset_reduce, dtype=dtype, mask=mask,
    )  # fmt: skip


def reciprocal(data, *, dtype=None, mask=None, name=None):
    data = _tile(data)
    return operation(data.shape, _kind(dtype, data.dtype), sbuf, both(mask, data), lambda d, b: _isa.reciprocal(d, view_of(data, b, data.shape)))


def memset(shape, value, dtype, *, mask=None, engine=None, name=None):
    return operation(tuple(shape), _kind(dtype, float32), sbuf, mask, lambda d, b: _isa.memset(d, _scalar(value), engine))


def _pattern(expression, shape):
    """(pattern, offset, channel multiplier) of an affine expression over a tile."""
    coefs = expression.aligned(len(shape))
    dims = [[coefs[d], shape[d]] for d in range(1, len(shape))] or [[0, 1]]
    return dims, expression.const, coefs[0]


def iota(expr, dtype, *, mask=None, name=None):
    shape = expr.shape if len(expr.shape) > 1 else (1, *expr.shape)
    aligned = Affine(shape, expr.const, expr.aligned(len(shape)))

    def emit(dst, box):
        part = aligned
        if box is not None:
            start = aligned.const + sum(c * low for c, (low, _) in zip(aligned.coefs, box))
            part = Affine(tuple(high - low for low, high in box), start, aligned.coefs)
        pattern, offset, channel = _pattern(part, part.shape)
        _isa.iota(dst, pattern, offset, channel)

    return operation(shape, dtype, sbuf, mask, emit)


def affine_select(pred, on_true_tile, on_false_value, *, mask=None, dtype=None, name=None):
    tile = _tile(on_true_tile)
    value = float(on_false_value)

    def emit(dst, box):
        source = view_of(tile, box, tile.shape)
        if tile.buffer == psum:
            # The GpSimd engine cannot reach PSUM; the compiler copies.
            copied = language._allocate(tuple(source.shape), tile.dtype, sbuf)
            _isa.tensor_copy(copied, source)
            source = copied
        for condition in pred.conditions:
            coefs, const, shape = condition.aligned(tile.ndim), condition.const, tile.shape
            if box is not None:
                const += sum(c * low for c, (low, _) in zip(coefs, box))
                shape = tuple(high - low for low, high in box)
            aligned = Affine(shape, const, coefs)
            pattern, offset, channel = _pattern(aligned, shape)
            _isa.affine_select(dst, pattern, channel, source, value, language.greater_equal, offset)
            source = dst

    return operation(tile.shape, _kind(dtype, tile.dtype), sbuf, both(mask, tile), emit)


def nc_matmul(stationary, moving, *, is_stationary_onezero=False, is_moving_onezero=False, is_transpose=False, mask=None,
              tile_position=(), tile_size=(), perf_mode=matmul_perf_mode.none, name=None):  # fmt: skip
    stationary, moving = _tile(stationary), _tile(moving)
    double = perf_mode is matmul_perf_mode.double_row or "double_row" in str(perf_mode)
    rest = 2 if double else 1
    shape = (math.prod(stationary.shape[rest:]), *moving.shape[rest:])
    dtype = stationary.dtype if is_transpose and _turns(stationary) else float32
    parts = _product_boxes(stationary, moving, rest, shape, normal(mask))

    def emit(dst, box, accumulate):
        if parts is EMPTY:
            return
        left, right = _n(stationary), _n(moving)
        if parts is not None:
            (left_box, right_box, out_box) = parts
            left, right = stationary.crop(left_box), moving.crop(right_box)
            if out_box is not None:
                flat = dst if tuple(dst.shape) == shape else dst.reshape(shape)
                dst = flat[tuple(slice(low, high) for low, high in out_box)]
        _isa.nc_matmul(
            dst, left, right, is_stationary_onezero, is_moving_onezero, is_transpose and _turns(stationary),
            accumulate, tile_position, tile_size, matmul_perf_mode.double_row if double else None,
        )  # fmt: skip

    partial = parts is EMPTY or parts is not None and parts[2] is not None
    return operation(shape, dtype, psum, None, emit, matmul="part" if partial else True)


def _product_boxes(stationary, moving, rest, shape, mask):
    """(box of stationary, box of moving, box of the result or None) under the masks of a product; None without any.

    A condition belongs to the operand dimension that its index range walks over; one that names no operand's range
    speaks of the result.
    """
    ours = [normal(t._only) or Mask([]) for t in (stationary, moving)]
    out = Mask([])
    for condition in mask.conditions if mask is not None else ():
        places = [dims_of(t, condition.ids) for t in (stationary, moving)]
        walked = [d for d, coef in enumerate(condition.coefs) if coef and condition.shape[d] > 1]
        if not walked:
            if condition.const < 0:
                return EMPTY
        elif condition.bounds()[0] >= 0:
            continue
        elif len(walked) == 1 and any(len(p) == 1 for p in places):
            for at, (tile, dims) in enumerate(zip((stationary, moving), places)):
                if len(dims) == 1:
                    ours[at] = ours[at] & Mask([mask.placed(condition, dims[0], tile.shape)])
        elif len(walked) == 1 and len(condition.shape) == len(shape) and condition.shape[walked[0]] == shape[walked[0]]:
            out = out & Mask([condition])
        else:
            raise TypeError("the mask of a product names index ranges of its operands or of its result, one a condition")
    if not (ours[0].conditions or ours[1].conditions or out.conditions):
        return None
    boxes = [m.box(s) for m, s in ((ours[0], stationary.shape), (ours[1], moving.shape), (out, shape))]
    if not all(exact for _, exact in boxes):
        raise TypeError("the mask of a product bounds each dimension by itself")
    left, right, result = (box for box, _ in boxes)
    if left is None or right is None or result is None:
        return EMPTY
    # The contraction stands on the partitions of both.
    k = (max(left[0][0], right[0][0]), min(left[0][1], right[0][1]))
    if k[0] >= k[1]:
        return EMPTY
    left[0] = right[0] = k
    free = range(rest, len(stationary.shape))
    if len(free) == 1:
        low, high = max(left[-1][0], result[0][0]), min(left[-1][1], result[0][1])
        if low >= high:
            return EMPTY
        left[-1] = result[0] = (low, high)
    elif any(left[d] != (0, stationary.shape[d]) for d in free) or result[0] != (0, shape[0]):
        raise TypeError("the mask of a product cannot cut a stationary side of several free dimensions")
    for at, dim in enumerate(range(rest, len(moving.shape)), 1):
        low, high = max(right[dim][0], result[at][0]), min(right[dim][1], result[at][1])
        if low >= high:
            return EMPTY
        right[dim] = result[at] = (low, high)
    return left, right, None if result == [(0, n) for n in shape] else result


def _turns(stationary):
    """From generation 3 a transpose keeps the bits and the type; before it is a product in fp32."""
    return get_nc_version() >= nc_version.gen3


def nc_transpose(data, *, mask=None, dtype=None, engine=None, name=None):
    data = _tile(data)
    rows, columns = data.shape[0], math.prod(data.shape[1:])
    on_vector = engine is _vector or (engine in (None, constants.engine.unknown) and rows <= 32 and columns <= 32)
    box = _box(mask, data, "nc_transpose")

    def emit(dst, _b):
        if box is EMPTY:
            return
        view = view_of(data, box, data.shape)
        if box is not None:
            (low, high), (left, right) = box[0], box[-1] if data.ndim == 2 else (0, columns)
            dst = dst[left:right, low:high]
        if not on_vector and data.buffer == psum:
            copied = language._allocate(tuple(view.shape), data.dtype, sbuf)
            _isa.tensor_copy(copied, view)
            view = copied
        _isa.nc_transpose(dst, view, _vector if on_vector else constants.engine.tensor)

    return operation((columns, rows), _kind(dtype, data.dtype), sbuf if on_vector else psum, None, emit)


def dma_copy(*, dst, src, mask=None, dst_rmw_op=None, oob_mode=oob_mode.error, dge_mode=None, name=None):
    flush()
    mask = both(mask, src, dst)
    boxes = [None] if mask is None else mask.boxes(dst.shape)
    for box in boxes:
        _copy_box(dst, src, box, dst_rmw_op, oob_mode, dge_mode)


def _copy_box(dst, src, box, dst_rmw_op, oob_mode, dge_mode):
    target = dst.crop(box, write=True)
    source = src.crop(box) if box is not None else src.native
    if dst_rmw_op is not None:
        _isa.dma_compute(target, [target, source], dst_rmw_op)
    else:
        if tuple(target.shape) != tuple(source.shape) and target.size == source.size:
            source = source.reshape(tuple(target.shape)) if source.is_contiguous() else source
        _isa.dma_copy(target, source, oob_mode=oob_mode, dge_mode=dge_mode)


def dma_transpose(src, *, axes=None, dge_mode=None, dtype=None, mask=None, name=None):
    _unmasked(mask, src.shape, "dma_transpose", src)
    order = {2: (1, 0), 3: (2, 1, 0), 4: (3, 1, 2, 0)}[src.ndim]
    shape = tuple(src.shape[a] for a in order)
    return operation(shape, _kind(dtype, src.dtype), sbuf, None, lambda d, b: _isa.dma_transpose(d, _n(src), axes, dge_mode=dge_mode))


def _by_row(data, width, kind, mask, what, emit):
    """An instruction that reads the rows of a tile and gives `width` values a row; a mask bounds rows and columns."""
    box = _box(mask, data, what)

    def run(dst, _b):
        if box is None:
            emit(dst, data.native, slice(None))
        elif box is not EMPTY:
            rows = slice(*box[0])
            emit(dst[rows], view_of(data, box, data.shape), rows)

    return operation((data.shape[0], width), kind, sbuf, None, run)


def bn_stats(data, *, dtype=None, mask=None, name=None):
    data = _tile(data)
    return _by_row(data, 6, _kind(dtype, data.dtype), mask, "bn_stats", lambda d, s, _r: _isa.bn_stats(d, s))


def bn_aggr(data, *, dtype=None, mask=None, name=None):
    data = _tile(data)
    return _by_row(data, 2, _kind(dtype, data.dtype), mask, "bn_aggr", lambda d, s, _r: _isa.bn_aggr(d, s))


def max8(*, src, dtype=None, mask=None, name=None):
    src = _tile(src)
    return _by_row(src, 8, _kind(dtype, src.dtype), mask, "max8", lambda d, s, _r: _isa.max8(d, s))


def nc_find_index8(*, data, vals, dtype=None, mask=None, name=None):
    data, vals = _tile(data), _tile(vals)
    kind = _kind(dtype, _dtypes.ALL["uint32"])
    return _by_row(data, 8, kind, mask, "nc_find_index8", lambda d, s, rows: _isa.nc_find_index8(d, s, _n(vals)[rows]))


def nc_match_replace8(*, data, vals, imm, dst_idx=None, dtype=None, mask=None, name=None):
    data, vals = _tile(data), _tile(vals)
    found = None if dst_idx is None else _out(dst_idx)
    box = _box(mask, data, "nc_match_replace8")

    def emit(dst, _b):
        if box is EMPTY:
            return
        if box is not None:
            dst = dst[tuple(slice(lo, hi) for lo, hi in box)]
        _isa.nc_match_replace8(dst, view_of(data, box, data.shape), _n(vals), imm, found)

    return _now(operation(data.shape, _kind(dtype, data.dtype), sbuf, None, emit))


def nc_stream_shuffle(src, dst, shuffle_mask, *, mask=None, name=None):
    flush()
    _unmasked(mask, dst.shape, "nc_stream_shuffle", src)
    _isa.nc_stream_shuffle(_out(dst), _n(src), [int(m) for m in shuffle_mask])


def tensor_copy_predicated(*, src, dst, predicate, reverse_pred=False, mask=None, name=None):
    flush()
    _unmasked(mask, dst.shape, "tensor_copy_predicated", src, predicate)
    _isa.tensor_copy_predicated(_out(dst), _scalar(_n(src)), _flags(predicate), reverse_pred)


def select_reduce(*, dst, predicate, on_true, on_false, reduce_res=None, reduce_cmd=reduce_cmd.idle, reduce_op=np.max, reverse_pred=False, mask=None, name=None):
    flush()
    _unmasked(mask, dst.shape, "select_reduce", predicate, on_true)
    _isa.select_reduce(
        _out(dst), _flags(predicate), _n(on_true), _scalar(_n(on_false)), None if reduce_res is None else _out(reduce_res), reduce_cmd, reduce_op, reverse_pred
    )


def range_select(*, on_true_tile, comp_op0, comp_op1, bound0, bound1, reduce_cmd=reduce_cmd.reset_reduce, reduce_res=None, reduce_op=np.max,
                 range_start=0, on_false_value=None, dtype=None, mask=None, name=None):  # fmt: skip
    tile = _tile(on_true_tile)
    result = None if reduce_res is None else _out(reduce_res)

    _unmasked(mask, tile.shape, "range_select", tile)

    def emit(dst, _box):
        _isa.range_select(
            dst, _n(tile), comp_op0, comp_op1, _n(bound0), _n(bound1), reduce_cmd, result, reduce_op, int(range_start), on_false_value
        )

    return _now(operation(tile.shape, _kind(dtype, tile.dtype), sbuf, mask, emit))


def local_gather(src_buffer, index, num_elem_per_idx=1, num_valid_indices=None, *, mask=None, name=None):
    src, index = _tile(src_buffer), _tile(index)
    _unmasked(mask, src.shape, "local_gather", src, index)
    count = math.prod(index.shape[1:])
    shape = (src.shape[0], count, 16, num_elem_per_idx) if num_elem_per_idx > 1 or src.ndim > 2 else (src.shape[0], count, 16)
    if num_valid_indices is not None and num_valid_indices != count * 16:
        shape = (src.shape[0], num_valid_indices, *shape[3:])
    return operation(shape, src.dtype, sbuf, None, lambda d, b: _isa.local_gather(d, _n(src), _n(index), num_elem_per_idx, num_valid_indices))


def dropout(data, prob, *, dtype=None, mask=None, name=None):
    data = _tile(data)
    return operation(
        data.shape, _kind(dtype, data.dtype), sbuf, both(mask, data),
        lambda d, b: _isa.dropout(d, view_of(data, b, data.shape), _scalar(_column_box(prob, b, data.shape))),
    )  # fmt: skip


def sequence_bounds(*, segment_ids, dtype=None, mask=None, name=None):
    ids = _tile(segment_ids)
    _unmasked(mask, ids.shape, "sequence_bounds", ids)
    return operation((1, 2, ids.shape[-1]), _kind(dtype, ids.dtype), sbuf, None, lambda d, b: _isa.sequence_bounds(d, _n(ids)))


def tensor_copy_dynamic_src(src, *, mask=None, dtype=None, engine=None, name=None):
    return tensor_copy(src, dtype=dtype, mask=mask, engine=engine)


def tensor_copy_dynamic_dst(*, dst, src, mask=None, engine=None, name=None):
    flush()
    _unmasked(mask, dst.shape, "tensor_copy_dynamic_dst", src)
    _isa.tensor_copy(_out(dst), _n(src), engine)


def builtin_custom_op(*_, **__):
    raise NotImplementedError("custom operators of the GpSimd engine cannot run here")

