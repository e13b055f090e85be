"""Predicted times of published kernels run from their own sources, beside their published times.

    pip install ./crates/python numpy ml_dtypes
    git clone https://github.com/zhang677/AccelOpt
    python validation/neuroncore_kernels.py AccelOpt [--kernel silu]
    git clone https://github.com/Jerry2423/kda-for-trainium
    python validation/neuroncore_kernels.py AccelOpt --kda kda-for-trainium
    git clone https://github.com/ucb-bar/autocomp
    python validation/neuroncore_kernels.py AccelOpt --autocomp autocomp

Runs each kernel unmodified through `secondsource.nki` and prints its time after reordering, in the order of the source, the
published one, and the traffic that DMAs moved beside the counted one where it is published. Without more, the kernels of
NKIBench (AccelOpt) for Trainium1; with `--kda` its variants for Trainium2, compiled as they were (`--disable-dge`), whose
published times are held against ratios only: one factor for all; with `--autocomp` the steps of its two tutorial traces
for Trainium1. None of these times was fitted to runs from sources: `calibration/neuroncore.toml` knows the instruction
streams of `crates/neuroncore/src/kernels` only. `--csv FILE` writes what was found.
"""

import argparse
import csv
import importlib.util
import json
import math
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))


def timings(group):
    with open(os.path.join(HERE, "nki_timings.csv"), newline="") as file:
        return [r for r in csv.DictReader(file) if r["group"] == group and r["quantity"] == "latency" and r["unit"] == "ms"]


def load(path, name):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# ----- what to run -----------------------------------------------------------------------------------------------------


def bench_cases(bench):
    """(operator, reference, kernel) of NKIBench."""
    with open(os.path.join(bench, "summary.json")) as file:
        summary = json.load(file)
    for name in sorted(summary):
        for case in summary[name]["cases"].values():
            for impl in case["impls"]:
                yield name, os.path.join(bench, impl["task"]), os.path.join(bench, impl["kernel"])


def nkibench(bench):
    rows = {}
    for row in timings("NKIBench"):
        name = row["kernel"].removeprefix("NKIBench ")
        if " " not in name:
            rows.setdefault(name, row)
    for name, reference, kernel in bench_cases(bench):
        row = rows.get(name, {})
        counted = row.get("read_bytes") and float(row["read_bytes"]) + float(row["write_bytes"] or 0)
        published = float(row["value"]) if row else None
        yield {"group": "NKIBench", "name": name, "target": "trn1", "files": [reference, kernel], "published": published, "counted": counted}


def kda(bench, checkout):
    baselines = {r["kernel"].split()[1]: float(r["value"]) for r in timings("kda") if r["kernel"].endswith("baseline")}
    for operator, reference, kernel in bench_cases(bench):
        folder = os.path.join(checkout, "workspaces", operator)
        if not os.path.isdir(folder):
            continue
        measured = {}
        with open(os.path.join(folder, "benchmark.csv"), newline="") as file:
            for row in csv.DictReader(file):
                if re.fullmatch(r"[0-9.]+", (row["latency_ms"] or "").strip()):
                    measured.setdefault(os.path.basename(row["candidate"]), []).append(float(row["latency_ms"]))
        job = {"group": f"kda {operator}", "target": "trn2", "counted": None, "flags": "--disable-dge"}
        if operator in baselines:
            yield {**job, "name": f"{operator} baseline", "files": [reference, kernel], "published": baselines[operator]}
        for name, found in measured.items():
            path = os.path.join(folder, "runs", name)
            if os.path.exists(path):
                yield {**job, "name": name.removesuffix(".py"), "files": [reference, path], "published": statistics.median(found)}


def autocomp(checkout):
    folder = os.path.join(checkout, "examples", "trn-tutorial")
    for word, file in (("gemm", "1_gemm_trace.py"), ("mamba", "3_mamba_trace.py")):
        for row in timings("autocomp"):
            _, kernel, step = row["kernel"].split()
            if kernel == word:
                step = int(step.removeprefix("step"))
                files = [os.path.join(folder, file), str(step)]
                yield {"group": f"autocomp {word}", "name": row["kernel"], "target": "trn1", "files": files, "published": float(row["value"]), "counted": None}


# ----- one kernel, in a process of its own, so that memory is given back -------------------------------------------------


def one(job):
    import numpy as np

    from secondsource.nki import _alias, _launch, _state, _time

    if job.get("flags"):
        os.environ["NEURON_CC_FLAGS"] = job["flags"]
    _state.override = job["target"]
    _alias.install()
    found = []
    _launch.observer = lambda launch, name: found.append(_time.summary(launch, name))
    np.random.seed(0)
    if job["group"].startswith("autocomp"):
        step(np, *job["files"])
    else:
        reference, kernel = job["files"]
        module = load(reference, "reference")
        load(kernel, "kernel").kernel(*module.transform_to_nki_inputs(module.get_inputs()))
    json.dump(found[-1], sys.stdout)


IMPORTS = """\
import math
import numpy as np
import neuronxcc.nki as nki
import neuronxcc.nki.isa as nisa
import neuronxcc.nki.language as nl
import neuronxcc.nki.typing as nt
from neuronxcc.nki.language import par_dim
"""


def step(np, trace, number):
    """A step of a trace of candidates, which hold their code as text."""
    import ml_dtypes

    class Candidate:
        def __init__(self, **fields):
            self.__dict__.update(fields)

    with open(trace) as file:
        last = eval(file.read(), {"CodeCandidate": Candidate})
    chain = []
    while last is not None:
        chain.append(last)
        last = last.parent
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "candidate.py")
        with open(path, "w") as file:
            file.write(IMPORTS + chain[-1 - int(number)].code)
        module = load(path, "candidate")
        run = next(getattr(module, n) for n in ("test", "test_optimized", "solution") if hasattr(module, n))
        if "gemm" in trace:
            run(np.zeros((8192, 4096), ml_dtypes.bfloat16), np.zeros((8192, 8192), ml_dtypes.bfloat16))
        else:
            draw = lambda *shape: np.random.rand(*shape).astype(np.float32)  # noqa: E731
            run(draw(1, 256, 2048), draw(1, 256, 2048), -draw(256, 16), draw(1, 16, 2048), draw(1, 16, 2048))


# ----- the table ---------------------------------------------------------------------------------------------------------


def ranks(values):
    order = sorted(range(len(values)), key=values.__getitem__)
    out, at = [0.0] * len(values), 0
    while at < len(order):
        end = at
        while end + 1 < len(order) and values[order[end + 1]] == values[order[at]]:
            end += 1
        for i in order[at : end + 1]:
            out[i] = (at + end) / 2
        at = end + 1
    return out


def spearman(x, y):
    x, y = ranks(x), ranks(y)
    mean = (len(x) - 1) / 2
    top = sum((a - mean) * (b - mean) for a, b in zip(x, y))
    low = math.sqrt(sum((a - mean) ** 2 for a in x) * sum((b - mean) ** 2 for b in y))
    return top / low if low else float("nan")


def run(job, seconds):
    command = [sys.executable, os.path.abspath(__file__), "--one", json.dumps(job)]
    start = time.monotonic()
    try:
        out = subprocess.run(command, capture_output=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        return None, f"not done in {seconds:.0f} s"
    if out.returncode:
        lines = [line for line in out.stderr.decode().strip().splitlines() if not line.lstrip().startswith("hint")]
        return None, lines[-1][:110] if lines else f"exit {out.returncode}"
    r = json.loads(out.stdout)
    moved = r["dma"]["bytes_read"] + r["dma"]["bytes_written"]
    done = {"ms": r["time_us"] / 1e3, "written": r["as_written_us"] / 1e3, "moved": moved, "instructions": r["instructions"]}
    return {**done, "run": time.monotonic() - start}, None


def main():
    if sys.argv[1:2] == ["--one"]:
        one(json.loads(sys.argv[2]))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", help="a checkout of zhang677/AccelOpt")
    parser.add_argument("--kda", metavar="DIR", help="a checkout of Jerry2423/kda-for-trainium: its kernels instead")
    parser.add_argument("--autocomp", metavar="DIR", help="a checkout of ucb-bar/autocomp: its tutorial traces instead")
    parser.add_argument("--kernel", help="only kernels whose name begins so")
    parser.add_argument("--csv", metavar="FILE", help="write a line a kernel")
    parser.add_argument("--seconds", type=float, default=1800, help="CPU and wall limit of one kernel")
    options = parser.parse_args()
    bench = os.path.join(options.checkout, "NKIBench")
    jobs = kda(bench, options.kda) if options.kda else autocomp(options.autocomp) if options.autocomp else nkibench(bench)
    jobs = [j for j in jobs if not options.kernel or j["name"].startswith(options.kernel)]
    done, failed = [], []
    for number, job in enumerate(jobs, 1):
        print(f"{number}/{len(jobs)} {job['name']}", file=sys.stderr, flush=True)
        found, why = run(job, options.seconds)
        (failed.append((job["name"], why)) if found is None else done.append({**job, **found}))
    # Times of kda are not those of one core: one factor for all.
    logs = [math.log(d["ms"] / d["published"]) for d in done if d["group"].startswith("kda") and d["published"]]
    factor = math.exp(statistics.median(logs)) if logs else 1.0
    errors = {}
    print(f"{'kernel':<42}{'published':>11}{'predicted':>11}{'error':>8}{'as written':>12}{'DMA GB':>8}{'counted':>8}{'instructions':>13}")
    for d in done:
        ms, measured = d["ms"] / factor, d["published"]
        d["error"] = (ms / measured - 1) * 100 if measured else None
        if measured:
            errors.setdefault(d["group"], []).append(d)
        counted = f"{d['counted'] / 1e9:.2f}" if d["counted"] else "-"
        shown = [f"{measured:.3f} ms", f"{d['error']:+.1f}%"] if measured else ["-", "-"]
        written = d["written"] / factor
        print(
            f"{d['name'][:41]:<42}{shown[0]:>11}{f'{ms:.3f} ms':>11}{shown[1]:>8}{f'{written:.3f} ms':>12}"
            f"{d['moved'] / 1e9:>8.2f}{counted:>8}{d['instructions']:>13,}"
        )
    for name, why in failed:
        print(f"{name[:41]:<42}not run: {why}")
    if logs:
        print(f"\nall predictions divided by one factor, {factor:.3f}")
    for group, rows in errors.items():
        sizes = sorted(abs(d["error"]) for d in rows)
        order = f", rank correlation {spearman([d['published'] for d in rows], [d['ms'] for d in rows]):.2f}" if len(rows) > 2 else ""
        print(f"{group}: {len(rows)} kernels, median |error| {statistics.median(sizes):.1f}%, largest {sizes[-1]:.1f}%{order}")
    if options.csv:
        with open(options.csv, "w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["group", "kernel", "target", "published_ms", "predicted_ms", "as_written_ms", "instructions", "dma_bytes"])
            for d in done:
                times = [f"{x:.5g}" if x else "" for x in (d["published"], d["ms"], d["written"])]
                writer.writerow([d["group"], d["name"], d["target"], *times, d["instructions"], d["moved"]])


if __name__ == "__main__":
    main()
