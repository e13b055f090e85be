"""`python -m secondsource.nki SCRIPT`: what it prints, writes and returns."""

import json
import subprocess
import sys

import pytest

LAUNCH = """
import numpy as np, nki, nki.language as nl

def copied(x):
    out = nl.ndarray(x.shape, dtype=x.dtype, buffer=nl.shared_hbm)
    nl.store(out, nl.load(x))
    return out

x = np.ones((128, 8), np.float32)
"""


@pytest.fixture
def command(tmp_path):
    def run(text, *options):
        (tmp_path / "script.py").write_text(text)
        line = [sys.executable, "-m", "secondsource.nki", "script.py", "--target", "trn2", *options]
        return subprocess.run(line, cwd=tmp_path, capture_output=True, text=True)

    return run


def test_launches_of_profile_are_shown(command, tmp_path):
    done = command(LAUNCH + "nki.profile(nki.jit(copied), target='trn3')(x)\nprint('after')\n", "--json", "out.json")
    assert done.returncode == 0 and done.stdout.startswith("after\ncopied on trn3: ")
    assert [one["kernel"] for one in json.loads((tmp_path / "out.json").read_text())["launches"]] == ["copied"]


def test_the_trace_is_of_the_last_launch_and_written_where_it_was_asked(command, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    text = LAUNCH + "import os\nnki.jit(copied)(x)\nassert not os.path.exists('t.json')\nos.chdir('elsewhere')\n"
    done = command(text, "--trace", "t.json", "--quiet")
    assert done.returncode == 0 and done.stderr == ""
    assert json.loads((tmp_path / "t.json").read_text())


@pytest.mark.parametrize("option", ["--trace", "--json"])
def test_a_file_that_cannot_be_written_is_told_before_the_script_runs(command, option):
    done = command("print('ran')\n", option, "missing/out.json")
    assert done.returncode == 2 and "ran" not in done.stdout
    assert f"{option} missing/out.json: No such file or directory" in done.stderr


def test_a_trace_without_a_launch_is_told(command, tmp_path):
    done = command("print('ran')\n", "--trace", "t.json")
    assert done.returncode == 0 and "no kernel was launched" in done.stderr and not (tmp_path / "t.json").exists()


def test_the_message_of_an_exit_and_its_code(command):
    done = command("import sys\nsys.exit('no device')\n")
    assert (done.returncode, done.stderr) == (1, "no device\n")
    assert command("import sys\nsys.exit(3)\n").returncode == 3
    assert command("import sys\nsys.exit()\n").returncode == 0


def test_an_error_keeps_its_cause(command):
    done = command("try:\n    1 / 0\nexcept Exception as error:\n    raise ValueError('outer') from error\n")
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr and "direct cause" in done.stderr and done.stderr.endswith("ValueError: outer\n")
    assert "secondsource" not in done.stderr and "runpy" not in done.stderr


QUANTISE = """
import numpy as np, ml_dtypes, nki, nki.isa as nisa, nki.language as nl

def scales(x):
    tile = nl.load(x)
    packed = nl.ndarray((32, 1), dtype=nl.float8_e4m3fn_x4, buffer=nl.sbuf)
    scale = nl.ndarray((4, 1), dtype=nl.uint8, buffer=nl.sbuf)
    nisa.quantize_mx(dst=packed, src=tile, dst_scale=scale)
    out = nl.ndarray((4, 1), dtype=nl.uint8, buffer=nl.shared_hbm)
    nl.store(out, scale)
    return out

print(nki.jit(scales)(np.full((32, 4), 3.0, ml_dtypes.bfloat16)).ravel())
"""


def test_the_release_of_the_sdk_decides_the_scales(command, monkeypatch):
    # 2^1 is the largest power of two below 3; the largest exponent of e4m3fn is 8; one less of room from 2.31 on.
    target = ("--quiet", "--target", "trn3")
    assert command(QUANTISE, *target).stdout == "[121 121 121 121]\n"
    assert command(QUANTISE, *target, "--sdk", "2.30").stdout == "[120 120 120 120]\n"
    monkeypatch.setenv("SECONDSOURCE_NKI_SDK", "2.29.0")
    assert command(QUANTISE, *target).stdout == "[120 120 120 120]\n"
    assert command(QUANTISE, *target, "--sdk", "2.31").stdout == "[121 121 121 121]\n"
    wrong = command(QUANTISE, "--sdk", "newest")
    assert wrong.returncode == 2 and "`newest` is no release of the Neuron SDK" in wrong.stderr
