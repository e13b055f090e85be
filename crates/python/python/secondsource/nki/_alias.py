"""Gives this package the vendor's module names, in this process only."""

import importlib.util
import sys
import types

from . import _launch, _neuron_dtypes, collectives, constants, isa, language

_installed = False


def _module(name, **contents):
    module = types.ModuleType(name)
    module.__dict__.update(contents)
    module.__path__ = []
    return module


def _decorator(function=None, **_):
    """A decorator of the vendor's compiler that changes nothing here."""
    return function if callable(function) else (lambda f: f)


class _Any(types.ModuleType):
    """A module whose every name is a decorator without effect."""

    __path__ = []

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return _decorator


def names():
    """Every module name that stands for one of ours."""
    import secondsource.nki as nki

    from . import beta1

    typing = _module("nki.typing", tensor=language.NkiTensor, Tensor=language.NkiTensor)
    compiler = _Any("nki.compiler")
    out = {
        "nki": nki,
        "nki.isa": isa,
        "nki.isa.constants": constants,
        "nki.language": language,
        "nki.language.dtypes": language,
        "nki.collectives": collectives,
        "nki.typing": typing,
        "nki.compiler": compiler,
        "nki.dtype": language,
        "nki.dtypes": language,
        "nki.tensor": _module("nki.tensor", Tensor=language.NkiTensor, NkiTensor=language.NkiTensor),
        "nki.experimental": _module("nki.experimental", while_loop=language.while_loop, fori_loop=language.fori_loop),
        "neuron_dtypes": _neuron_dtypes,
    }
    simulator = _module("nki_cpu_simulator", nki=nki)
    out["nki_cpu_simulator"] = simulator
    out["nki_cpu_simulator.nki"] = nki
    out["nki_cpu_simulator.nki.builtin"] = _module("nki_cpu_simulator.nki.builtin")
    for name in ("compiler", "isa", "isa.constants", "language", "language.dtypes", "tensor", "typing"):
        out[f"nki_cpu_simulator.nki.{name}"] = out[f"nki.{name}"]
    out.update(beta1.names())
    return out


def install():
    """Puts the names into `sys.modules`; the vendor's own packages, if there are any, are not touched on disk."""
    global _installed
    if _installed:
        return
    import secondsource.nki as nki

    nki.cpu_simulate = _launch.simulate
    for name, module in names().items():
        sys.modules[name] = module
    nki.typing = sys.modules["nki.typing"]
    nki.compiler = sys.modules["nki.compiler"]
    nki.tensor = sys.modules["nki.tensor"]
    nki.experimental = sys.modules["nki.experimental"]
    isa.constants = constants
    sys.modules["nki_cpu_simulator.nki"].builtin = sys.modules["nki_cpu_simulator.nki.builtin"]
    language.dtypes = language
    stand_in_for_torch_xla()
    _installed = True


def stand_in_for_torch_xla():
    """Scripts ask torch_xla for the device; where it is not installed, the device is the CPU."""
    if importlib.util.find_spec("torch") is None or importlib.util.find_spec("torch_xla") is not None:
        return

    def device(*_, **__):
        import torch

        return torch.device("cpu")

    nothing = lambda *_, **__: None  # noqa: E731
    model = _module("torch_xla.core.xla_model", xla_device=device, mark_step=nothing, wait_device_ops=nothing)
    core = _module("torch_xla.core", xla_model=model)
    root = _module("torch_xla", core=core, device=device, sync=nothing)
    modules = [root, core, model]
    if importlib.util.find_spec("torch_neuronx") is None:
        modules.append(_module("torch_neuronx", nki_jit=_launch.jit))
    for module in modules:
        sys.modules[module.__name__] = module
