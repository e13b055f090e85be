"""Runs one job in this process and writes a line of JSON a case."""

import contextlib
import importlib.util
import io
import json
import os
import re
import signal
import sys
import time
import traceback
import types

from .. import _state
from . import _nki_library, _report


class TimeLimit(BaseException):
    """One case took too long."""


def limit(seconds):
    """CPU seconds of this process, so that other work on the machine does not decide."""

    def stop(_signal, _frame):
        raise TimeLimit

    signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)


def unlimited():
    signal.setitimer(signal.ITIMER_PROF, 0)


class Out:
    def __init__(self, path):
        self.file = open(path, "a")

    def write(self, name, outcome, reason, seconds):
        self.file.write(json.dumps(_report.case(name, outcome, _report.shortened(reason or ""), seconds)) + "\n")
        self.file.flush()


# The case cannot be run here, or the suite itself is broken: words by which that is told from a wrong result.
_UNSUPPORTED = (
    ("unsupported", "the emulator has no"),
    ("not built yet", None),
    ("NotImplementedError", None),
    ("ModuleNotFoundError", None),
    ("No module named", None),
    ("cannot import name", None),
    ("IndentationError", "the file of the suite does not parse"),
    ("SyntaxError", "the file of the suite does not parse"),
    ("collective_ranks", None),
)


def verdict(text):
    """failed or unsupported, by the message."""
    for words, _ in _UNSUPPORTED:
        if words in text:
            return "unsupported"
    return "failed"


def main():
    job = json.load(sys.stdin)
    os.environ.update(job.get("environment", {}))
    if job.get("target"):
        os.environ["NEURON_PLATFORM_TARGET_OVERRIDE"] = job["target"]
    sys.path[:0] = job.get("paths", [])
    from .. import _alias

    _alias.install()
    out = Out(job["out"])
    {"pytest": run_pytest, "script": run_script, "accelopt": run_accelopt, "autocomp": run_autocomp}[job["kind"]](job, out)


# ----- pytest ----------------------------------------------------------------------------------------------------------


class Plugin:
    """Samples the collected tests, after the suite has had its say, and writes their outcomes."""

    def __init__(self, job, out):
        self.job = job
        self.out = out
        self.before = 0

    def pytest_collection_modifyitems(self, items):
        wanted = self.job["only"]
        if wanted and wanted not in self.job["name"]:
            items[:] = [i for i in items if wanted in i.nodeid]
        most = self.job["per_file"]
        if most:
            # A sample of what runs.
            items[:] = [i for i in items if i.get_closest_marker("skip") is None]
        if most and len(items) > most:
            step = len(items) / most
            items[:] = [items[int(i * step)] for i in range(most)]

    def pytest_collection_finish(self):
        if self.job.get("stubs") == "nki_library":
            _nki_library.mend()

    def pytest_runtest_logreport(self, report):
        name = self.job["name"] + "::" + report.nodeid.split("::", 1)[-1]
        if report.when == "call":
            if report.passed:
                self.out.write(name, "passed", "", report.duration)
            elif report.skipped:
                self.out.write(name, "skipped", last_line(report), report.duration)
            else:
                self.failure(name, report)
        elif report.failed:
            self.failure(name, report)
        elif report.skipped:
            self.out.write(name, "skipped", last_line(report), report.duration)

    def failure(self, name, report):
        reason = last_line(report)
        text = str(report.longrepr)
        if "TimeLimit" in reason or "TimeLimit" in text[-2000:]:
            self.out.write(name, "timeout", f"over {self.job['seconds']} s of CPU time", report.duration)
        elif _state.launches == self.before and "secondsource" not in text:
            self.out.write(name, "unsupported", f"the test fails before it runs a kernel: {reason}", report.duration)
        else:
            self.out.write(name, verdict(reason), reason, report.duration)

    def pytest_collectreport(self, report):
        if report.failed:
            lines = [line[2:].strip() for line in str(report.longrepr).splitlines() if line.startswith("E ")]
            reason = lines[-1] if lines else last_line(report)
            self.out.write(self.job["name"], "unsupported", f"not collected: {reason}", 0)

    def pytest_runtest_setup(self):
        self.before = _state.launches
        limit(self.job["seconds"])

    def pytest_runtest_teardown(self):
        unlimited()


def last_line(report):
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is not None:
        lines = [line for line in crash.message.splitlines() if line.strip()]
        return lines[0] if lines else "no message"
    if isinstance(report.longrepr, tuple):
        return report.longrepr[-1]
    lines = [line for line in str(report.longrepr).splitlines() if line.strip()]
    return lines[-1] if lines else "no message"


def run_pytest(job, out):
    import pytest

    last = pytest.hookimpl(trylast=True)(Plugin.pytest_collection_modifyitems)
    Plugin.pytest_collection_modifyitems = last

    if job.get("stubs") == "nki_library":
        _nki_library.stub()
    arguments = [job["file"], "-q", "-p", "no:cacheprovider", "-x" if False else "--no-header", *job["arguments"]]
    if job.get("stubs") == "nki_library":
        arguments += ["--output-directory", os.path.join(job["scratch"], "out"), "--force-local-cleanup", "-o", f"artifacts_dir={job['scratch']}"]
    with contextlib.redirect_stdout(io.StringIO()):
        pytest.main(arguments, plugins=[Plugin(job, out)])


# ----- scripts ---------------------------------------------------------------------------------------------------------


def run_script(job, out):
    import runpy

    sys.argv = [job["file"]]
    sys.path.insert(0, os.path.dirname(job["file"]))
    started = time.monotonic()
    text = io.StringIO()
    limit(job["seconds"])
    try:
        with contextlib.redirect_stdout(text):
            runpy.run_path(job["file"], run_name="__main__")
        said = text.getvalue().lower()
        bad = next((line for line in text.getvalue().splitlines() if "differ" in line.lower() or "mismatch" in line.lower()), None)
        if bad is not None and "no mismatch" not in said:
            out.write(job["name"], "failed", bad, time.monotonic() - started)
        else:
            out.write(job["name"], "passed", "", time.monotonic() - started)
    except TimeLimit:
        out.write(job["name"], "timeout", f"over {job['seconds']} s of CPU time", time.monotonic() - started)
    except SystemExit as stop:
        outcome = "passed" if stop.code in (None, 0) else "failed"
        out.write(job["name"], outcome, "" if outcome == "passed" else f"exit {stop.code}", time.monotonic() - started)
    except BaseException as error:  # noqa: BLE001 - every way to fail is a case
        reason = describe(error)
        out.write(job["name"], verdict(reason), reason, time.monotonic() - started)
    finally:
        unlimited()


def describe(error):
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0] if text else ''}"


# ----- NKIBench --------------------------------------------------------------------------------------------------------


def load(path, name):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_accelopt(job, out):
    import numpy as np

    started = time.monotonic()
    limit(job["seconds"])
    try:
        reference = load(job["reference"], "reference")
        kernel = load(job["file"], "kernel").kernel
        np.random.seed(0)
        inputs = reference.get_inputs()
        given = reference.transform_to_nki_inputs(inputs)
        found = kernel(*given)
        wanted = reference.forward(*inputs)
        wanted = wanted if isinstance(wanted, tuple) else (wanted,)
        worst = 0.0
        for ours, theirs in zip(reference.transform_nki_outputs(found, wanted), wanted):
            ours, theirs = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
            apart = np.linalg.norm(ours - theirs) / max(np.linalg.norm(theirs), 1e-30)
            worst = max(worst, float(apart)) if np.isfinite(apart) else float("inf")
        seconds = time.monotonic() - started
        # The benchmark's own criterion: relative L2 distance.
        if worst <= 2e-5:
            out.write(job["name"], "passed", f"relative L2 distance {worst:.1e}", seconds)
        else:
            out.write(job["name"], "failed", f"relative L2 distance {worst:.1e}, allowed 2e-5", seconds)
    except TimeLimit:
        out.write(job["name"], "timeout", f"over {job['seconds']} s of CPU time", time.monotonic() - started)
    except BaseException as error:  # noqa: BLE001 - every way to fail is a case
        if os.environ.get("SECONDSOURCE_TRACEBACK"):
            traceback.print_exc()
        reason = describe(error)
        out.write(job["name"], verdict(reason), reason, time.monotonic() - started)
    finally:
        unlimited()


# ----- autocomp ---------------------------------------------------------------------------------------------------------


def run_autocomp(job, out):
    import random

    import numpy as np

    with open(job["file"]) as harness, open(job["solution"]) as solution:
        text = harness.read().replace("# SUBSTITUTE HERE", solution.read(), 1)
    started = time.monotonic()
    limit(job["seconds"])
    module = types.ModuleType("harness")
    module.__file__ = job["file"]
    sys.modules["harness"] = module
    try:
        np.random.seed(0)
        random.seed(0)
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(text, job["file"], "exec"), module.__dict__)
            # The harness measures time after its check; that part needs the chip.
            named = re.search(r"= test_nki\((\w+), solution\)", text)
            agreed = module.test_nki(getattr(module, named[1] if named else "ref"), module.solution)
        seconds = time.monotonic() - started
        if agreed:
            out.write(job["name"], "passed", "", seconds)
        else:
            out.write(job["name"], "failed", "the harness found other numbers than its reference", seconds)
    except TimeLimit:
        out.write(job["name"], "timeout", f"over {job['seconds']} s of CPU time", time.monotonic() - started)
    except BaseException as error:  # noqa: BLE001 - every way to fail is a case
        if os.environ.get("SECONDSOURCE_TRACEBACK"):
            traceback.print_exc(file=sys.__stderr__)
        reason = describe(error)
        out.write(job["name"], verdict(reason), reason, time.monotonic() - started)
    finally:
        unlimited()


if __name__ == "__main__":
    main()
