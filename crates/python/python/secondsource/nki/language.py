"""`nki.language`: tensors, loops, and functions that allocate their result and issue one or more instructions."""

import builtins
import contextlib

import numpy as np

from secondsource import _native
from secondsource._native import DynamicSlice, MemoryRegion, NkiTensor, ds  # noqa: F401

from . import _arrays, _dtypes, _ops, _state, isa
from ._tile_size import tile_size  # noqa: F401

# ----- names ---------------------------------------------------------------------------------------------------------

for _name, _type in _dtypes.ALL.items():
    globals()[_name] = _type
bool_ = _dtypes.ALL["bool_"]
float32, bfloat16, float16, tfloat32 = (_dtypes.ALL[n] for n in ("float32", "bfloat16", "float16", "tfloat32"))
int32, uint32, uint8 = (_dtypes.ALL[n] for n in ("int32", "uint32", "uint8"))
DType = _native.DType
dtype = _native.DType
for _name, _type in _dtypes.ALL.items():
    # `nl.dtype.bfloat16` is a name of the type too.
    setattr(DType, _name, _type)

sbuf = MemoryRegion.sbuf
psum = MemoryRegion.psum
hbm = MemoryRegion.hbm
private_hbm = MemoryRegion.private_hbm
shared_hbm = MemoryRegion.shared_hbm
tensor = NkiTensor
range = builtins.range


def is_hbm(buffer):
    return buffer == hbm


def is_on_chip(buffer):
    return buffer == sbuf or buffer == psum


def is_psum(buffer):
    return buffer == psum


def is_sbuf(buffer):
    return buffer == sbuf


class NKIObject:
    """Base of classes used in kernels; without its own `__init__` a class gets one from its fields.

    Plain values in the class body are fields too, as the vendor's compiler reads them, also under `@dataclass`.
    """

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        fields = cls.__dict__.get("__annotations__", {})
        plain = (type(None), bool, int, float, str, tuple)
        for name, value in list(cls.__dict__.items()):
            if not name.startswith("_") and name not in fields and isinstance(value, plain):
                fields = {**fields, name: object}
        if fields:
            cls.__annotations__ = fields
        # A field that nobody gives is None, also under `@dataclass`, whose generated `__init__` asks for a default.
        for name in fields:
            if not hasattr(cls, name) and not name.startswith("__"):
                setattr(cls, name, None)

    def __init__(self, *args, **kwargs):
        fields = []
        for owner in reversed(type(self).__mro__):
            for field in owner.__dict__.get("__annotations__", {}):
                if field not in fields:
                    fields.append(field)
        if len(args) > len(fields):
            raise TypeError(f"{type(self).__name__} takes {len(fields)} values, {len(args)} were given")
        values = dict(zip(fields, args))
        for key, value in kwargs.items():
            if key in values:
                raise TypeError(f"{type(self).__name__} got two values for `{key}`")
            values[key] = value
        for field in fields:
            if field not in values and not hasattr(type(self), field):
                values[field] = None
        for key, value in values.items():
            setattr(self, key, value)
        after = getattr(self, "__post_init__", None)
        if after is not None:
            after()


# ----- creation ------------------------------------------------------------------------------------------------------


def _allocate(shape, dtype, buffer=None, name="", address=None):
    if (buffer is None or buffer is sbuf or buffer is psum) and type(shape) is tuple:
        try:
            return _native.allocate(shape, dtype, buffer, name or None, address)
        except TypeError:
            pass  # sizes that are no integers: below
    launch = _state.running()
    sizes = [int(s) for s in shape] if isinstance(shape, (tuple, list)) else [int(shape)]
    region = buffer if buffer is not None else sbuf
    if region == shared_hbm and region != private_hbm and (launch.baton is not None or launch.program):
        return _shared(launch, sizes, dtype, region, name)
    return _native.allocate(sizes, dtype, region, name or None, address, region == hbm)


def _shared(launch, sizes, dtype, region, name):
    # The cores of a rank run the same program: their n-th shared allocation of a kind is one tensor.
    kind = (tuple(sizes), str(dtype), name)
    count = launch.counts.get((launch.core, kind), 0)
    launch.counts[(launch.core, kind)] = count + 1
    key = (launch.rank, kind, count)
    if key not in launch.shared:
        launch.shared[key] = _native.allocate(sizes, dtype, region, name or None, None, True)
    return launch.shared[key]


class _NdarrayType(type):
    def __instancecheck__(cls, instance):
        return isinstance(instance, NkiTensor)


class ndarray(metaclass=_NdarrayType):
    """`nl.ndarray(shape, dtype, buffer, name, address)`: a tensor, not initialised."""

    def __new__(cls, shape, dtype=None, buffer=None, name="", address=None):
        return _allocate(shape, float32 if dtype is None else dtype, buffer, name, address)


def _filled(shape, value, dtype, buffer, name):
    region = sbuf if buffer is None else buffer
    if region == hbm:
        out = _allocate(shape, dtype, region, name)
        source = np.full(out.shape, value).astype(_dtypes.NUMPY[out.dtype.name])
        _native.write_bytes(out, _arrays.raw(source))
        return out
    out = _allocate(shape, dtype, region, name)
    isa.memset(out, value)
    return out


def zeros(shape, dtype=float32, buffer=None, name=""):
    return _filled(shape, 0, dtype, buffer, name)


def ones(shape, dtype=float32, buffer=None, name=""):
    return _filled(shape, 1, dtype, buffer, name)


def full(shape, fill_value, dtype=float32, buffer=None, name=""):
    return _filled(shape, fill_value, dtype, buffer, name)


def zeros_like(x, dtype=None, buffer=None, name=""):
    return _filled(x.shape, 0, dtype or x.dtype, x.buffer if buffer is None else buffer, name)


def empty_like(x, dtype=None, buffer=None, name=""):
    return _allocate(x.shape, dtype or x.dtype, x.buffer if buffer is None else buffer, name)


def rand(shape, dtype=float32, buffer=None, name=""):
    bits = _allocate(shape, uint32, sbuf)
    isa.rng(bits)
    low = _allocate(shape, uint32, sbuf)
    # 24 random bits give every float32 in [0, 1) that is a multiple of 2^-24.
    isa.tensor_scalar(low, bits, right_shift, 8)
    out = _allocate(shape, dtype, buffer, name)
    isa.tensor_scalar(out, low, multiply, 2.0**-24)
    return out


def random_seed(seed):
    isa.set_rng_seed(seed)


def shared_constant(constant, dtype=None):
    launch = _state.running()
    if isinstance(constant, str):
        constant = np.load(constant)
    array = np.asarray(constant)
    if array.dtype == np.float64:
        array = array.astype(np.float32)
    if array.dtype == np.int64:
        array = array.astype(np.int32)
    kind = _dtypes.convert(dtype) if dtype is not None else _dtypes.convert(array.dtype)
    array = array.astype(_dtypes.NUMPY[kind.name])
    key = ("constant", launch.rank, array.shape, str(array.dtype), _arrays.raw(array))
    if key not in launch.shared:
        launch.shared[key] = _arrays.to_device(array, shared_hbm, "", kind)
    return launch.shared[key]


def shared_identity_matrix(n, dtype=uint8, dst=None):
    source = shared_constant(np.eye(n, dtype=np.uint8), dtype=dtype)
    if dst is None:
        dst = _allocate((n, n), dtype, sbuf)
    isa.dma_copy(dst, source)
    return dst


# ----- loops and the launch grid ------------------------------------------------------------------------------------


def _static(start, stop=None, step=1):
    return builtins.range(start) if stop is None else builtins.range(start, stop, step)


affine_range = _static
sequential_range = _static
static_range = _static


def _number(value):
    return value._value if isinstance(value, _native.VirtualRegister) else int(value)


def dynamic_range(start, stop=None, step=1):
    """A loop that the device runs: the variable is a register."""
    first, last = (0, _number(start)) if stop is None else (_number(start), _number(stop))
    _native.begin_loop()
    try:
        for value in builtins.range(first, last, step):
            _native.next_trip()
            yield _native.loop_register(value)
    finally:
        if _native.running():
            _native.end_loop()


def fori_loop(lower, upper, body_fun, step=1):
    for register in dynamic_range(lower, upper, step):
        body_fun(register)


def while_loop(init, body_fun):
    register = init
    _native.begin_loop()
    try:
        while register:
            _native.next_trip()
            register = body_fun(register)
    finally:
        _native.end_loop()


class par_dim(int):
    """The size of the partition dimension in a shape; the first dimension here anyway."""


def program_id(axis=0):
    launch = _state.running()
    return launch.program[axis] if axis < len(launch.program) else 0


def num_programs(axes=0):
    launch = _state.running()
    if axes is None:
        total = 1
        for size in launch.grid:
            total *= size
        return total
    if isinstance(axes, (tuple, list)):
        return tuple(num_programs(axis) for axis in axes)
    return launch.grid[axes] if axes < len(launch.grid) else 1


def program_ndim():
    return len(_state.running().grid)


@contextlib.contextmanager
def no_reorder():
    """Instructions inside keep program order; the emulator runs in program order anyway."""
    yield


def device_print(print_prefix, tensor):
    print(print_prefix, tensor.numpy())


# ----- helpers of the functions below ---------------------------------------------------------------------------------


def _is_tile(x):
    return isinstance(x, NkiTensor)


def _on_chip(x):
    """The tile itself, or a copy in SBUF of a tensor in device memory."""
    if _is_tile(x) and x.buffer == hbm:
        return load(x)
    return x


_RANK = {"float32": 9, "tfloat32": 8, "bfloat16": 7, "float16": 7, "int32": 5, "uint32": 5}


def _promote(x, y):
    if not _is_tile(y):
        return x.dtype
    if not _is_tile(x) or x.dtype == y.dtype:
        return y.dtype
    a, b = _RANK.get(x.dtype.name, 3), _RANK.get(y.dtype.name, 3)
    if a == b == 7:
        return float32
    return x.dtype if a >= b else y.dtype


def _broadcast_shape(x, y):
    a, b = list(x.shape), list(y.shape)
    while len(a) < len(b):
        a.insert(1, 1)
    while len(b) < len(a):
        b.insert(1, 1)
    out = []
    for p, q in zip(a, b):
        if p != q and p != 1 and q != 1:
            raise ValueError(f"shapes {tuple(x.shape)} and {tuple(y.shape)} do not go together")
        out.append(p if q == 1 else q)
    return tuple(out)


def _expanded(x, shape):
    """A view of `shape`; a single partition is copied to all."""
    out = x
    while out.ndim < len(shape):
        out = out.expand_dim(1)
    if out.shape[0] != shape[0]:
        out = _spread(out, shape[0])
    for dim in builtins.range(1, len(shape)):
        if out.shape[dim] != shape[dim]:
            out = out.broadcast(dim, shape[dim])
    return out


def _spread(x, partitions):
    """Partition 0 of a tile on many partitions."""
    out = _allocate((partitions, *x.shape[1:]), x.dtype, sbuf)
    source = x
    if x.buffer == psum:
        source = _allocate(x.shape, x.dtype, sbuf)
        isa.tensor_copy(source, x)
    for first in builtins.range(0, partitions, 32):
        count = builtins.min(32, partitions - first)
        isa.nc_stream_shuffle(dst=out[first : first + count], src=source, shuffle_mask=[0] * 32)
    return out


def _binary(op, x, y, dtype=None):
    x, y = _on_chip(x), _on_chip(y)
    if not _is_tile(x) and not _is_tile(y):
        raise TypeError("at least one of the two inputs must be a tile")
    kind = _dtypes.convert(dtype) if dtype is not None else _promote(x, y)
    if _is_tile(x) and _is_tile(y):
        shape = _broadcast_shape(x, y)
        out = _allocate(shape, kind, sbuf)
        if tuple(x.shape) == shape and y.size == y.shape[0] == shape[0] and x.size != y.size and y.dtype == float32:
            isa.tensor_scalar(out, x, op, y.reshape((shape[0], 1)))
        elif tuple(y.shape) == shape and x.size == x.shape[0] == shape[0] and x.size != y.size and x.dtype == float32:
            isa.tensor_scalar(out, y, op, x.reshape((shape[0], 1)), reverse0=True)
        else:
            a, b = _expanded(x, shape), _expanded(y, shape)
            if a.buffer == psum and b.buffer == psum:
                copied = _allocate(b.shape, b.dtype, sbuf)
                isa.tensor_copy(copied, b)
                b = copied
            isa.tensor_tensor(out, a, b, op)
        return out
    if _is_tile(x):
        out = _allocate(x.shape, kind, sbuf)
        isa.tensor_scalar(out, x, op, y)
    else:
        out = _allocate(y.shape, kind, sbuf)
        isa.tensor_scalar(out, y, op, x, reverse0=True)
    return out


def _function(op, x, dtype=None):
    x = _on_chip(x)
    out = _allocate(x.shape, dtype or x.dtype, sbuf)
    isa.activation(out, op, x)
    return out


def _scalar_op(op, x, value=0.0, dtype=None, **more):
    x = _on_chip(x)
    out = _allocate(x.shape, dtype or x.dtype, sbuf)
    isa.tensor_scalar(out, x, op, value, **more)
    return out


def _binary_function(name):
    def function(x, y, dtype=None):
        return _binary(function, x, y, dtype)

    return _named(function, name)


def _activation_function(name):
    def function(x, dtype=None):
        return _function(function, x, dtype)

    return _named(function, name)


def _named(function, name):
    function.__name__ = function.__qualname__ = name
    _ops.register(name, function)
    globals()[name] = function
    return function


for _name in (
    "add subtract multiply divide maximum minimum abs_max abs_min power equal not_equal less less_equal greater "
    "greater_equal bitwise_and bitwise_or bitwise_xor left_shift right_shift arithmetic_right_shift logical_and "
    "logical_or logical_xor mod fmod"
).split():
    _binary_function(_name)

for _name in (
    "exp log sqrt rsqrt tanh sigmoid relu gelu gelu_apprx_sigmoid gelu_apprx_tanh gelu_dx gelu_apprx_sigmoid_dx silu "
    "silu_dx softplus mish erf erf_dx arctan sign square prelu tanh_dx"
).split():
    _activation_function(_name)

multiply, add, subtract, right_shift, mod = (globals()[n] for n in ("multiply", "add", "subtract", "right_shift", "mod"))
maximum, minimum, square, exp = (globals()[n] for n in ("maximum", "minimum", "square", "exp"))
less, greater_equal, logical_and, divide = (globals()[n] for n in ("less", "greater_equal", "logical_and", "divide"))


class _Operator:
    """A name that is only an operator."""

    def __init__(self, name):
        self.__name__ = name
        _ops.register(name, self)

    def __repr__(self):
        return f"nl.{self.__name__}"


bypass = _Operator("bypass")
average = _Operator("average")


def abs(x, dtype=None):
    return _scalar_op(abs, x, dtype=dtype)


def reciprocal(x, dtype=None):
    x = _on_chip(x)
    out = _allocate(x.shape, dtype or x.dtype, sbuf)
    isa.reciprocal(out, x)
    return out


def copy(x, dtype=None):
    x = _on_chip(x)
    out = _allocate(x.shape, dtype or x.dtype, sbuf)
    isa.tensor_copy(out, x)
    return out


def invert(x, dtype=None):
    return _scalar_op(invert, x, 0, dtype=dtype)


def logical_not(x, dtype=None):
    return _scalar_op(globals()["equal"], x, 0.0, dtype=dtype)


def negative(x, dtype=None):
    return _scalar_op(multiply, x, -1.0, dtype=dtype)


for _name in ("abs", "reciprocal", "copy", "invert", "logical_not", "negative"):
    _ops.register(_name, globals()[_name])


def _wrapped_sine(x, shift, dtype):
    """sin(x + shift) with the argument brought into [-pi, pi] first."""
    x = _on_chip(x)
    turned = _allocate(x.shape, float32, sbuf)
    isa.tensor_scalar(turned, x, add, float(shift + np.pi), op1=mod, operand1=float(2 * np.pi))
    isa.tensor_scalar(turned, turned, subtract, float(np.pi))
    out = _allocate(x.shape, dtype or x.dtype, sbuf)
    isa.activation(out, sin, turned)
    return out


def sin(x, dtype=None):
    return _wrapped_sine(x, 0.0, dtype)


_ops.register("sin", sin)


def cos(x, dtype=None):
    return _wrapped_sine(x, np.pi / 2, dtype)


def tan(x, dtype=None):
    return divide(sin(x, float32), cos(x, float32), dtype=dtype or x.dtype)


def floor(x, dtype=None):
    x = _on_chip(x)
    rest = _allocate(x.shape, float32, sbuf)
    isa.tensor_scalar(rest, x, mod, 1.0)
    out = _allocate(x.shape, dtype or x.dtype, sbuf)
    isa.tensor_tensor(out, x, rest, subtract)
    return out


def ceil(x, dtype=None):
    return negative(floor(negative(x, float32), float32), dtype or x.dtype)


def trunc(x, dtype=None):
    size = floor(abs(x, float32), float32)
    return multiply(size, globals()["sign"](x, float32), dtype=dtype or x.dtype)


# ----- reductions ----------------------------------------------------------------------------------------------------


def _axes(x, axis):
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    return tuple(sorted(a % x.ndim for a in axes))


def _reduce(op, x, axis, dtype=None, keepdims=False, negate=False):
    x = _on_chip(x)
    axes = _axes(x, axis)
    rest = [a for a in builtins.range(x.ndim) if a not in axes]
    if 0 in axes:
        if len(axes) > 1:
            raise ValueError("the partition axis is reduced alone")
        out = _allocate((1, *x.shape[1:]), dtype or x.dtype, sbuf)
        isa.tensor_partition_reduce(out, op, x)
        return out
    shape = [1 if a in axes else x.shape[a] for a in builtins.range(x.ndim)]
    view = x if axes == tuple(builtins.range(x.ndim - len(axes), x.ndim)) else x.permute([*rest, *axes])
    kept = [x.shape[a] for a in rest]
    out = _allocate(kept if len(kept) > 1 else (kept[0], 1), dtype or x.dtype, sbuf)
    isa.tensor_reduce(out, op, view, tuple(builtins.range(len(rest), x.ndim)), negate=negate)
    return out.reshape(shape) if keepdims or len(kept) == 1 and x.ndim == 2 else out


def sum(x, axis, dtype=None, keepdims=False):
    return _reduce(add, x, axis, dtype, keepdims)


def max(x, axis, dtype=None, keepdims=False):
    return _reduce(maximum, x, axis, dtype, keepdims)


def min(x, axis, dtype=None, keepdims=False):
    return _reduce(minimum, x, axis, dtype, keepdims)


def prod(x, axis, dtype=None, keepdims=False):
    return _reduce(multiply, x, axis, dtype, keepdims)


def all(x, axis, dtype=None, keepdims=False):
    return _reduce(logical_and, x, axis, dtype, keepdims)


def _count(x, axis):
    count = 1
    for a in _axes(x, axis):
        count *= x.shape[a]
    return count


def mean(x, axis, dtype=None, keepdims=False):
    total = _reduce(add, x, axis, float32, keepdims)
    return multiply(total, 1.0 / _count(x, axis), dtype=dtype or x.dtype)


def var(x, axis, dtype=None, keepdims=False):
    x = _on_chip(x)
    middle = mean(x, axis, float32, keepdims=True)
    apart = _allocate(x.shape, float32, sbuf)
    isa.tensor_tensor(apart, x, _expanded(middle, tuple(x.shape)), subtract)
    squared = square(apart)
    return multiply(_reduce(add, squared, axis, float32, True), 1.0 / _count(x, axis), dtype=dtype or x.dtype)


for _name in ("sum", "max", "min", "prod", "all", "mean"):
    _ops.register(_name, globals()[_name])


def softmax(x, axis=-1, dtype=None):
    x = _on_chip(x)
    top = _reduce(maximum, x, axis, float32, True)
    low = _allocate(x.shape, float32, sbuf)
    isa.tensor_tensor(low, x, _expanded(top, tuple(x.shape)), subtract)
    raised = exp(low)
    total = _reduce(add, raised, axis, float32, True)
    out = _allocate(x.shape, dtype or x.dtype, sbuf)
    isa.tensor_tensor(out, raised, _expanded(reciprocal(total), tuple(x.shape)), multiply)
    return out


def rms_norm(x, w, axis, n, epsilon=1e-6, dtype=None, compute_dtype=None):
    x = _on_chip(x)
    squares = _allocate(x.shape, float32, sbuf)
    isa.activation(squares, square, x)
    total = _reduce(add, squares, axis, float32, True)
    scale = _allocate(total.shape, float32, sbuf)
    isa.tensor_scalar(scale, total, multiply, 1.0 / n, op1=add, operand1=epsilon)
    isa.activation(scale, globals()["rsqrt"], scale)
    out = _allocate(x.shape, float32, sbuf)
    isa.tensor_tensor(out, x, _expanded(scale, tuple(x.shape)), multiply)
    if w is None:
        return copy(out, dtype or x.dtype)
    return multiply(out, w, dtype=dtype or x.dtype)


def where(condition, x, y, dtype=None):
    """`condition * x + (1 - condition) * y` chosen element by element."""
    condition = _on_chip(condition)
    x, y = _on_chip(x), _on_chip(y)
    shape = tuple(condition.shape)
    kind = dtype or (_promote(x, y) if _is_tile(x) else y.dtype if _is_tile(y) else float32)
    out = _allocate(shape, kind, sbuf)
    chosen = _allocate(shape, _dtypes.ALL["uint8"], sbuf)
    isa.tensor_scalar(chosen, condition, globals()["not_equal"], 0.0)
    for value, reverse in ((y, None), (x, chosen)):
        if reverse is None:
            if _is_tile(value):
                isa.tensor_copy(out, _expanded(value, shape))
            else:
                isa.memset(out, value)
        elif _is_tile(value):
            source = _expanded(value, shape)
            if source.dtype != out.dtype:
                source = copy(source, out.dtype)
            isa.tensor_copy_predicated(dst=out, src=source, predicate=chosen)
        else:
            isa.tensor_copy_predicated(dst=out, src=float(value), predicate=chosen)
    return out


def dropout(x, rate, dtype=None):
    x = _on_chip(x)
    out = _allocate(x.shape, dtype or x.dtype, sbuf)
    isa.dropout(out, x, rate)
    return out


# ----- shapes, movement, matmul ----------------------------------------------------------------------------------------


def expand_dims(x, axis):
    return x.expand_dim(axis)


def broadcast_to(x, shape, dtype=None):
    x = _on_chip(x)
    shape = tuple(shape)
    view = _expanded(x, shape)
    out = _allocate(shape, dtype or x.dtype, sbuf)
    isa.tensor_copy(out, view)
    return out


def transpose(x, dtype=None):
    x = _on_chip(x)
    rows, columns = x.shape[0], x.size // x.shape[0]
    if rows <= 32 and columns <= 32:
        out = _allocate((columns, rows), x.dtype, sbuf)
        isa.nc_transpose(out, x)
        return out if dtype is None or dtype == x.dtype else copy(out, dtype)
    turned = _allocate((columns, rows), x.dtype, psum)
    isa.nc_transpose(turned, x)
    return copy(turned, dtype)


def matmul(x, y, transpose_x=False):
    """x @ y, or x.T @ y; the contraction stands on the partitions."""
    stationary = x if transpose_x else transpose(x)
    out = _allocate((stationary.size // stationary.shape[0], y.size // y.shape[0]), float32, psum)
    isa.nc_matmul(out, stationary, y, accumulate=False)
    return out


def load(src, dtype=None):
    shape = src.shape if src.ndim > 1 else (src.shape[0], 1)
    out = _allocate(shape, dtype or src.dtype, sbuf)
    isa.dma_copy(out, src if src.ndim > 1 else src.expand_dim(1))
    return out


def store(dst, value):
    source = value
    if value.buffer == psum:
        source = _allocate(value.shape, value.dtype, sbuf)
        isa.tensor_copy(source, value)
    if dst.ndim == 1 and source.ndim == 2:
        dst = dst.expand_dim(1)
    isa.dma_copy(dst, source)
    return dst


def load_transpose2d(src, dtype=None):
    out = _allocate((src.shape[1], src.shape[0]), dtype or src.dtype, sbuf)
    # The element-wise transposing access pattern works for any element size.
    isa.dma_copy(out, src.permute((1, 0)))
    return out


def gather_flattened(data, indices, axis=0, dtype=None):
    data, indices = _on_chip(data), _on_chip(indices)
    out = _allocate(indices.shape, data.dtype, sbuf)
    if indices.dtype != uint32:
        indices = copy(indices, uint32)
    isa.nc_n_gather(out, data, indices)
    return out if dtype is None or dtype == data.dtype else copy(out, dtype)
