"""`neuronxcc.nki` (Beta 1) over the same engine."""

import functools
import types

from secondsource import _native

from .. import _launch
from . import _tile, isa, language


class Kernel(_launch.Kernel):
    """A Beta 1 kernel: tiles by value, SPMD grids."""

    beta = 1

    def __init__(self, function, *, grid=(), lnc=1, **options):
        original = getattr(function, "_beta1", function)

        @functools.wraps(original)
        def program(*args, **kwargs):
            _tile.reset()
            try:
                out = original(*args, **kwargs)
                _tile.flush()
            except _native.NkiValidationError as fault:
                if "out-of-bounds" in str(getattr(fault, "rule", "")):
                    # An index outside the tensor is what Python calls it too.
                    raise IndexError(str(fault)) from None
                raise
            return out

        program._beta1 = original
        super().__init__(program, grid=grid, lnc=lnc, **options)

    def launched(self, sizes):
        return type(self)(self.func, grid=sizes, **self.options)

    def __call__(self, *args, **kwargs):
        if _launch._state.current() is not None:
            return self.func._beta1(*args, **kwargs)
        return self.launch(args, kwargs)

    @staticmethod
    def wrap(tensor):
        return _tile.wrap(tensor)

    @staticmethod
    def unwrap(value):
        return _tile.unwrap(value)


def jit(function=None, **options):
    if function is None:
        return lambda f: jit(f, **options)
    if isinstance(function, _launch.Kernel):
        return function
    return Kernel(function, **options)


trace = baremetal = simulate = jit


def simulate_kernel(kernel, *args, **kwargs):
    return jit(kernel)(*args, **kwargs)


class _Latency:
    """Predicted times where the vendor's tools would give measured ones."""

    def __init__(self, microseconds):
        self.microseconds = microseconds

    def get_latency_percentile(self, _percentile):
        return self.microseconds


class _Benchmark(Kernel):
    def launched(self, sizes):
        out = super().launched(sizes)
        out.owner = self
        return out

    def __call__(self, *args, **kwargs):
        if _launch._state.current() is not None:
            return self.func._beta1(*args, **kwargs)
        times = []
        out = self.launch(args, kwargs, observe=lambda launch: times.append(_launch.predicted_us(launch)))
        self.benchmark_result = types.SimpleNamespace(nc_latency=_Latency(times[0]))
        if hasattr(self, "owner"):
            self.owner.benchmark_result = self.benchmark_result
        return out


def benchmark(function=None, **options):
    if function is None:
        return lambda f: benchmark(f, **options)
    inner = function.func if isinstance(function, _launch.Kernel) else function
    return _Benchmark(getattr(inner, "_beta1", inner))


profile = benchmark


def names():
    """Module names of `neuronxcc` that this package stands for."""
    from .. import _alias, collectives, constants

    def module(name, **contents):
        return _alias._module(name, **contents)

    typing = module("neuronxcc.nki.typing", tensor=_AnyShape(), Tensor=_AnyShape(), mutable_tensor=_AnyShape())
    compiler = module(
        "neuronxcc.nki.compiler",
        sbuf=_Allocator(language.sbuf),
        psum=_Allocator(language.psum, 2048),
        no_reorder=_alias._decorator,
        skip_middle_end_transformations=_alias._decorator,
        enable_stack_allocator=_alias._decorator,
        force_auto_alloc=_alias._decorator,
    )
    nki = module(
        "neuronxcc.nki", jit=jit, trace=trace, baremetal=baremetal, benchmark=benchmark, profile=profile, simulate_kernel=simulate_kernel,
        isa=isa, language=language, typing=typing, compiler=compiler, collectives=collectives, simulate=simulate, tensor=_tile.Tile,
    )  # fmt: skip
    isa.constants = constants
    language.constants = module("neuronxcc.nki.language.constants", sizeinbytes=_size_of)
    root = module("neuronxcc", nki=nki)
    support = module("neuronxcc.starfish.support")
    from .. import _neuron_dtypes

    out = {
        "neuronxcc": root,
        "neuronxcc.nki": nki,
        "neuronxcc.nki.isa": isa,
        "neuronxcc.nki.isa.constants": constants,
        "neuronxcc.nki.language": language,
        "neuronxcc.nki.language.constants": language.constants,
        "neuronxcc.nki.typing": typing,
        "neuronxcc.nki.compiler": compiler,
        "neuronxcc.nki.collectives": collectives,
        "neuronxcc.starfish": module("neuronxcc.starfish"),
        "neuronxcc.starfish.support": support,
        "neuronxcc.starfish.support.dtype": _neuron_dtypes,
        "neuronxcc.starfish.support.util": module("neuronxcc.starfish.support.util", allclose=_allclose),
    }
    return out


def _size_of(dtype):
    from .. import _dtypes

    return _dtypes.convert(dtype).itemsize


def _allclose(a, b, rtol=1e-5, atol=1e-8, equal_nan=False, **_):
    import numpy as np

    return np.allclose(np.asarray(a, dtype=np.float32), np.asarray(b, dtype=np.float32), rtol=rtol, atol=atol, equal_nan=equal_nan)


class _AnyShape:
    """`nt.tensor[128, 512]` in annotations, `nt.mutable_tensor | None` too."""

    def __or__(self, other):
        return self

    __ror__ = __or__

    def __getitem__(self, shape):
        return _tile.Tile

    def __call__(self, *_, **__):
        return _tile.Tile


class _Place:
    """A memory with the function that gives the address of each block of a tensor."""

    def __init__(self, region, place):
        self.region = region
        self.place = place


class _Allocator:
    """`ncc.sbuf`, `ncc.psum`: where the blocks of a tensor stand.

    A function given to `alloc` takes the block's indices, its partitions and its bytes a partition. For SBUF it returns
    (first partition, byte), for PSUM (bank, first partition, byte in the bank).
    """

    def __init__(self, region, bank_bytes=None):
        self.region = region
        self.bank_bytes = bank_bytes

    def alloc(self, func, **_):
        if self.bank_bytes is None:
            return _Place(self.region, func)

        def place(block, partitions, size):
            bank, partition, byte = func(block, partitions, size)
            return partition, bank * self.bank_bytes + byte

        return _Place(self.region, place)

    def mod_alloc(self, *, base_addr=0, base_bank=0, base_partition=0, num_bank_tiles=(), num_par_tiles=(), num_free_tiles=()):
        """Blocks take turns: their indices count modulo the numbers of physical tiles."""

        def place(block, partitions, size):
            bank = base_bank + _turn(block, num_bank_tiles)
            byte = base_addr + size * _turn(block, num_free_tiles)
            return base_partition + partitions * _turn(block, num_par_tiles), bank * (self.bank_bytes or 0) + byte

        return _Place(self.region, place)

    def auto_alloc(self, **_):
        return self


def _turn(block, tiles):
    number = 0
    for index, count in zip(block, tiles):
        number = number * count + index % count
    return number
