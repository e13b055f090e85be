"""Our kernels against numpy, on each target that can run them."""

import ml_dtypes
import nki
import nki.isa as nisa
import nki.language as nl
import numpy as np
import pytest
from secondsource.nki import _state

import kernels


@pytest.fixture(params=["trn1", "trn2", "trn3"])
def target(request, monkeypatch):
    monkeypatch.setenv("NEURON_PLATFORM_TARGET_OVERRIDE", request.param)
    return request.param


def draw(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)


def close(got, want, rtol=1e-5, atol=1e-5):
    np.testing.assert_allclose(np.asarray(got, np.float64), np.asarray(want, np.float64), rtol=rtol, atol=atol)


def soft(x, axis=-1):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def test_matmul(target):
    a, b = draw(256, 128), draw(256, 512, seed=1)
    close(kernels.matmul(a, b), a.T.astype(np.float64) @ b, 1e-4, 1e-4)


def test_matmul_bf16(target):
    a, b = kernels.bf16(draw(128, 128)), kernels.bf16(draw(128, 256, seed=1))
    got = kernels.matmul(a, b)
    assert got.dtype == ml_dtypes.bfloat16
    close(got, a.T.astype(np.float64) @ b.astype(np.float64), 2**-8, 2**-8)


def test_softmax(target):
    x = draw(256, 300)
    close(kernels.softmax(x), soft(x))


def test_rmsnorm(target):
    x, w = draw(128, 200), draw(200, seed=1)
    close(kernels.rmsnorm(x, w), x / np.sqrt((x**2).mean(1, keepdims=True) + 1e-6) * w)


def test_layernorm(monkeypatch):
    monkeypatch.setenv("NEURON_PLATFORM_TARGET_OVERRIDE", "trn2")
    x, g, b = draw(128, 1024), draw(1024, seed=1), draw(1024, seed=2)
    want = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5) * g + b
    close(kernels.layernorm(x, g, b), want, 1e-4, 1e-4)


def test_rope(target):
    x, angle = draw(128, 96), draw(64, 96, seed=1)
    c, s = np.cos(angle), np.sin(angle)
    want = np.concatenate([x[:64] * c - x[64:] * s, x[64:] * c + x[:64] * s])
    close(kernels.rope(x, c, s), want)


def test_transpose(target):
    x = draw(256, 128)
    close(kernels.transpose(x), x.T, 0, 0)


def test_swiglu(target):
    x, g, u, d = draw(256, 128), draw(256, 128, seed=1), draw(256, 128, seed=2), draw(128, 256, seed=3)
    gate = x.T @ g
    close(kernels.swiglu(x, g, u, d), (gate / (1 + np.exp(-gate)) * (x.T @ u)) @ d, 1e-3, 1e-1)


@pytest.mark.parametrize("causal", [True, False])
def test_attention(target, causal):
    q, k, v = (draw(256, 64, seed=s) for s in range(3))
    scores = q @ k.T / 8
    if causal:
        scores = np.where(np.tril(np.ones_like(scores)) > 0, scores, -np.inf)
    close(kernels.attention(q, k, v, causal), soft(scores) @ v, 1e-4, 1e-5)


def test_mx_matmul_is_near_and_needs_trainium_3(monkeypatch):
    a, b = kernels.bf16(draw(128, 4 * 64)), kernels.bf16(draw(128, 4 * 96, seed=1))
    monkeypatch.setenv("NEURON_PLATFORM_TARGET_OVERRIDE", "trn3")
    want = np.einsum("kmi,kni->mn", a.astype(np.float64).reshape(128, 64, 4), b.astype(np.float64).reshape(128, 96, 4))
    got = kernels.mx_matmul(a, b)
    assert np.linalg.norm(got - want) < 0.05 * np.linalg.norm(want)
    monkeypatch.setenv("NEURON_PLATFORM_TARGET_OVERRIDE", "trn2")
    with pytest.raises(nisa.NkiValidationError):
        kernels.mx_matmul(a, b)


@pytest.mark.parametrize("chip", ["trn2", "trn3"])
def test_two_cores_share_memory_behind_a_barrier(monkeypatch, chip):
    monkeypatch.setenv("NEURON_PLATFORM_TARGET_OVERRIDE", chip)
    x = draw(128, 32)
    whole, sums = kernels.halves[2](x)
    close(whole, 2 * x)
    close(sums, np.tile(2 * x.sum(1), (2, 1)), 1e-5, 1e-4)
    close(kernels.swapped[2](x), np.concatenate([x[64:], x[:64]]))


def test_a_core_that_never_meets_is_named(monkeypatch):
    monkeypatch.setenv("NEURON_PLATFORM_TARGET_OVERRIDE", "trn2")

    @nki.jit
    def lost(x):
        if nl.program_id(0) == 0:
            nisa.core_barrier(x, (0, 1))
        return x

    with pytest.raises(RuntimeError, match="core 0 waits .* core 1 never reaches"):
        lost[2](draw(128, 4))


def test_gather_by_rows(monkeypatch):
    monkeypatch.setenv("NEURON_PLATFORM_TARGET_OVERRIDE", "trn2")
    table = draw(300, 40)
    rows = np.random.default_rng(1).integers(0, 300, 64).astype(np.int32)
    close(kernels.gather(table, rows), table[rows], 0, 0)


@pytest.mark.parametrize("count", [0, 1, 5])
def test_a_loop_that_the_device_counts(monkeypatch, count):
    monkeypatch.setenv("NEURON_PLATFORM_TARGET_OVERRIDE", "trn2")
    x = draw(128, 8)
    close(kernels.counted(x, np.array([count], np.int32)), count * x, 1e-6, 1e-6)


def test_a_kernel_writes_into_its_arguments():
    x = draw(128, 8)
    before = x.copy()
    assert kernels.add_in_place(x) is None
    close(x, before + 1)


def test_torch_tensors_come_back_as_torch():
    torch = pytest.importorskip("torch")
    x = torch.randn(128, 16).to(torch.bfloat16)
    got = kernels.softmax(x)
    assert got.dtype == torch.bfloat16
    assert torch.allclose(got.float(), torch.softmax(x.float(), 1), atol=1e-2)
    out = torch.zeros(128, 4)
    kernels.add_in_place(out)
    assert (out == 1).all()


def test_simulate_and_call_are_the_same_bytes():
    x = draw(128, 64)
    one, two = kernels.softmax(x), nki.simulate(kernels.softmax)(x)
    assert one.tobytes() == two.tobytes()


def test_memory_not_written_is_nan_and_four():
    @nki.jit
    def nothing():
        f = nl.ndarray((128, 2), dtype=nl.float32, buffer=nl.shared_hbm)
        i = nl.ndarray((128, 2), dtype=nl.int32, buffer=nl.shared_hbm)
        return f, i

    f, i = nothing()
    assert np.isnan(f).all() and (i == 4).all()


def test_outside_a_kernel_there_is_no_machine():
    with pytest.raises(RuntimeError, match="inside a kernel"):
        nl.ndarray((128, 2), dtype=nl.float32, buffer=nl.sbuf)


def test_target_from_the_environment(monkeypatch):
    seen = []

    @nki.jit
    def look():
        seen.append((nisa.get_nc_version(), nl.tile_size.psum_num_banks, nl.tile_size.total_available_sbuf_size))

    for name, generation in (("trn1", 2), ("gen3", 3), ("trn3", 4)):
        monkeypatch.setenv("NEURON_PLATFORM_TARGET_OVERRIDE", name)
        look()
        assert seen[-1][0] == generation == getattr(nisa.nc_version, f"gen{generation}")
    monkeypatch.delenv("NEURON_PLATFORM_TARGET_OVERRIDE")
    look()
    assert seen[-1][0] == nisa.nc_version.gen4
    with pytest.raises(ValueError, match="no target"):
        _state.chip("trn9")


def test_functions_of_the_language_against_numpy(monkeypatch):
    monkeypatch.setenv("NEURON_PLATFORM_TARGET_OVERRIDE", "trn2")
    x, y = draw(128, 48) * 3, draw(128, 48, seed=1) + 5

    @nki.jit
    def many(x, y):
        a, b = nl.load(x), nl.load(y)
        column = nl.sum(a, axis=1, keepdims=True)
        results = [
            nl.add(a, b), nl.subtract(1.0, a), nl.divide(a, b), nl.maximum(a, 0.5), nl.less(a, b), nl.abs(a), nl.exp(a),
            nl.sqrt(b), nl.rsqrt(b), nl.tanh(a), nl.sigmoid(a), nl.relu(a), nl.square(a), nl.reciprocal(b), nl.sin(a),
            nl.cos(a), nl.floor(a), nl.ceil(a), nl.trunc(a), nl.negative(a), nl.sign(a), nl.mod(b, 2.0), nl.power(b, 2.0),
            nl.multiply(a, column), nl.where(nl.greater(a, 0.0), a, b), nl.softmax(a, axis=-1), nl.log(b),
        ]  # fmt: skip
        reduced = [nl.sum(a, axis=1), nl.max(a, axis=1), nl.min(a, axis=1), nl.mean(a, axis=1), nl.var(a, axis=1)]
        outs = []
        for tile in results + reduced:
            out = nl.ndarray(tile.shape, dtype=nl.float32, buffer=nl.shared_hbm)
            nl.store(out, tile)
            outs.append(out)
        return tuple(outs)

    want = [
        x + y, 1 - x, x / y, np.maximum(x, 0.5), x < y, np.abs(x), np.exp(x), np.sqrt(y), 1 / np.sqrt(y), np.tanh(x),
        1 / (1 + np.exp(-x)), np.maximum(x, 0), x * x, 1 / y, np.sin(x), np.cos(x), np.floor(x), np.ceil(x), np.trunc(x),
        -x, np.sign(x), np.mod(y, 2), y**2, x * x.sum(1, keepdims=True), np.where(x > 0, x, y), soft(x), np.log(y),
    ]  # fmt: skip
    want += [x.sum(1), x.max(1), x.min(1), x.mean(1), x.var(1)]
    for number, (got, expected) in enumerate(zip(many(x, y), want, strict=True)):
        np.testing.assert_allclose(got.reshape(np.shape(expected)), expected, rtol=3e-5, atol=3e-5, err_msg=f"result {number}")


def test_jax_arrays_come_back_as_jax():
    jax = pytest.importorskip("jax")
    x = jax.numpy.asarray(draw(128, 16)).astype(jax.numpy.bfloat16)
    got = kernels.softmax(x)
    assert isinstance(got, jax.Array) and got.dtype == jax.numpy.bfloat16
    close(got, soft(np.asarray(x, np.float32)), 1e-2, 1e-2)


def test_packed_types_are_found_by_either_name():
    from secondsource.nki import _dtypes

    for name in ("float8_e4m3fn_x4", "float8_e5m2_x4", "float4_e2m1fn_x4"):
        table = {getattr(nl, name): 1}
        assert _dtypes.NUMPY[name] in table and getattr(nl, name) in table and name in str(_dtypes.NUMPY[name])
