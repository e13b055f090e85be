"""`neuronxcc.nki.language` (Beta 1): tiles by value, masks, index ranges."""

import builtins
import math

import numpy as np

from .. import _dtypes, _neuron_dtypes, _ops, language
from .. import isa as _isa2
from ..language import (  # noqa: F401
    NKIObject,
    dynamic_range,
    ds,
    hbm,
    num_programs,
    private_hbm,
    program_id,
    program_ndim,
    psum,
    sbuf,
    shared_hbm,
    tile_size,
)
from . import isa
from ._index import Mask, arange, mgrid  # noqa: F401
from ._tile import Block, Blocks, Pick, Tile, both, flush, fresh, operation, view_of

for _name, _type in _dtypes.ALL.items():
    globals()[_name] = _type
float32, uint8 = _dtypes.ALL["float32"], _dtypes.ALL["uint8"]
bool_ = _dtypes.ALL["bool_"]
tensor = Tile
dslice = ds


class fp32:
    min = float(np.finfo(np.float32).min)
    max = float(np.finfo(np.float32).max)


# ----- loops: a loop variable knows whether it is at its first value -----------------------------------------------------


class LoopIndex(int):
    first = False


def _loop(start, stop=None, step=1, *, directives=None, multi_buffer=None, precise_schedule=None, name=None):
    """A loop; hints to the vendor's compiler have no effect."""
    values = builtins.range(int(start)) if stop is None else builtins.range(int(start), int(stop), int(step))
    for number, value in enumerate(values):
        index = LoopIndex(value)
        if number == 0:
            index.first = True
        yield index


affine_range = sequential_range = static_range = _loop


def loop_reduce(x, op, loop_indices, mask=None, dtype=None, name=None):
    """Combines the values of all iterations of the loops."""
    first = all_first(loop_indices)
    if isinstance(x, Tile):
        isa._unmasked(mask, x.shape, "loop_reduce", x)
        if dtype is not None and _dtypes.convert(dtype) != x.dtype:
            x = copy(x, dtype=dtype)
        x.settle()
    return Pick(x, op, first)


def all_first(indices):
    return builtins.all(getattr(i, "first", int(i) == 0) for i in indices)


# ----- creation ------------------------------------------------------------------------------------------------------


class par_dim(int):
    """The size of the partition dimension inside a shape."""


class nc:
    """Physical cores in a launch grid; here they take turns."""

    def __init__(self, size):
        self.size = size

    def __mul__(self, other):
        return nc(self.size * int(getattr(other, "size", other)))

    __rmul__ = __mul__


def spmd_dim(*parts):
    total = 1
    for part in parts:
        total *= int(getattr(part, "size", part))
    return total


def _region(buffer):
    """A memory; allocators of the compiler give their memory."""
    region = getattr(buffer, "region", buffer)
    if region is None:
        return sbuf
    return region


def _sizes(shape):
    return tuple(int(s) for s in shape) if isinstance(shape, (tuple, list)) else (int(shape),)


def _create(shape, dtype, buffer, name, fill=None):
    flush()
    region, place = _region(buffer), getattr(buffer, "place", None)
    sizes = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    kind = _dtypes.convert(dtype)
    if language.is_hbm(region):
        native = language._allocate([int(s) for s in sizes], kind, region, name)
        tile = Tile(native)
        if fill is not None:
            from secondsource import _native

            from .. import _arrays

            _native.write_bytes(native, _arrays.raw(np.full(native.shape, fill).astype(_dtypes.NUMPY[kind.name])))
        return tile
    at = next((d for d, s in enumerate(sizes) if isinstance(s, par_dim)), 0)
    plain = tuple(int(s) for s in sizes)
    inner = plain[at:] if len(plain) - at > 1 else (plain[at], 1)
    if at == 0:
        return fresh(inner, kind, region, name, fill, place)
    return Blocks(Block(plain[:at], at, inner, kind, region, name, fill, place))


class _NdarrayType(type):
    def __instancecheck__(cls, instance):
        return isinstance(instance, Tile)


class ndarray(metaclass=_NdarrayType):
    def __new__(cls, shape, dtype=None, *, buffer=None, name="", lazy_initialization=False):
        return _create(shape, float32 if dtype is None else dtype, buffer, name)


def zeros(shape, dtype=None, *, buffer=None, name="", mask=None, lazy_initialization=False):
    return full(shape, 0, dtype, buffer=buffer, name=name, mask=mask)


def full(shape, fill_value, dtype=None, *, buffer=None, name="", mask=None, lazy_initialization=False):
    """Filled where it is made: `lazy_initialization`, a hint to the vendor's compiler, has no effect."""
    isa._unmasked(mask, _sizes(shape), "nl.full")
    return _create(shape, float32 if dtype is None else dtype, buffer, name, float(fill_value))


def ones(shape, dtype=None, *, buffer=None, name="", mask=None, lazy_initialization=False):
    return full(shape, 1, dtype, buffer=buffer, name=name, mask=mask)


def zeros_like(a, dtype=None, *, buffer=None, name=""):
    return zeros(a.shape, dtype or a.dtype, buffer=buffer or a.buffer, name=name)


def empty_like(a, dtype=None, *, buffer=None, name=""):
    return ndarray(a.shape, dtype or a.dtype, buffer=buffer or a.buffer, name=name)


def rand(shape, dtype=float32, *, mask=None, name=None):
    flush()
    sizes = _sizes(shape)
    isa._unmasked(mask, sizes, "nl.rand")
    return Tile(language.rand(sizes, _dtypes.convert(dtype)))


def random_seed(seed, *, mask=None, name=None):
    flush()
    isa._unmasked(mask, seed.shape, "nl.random_seed", seed)
    language.random_seed(seed.native)


def shared_constant(constant, dtype=None, *, name=None):
    flush()
    return Tile(language.shared_constant(np.asarray(constant), dtype))


def shared_identity_matrix(n, dtype=uint8, *, name=None):
    flush()
    return Tile(language.shared_identity_matrix(n, _dtypes.convert(dtype)))


# ----- movement ------------------------------------------------------------------------------------------------------


def load(src, *, mask=None, dtype=None, mode=None, name=None):
    """`mode` is the oob_mode of a gather."""
    shape = src.shape if src.ndim > 1 else (src.shape[0], 1)

    def emit(dst, box):
        view = view_of(src, box, shape) if box is not None and src.ndim > 1 else src.native
        if len(view.shape) == 1:
            view = view.expand_dim(1)
            if box is not None:
                view = view[box[0][0] : box[0][1]]
        _isa2.dma_copy(dst, view, oob_mode=mode)

    return operation(shape, src.dtype if dtype is None else dtype, sbuf, both(mask, src), emit)


def store(dst, value, *, mask=None, mode=None, name=None):
    flush()
    if not isinstance(value, Tile):
        value = full(dst.shape, value, dst.dtype)
    mask = both(mask, dst, value)
    if mask is None:
        _store_box(dst, value, None, mode)
        return
    for box in mask.boxes(dst.shape):
        _store_box(dst, value, box, mode)


def _store_box(dst, value, box, mode):
    target = dst.crop(box, write=True)
    source = value.crop(box) if box is not None and tuple(value.shape) == tuple(dst.shape) else value.native
    if source.buffer == psum:
        copied = language._allocate(tuple(source.shape), source.dtype, sbuf)
        _isa2.tensor_copy(copied, source)
        source = copied
    if tuple(target.shape) != tuple(source.shape):
        if target.size != source.size:
            raise ValueError(f"a tile of shape {tuple(source.shape)} stored to shape {tuple(target.shape)}")
        if len(target.shape) == 1:
            target = target.expand_dim(1 if source.shape[0] == target.shape[0] else 0)
        else:
            source = source.reshape(tuple(target.shape)) if source.shape[0] == target.shape[0] else source
    _isa2.dma_copy(target, source, oob_mode=mode)


def load_transpose2d(src, *, mask=None, dtype=None, name=None):
    box = isa._box(mask, src, "load_transpose2d")

    def emit(dst, _box):
        if box is None:
            _isa2.dma_copy(dst, src.native.permute((1, 0)))
        elif box is not isa.EMPTY:
            (low, high), (left, right) = box
            _isa2.dma_copy(dst[left:right, low:high], src.crop(box).permute((1, 0)))

    return operation((src.shape[1], src.shape[0]), src.dtype if dtype is None else dtype, sbuf, None, emit)


def atomic_rmw(dst, value, op, *, mask=None, name=None):
    flush()
    isa._unmasked(mask, dst.shape, "atomic_rmw", dst, value)
    target = dst.crop(None, write=True)
    _isa2.dma_compute(target, [target, value.native], op)


def copy(x, *, mask=None, dtype=None, name=None):
    return isa.tensor_copy(isa._tile(x), dtype=dtype, mask=mask)


def static_cast(x, dtype, *, mask=None, name=None):
    if isinstance(x, Tile):
        return copy(x, dtype=dtype, mask=mask)
    if mask is not None:
        raise TypeError("static_cast of an array takes no mask")
    # Tests convert their arrays by it, outside of any kernel.
    return _neuron_dtypes.static_cast(x, dtype)


def device_print(print_prefix, x, *, mask=None):
    flush()
    isa._unmasked(mask, x.shape, "device_print", x)
    print(print_prefix, x.native.numpy())


# ----- element by element ---------------------------------------------------------------------------------------------


def _binary(op, x, y, dtype, mask):
    if isinstance(x, Pick):
        x = x.tile
    if isinstance(y, Pick):
        y = y.tile
    if not isinstance(x, Tile) and not isinstance(y, Tile):
        return _python[op.__name__](x, y)
    if isinstance(x, Tile) and isinstance(y, Tile):
        x, y = isa._tile(x), isa._tile(y)
        kind = language._promote(x, y) if dtype is None else dtype
        if x.shape == y.shape:
            return isa.tensor_tensor(x, y, op, dtype=kind, mask=mask)
        columns = [t.size == t.shape[0] for t in (x, y)]
        if columns[1] and x.shape[0] == y.shape[0]:
            return isa.tensor_scalar(x, op, y, dtype=kind, mask=mask)
        if columns[0] and x.shape[0] == y.shape[0]:
            return isa.tensor_scalar(y, op, x, True, dtype=kind, mask=mask)
        flush()
        shape = language._broadcast_shape(x, y)
        return isa.tensor_tensor(broadcast_to(x, shape), broadcast_to(y, shape), op, dtype=kind, mask=mask)
    if isinstance(x, Tile):
        return isa.tensor_scalar(x, op, y, dtype=x.dtype if dtype is None else dtype, mask=mask)
    return isa.tensor_scalar(y, op, x, True, dtype=y.dtype if dtype is None else dtype, mask=mask)


_python = {}


def _named(function, name):
    function.__name__ = function.__qualname__ = name
    _ops.register(name, function)
    globals()[name] = function


def _make_binary(name):
    def function(x, y, *, dtype=None, mask=None, max_free_vec_size=None, name=None):
        return _binary(function, x, y, dtype, mask)

    _python[name] = getattr(np, name, None)
    _named(function, name)


def _make_activation(name):
    def function(x, *, dtype=None, mask=None, name=None):
        return isa.activation(function, x, dtype=dtype, mask=mask)

    _named(function, name)


for _name in (
    "add subtract multiply divide maximum minimum power equal not_equal less less_equal greater greater_equal "
    "bitwise_and bitwise_or bitwise_xor left_shift right_shift arithmetic_right_shift logical_and logical_or logical_xor "
    "mod fmod"
).split():
    _make_binary(_name)
for _name in (
    "exp log sqrt rsqrt tanh sigmoid relu gelu gelu_apprx_sigmoid gelu_apprx_tanh gelu_dx gelu_apprx_sigmoid_dx silu "
    "silu_dx softplus mish erf erf_dx arctan sign square tanh_dx"
).split():
    _make_activation(_name)

add, subtract, multiply, maximum, minimum = (globals()[n] for n in ("add", "subtract", "multiply", "maximum", "minimum"))
exp, square, rsqrt, not_equal, logical_and_ = (globals()[n] for n in ("exp", "square", "rsqrt", "not_equal", "logical_and"))
equal = globals()["equal"]


def abs(x, *, dtype=None, mask=None, name=None):
    return isa.tensor_scalar(x, abs, 0.0, dtype=dtype, mask=mask)


def negative(x, *, dtype=None, mask=None, name=None):
    return isa.tensor_scalar(x, multiply, -1.0, dtype=dtype, mask=mask)


def invert(x, *, dtype=None, mask=None, name=None):
    return isa.tensor_scalar(x, invert, 0, dtype=dtype, mask=mask)


def logical_not(x, *, dtype=None, mask=None, name=None):
    return isa.tensor_scalar(x, equal, 0.0, dtype=dtype, mask=mask)


def reciprocal(x, *, dtype=None, mask=None, name=None):
    return isa.reciprocal(x, dtype=dtype, mask=mask)


for _name in ("abs", "negative", "invert", "logical_not", "reciprocal", "copy"):
    _ops.register(_name, globals()[_name])


def _through(name):
    """A function that Beta 2's language has, on the tile's own memory."""
    function2 = getattr(language, name)

    def function(x, *, dtype=None, mask=None, name=None):
        x = isa._tile(x)
        kind = x.dtype if dtype is None else _dtypes.convert(dtype)
        mask = both(mask, x)
        if mask is None or mask.full(x.shape):
            flush()
            return Tile(function2(x.native, dtype=kind))
        return operation(
            x.shape, kind, sbuf, mask, lambda dst, box: _isa2.tensor_copy(dst, function2(view_of(x, box, x.shape), dtype=kind))
        )

    _named(function, name)


for _name in "sin cos tan floor ceil trunc".split():
    _through(_name)


def _add_into(target, value):
    """target += value on chip."""
    view = target.native
    if isinstance(value, Tile):
        other = isa._tile(value).native
        if tuple(other.shape) != tuple(view.shape):
            other = other.reshape(tuple(view.shape)) if other.size == view.size else language._expanded(other, tuple(view.shape))
        _isa2.tensor_tensor(view, *isa._alike(view, other, view), add)
    else:
        _isa2.tensor_scalar(view, view, add, float(value))


def where(condition, x, y, *, dtype=None, mask=None, name=None):
    flush()
    isa._unmasked(mask, condition.shape, "where", condition, x, y)
    native = [v.native if isinstance(v, Tile) else v for v in (condition, x, y)]
    return Tile(language.where(*native, dtype=None if dtype is None else _dtypes.convert(dtype)))


def dropout(x, rate, *, dtype=None, mask=None, name=None):
    return isa.dropout(x, rate, dtype=dtype, mask=mask)


# ----- reductions ----------------------------------------------------------------------------------------------------


def _axes(x, axis):
    axes = [axis] if isinstance(axis, (int, np.integer)) else list(axis)
    return [a % x.ndim for a in axes]


def _reduce(op, x, axis, dtype, keepdims, mask):
    x = isa._tile(x)
    axes = _axes(x, axis)
    if 0 in axes:
        if len(axes) > 1:
            raise ValueError("the partition axis is reduced alone")
        return isa.tensor_partition_reduce(op, x, dtype=dtype, mask=mask)
    return isa.tensor_reduce(op, x, axis, dtype=dtype, keepdims=keepdims or x.ndim == 2, mask=mask)


def sum(x, axis, *, dtype=None, mask=None, keepdims=False, name=None):
    return _reduce(add, x, axis, dtype, keepdims, mask)


def max(x, axis, *, dtype=None, mask=None, keepdims=False, name=None):
    return _reduce(maximum, x, axis, dtype, keepdims, mask)


def min(x, axis, *, dtype=None, mask=None, keepdims=False, name=None):
    return _reduce(minimum, x, axis, dtype, keepdims, mask)


def prod(x, axis, *, dtype=None, mask=None, keepdims=False, name=None):
    return _reduce(multiply, x, axis, dtype, keepdims, mask)


def all(x, axis, *, dtype=None, mask=None, keepdims=False, name=None):
    return _reduce(logical_and_, x, axis, dtype, keepdims, mask)


def mean(x, axis, *, dtype=None, mask=None, keepdims=False, name=None):
    x = isa._tile(x)
    axes = _axes(x, axis)
    box = isa._box(mask, x, "mean")
    total = _reduce(add, x, axis, float32, keepdims, mask)
    kind = x.dtype if dtype is None else dtype
    if box is isa.EMPTY:
        return total if total.dtype == _dtypes.convert(kind) else copy(total, dtype=kind, mask=False)
    sizes = x.shape if box is None else [high - low for low, high in box]
    kept = None
    if box is not None:
        # The sums stand where the mask holds; the rest is nothing.
        bounds = [(0, 1) if d in axes else b for d, b in enumerate(box)]
        if total.ndim < x.ndim:
            bounds = [b for d, b in enumerate(box) if d not in axes]
        kept = Mask.of_box(bounds, total.shape)
    return multiply(total, 1.0 / math.prod(sizes[a] for a in axes), dtype=kind, mask=kept)


def var(x, axis, *, dtype=None, mask=None, keepdims=False, name=None):
    isa._unmasked(mask, x.shape, "var", x)
    flush()
    return Tile(language.var(isa._tile(x).native, axis, None if dtype is None else _dtypes.convert(dtype), keepdims))


for _name in ("sum", "max", "min", "prod", "all", "mean"):
    _ops.register(_name, globals()[_name])


def softmax(x, axis, *, dtype=None, compute_dtype=None, mask=None, name=None):
    isa._unmasked(mask, x.shape, "softmax", x)
    flush()
    return Tile(language.softmax(isa._tile(x).native, axis, None if dtype is None else _dtypes.convert(dtype)))


def rms_norm(x, w, axis, n, epsilon=1e-6, *, dtype=None, compute_dtype=None, mask=None, name=None):
    isa._unmasked(mask, x.shape, "rms_norm", x)
    flush()
    kind = None if dtype is None else _dtypes.convert(dtype)
    return Tile(language.rms_norm(isa._tile(x).native, None if w is None else isa._tile(w).native, axis, n, epsilon, kind))


# ----- shapes and matmul ------------------------------------------------------------------------------------------------


def expand_dims(x, axis):
    return x.expand_dims(axis)


def broadcast_to(src, shape, *, mask=None, name=None):
    flush()
    isa._unmasked(mask, tuple(int(s) for s in shape), "broadcast_to", src)
    source = isa._tile(src)
    if source.ndim < len(shape):
        source = source.reshape((1,) * (len(shape) - source.ndim) + source.shape)
    flush()
    sizes = tuple(int(s) for s in shape)
    if source.native.shape[0] == 1 and sizes[0] > 1 and source.dtype == float32 and source.size == math.prod(sizes[1:]):
        return _spread(source.native, sizes)
    return Tile(language._expanded(source.native, sizes))


def _spread(row, shape):
    """One partition on many: a product with ones, which is what profiles of the scan tutorial show on the Tensor engine."""
    count = math.prod(shape[1:])
    row = row.reshape((1, count))
    if row.buffer == psum:
        copied = language._allocate((1, count), float32, sbuf)
        _isa2.tensor_copy(copied, row)
        row = copied
    ones = language._allocate((1, shape[0]), float32, sbuf)
    _isa2.memset(ones, 1.0, isa.gpsimd_engine)
    # What fits a bank stays there; more is copied, a bank at a time.
    out = None if count <= 512 else language._allocate((shape[0], count), float32, sbuf)
    for low in builtins.range(0, count, 512):
        part = row[:, low : builtins.min(low + 512, count)]
        bank = language._allocate((shape[0], part.shape[1]), float32, psum)
        _isa2.nc_matmul(bank, ones, part)
        if out is None:
            out = bank
        else:
            _isa2.tensor_copy(out[:, low : low + part.shape[1]], bank)
    return Tile(out if tuple(out.shape) == shape else out.reshape(shape))


def transpose(x, *, dtype=None, mask=None, name=None):
    return isa.nc_transpose(x, dtype=dtype, mask=mask)


def matmul(x, y, *, transpose_x=False, mask=None, name=None):
    x, y = isa._tile(x), isa._tile(y)
    if not transpose_x:
        turned = isa.nc_transpose(x)
        flush()
        if turned.buffer == psum:
            turned = isa.tensor_copy(turned, dtype=x.dtype)
            flush()
        x = turned
    return isa.nc_matmul(x, y, mask=mask)


def gather_flattened(data, indices, *, mask=None, dtype=None, name=None):
    flush()
    isa._unmasked(mask, indices.shape, "gather_flattened", data, indices)
    kind = None if dtype is None else _dtypes.convert(dtype)
    return Tile(language.gather_flattened(isa._tile(data).native, isa._tile(indices).native, dtype=kind))

