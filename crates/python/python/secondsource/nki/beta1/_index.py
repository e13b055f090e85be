"""Index expressions of Beta 1: affine in the positions of a tile, and masks made of comparisons between them."""

import itertools

import numpy as np

_number = itertools.count(1)


class Affine:
    """`const + sum(coefs[d] * position[d])` for a tile of this shape (1 where it does not vary).

    `ids` are the index ranges that it was made from: a mask on a product speaks of the operands' own ranges.
    """

    __slots__ = ("shape", "const", "coefs", "ids")
    __hash__ = None
    __array_ufunc__ = None

    def __init__(self, shape, const, coefs, ids=frozenset()):
        self.shape = shape
        self.const = const
        self.coefs = coefs
        self.ids = ids

    def __getitem__(self, key):
        entries = key if isinstance(key, tuple) else (key,)
        shape, coefs, at = [], [], 0
        for entry in entries:
            if entry is None:
                shape.append(1)
                coefs.append(0)
            elif entry is Ellipsis:
                left = len(self.shape) - at - sum(e is not None and e is not Ellipsis for e in entries)
                for _ in range(left):
                    shape.append(self.shape[at])
                    coefs.append(self.coefs[at])
                    at += 1
            elif isinstance(entry, slice) and entry == slice(None):
                shape.append(self.shape[at])
                coefs.append(self.coefs[at])
                at += 1
            else:
                raise TypeError("an index range takes `:`, None and `...` only")
        shape.extend(self.shape[at:])
        coefs.extend(self.coefs[at:])
        return Affine(tuple(shape), self.const, tuple(coefs), self.ids)

    def _with(self, other, sign):
        if isinstance(other, Affine):
            shape = broadcast(self.shape, other.shape)
            a, b = self.aligned(len(shape)), other.aligned(len(shape))
            coefs = tuple(x + sign * y for x, y in zip(a, b))
            return Affine(shape, self.const + sign * other.const, coefs, self.ids | other.ids)
        return Affine(self.shape, self.const + sign * int(other), self.coefs, self.ids)

    def aligned(self, rank):
        return (0,) * (rank - len(self.coefs)) + self.coefs

    def __add__(self, other):
        return self._with(other, 1)

    __radd__ = __add__

    def __sub__(self, other):
        return self._with(other, -1)

    def __rsub__(self, other):
        return (-self)._with(other, 1)

    def __neg__(self):
        return self * -1

    def __mul__(self, factor):
        if isinstance(factor, Affine):
            raise TypeError("the product of two index ranges is not affine")
        factor = int(factor)
        return Affine(self.shape, self.const * factor, tuple(c * factor for c in self.coefs), self.ids)

    __rmul__ = __mul__

    def __floordiv__(self, other):
        return self._divided(other, lambda v, n: v // n)

    def __mod__(self, other):
        return self._divided(other, lambda v, n: v % n)

    def _divided(self, other, function):
        """Exact only where the result is affine again."""
        values = function(self.values(), int(other))
        found = fit(values, self.shape)
        if found is None:
            raise TypeError(f"an index range divided by {other} is not affine")
        found.ids = self.ids
        return found

    def values(self):
        out = np.full(self.shape, self.const, dtype=np.int64)
        for dim, coef in enumerate(self.coefs):
            if coef:
                steps = [1] * len(self.shape)
                steps[dim] = self.shape[dim]
                out = out + coef * np.arange(self.shape[dim]).reshape(steps)
        return out

    def bounds(self, box=None):
        """Lowest and highest value, of the whole or of a box of positions."""
        low = high = self.const
        for dim, (coef, size) in enumerate(zip(self.coefs, self.shape)):
            first, last = (0, size - 1) if box is None else (box[dim][0], box[dim][1] - 1)
            if size == 1:
                continue
            low += min(coef * first, coef * last)
            high += max(coef * first, coef * last)
        return low, high

    def __ge__(self, other):
        return Mask([self - other])

    def __gt__(self, other):
        return Mask([self - other - 1])

    def __le__(self, other):
        return Mask([(-self) + other])

    def __lt__(self, other):
        return Mask([(-self) + other - 1])

    def __eq__(self, other):
        return Mask([self - other, (-self) + other])

    def __repr__(self):
        return f"index({self.const} + {self.coefs} over {self.shape})"


def fit(values, shape):
    """The affine expression with these values, or None."""
    const = int(values.flat[0])
    coefs = []
    for dim, size in enumerate(shape):
        if size == 1:
            coefs.append(0)
        else:
            one = [0] * len(shape)
            one[dim] = 1
            coefs.append(int(values[tuple(one)]) - const)
    found = Affine(shape, const, tuple(coefs))
    return found if np.array_equal(found.values(), values) else None


def broadcast(a, b):
    rank = max(len(a), len(b))
    a, b = (1,) * (rank - len(a)) + tuple(a), (1,) * (rank - len(b)) + tuple(b)
    out = []
    for x, y in zip(a, b):
        if x != y and x != 1 and y != 1:
            raise ValueError(f"index ranges of shapes {a} and {b} do not go together")
        out.append(max(x, y))
    return tuple(out)


class Mask:
    """All of `expression >= 0`."""

    __hash__ = None

    def __init__(self, conditions):
        self.conditions = conditions

    @classmethod
    def of_box(cls, box, shape):
        """The mask that holds in a box of positions of `shape`; dimensions beyond the box are whole."""
        conditions = []
        for dim, (low, high) in enumerate(box):
            one = tuple(1 if d == dim else 0 for d in range(len(shape)))
            back = tuple(-c for c in one)
            conditions += [Affine(tuple(shape), -low, one), Affine(tuple(shape), high - 1, back)]
        return cls(conditions)

    def __and__(self, other):
        if isinstance(other, Mask):
            return Mask(self.conditions + other.conditions)
        return self if other else NEVER

    __rand__ = __and__

    def placed(self, condition, dim, shape):
        """A condition on one range, as a condition on dimension `dim` of a tile."""
        coefs = [0] * len(shape)
        coefs[dim] = next(c for c in condition.coefs if c)
        return Affine(tuple(shape), condition.const, tuple(coefs))

    def full(self, shape):
        """Every position is in."""
        return self.box(shape) == ([(0, size) for size in shape], True)

    def values(self, shape):
        out = np.ones(shape, dtype=bool)
        for condition in self.conditions:
            out &= np.broadcast_to(condition.values() >= 0, shape)
        return out

    def box(self, shape):
        """((low, high) of each dimension) and whether that box is the mask exactly."""
        rank = len(shape)
        box = [[0, size] for size in shape]
        exact = True
        empty = False
        for condition in self.conditions:
            coefs = condition.aligned(rank) if len(condition.coefs) <= rank else condition.coefs[-rank:]
            moving = [d for d in range(rank) if coefs[d] and shape[d] > 1]
            if not moving:
                empty = empty or condition.const < 0
            elif len(moving) == 1:
                (dim,) = moving
                coef, const = coefs[dim], condition.const
                if coef > 0:
                    box[dim][0] = max(box[dim][0], -(const // coef))
                else:
                    box[dim][1] = min(box[dim][1], const // -coef + 1)
            else:
                exact = False
        if empty or any(low >= high for low, high in box):
            return None, True
        return [tuple(b) for b in box], exact

    def boxes(self, shape):
        """The mask as boxes that do not overlap: one when it is a box, else runs of equal rows."""
        box, exact = self.box(shape)
        if exact:
            return [] if box is None else [box]
        chosen = self.values(shape)
        out = []
        # For each place of the middle dimensions: runs along the last one, joined over rows that have the same runs.
        for place in np.ndindex(*shape[1:-1]):
            plane = chosen[(slice(None), *place, slice(None))]
            start = 0
            while start < shape[0]:
                stop = start + 1
                while stop < shape[0] and np.array_equal(plane[stop], plane[start]):
                    stop += 1
                edges = np.flatnonzero(np.diff(np.concatenate(([0], plane[start].astype(np.int8), [0]))))
                middle = [(p, p + 1) for p in place]
                out += [[(start, stop), *middle, (int(low), int(high))] for low, high in zip(edges[::2], edges[1::2])]
                start = stop
        return out


NEVER = Mask([Affine((), -1, ())])


def normal(mask):
    """None for no mask, and a Mask for any other (Python's truth values are masks too)."""
    if mask is None or isinstance(mask, Mask):
        return mask
    if isinstance(mask, (bool, np.bool_)):
        return None if mask else NEVER
    raise TypeError(f"a mask is a comparison of index ranges, not {type(mask).__name__}")


class _Grid(tuple):
    """What `nl.mgrid[...]` gives: one index range a dimension, also as .p, .x, .y, .z, .w."""

    @property
    def p(self):
        return self[0]

    @property
    def x(self):
        return self[-1]

    @property
    def y(self):
        return self[-2]

    @property
    def z(self):
        return self[-3]

    @property
    def w(self):
        return self[-4]


def arange(start, stop=None, step=1):
    first, last = (0, int(start)) if stop is None else (int(start), int(stop))
    count = max(0, -(-(last - first) // step))
    if count == 0:
        raise ValueError(f"arange({start}, {stop}) names no position")
    return Affine((count,), first, (step if count > 1 else 0,), frozenset((next(_number),)))


class _Mgrid:
    def __getitem__(self, key):
        slices = key if isinstance(key, tuple) else (key,)
        out = []
        for dim, part in enumerate(slices):
            one = arange(part.start or 0, part.stop, part.step or 1)
            shape = [1] * len(slices)
            coefs = [0] * len(slices)
            shape[dim], coefs[dim] = one.shape[0], one.coefs[0]
            out.append(Affine(tuple(shape), one.const, tuple(coefs), one.ids))
        return _Grid(out)


mgrid = _Mgrid()
