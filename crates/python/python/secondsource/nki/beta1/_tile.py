"""Tiles of Beta 1: values that operations return, views of them by index ranges, and assignment into them.

An operation is written down when it is called and issued at the latest by the next one. An assignment that follows
at once (`t[i, j] = nisa.op(...)`) makes it write straight into the assigned place, as the compiler would.
"""

import copy
import math

import numpy as np

from secondsource import _native

from .. import _dtypes, _state, isa, language
from ._index import Affine, Mask, broadcast, normal

sbuf, psum, hbm = language.sbuf, language.psum, language.hbm

_pending = None


def flush():
    """Issues the operation that still waits for its destination."""
    global _pending
    tile, _pending = _pending, None
    if tile is not None and tile._emit is not None:
        emit, tile._emit = tile._emit, None
        tile._native = language._allocate(tile.shape, tile.dtype, tile.buffer)
        emit(tile._native)


def reset():
    global _pending
    _pending = None


class Block:
    """Tiles that block dimensions number, allocated when first used."""

    def __init__(self, counts, partition_dim, shape, dtype, buffer, name, fill, place=None):
        self.counts = counts
        self.shape = shape
        self.partition_dim = partition_dim
        self.dtype = dtype
        self.buffer = buffer
        self.name = name
        self.fill = fill
        self.place = place
        self.tiles = {}

    def at(self, place):
        tile = self.tiles.get(place)
        if tile is None:
            for i, n in zip(place, self.counts):
                if not 0 <= i < n:
                    raise IndexError(f"block index {place} of {self.counts}")
            tile = fresh(self.shape, self.dtype, self.buffer, self.name, self.fill, self.place, place)
            self.tiles[place] = tile
        return tile


def fresh(shape, dtype, buffer, name="", fill=None, place=None, block=()):
    address = None
    if place is not None:
        address = tuple(int(a) for a in place(block, shape[0], math.prod(shape[1:]) * _dtypes.convert(dtype).itemsize))
    native = language._allocate(shape, dtype, buffer, name, address)
    tile = Tile(native, tuple(native.shape))
    if fill is not None:
        if buffer == psum and fill == 0:
            # A matmul that accumulates here starts from zero by overwriting; anything else clears first.
            tile._zero = [True]
        else:
            isa.memset(native, fill)
    return tile


class Tile:
    """A tensor or tile with Beta 1's operators."""

    __slots__ = ("_native", "_emit", "_matmul", "_mask", "shape", "dtype", "buffer", "_ranges", "_zero", "_added", "_only")
    __hash__ = object.__hash__
    __array_ufunc__ = None

    def __init__(self, native, shape=None, dtype=None, buffer=None, emit=None, matmul=None, mask=None):
        self._native = native
        self._emit = emit
        self._matmul = matmul
        self._mask = mask
        self.shape = tuple(native.shape) if shape is None else tuple(shape)
        self.dtype = native.dtype if dtype is None else dtype
        self.buffer = native.buffer if buffer is None else buffer
        self._ranges = None  # (parent tensor, axes, offset, [(expression, size)]) of an indexed view
        self._zero = None
        self._added = False
        self._only = None  # mask of `tile[mask]`: positions that an instruction may use

    # ----- facts

    @property
    def ndim(self):
        return len(self.shape)

    @property
    def size(self):
        return math.prod(self.shape)

    @property
    def itemsize(self):
        return self.dtype.itemsize

    @property
    def name(self):
        return self.native.name

    @property
    def T(self):
        from . import language as nl

        return nl.transpose(self)

    def __repr__(self):
        return f"tile {self.shape} {self.dtype} in {self.buffer}"

    def __len__(self):
        return self.shape[0]

    # ----- the machine's view

    @property
    def native(self):
        return self.crop(None)

    def settle(self):
        """Makes a pending operation real."""
        if self._emit is not None:
            flush()
        if self._zero is not None and self._zero[0]:
            self._zero[0] = False
            isa.memset(self._whole(), 0)

    def _whole(self):
        return self._ranges[0] if self._ranges is not None else self._native

    def crop(self, box, write=False):
        """The view of a box of positions (None: all), of which each dimension of size 1 stays whole."""
        if not write:
            self.settle()
        if self._ranges is None:
            view = self._native
            if box is None or all((low, high) == (0, size) for (low, high), size in zip(box, self.shape)):
                return view
            return view[tuple(slice(low, high) if size > 1 else slice(None) for (low, high), size in zip(box, self.shape))]
        parent, axes, offset, ranges, index = self._ranges
        boxes = box or [(0, n) for n in self.shape]
        for expression, size in ranges:
            aligned = Affine(self.shape, expression.const, expression.aligned(len(self.shape)))
            low, high = aligned.bounds([b if n > 1 else (0, 1) for b, n in zip(boxes, self.shape)])
            if low < 0 or high >= size:
                raise IndexError(
                    f"index {low if low < 0 else high} of a dimension with {size} positions; mask the part outside"
                )
        pattern = []
        for (step, count), (low, high) in zip(axes, boxes):
            if count == 1:
                pattern.append([step, 1])
            else:
                offset += step * low
                pattern.append([step, high - low])
        if index is not None:
            dim, tile = index
            # A gather or scatter: rows named by a column of indices.
            return parent.ap(pattern, offset, vector_offset=tile.crop([boxes[0]] + [(0, 1)] * (tile.ndim - 1)), indirect_dim=dim)
        if parent.buffer != hbm:
            pattern[0][0] = parent.strides[0]
        view = parent.ap(pattern, offset)
        if write or parent.buffer == hbm or _shallow(view):
            return view
        # More dimensions than an instruction takes: gathered by several copies, as the compiler would.
        whole = language._allocate(tuple(view.shape), view.dtype, sbuf)
        move(whole, view)
        return whole

    # ----- views

    def __getitem__(self, key):
        self.settle_for_view()
        return indexed(self, key)

    def settle_for_view(self):
        if self._emit is not None:
            flush()

    def __setitem__(self, key, value):
        if isinstance(value, Tile) and value._added:
            # `t[i] += x` already wrote.
            value._added = False
            return
        if isinstance(value, Pick):
            value.into(indexed(self, key))
            return
        waits = isinstance(value, Tile) and value._emit is not None
        target = indexed(self, key)
        assign(target, value, waits)

    def reshape(self, shape):
        self.settle()
        return Tile(self.native.reshape(tuple(shape)))

    def expand_dims(self, axis):
        self.settle()
        return Tile(self.native.expand_dim(axis))

    expand_dim = expand_dims

    def view(self, dtype):
        self.settle()
        return Tile(self.native.view(dtype))

    def broadcast_to(self, shape, *, mask=None):
        from . import language as nl

        return nl.broadcast_to(self, shape, mask=mask)

    def astype(self, dtype):
        from . import language as nl

        return nl.copy(self, dtype=dtype)

    def assert_shape(self, shape):
        if tuple(shape) != self.shape:
            raise ValueError(f"shape {self.shape}, expected {tuple(shape)}")
        return self

    def __getattr__(self, name):
        # Views of Beta 2 work too.
        if name.startswith("_"):
            raise AttributeError(name)
        found = getattr(_native.NkiTensor, name, None)
        if found is None:
            raise AttributeError(f"a tile has no `{name}`")

        def method(*args, **kwargs):
            out = getattr(self.native, name)(*args, **kwargs)
            return Tile(out) if isinstance(out, _native.NkiTensor) else out

        return method

    # ----- arithmetic

    def _binary(self, name, other, turned=False):
        from . import language as nl

        function = getattr(nl, name)
        return function(other, self) if turned else function(self, other)

    def __iadd__(self, other):
        if isinstance(other, Tile) and other._matmul is not None and other._emit is not None and self.buffer == psum:
            global _pending
            emit, other._emit = other._emit, None
            _pending = None
            fresh_zero = self._zero is not None and self._zero[0]
            whole = self._whole()
            view = self.crop(None, write=True)
            if fresh_zero:
                self._zero[0] = False
                if view.size != whole.size or other._matmul == "part":
                    isa.memset(whole, 0)
                    fresh_zero = False
            emit(view, accumulate=False if fresh_zero else None)
        else:
            flush()
            from . import language as nl

            nl._add_into(self, other)
        self._added = True
        return self


class Pick:
    """`nl.loop_reduce(...)`: the first iteration sets, the others combine."""

    def __init__(self, tile, op, first):
        self.tile = tile
        self.op = op
        self.first = first

    def into(self, target):
        self.tile.settle()
        if self.first:
            assign(target, self.tile, False)
        else:
            view = target.native
            isa.tensor_tensor(view, view, self.tile.native, self.op)


def _operator(name, turned=False):
    def method(self, other):
        return self._binary(name, other, turned)

    return method


for _python, _name in (
    ("add", "add"), ("sub", "subtract"), ("mul", "multiply"), ("truediv", "divide"), ("pow", "power"),
    ("and", "bitwise_and"), ("or", "bitwise_or"), ("xor", "bitwise_xor"), ("lshift", "left_shift"), ("rshift", "right_shift"),
    ("mod", "mod"),
):  # fmt: skip
    setattr(Tile, f"__{_python}__", _operator(_name))
    setattr(Tile, f"__r{_python}__", _operator(_name, True))
for _python, _name in (
    ("lt", "less"), ("le", "less_equal"), ("gt", "greater"), ("ge", "greater_equal"), ("eq", "equal"), ("ne", "not_equal")
):  # fmt: skip
    setattr(Tile, f"__{_python}__", _operator(_name))
Tile.__neg__ = lambda self: self._binary("multiply", -1.0)
Tile.__invert__ = lambda self: __import__(__package__ + ".language", fromlist=["invert"]).invert(self)


class Blocks(Tile):
    """A tensor with block dimensions before its partition dimension."""

    __slots__ = ("block", "place")

    def __init__(self, block, place=()):
        self.block = block
        self.place = place
        self._native = None
        self._emit = self._matmul = self._mask = self._ranges = self._zero = self._only = None
        self._added = False
        self.shape = tuple(block.counts[len(place) :]) + tuple(block.shape)
        self.dtype = block.dtype
        self.buffer = block.buffer

    def crop(self, box, write=False):
        raise TypeError("name one block: index every block dimension with an integer")

    def settle(self):
        pass


def indexed(tile, key):
    if isinstance(key, Mask) or key is True or key is False:
        out = copy.copy(tile)
        out._only = both(key, tile)
        return out
    entries = list(key) if isinstance(key, tuple) else [key]
    if isinstance(tile, Blocks):
        missing = len(tile.block.counts) - len(tile.place)
        entries = _without_ellipsis(entries, len(tile.shape))
        head = [_single(e) for e in entries[:missing]]
        if any(h is None for h in head):
            raise TypeError("a block dimension is indexed with an integer")
        place = tile.place + tuple(head)
        if len(place) < len(tile.block.counts):
            return Blocks(tile.block, place)
        one = tile.block.at(place)
        rest = entries[missing:]
        return indexed(one, tuple(rest)) if rest else one
    if any(isinstance(e, (Affine, Tile)) for e in entries):
        return _by_ranges(tile, entries)
    if any(isinstance(e, _native.VirtualRegister) for e in entries):
        return _like(tile, tile.native[tuple(entries)])
    view = _basic(tile, entries)
    return _like(tile, view)


def both(mask, *tiles):
    """A mask together with those of `tile[mask]` operands."""
    out = normal(mask)
    for tile in tiles:
        only = tile._only if isinstance(tile, Tile) else None
        if only is not None:
            out = only if out is None else out & only
    return out


def dims_of(tile, ids):
    """Dimensions of a tile that index ranges `ids` walk over."""
    if tile._ranges is None:
        return []
    found = []
    for dim, size in enumerate(tile.shape):
        walks = any(e.ids & ids and e.aligned(len(tile.shape))[dim] for e, _ in tile._ranges[3])
        if size > 1 and walks:
            found.append(dim)
    return found


def _like(parent, native):
    out = Tile(native)
    out._zero = parent._zero
    if parent._zero is not None:
        out._ranges = None
        out = _Zeroed(native, parent)
    return out


class _Zeroed(Tile):
    """A view of a PSUM tile that still counts as zero."""

    __slots__ = ("parent",)

    def __init__(self, native, parent):
        super().__init__(native)
        self.parent = parent
        self._zero = parent._zero

    def _whole(self):
        return self.parent._whole()


def _single(entry):
    if isinstance(entry, (int, np.integer)):
        return int(entry)
    if isinstance(entry, Affine) and all(n == 1 for n in entry.shape):
        return entry.const
    return None


def _without_ellipsis(entries, rank):
    if not any(e is Ellipsis for e in entries):
        return entries
    at = next(i for i, e in enumerate(entries) if e is Ellipsis)
    fill = rank - (len(entries) - 1)
    return entries[:at] + [slice(None)] * fill + entries[at + 1 :]


def _basic(tile, entries):
    native = tile._native if tile._ranges is None else tile.native
    fixed = []
    for dim, e in enumerate(entries):
        if isinstance(e, np.integer):
            e = int(e)
        fixed.append(e)
    return native[tuple(fixed)]


def _by_ranges(tile, entries):
    native = tile._native if tile._ranges is None else tile.native
    shape, strides = tuple(native.shape), tuple(native.strides)
    entries = _without_ellipsis(entries, len(shape))
    entries += [slice(None)] * (len(shape) - len(entries))
    if len(entries) > len(shape):
        raise IndexError(f"{len(entries)} indices for a tensor with {len(shape)} dimensions")
    common = ()
    for e in entries:
        if isinstance(e, Affine):
            common = broadcast(common, e.shape)
        elif isinstance(e, Tile):
            common = broadcast(common, e.shape if e.ndim > 1 else (e.shape[0], 1))
    slices = [d for d, e in enumerate(entries) if isinstance(e, slice)]
    rank = len(common)
    axes = [[0, n] for n in common]
    offset = native.offset
    ranges = []
    index = None
    for dim, e in enumerate(entries):
        if isinstance(e, Affine):
            offset += e.const * strides[dim]
            for d, coef in enumerate(e.aligned(rank)):
                axes[d][0] += coef * strides[dim]
            ranges.append((e, shape[dim]))
        elif isinstance(e, Tile):
            index = (dim, e)
            axes[0][0] += strides[dim]
        elif isinstance(e, slice):
            continue
        else:
            offset += int(e) * strides[dim]
            if not 0 <= int(e) < shape[dim]:
                raise IndexError(f"index {int(e)} of a dimension with {shape[dim]} positions")
    out_shape = list(common)
    for dim in slices:
        start, stop, step = entries[dim].indices(shape[dim])
        axes.append([strides[dim] * step, max(1, -(-(stop - start) // step))])
        out_shape.append(axes[-1][1])
        offset += start * strides[dim]
    if len(out_shape) == 1:
        out_shape.append(1)
        axes.append([1, 1])
    # Expressions speak of the common dimensions; slices come after them.
    padded = [(Affine(e.shape + (1,) * (len(out_shape) - rank), e.const, e.coefs + (0,) * (len(out_shape) - rank), e.ids), n) for e, n in ranges]
    out = Tile(None, out_shape, native.dtype, native.buffer)
    out._ranges = (native, axes, offset, padded, index)
    out._zero = tile._zero
    if out._zero is not None:
        out._ranges = (tile._whole(), axes, offset, padded, index)
    return out


def assign(target, value, waits):
    """target[...] = value."""
    global _pending
    if not waits:
        flush()
    if target._zero is not None:
        covers = target.size == math.prod(target._whole().shape)
        if target._zero[0]:
            target._zero[0] = False
            if not covers:
                isa.memset(target._whole(), 0)
    if not isinstance(value, Tile):
        view = target.crop(None, write=True)
        if _reachable(view) and _shallow(view):
            isa.memset(view, value)
        elif view.buffer != hbm and not _shallow(view):
            source = language._allocate(tuple(view.shape), view.dtype, sbuf)
            isa.memset(source, value)
            move(view, source)
        else:
            source = language._allocate(tuple(view.shape), view.dtype, sbuf)
            isa.memset(source, value)
            isa.dma_copy(view, source)
        return
    on_chip = target.buffer != hbm
    if waits and value._emit is not None and value.dtype == target.dtype and on_chip and _fits(value, target) and _starts(target):
        box = value._mask.box(value.shape)[0] if value._mask is not None else None
        if value._mask is None or value._mask.box(value.shape)[1]:
            emit, value._emit = value._emit, None
            _pending = None
            if value._mask is not None and box is None:
                return
            whole = target.crop(None, write=True) if value._mask is None else None
            if whole is not None:
                if tuple(whole.shape) != value.shape:
                    whole = whole.reshape(value.shape)
                emit(whole)
                value._native = whole
            else:
                emit(target, cropped=True)
                value._native = None
                value._ranges = target._ranges
                value._native = target._native
            return
    value.settle()
    source = value.native
    box = None
    if value._mask is not None:
        box, _ = value._mask.box(value.shape)
        if box is None:
            return
        if tuple(target.shape) == value.shape:
            source = value.crop(box)
            move(target.crop(box, write=True), source)
            return
    view = target.crop(None, write=True)
    if tuple(view.shape) != tuple(source.shape):
        if view.size == source.size:
            source = source.reshape(tuple(view.shape))
        else:
            source = language._expanded(source, tuple(view.shape))
    move(view, source)


FREE_DIMS = 4  # of an instruction's access, after joining those that follow each other in memory


def _shallow(view):
    free = [(step, count) for step, count in zip(view.strides[1:], view.shape[1:]) if count > 1]
    joined = [outer for outer, inner in zip(free, [*free[1:], None]) if inner is None or outer[0] != inner[0] * inner[1]]
    return len(joined) <= FREE_DIMS


def move(dst, src):
    if dst.buffer != hbm and src.buffer != hbm and tuple(dst.shape) == tuple(src.shape) and not (_shallow(dst) and _shallow(src)):
        # Split along the outermost free dimension.
        dim = next(d for d in range(1, dst.ndim) if dst.shape[d] > 1)
        for i in range(dst.shape[dim]):
            move(dst.select(dim, i), src.select(dim, i))
    elif dst.buffer == hbm or src.buffer == hbm or (dst.buffer == sbuf and src.buffer == sbuf and not (_reachable(dst) and _reachable(src))):
        isa.dma_copy(dst, src)
    else:
        isa.tensor_copy(dst, src)


def _starts(target):
    if target._ranges is None:
        return _reachable(target.crop(None, write=True))
    parent, axes, offset = target._ranges[:3]
    if not _shallow(target.crop(None, write=True)):
        return False
    row = parent.strides[0] or 1
    count = target.shape[0]
    step = 128 if count > 64 else 64 if count > 32 else 32
    return (offset // row) % step == 0


def _reachable(view):
    """Whether engines can start at the view's first partition; DMA can at any."""
    if view.buffer == hbm:
        return True
    count, row = view.shape[0], view.strides[0] or 1
    first = view.offset // row
    step = 128 if count > 64 else 64 if count > 32 else 32
    return first % step == 0


def _fits(value, target):
    a = [n for n in value.shape if n != 1]
    b = [n for n in target.shape if n != 1]
    return a == b and (value._matmul is None or target.buffer == psum) and (value.buffer != psum or target.buffer == psum)


def operation(shape, dtype, buffer, mask, emit, matmul=None):
    """A tile that `emit(dst, box)` computes; issued at once when it must be."""
    global _pending
    flush()
    mask = normal(mask)

    def run(dst, accumulate=False, cropped=False):
        if mask is None:
            box = None
        else:
            box, exact = mask.box(shape)
            if box is None:
                return
            if not exact:
                _predicated(dst if not cropped else dst.native, shape, mask, emit, accumulate)
                return
        if cropped:
            view = dst.crop(box, write=True)
        elif box is not None:
            view = dst[tuple(slice(lo, hi) if n > 1 else slice(None) for (lo, hi), n in zip(box, shape))]
        else:
            view = dst
        if matmul is not None:
            emit(view, box, accumulate)
        else:
            emit(view, box)

    tile = Tile(None, shape, _dtypes.convert(dtype), buffer, emit=run, matmul=matmul, mask=mask)
    _pending = tile
    return tile


def _predicated(dst, shape, mask, emit, accumulate):
    """A mask that is no box: computed for all positions, copied where it holds."""
    if accumulate is not False:
        raise TypeError("a product that accumulates takes a mask that bounds each dimension by itself")
    chosen = mask.values(shape)
    temporary = language._allocate(shape, dst.dtype, sbuf)
    emit(temporary, None)
    flags = language._allocate(shape, _dtypes.ALL["uint8"], sbuf)
    isa.dma_copy(flags, language.shared_constant(chosen.astype(np.uint8)))
    isa.tensor_copy_predicated(dst=dst, src=temporary, predicate=flags)


def view_of(tile, box, shape):
    """An operand's view for a box of the result."""
    if not isinstance(tile, Tile):
        return tile
    if box is None:
        return tile.native
    if tuple(tile.shape) == tuple(shape):
        return tile.crop(box)
    parts = []
    for dim, size in enumerate(tile.shape):
        low, high = box[dim] if dim < len(box) else (0, size)
        parts.append((low, high) if size == (shape[dim] if dim < len(shape) else size) and size > 1 else (0, size))
    return tile.crop(parts)


def wrap(native):
    return Tile(native)


def unwrap(value):
    if isinstance(value, Blocks):
        raise TypeError("a kernel returns tensors in device memory")
    if isinstance(value, Tile):
        return value.native
    return value


def launch_state():
    return _state.current()
