"""Speed of small-instruction kernels, driven from Python, beside NumPy on this machine, in one run on one thread.

    pip install ./crates/python numpy ml_dtypes
    python validation/neuroncore_speed_kernels.py

Each kernel works on tiles of 128 x F already on chip and repeats its instructions. Beside it run the bare NumPy calls that
compute the same values: as the hardware stores them, so bf16 tiles are `ml_dtypes` arrays, computed in fp32 and rounded once,
and an instruction that fuses several steps takes several calls. Processor time, so that other work on the machine disturbs
less. Nothing of an interpreter is in the NumPy times: no checks, views, trace or allocation. At the end a million instructions from Python: run, then scheduled.
"""

import os
import sys
import time

for name in ("RAYON_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import ml_dtypes  # noqa: E402
import numpy as np  # noqa: E402

from secondsource import _native  # noqa: E402
from secondsource.nki import _launch  # noqa: E402
import secondsource.nki.isa as nisa  # noqa: E402
import secondsource.nki.language as nl  # noqa: E402

ROUNDS = 5
F32 = np.float32


def tile(dtype, free):
    return nl.ndarray((128, free), dtype=dtype, buffer=nl.sbuf)


# ----- kernels: instructions of one pass over a tile; x and y are tiles of the type, the rest fp32 ------------------------


def softmax(t):
    nisa.tensor_reduce(t.top, nl.maximum, t.x, 1, negate=True)
    nisa.activation(t.out, nl.exp, t.x, bias=t.top, reduce_op=nl.add, reduce_res=t.sum, reduce_cmd=nisa.reduce_cmd.reset_reduce)
    nisa.reciprocal(t.sum, t.sum)
    nisa.tensor_scalar(t.out, t.out, nl.multiply, t.sum)
    return 4


def softmax_numpy(a):
    x = a.wide(a.x)
    np.max(x, axis=1, keepdims=True, out=a.top)
    raised = np.exp(np.subtract(x, a.top))
    np.sum(raised, axis=1, keepdims=True, out=a.sum)
    a.out[...] = raised
    np.reciprocal(a.sum, out=a.sum)
    a.out[...] = a.wide(a.out) * a.sum


def rmsnorm(t):
    nisa.activation(t.wide, nl.square, t.x, reduce_op=nl.add, reduce_res=t.sum, reduce_cmd=nisa.reduce_cmd.reset_reduce)
    nisa.tensor_scalar(t.sum, t.sum, nl.multiply, 1.0 / t.free, op1=nl.add, operand1=1e-6)
    nisa.activation(t.sum, nl.rsqrt, t.sum)
    nisa.tensor_scalar(t.out, t.x, nl.multiply, t.sum)
    nisa.tensor_tensor(t.out, t.out, t.y, nl.multiply)
    return 5


def rmsnorm_numpy(a):
    x = a.wide(a.x)
    np.square(x, out=a.w)
    np.sum(a.w, axis=1, keepdims=True, out=a.sum)
    s = a.sum * F32(1 / a.free) + F32(1e-6)
    s = np.reciprocal(np.sqrt(s))
    a.out[...] = x * s
    a.out[...] = a.wide(a.out) * a.wide(a.y)


def rope(t):
    h = t.free // 2
    a, b, c, s = t.x[:, :h], t.x[:, h:], t.y[:, :h], t.y[:, h:]
    low, high = t.out[:, :h], t.out[:, h:]
    nisa.tensor_tensor(low, a, c, nl.multiply)
    nisa.tensor_tensor(t.half, b, s, nl.multiply)
    nisa.tensor_tensor(low, low, t.half, nl.subtract)
    nisa.tensor_tensor(high, b, c, nl.multiply)
    nisa.tensor_tensor(t.half, a, s, nl.multiply)
    nisa.tensor_tensor(high, high, t.half, nl.add)
    return 6


def rope_numpy(v):
    h = v.free // 2
    a, b, c, s = v.x[:, :h], v.x[:, h:], v.y[:, :h], v.y[:, h:]
    low, high = v.out[:, :h], v.out[:, h:]
    w = v.wide
    low[...] = w(a) * w(c)
    v.half[...] = w(b) * w(s)
    low[...] = w(low) - w(v.half)
    high[...] = w(b) * w(c)
    v.half[...] = w(a) * w(s)
    high[...] = w(high) + w(v.half)


def adamw(t):
    """Moments in fp32 (m, v), gradient x and weight y of the type."""
    nisa.tensor_scalar(t.wide, t.x, nl.multiply, 0.1)
    nisa.scalar_tensor_tensor(t.m, t.m, nl.multiply, 0.9, nl.add, t.wide)
    nisa.activation(t.wide, nl.square, t.x)
    nisa.tensor_scalar(t.wide, t.wide, nl.multiply, 0.05)
    nisa.scalar_tensor_tensor(t.v, t.v, nl.multiply, 0.95, nl.add, t.wide)
    nisa.activation(t.wide, nl.sqrt, t.v)
    nisa.tensor_scalar(t.wide, t.wide, nl.add, 1e-8)
    nisa.reciprocal(t.wide, t.wide)
    nisa.tensor_tensor(t.wide, t.wide, t.m, nl.multiply)
    nisa.scalar_tensor_tensor(t.out, t.wide, nl.multiply, -1e-3, nl.add, t.y)
    return 10


def adamw_numpy(a):
    x, y, w = a.wide(a.x), a.wide(a.y), a.w
    np.multiply(x, F32(0.1), out=w)
    np.add(a.m * F32(0.9), w, out=a.m)
    np.square(x, out=w)
    np.multiply(w, F32(0.05), out=w)
    np.add(a.v * F32(0.95), w, out=a.v)
    np.sqrt(a.v, out=w)
    np.add(w, F32(1e-8), out=w)
    np.reciprocal(w, out=w)
    np.multiply(w, a.m, out=w)
    a.out[...] = w * F32(-1e-3) + y


KERNELS = [(softmax, softmax_numpy), (rmsnorm, rmsnorm_numpy), (rope, rope_numpy), (adamw, adamw_numpy)]


class Arrays:
    """The operands of a kernel as NumPy arrays."""

    def __init__(self, dtype, free):
        rng = np.random.default_rng(1)
        fresh = lambda n, kind: rng.uniform(0.1, 1, (128, n)).astype(F32).astype(kind)  # noqa: E731
        self.free = free
        self.x, self.y, self.out = (fresh(free, dtype) for _ in range(3))
        self.half = fresh(free // 2, dtype)
        self.w, self.m, self.v = (fresh(free, F32) for _ in range(3))
        self.top, self.sum = (fresh(1, F32) for _ in range(2))
        self.wide = (lambda v: v) if dtype is F32 else (lambda v: v.astype(F32))


class Tiles:
    """The operands of a kernel on chip."""

    def __init__(self, dtype, free):
        self.free = free
        self.x, self.y, self.out = (tile(dtype, free) for _ in range(3))
        self.half = tile(dtype, free // 2)
        self.wide, self.m, self.v = (tile(nl.float32, free) for _ in range(3))
        self.top, self.sum = (tile(nl.float32, 1) for _ in range(2))
        for filled in (self.x, self.y, self.wide, self.m, self.v):
            nisa.memset(filled, 0.5)


def ours(kernel, kind, free, passes):
    """Seconds of an instruction, the fastest of several runs."""
    best = [float("inf"), 0]

    def body():
        t = Tiles(kind, free)
        for _ in range(ROUNDS):
            start = time.process_time()
            for _ in range(passes):
                best[1] = kernel(t)
            best[0] = min(best[0], time.process_time() - start)

    _launch.run(body, (), {}, target="trn3")
    return best[0] / passes / best[1], best[1]


def theirs(function, kind, free, passes):
    arrays, best = Arrays(kind, free), float("inf")
    for _ in range(ROUNDS):
        start = time.process_time()
        for _ in range(passes):
            function(arrays)
        best = min(best, time.process_time() - start)
    return best / passes


def million():
    """A million instructions of 128 x 16 bf16 from Python, a fresh tile each eighth, then the schedule of them."""
    count = 1_000_000
    times = {}

    def body():
        tiles = [tile(nl.bfloat16, 16) for _ in range(8)]
        for one in tiles:
            nisa.memset(one, 1.0)
        start = time.process_time()
        for i in range(count):
            if i % 8 == 0:
                fresh = tile(nl.bfloat16, 16)
                nisa.tensor_copy(fresh, tiles[(i // 8 + 1) % 8])
                tiles[i // 8 % 8] = fresh
            else:
                nisa.tensor_tensor(tiles[i // 8 % 8], tiles[i % 8], tiles[(i * 3 + 1) % 8], nl.maximum)
        times["run"] = time.process_time() - start

    def observe(launch):
        start = time.process_time()
        _native.report()
        times["report"] = time.process_time() - start

    _launch.run(body, (), {}, target="trn2", observe=observe)
    return times


def main():
    print(f"{'kernel, 128 x F':<16}{'type':<10}{'F':>5}{'instructions':>14}{'here':>12}{'NumPy':>12}{'faster':>9}")
    ratios = []
    for kernel, function in KERNELS:
        for kind, dtype in ((nl.float32, F32), (nl.bfloat16, ml_dtypes.bfloat16)):
            for free in (16, 64, 512):
                passes = max(20, 20_000 // (free + 16))
                (mine, count), other = ours(kernel, kind, free, passes), theirs(function, dtype, free, passes)
                other /= count
                ratios.append(other / mine)
                row = f"{kernel.__name__:<16}{kind.name:<10}{free:>5}{count:>14}{mine * 1e6:>10.2f}us{other * 1e6:>10.2f}us"
                print(f"{row}{other / mine:>8.1f}x")
    ratios.sort()
    print(f"median {ratios[len(ratios) // 2]:.1f}x, least {ratios[0]:.1f}x, most {ratios[-1]:.1f}x")
    times = million()
    print(f"\na million instructions from Python: run {times['run']:.2f} s, report with schedules and checks {times['report']:.2f} s")


if __name__ == "__main__":
    main()
