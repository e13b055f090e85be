"""NKI kernels on any computer: the right numbers, the rules of the hardware, and the time.

`from secondsource import nki` works like the vendor's `nki`; `python -m secondsource.nki SCRIPT.py` runs a script that
imports the vendor's names.
"""

from . import collectives, isa, language  # noqa: F401
from ._dtypes import NUMPY  # noqa: F401
from ._launch import Deadlock, Kernel, jit, profile, run_ranks, simulate  # noqa: F401
from .isa import NkiValidationError  # noqa: F401
from .language import NkiTensor  # noqa: F401

dtype = language.DType
baremetal = trace = jit


def benchmark(function=None, **_):
    """Accepted as a decorator; times are predicted, by `profile` or the command line."""
    return jit if function is None else jit(function)
