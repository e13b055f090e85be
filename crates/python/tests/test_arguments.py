"""Arguments that mean nothing are refused by name, and what the caller owns is treated as it says."""

import nki
import nki.isa as nisa
import nki.language as nl
import numpy as np
import pytest
from secondsource.nki import _launch, _state

X = np.arange(128 * 8, dtype=np.float32).reshape(128, 8)


def run(body, *args, target="trn2"):
    return nki.profile(nki.jit(body), target=target)(*(args or (X,)))[0]


def stored(tile):
    out = nl.ndarray(tile.shape, dtype=tile.dtype, buffer=nl.shared_hbm)
    nl.store(out, tile)
    return out


def tile(*shape, buffer=nl.sbuf):
    return nl.ndarray(shape or (128, 8), dtype=nl.float32, buffer=buffer)


WRONG_VALUES = {
    "engine": lambda t: nisa.tensor_copy(tile(), t, engine="nonsense"),
    "engine`: <": lambda t: nisa.tensor_copy(tile(), t, engine=nisa.reduce_cmd.reset),
    "reduce_cmd": lambda t: nisa.activation(tile(), nl.exp, t, reduce_op=nl.add, reduce_res=tile(128, 1), reduce_cmd="reset_reduce"),
    "oob_mode": lambda t: nisa.dma_copy(tile(), t, oob_mode="skip"),
    "dge_mode": lambda t: nisa.dma_copy(tile(), t, dge_mode="hwdge"),
    "perf_mode": lambda t: nisa.nc_matmul(tile(8, 8, buffer=nl.psum), t, t, perf_mode="double_rowww"),
    "tile_position": lambda t: nisa.nc_matmul(tile(8, 8, buffer=nl.psum), t, t, tile_position=(0, 0, 0), tile_size=(128, 128)),
    "tile_size": lambda t: nisa.nc_matmul(tile(8, 8, buffer=nl.psum), t, t, tile_position=(0, 0), tile_size=(64,)),
    "tile_size`: (": lambda t: nisa.nc_matmul(tile(8, 8, buffer=nl.psum), t, t, tile_position=(0, 0), tile_size=(512, 128)),
    "operand0": lambda t: nisa.tensor_scalar(tile(), t, op0=nl.add),
    "operand1": lambda t: nisa.tensor_scalar(tile(), t, nl.multiply, 2.0, op1=nl.add),
    "dma_engine": lambda t: nisa.sendrecv(t, tile(), 1, 1, 0, dma_engine="gpsimd"),
    "dge_mode`: 4": lambda t: nisa.dma_copy(tile(), t, dge_mode=4),
    "dge_mode`: True": lambda t: nisa.dma_copy(tile(), t, dge_mode=True),
    "perf_mode`: 1": lambda t: nisa.nc_matmul(tile(8, 8, buffer=nl.psum), t, t, perf_mode=1),
    "dma_engine`: 0": lambda t: nisa.sendrecv(t, tile(), 1, 1, 0, dma_engine=0),
    "data": lambda t: nisa.core_barrier("x"),
}


@pytest.mark.parametrize("name", WRONG_VALUES)
def test_a_wrong_value_names_its_argument(name):
    with pytest.raises((TypeError, ValueError)) as caught:
        run(lambda x: WRONG_VALUES[name](nl.load(x)))
    assert f"`{name}" in str(caught.value)


def test_the_right_values_are_taken():
    def kernel(x):
        t, out = nl.load(x), tile()
        nisa.tensor_copy(out, t, engine=nisa.engine.unknown)
        nisa.tensor_copy(out, t, engine=nisa.vector_engine, dtype=nl.float32)
        nisa.dma_copy(out, t, oob_mode=nisa.oob_mode.error, dge_mode=nisa.dge_mode.none)
        # The documented value of a member stands for it; a type beside `dst` is a hint.
        nisa.dma_copy(out, t, oob_mode=1, dge_mode=3)
        nisa.tensor_copy(out, t, engine=5, dtype=nl.bfloat16)
        nisa.tensor_scalar(out, out, op0=nl.abs)
        product = tile(8, 8, buffer=nl.psum)
        for mode in (None, nisa.matmul_perf_mode.none, "none"):
            nisa.nc_matmul(product, t, t, perf_mode=mode, tile_position=(), tile_size=(), accumulate=False)
        return stored(out)

    np.testing.assert_array_equal(run(kernel), X)


@pytest.mark.parametrize(
    "call",
    [
        lambda t: nl.ndarray((128, 8), dtyp=nl.bfloat16),
        lambda t: nl.sum(t, axis=1, keepdim=True),
        lambda t: nl.softmax(t, axis=1, mask=None),
        lambda t: nl.rms_norm(t, None, 1, 8, gamma=3),
        lambda t: nl.store(t, t, mask="yes"),
        lambda t: nl.zeros((128, 8), value=2),
        lambda t: nisa.tensor_tensor(t, t, t, nl.add, dtype=nl.int8),
    ],
)
def test_a_misspelt_argument_is_refused(call):
    with pytest.raises(TypeError, match="unexpected keyword"):
        run(lambda x: call(nl.load(x)))


def test_a_tensor_of_an_earlier_launch_is_refused():
    kept = []
    run(lambda x: kept.append(nl.load(x)))
    with pytest.raises(RuntimeError, match="a kernel launch that has ended"):
        run(lambda x: nl.store(x, kept[0]))
    with pytest.raises(RuntimeError, match="a kernel launch that has ended"):
        run(lambda x: nisa.memset(kept[0], 1.0))


def test_a_read_only_argument_is_not_written():
    def kernel(given, x):
        nl.store(given, nl.load(x))
        nl.store(x, nl.load(x))

    target, source = np.zeros((128, 8), np.float32), X.copy()
    target.flags.writeable = False
    with pytest.raises(ValueError, match="`given`.*read-only"):
        run(kernel, target, source)
    target.flags.writeable = True
    run(kernel, target, source)
    np.testing.assert_array_equal(target, X)
    source.flags.writeable = False
    run(lambda x: stored(nl.load(x)), source)


def test_a_torch_parameter_is_written_in_place():
    torch = pytest.importorskip("torch")
    parameter = torch.ones(128, 8, requires_grad=True)

    def kernel(x):
        nl.store(x, nl.multiply(nl.load(x), 3.0))

    run(kernel, parameter)
    assert (parameter.detach() == 3).all() and parameter.requires_grad


@pytest.mark.parametrize(("target", "cores"), [("trn1", 2), ("trn2", 0), ("trn2", -1), ("trn2", 4), ("trn3", 70000)])
def test_a_launch_takes_the_cores_that_there_are(target, cores):
    kernel = nki.jit(lambda x: stored(nl.load(x)))
    with pytest.raises(ValueError, match=f"\\[{cores}\\].* of {target}"):
        nki.profile(kernel[cores], target=target)(X)
    with pytest.raises(ValueError, match=f" of {target}"):
        _launch.run_ranks(kernel[cores], [(X,)], target=target, lnc=cores)
    np.testing.assert_array_equal(nki.profile(kernel[1], target=target)(X)[0], X)


def test_ranks_without_arguments_are_refused():
    with pytest.raises(ValueError, match="at least one rank"):
        _launch.run_ranks(nki.jit(lambda x: x), [])


@pytest.mark.parametrize("ask", [nl.program_id, nl.num_programs, nl.program_ndim, lambda: nl.ndarray((128, 8)), lambda: nl.shared_constant(X)])
def test_outside_of_a_kernel(ask):
    assert _state.current() is None
    with pytest.raises(RuntimeError, match="only inside a kernel"):
        ask()


def test_registers_divide_as_python_does():
    def kernel():
        for a, b in ((7, 2), (-7, 2), (7, -2), (-7, -2), (6, 3), (-6, 3), (-(2**31), 3)):
            register = nisa.register_alloc(a)
            assert (register // b)._value == a // b and (register % b)._value == a % b
        with pytest.raises(ZeroDivisionError):
            register // 0
        with pytest.raises(ZeroDivisionError):
            register % 0

    nki.profile(nki.jit(kernel), target="trn2")()


def test_an_offset_beyond_64_bits_is_refused():
    with pytest.raises(ValueError, match="scalar_offset"):
        run(lambda x: x.ap([[8, 128], [1, 8]], scalar_offset=2**62, indirect_dim=0))


def test_a_profile_is_seen_by_the_observer(monkeypatch):
    seen = []
    monkeypatch.setattr(_launch, "observer", lambda launch, name: seen.append((launch.target, name)))

    def copied(x):
        return stored(nl.load(x))

    _, report = nki.profile(nki.jit(copied), target="trn2")(X)
    assert seen == [("trn2", "copied")] and report["kernel"] == "copied"
