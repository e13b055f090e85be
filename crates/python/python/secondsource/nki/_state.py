"""What the running kernel can ask about its launch: target, grid, core."""

import os

from secondsource import _native

_GENERATIONS = {
    "trn1": 2, "trn1n": 2, "inf2": 2, "gen2": 2, "2": 2,
    "trn2": 3, "trn2n": 3, "trn2u": 3, "trn2_inst": 3, "gen3": 3, "3": 3,
    "trn3": 4, "trn3_a0": 4, "gen4": 4, "4": 4,
}  # fmt: skip
_CHIPS = {2: "trn1", 3: "trn2", 4: "trn3"}


def chip(name):
    """trn1, trn2 or trn3 for any of a target's names."""
    try:
        return _CHIPS[_GENERATIONS[str(name).strip().lower()]]
    except KeyError:
        known = ", ".join(n for n in _GENERATIONS if not n.isdigit())
        raise ValueError(f"`{name}` is no target; one of {known}") from None


class Launch:
    """One run of a kernel."""

    def __init__(self, target, lnc=1, ranks=1, grid=(), seed=0):
        self.target = target
        self.lnc = lnc
        self.ranks = ranks
        self.grid = grid  # Beta 1 SPMD grid, or (lnc,)
        self.seed = seed
        self.core = 0
        self.program = ()  # place in the grid
        self.baton = None  # takes turns between cores
        self.shared = {}  # allocations that all cores of a rank name
        self.counts = {}

    @property
    def rank(self):
        return self.core // self.lnc


_stack = []
launches = 0  # kernels run in this process
override = None  # target of the command line or of profile()
sdk_override = None  # (major, minor) of the command line


def current():
    """The running launch, or None."""
    return _stack[-1] if _stack else None


def running():
    """The running launch."""
    if not _stack:
        raise RuntimeError("NKI runs only inside a kernel: call a function decorated with @nki.jit, or nki.simulate(function)")
    return _stack[-1]


def push(launch):
    global launches
    launches += 1
    # A flag of the compiler that changes time: every DMA has its descriptors prepared.
    static = "--disable-dge" in os.environ.get("NEURON_CC_FLAGS", "").split()
    _native.begin(launch.target, launch.lnc, launch.ranks, launch.seed, mx_sample=sdk() < (2, 31), static_descriptors=static)
    _stack.append(launch)


def pop():
    _stack.pop()
    _native.end()


def target():
    """The target in force: of the running launch, else as chosen from outside, else trn3 as documented."""
    launch = current()
    if launch is not None:
        return launch.target
    return pick_target(None)


def pick_target(wanted):
    if override is not None:
        return override
    for name in ("NEURON_PLATFORM_TARGET_OVERRIDE", "NKI_NC_VERSION"):
        value = os.environ.get(name)
        if value:
            return chip(value)
    if wanted:
        return chip(wanted)
    return "trn3"


def release(text):
    """(major, minor) of a release of the vendor's SDK."""
    parts = str(text).strip().split(".")
    if len(parts) < 2 or not all(p.isdigit() for p in parts) or int(parts[0]) != 2:
        raise ValueError(f"`{text}` is no release of the Neuron SDK, as 2.29 or 2.32")
    return int(parts[0]), int(parts[1])


def sdk():
    """The release whose rules are followed where releases differ; the newest that is known unless chosen otherwise.

    They differ in one: up to 2.30 `quantize_mx` scaled a group of values as the sample algorithm of the OCP does, since then by
    twice as much.
    """
    if sdk_override is not None:
        return sdk_override
    text = os.environ.get("SECONDSOURCE_NKI_SDK")
    return release(text) if text else (2, 32)


def generation():
    return _GENERATIONS[target()]
