"""`python -m secondsource.nki.conformance --suite SUITE PATH`"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time

from .. import _state
from . import _report, _suites

HELP = """\
Runs a public suite of NKI kernels from your checkout of it and prints what passed, failed or is unsupported.

suites:
  nki-library   aws-neuron/nki-library: the integration tests, in its own simulation mode, own tolerances
                (without those that it marks as too slow for that: --large)
  docs          aws-neuron/aws-neuron-sdk: nki/test and the scripts of nki/examples
  nki-samples   aws-neuron/nki-samples: test/unit and the tutorial scripts
  accelopt      zhang677/AccelOpt: the kernels of NKIBench against their numpy references
  autocomp      ucb-bar/autocomp: the kernels of sols in their harnesses, against the reference kernels there

examples:
  python -m secondsource.nki.conformance --suite accelopt ~/AccelOpt
  python -m secondsource.nki.conformance --suite nki-library --per-file 20 --json out.json ~/nki-library
"""


def main(argv=None):
    parser = argparse.ArgumentParser(
        prog="python -m secondsource.nki.conformance", description=HELP, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("path", type=pathlib.Path, help="the checkout")
    parser.add_argument("--suite", required=True, choices=sorted(_suites.SUITES))
    parser.add_argument("--only", default="", metavar="TEXT", help="only files or cases whose name contains TEXT")
    parser.add_argument("--per-file", type=int, default=0, metavar="N", help="at most N cases of a file, evenly spread (0: all)")
    parser.add_argument("--target", default="trn2", metavar="CHIP", help="of nki-library, whose tests depend on it (default trn2)")
    sdk = "release of the Neuron SDK that the suite was written for (default 2.32): quantize_mx changed in 2.31"
    parser.add_argument("--sdk", default="2.32", metavar="VERSION", help=sdk)
    parser.add_argument("--large", action="store_true", help="nki-library: also the tests that it marks as slow to simulate")
    parser.add_argument("--seconds", type=int, default=120, metavar="S", help="CPU time limit of one case (default 120)")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write every case with outcome, reason and seconds")
    parser.add_argument("--failures", type=int, default=20, metavar="N", help="failures to print (default 20)")
    options = parser.parse_args(argv)
    try:
        _state.release(options.sdk)
    except ValueError as error:
        parser.error(str(error))
    if not options.path.is_dir():
        parser.error(f"{options.path} is no directory")
    jobs = _suites.SUITES[options.suite](options.path.resolve())
    named = [j for j in jobs if options.only in j["name"]]
    # A word that no file's name holds may stand in the names of cases, which pytest knows.
    jobs = named or [j for j in jobs if j["kind"] == "pytest"]
    if not jobs:
        parser.error(f"no case of suite {options.suite} under {options.path} (with `{options.only}` in its name)")
    result = {"suite": options.suite, "path": str(options.path), "commit": commit(options.path)}
    result |= {"target": options.target, "sdk": options.sdk, "large": options.large, "per_file": options.per_file, "seconds_limit": options.seconds}
    cases = []
    for number, job in enumerate(jobs, 1):
        print(f"{number}/{len(jobs)} {job['name']}", file=sys.stderr, flush=True)
        cases.extend(run(job, options))
        result |= {"counts": _report.counts(cases), "reasons": _report.reasons(cases), "cases": cases}
        if options.json:
            # After every file, so that a run that is stopped leaves what it has.
            options.json.write_text(json.dumps(result, indent=1) + "\n")
    print(_report.page(result, options.failures))
    return 0


def run(job, options):
    """The cases of one job, run in a process of its own."""
    with tempfile.TemporaryDirectory() as scratch:
        out = pathlib.Path(scratch) / "cases.jsonl"
        job = {**job, "out": str(out), "per_file": options.per_file, "seconds": options.seconds, "scratch": scratch, "only": options.only}
        job["environment"] = {"SECONDSOURCE_NKI_SDK": options.sdk}
        if job.get("stubs") == "nki_library":
            job["arguments"] = [*job["arguments"], "--platform-target", options.target]
            job["environment"] |= {"NKILIB_SIMULATION_RUN_ALL": "1" if options.large else "0"}
        started = time.monotonic()
        worker = subprocess.run(
            [sys.executable, "-m", "secondsource.nki.conformance._worker"],
            input=json.dumps(job),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=job.get("cwd", scratch),
        )
        cases = [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []
        if worker.returncode != 0 or not cases and not job.get("may_be_empty"):
            last = [line for line in worker.stdout.splitlines() if line.strip()][-1:]
            reason = _report.shortened(last[0]) if last else f"the process ended with {worker.returncode}"
            done = [c for c in cases if c["outcome"] != "running"]
            cases = done + [_report.case(job["name"], "failed", f"process died: {reason}", time.monotonic() - started)]
        return [c for c in cases if c["outcome"] != "running"]


def commit(path):
    try:
        found = subprocess.run(["git", "-C", str(path), "rev-parse", "HEAD"], capture_output=True, text=True)
    except OSError:
        return None
    return found.stdout.strip() or None


if __name__ == "__main__":
    sys.exit(main())
