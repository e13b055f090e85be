"""Speed of the NeuronCore emulator beside NumPy on this machine, measured in one run.

    pip install numpy ml_dtypes
    python validation/neuroncore_speed.py

Products: `np.matmul` in fp32 (OpenBLAS in NumPy's wheels), on one thread and on two. Instructions: the NumPy calls that
compute the same result on tiles of 128 partitions (fp32 arithmetic, one rounding to the tile's type, written in place),
which is what an interpreter with a NumPy call for each instruction pays at the least. Both sides take the fastest of
several runs; rounds alternate.
"""

import json
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROUNDS = 3
THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def ours(threads, *arguments):
    subprocess.run(["cargo", "build", "-q", "--release", "-p", "secondsource-neuroncore", "--example", "speed"], cwd=HERE, check=True)
    program = os.path.join(os.environ.get("CARGO_TARGET_DIR", os.path.join(HERE, "target")), "release", "examples", "speed")
    out = subprocess.run([program, *arguments], env={**os.environ, "RAYON_NUM_THREADS": str(threads)}, check=True, capture_output=True)
    lines = [json.loads(line) for line in out.stdout.splitlines()]
    return {line["case"]: line for line in lines}


def fastest(runs, f):
    f()
    best = float("inf")
    for _ in range(runs):
        start = time.perf_counter()
        f()
        best = min(best, time.perf_counter() - start)
    return best


def numpy_side():
    """Run in a process of its own, since thread counts are read once."""
    import ml_dtypes
    import numpy as np

    found = {}
    rng = np.random.default_rng(1)
    for n in (1024, 2048):
        a, b = (rng.uniform(-2, 2, (n, n)).astype(np.float32) for _ in range(2))
        out = np.empty((n, n), np.float32)
        found[f"matmul {n} float32"] = fastest(5, lambda a=a, b=b, out=out: np.matmul(a.T, b, out=out))
    erf = np.frompyfunc(__import__("math").erf, 1, 1)
    try:
        from scipy.special import erf  # noqa: F811
    except ImportError:
        pass
    for name, dtype in (("float32", np.float32), ("bfloat16", ml_dtypes.bfloat16)):
        for free in (1, 16, 64, 512):
            x, y, dst = (rng.uniform(0.1, 2, (128, free)).astype(np.float32).astype(dtype) for _ in range(3))
            column = rng.uniform(-2, 2, (128, 1)).astype(np.float32)
            top = np.empty((128, 1), np.float32)
            wide = (lambda v: v) if dtype is np.float32 else (lambda v: v.astype(np.float32))

            def put(v, dst=dst):
                dst[...] = v

            cases = {
                "tensor_tensor": lambda: put(np.add(wide(x), wide(y))),
                "tensor_scalar": lambda: put(wide(x) * column + np.float32(1)),
                "tensor_reduce": lambda: np.max(wide(x), axis=1, keepdims=True, out=top),
                "exp": lambda: put(np.exp(wide(x) * np.float32(0.5))),
                "log": lambda: put(np.log(wide(x) * np.float32(0.5))),
                "gelu": lambda: gelu(np, erf, wide(x) * np.float32(0.5), put),
                "tensor_copy": lambda: put(x),
            }
            repeat = max(20, 20000 // (free + 16))
            for case, f in cases.items():

                def many(f=f):
                    for _ in range(repeat):
                        f()

                found[f"{case} {free} {name}"] = fastest(5, many) / repeat
    json.dump(found, sys.stdout)


def gelu(np, erf, v, put):
    put(v * np.float32(0.5) * (np.float32(1) + erf(v * np.float32(0.7071067811865476)).astype(np.float32)))


def numpy_times(threads):
    environment = {**os.environ, **{name: str(threads) for name in THREADS}}
    out = subprocess.run([sys.executable, os.path.abspath(__file__), "--numpy"], env=environment, check=True, capture_output=True)
    return json.loads(out.stdout)


def main():
    if "--numpy" in sys.argv:
        numpy_side()
        return
    best = {}
    for _ in range(ROUNDS):
        for threads in (1, 2):
            for case, line in ours(threads).items():
                key = ("ours", threads, case)
                best[key] = min(best.get(key, float("inf")), line["seconds"])
            for case, seconds in numpy_times(threads).items():
                key = ("numpy", threads, case)
                best[key] = min(best.get(key, float("inf")), seconds)
    print(f"{'product, whole kernel':<28}{'threads':>8}{'ours':>12}{'NumPy':>12}{'share':>8}")
    for n in (1024, 2048):
        flops = 2.0 * n**3
        for threads in (1, 2):
            theirs = best["numpy", threads, f"matmul {n} float32"]
            for dtype in ("float32", "bfloat16"):
                mine = best["ours", threads, f"matmul {n} {dtype}"]
                rate = [f"{flops / s / 1e9:.0f} GFLOP/s" for s in (mine, theirs)]
                print(f"{n}^3 {dtype:<22}{threads:>8}{rate[0]:>14}{rate[1]:>14}{theirs / mine:>7.2f}x")
    print(f"\n{'one instruction, 128 rows':<28}{'ours':>10}{'NumPy':>10}{'faster':>9}")
    ratios = []
    for key in [k for k in best if k[:2] == ("numpy", 1) and not k[2].startswith("matmul")]:
        mine, theirs = best["ours", 1, key[2]], best[key]
        ratios.append(theirs / mine)
        print(f"{key[2]:<28}{mine * 1e6:>8.2f}us{theirs * 1e6:>8.2f}us{theirs / mine:>8.1f}x")
    ratios.sort()
    print(f"median {ratios[len(ratios) // 2]:.1f}x, least {ratios[0]:.1f}x, most {ratios[-1]:.1f}x")
    print()
    for case, line in ours(1, "check").items():
        print(f"one million instructions {case}: {line['seconds']:.2f} s")


if __name__ == "__main__":
    main()
