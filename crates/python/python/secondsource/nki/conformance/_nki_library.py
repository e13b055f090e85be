"""What the public checkout of nki-library needs beside the emulator: modules that it imports and does not hold, and the two
kinds of tests that its simulation mode does not run itself (several ranks, and tests that only trace)."""

import os
import sys
import types

from .. import _launch


class _Anything:
    """Stands for a name that the suite imports and never calls here."""

    def __init__(self, *_, **__):
        pass

    def __class_getitem__(cls, _):
        return cls


def stub():
    def add(name, **contents):
        module = types.ModuleType(name)
        module.__path__ = []
        module.__dict__.update(contents)
        sys.modules[name] = module

    add("test.utils.scripts")
    add("test.utils.scripts.remote_lock_scripts", LockResult=_Anything, LockStatus=_Anything)
    add("test.utils.perf_analysis_private", analyze_trace=lambda *_, **__: None)
    # Tests that only trace: the kernel runs, and its own assertions are the test.
    add("test.utils.kernel_tracer", trace_kernel=trace_kernel)


def trace_kernel(kernel_under_test, **_):
    target(kernel_under_test)
    kernel = _launch.simulate(kernel_under_test.kernel_func)
    kernel[kernel_under_test.compiler_input.logical_nc_config](**plain(kernel_under_test.kernel_input or {}))
    return types.SimpleNamespace(output_specs=None, input_output_aliases=None)


def target(kernel_under_test):
    os.environ["NKI_NC_VERSION"] = kernel_under_test.compiler_input.platform_target.get_nc_gen()


def plain(inputs):
    return {name.removesuffix(".must_alias_input"): value for name, value in inputs.items()}


class _Packed:
    """A packed result: the suite asks for it as float32 where it compares the bits."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        if dtype is None or dtype == self.array.dtype or dtype.itemsize != self.array.itemsize:
            return self.array
        return self.array.view(dtype)


def packed(value):
    return _Packed(value) if getattr(getattr(value, "dtype", None), "fields", None) else value


def mend():
    setup = sys.modules.get("test.utils.simulation_setup")
    if setup is not None and not getattr(setup.simulate_kernel, "mended", False):
        one_core = setup.simulate_kernel

        def simulate(*args):
            return [packed(value) for value in one_core(*args)]

        simulate.mended = True
        setup.simulate_kernel = simulate
    orchestrator = sys.modules.get("test.utils.test_orchestrator")
    if orchestrator is None:
        return
    owner = orchestrator.Orchestrator
    if not hasattr(owner, "_compiled_kernel"):
        # Read in simulation mode, set by compilation only.
        owner._compiled_kernel = None
    one_rank = owner._run_simulator_inference
    if getattr(one_rank, "mended", False):
        return

    def run(self, kernel_under_test):
        ranks = kernel_under_test.inference_args.collective_ranks
        if ranks <= 1:
            return one_rank(self, kernel_under_test)
        try:
            return several_ranks(self, kernel_under_test, ranks, orchestrator)
        except Exception as error:
            raise orchestrator.InferenceException(str(error)) from error

    run.mended = True
    owner._run_simulator_inference = run


def several_ranks(self, kernel_under_test, ranks, orchestrator):
    """All ranks in this process; the outputs of each where the suite's validator looks for them."""
    import numpy as np

    target(kernel_under_test)
    given = kernel_under_test.kernel_input or {}
    inputs = [plain(given.for_rank(r) if hasattr(given, "for_rank") else given) for r in range(ranks)]
    results = _launch.run_ranks(kernel_under_test.kernel_func, inputs, lnc=kernel_under_test.compiler_input.logical_nc_config)
    folder = os.path.join(self.fs_config.artifacts_output_directory_path, orchestrator.INF_ARTIFACT_DIR_NAME)
    for rank, outputs in enumerate(results):
        outputs = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
        golden = orchestrator.normalize_golden_output(kernel_under_test.validation_args.golden_output, rank)
        if len(outputs) != len(golden):
            raise RuntimeError(f"the kernel returned {len(outputs)} outputs, {len(golden)} are expected")
        named = {n: np.asarray(o, dtype=w.dtype) for (n, w), o in zip(golden.items(), outputs)}
        self.__dump_tensors__(os.path.join(folder, f"output_worker_{rank}"), named, lambda name: name)
    return folder
