"""Every kernel of buggy.py is caught, by its rule and on its line; correct kernels raise nothing."""

import linecache

import nki
import numpy as np
import pytest
from secondsource.nki import _launch, _time

import buggy
import kernels


def caught(bug, monkeypatch):
    """[(rule, line)] of the exception or of the findings."""
    monkeypatch.setenv("NEURON_PLATFORM_TARGET_OVERRIDE", bug.target)
    kernel = bug.kernel[bug.lnc] if bug.lnc > 1 else bug.kernel
    reports = []
    try:
        kernel.launch(bug.args, {}, observe=lambda launch: reports.append(_time.summary(launch, bug.name)))
    except nki.NkiValidationError as fault:
        assert str(fault).startswith(f"{fault.file}:{fault.line}: ")
        return [(fault.rule, place(f"{fault.file}:{fault.line}"))]
    except _launch.Deadlock:
        return [("deadlock", True)]
    except (ValueError, IndexError) as error:
        trace = error.__traceback__
        lines = []
        while trace is not None:
            lines.append(f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}")
            trace = trace.tb_next
        return [(type(error).__name__, any(place(line) for line in lines))]
    return [(f["rule"], place(f["at"])) for f in reports[0]["findings"]]


def place(at):
    """Whether the line says BUG."""
    file, line = at.rsplit(":", 1)
    return file == buggy.__file__ and "# BUG" in linecache.getline(file, int(line))


@pytest.mark.parametrize("bug", buggy.BUGS, ids=lambda bug: bug.name)
def test_the_bug_is_caught(bug, monkeypatch):
    found = caught(bug, monkeypatch)
    # A core that reads what the other writes without a barrier also reads what nobody may have written yet.
    follows = {"read-unwritten"} if bug.rule == "missing-barrier" else set()
    assert bug.rule in {rule for rule, _ in found} <= {bug.rule} | follows, found
    if "# BUG" in "".join(source(bug)):
        assert all(there for _, there in found), found


def source(bug):
    import inspect

    return inspect.getsource(bug.kernel.func)


def draw(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)


def test_there_are_many_and_of_all_kinds():
    assert len(buggy.BUGS) >= 50
    assert len({bug.rule for bug in buggy.BUGS}) >= 30


CORRECT = {
    "matmul": (kernels.matmul, (draw(256, 128), draw(256, 512))),
    "softmax": (kernels.softmax, (draw(256, 300),)),
    "rmsnorm": (kernels.rmsnorm, (draw(128, 200), draw(200))),
    "layernorm": (kernels.layernorm, (draw(128, 1024), draw(1024), draw(1024))),
    "rope": (kernels.rope, (draw(128, 96), draw(64, 96), draw(64, 96))),
    "transpose": (kernels.transpose, (draw(256, 128),)),
    "swiglu": (kernels.swiglu, (draw(256, 128), draw(256, 128), draw(256, 128), draw(128, 256))),
    "attention": (kernels.attention, (draw(256, 64), draw(256, 64), draw(256, 64))),
    "halves": (kernels.halves[2], (draw(128, 32),)),
    "swapped": (kernels.swapped[2], (draw(128, 32),)),
    "gather": (kernels.gather, (draw(300, 40), np.arange(64, dtype=np.int32))),
    "counted": (kernels.counted, (draw(128, 8), np.array([3], np.int32))),
    "add_in_place": (kernels.add_in_place, (draw(128, 8),)),
}


@pytest.mark.parametrize("target", ["trn2", "trn3"])
@pytest.mark.parametrize("name", CORRECT)
def test_a_correct_kernel_raises_nothing(name, target):
    kernel, args = CORRECT[name]
    _, report = nki.profile(kernel, target=target)(*args)
    assert report["findings"] == []
