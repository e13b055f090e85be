"""Predicted times of published kernels run from their own sources, beside their published times.

    pip install ./crates/python numpy
    git clone https://github.com/zhang677/AccelOpt
    python validation/neuroncore_kernels.py AccelOpt [--kernel silu]

Runs each kernel of NKIBench (AccelOpt) unmodified through `secondsource.nki` for Trainium1 and prints its time after
reordering, in the order of the source, the published one, and the traffic that DMAs moved beside the counted one where it is
published. None of these times was fitted to runs from sources: `calibration/neuroncore.toml` knows the instruction
streams of `crates/neuroncore/src/kernels` only.
"""

import argparse
import csv
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))


def published():
    """The baseline row of each kernel of NKIBench, in ms, with counted bytes."""
    rows = {}
    with open(os.path.join(HERE, "nki_timings.csv"), newline="") as file:
        for row in csv.DictReader(file):
            name = row["kernel"].removeprefix("NKIBench ")
            if row["group"] == "NKIBench" and row["quantity"] == "latency" and " " not in name and row["unit"] == "ms":
                rows.setdefault(name, row)
    return rows


def load(path, name):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def one(kernel, reference):
    """Runs one kernel and prints its report; in a process of its own, so that memory is given back."""
    import numpy as np

    from secondsource.nki import _alias, _launch, _state, _time

    _state.override = "trn1"
    _alias.install()
    found = []
    _launch.observer = lambda launch, name: found.append(_time.summary(launch, name))
    module = load(reference, "reference")
    np.random.seed(0)
    load(kernel, "kernel").kernel(*module.transform_to_nki_inputs(module.get_inputs()))
    json.dump(found[-1], sys.stdout)


def main():
    if sys.argv[1:2] == ["--one"]:
        one(*sys.argv[2:4])
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", help="a checkout of zhang677/AccelOpt")
    parser.add_argument("--kernel", help="only kernels whose name begins so")
    parser.add_argument("--seconds", type=float, default=1800, help="CPU and wall limit of one kernel")
    options = parser.parse_args()
    bench = os.path.join(options.checkout, "NKIBench")
    with open(os.path.join(bench, "summary.json")) as file:
        summary = json.load(file)
    rows, errors = published(), []
    print(f"{'kernel':<24}{'published':>10}{'predicted':>10}{'error':>8}{'as written':>11}{'DMA GB':>8}{'counted':>8}{'run':>7}")
    for name in sorted(summary):
        if options.kernel and not name.startswith(options.kernel):
            continue
        row = rows.get(name)
        for case in summary[name]["cases"].values():
            for impl in case["impls"]:
                command = [sys.executable, os.path.abspath(__file__), "--one"]
                command += [os.path.join(bench, impl[key]) for key in ("kernel", "task")]
                start = time.monotonic()
                try:
                    out = subprocess.run(command, capture_output=True, timeout=options.seconds)
                except subprocess.TimeoutExpired:
                    print(f"{name:<24}not done in {options.seconds:.0f} s")
                    continue
                if out.returncode:
                    print(f"{name:<24}{out.stderr.decode().strip().splitlines()[-1][:90]}")
                    continue
                r = json.loads(out.stdout)
                ms = r["time_us"] / 1e3
                measured = float(row["value"]) if row else None
                error = (ms / measured - 1) * 100 if row else None
                errors += [abs(error)] if row else []
                moved = (r["dma"]["bytes_read"] + r["dma"]["bytes_written"]) / 1e9
                counted = row and row["read_bytes"] and (float(row["read_bytes"]) + float(row["write_bytes"] or 0)) / 1e9
                print(
                    f"{name:<24}{f'{measured:.2f} ms' if row else '-':>10}{f'{ms:.2f} ms':>10}"
                    f"{f'{error:+.1f}%' if row else '-':>8}{r['as_written_us'] / 1e3:>8.2f} ms{moved:>8.2f}"
                    f"{f'{counted:.2f}' if counted else '-':>8}{time.monotonic() - start:>6.0f}s",
                    flush=True,
                )
    if errors:
        errors.sort()
        print(f"\n{len(errors)} kernels: median |error| {statistics.median(errors):.1f}%, largest {errors[-1]:.1f}%")


if __name__ == "__main__":
    main()
