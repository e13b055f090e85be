"""Views, with numpy as the judge: the same steps on an array of element numbers must name the same elements."""

import nki
import nki.isa as nisa
import numpy as np
import pytest
from secondsource import _native
from secondsource.nki import _arrays, _state
from secondsource.nki import language as nl


@pytest.fixture(autouse=True)
def machine():
    _state.push(_state.Launch("trn2"))
    yield
    _state.pop()


def numbered(shape, buffer=nl.hbm):
    values = np.arange(np.prod(shape), dtype=np.int32).reshape(shape)
    tensor = _native.allocate(list(shape), nl.int32, buffer)
    _native.write_bytes(tensor, values.tobytes())
    return tensor, values


def same(tensor, values):
    assert tuple(tensor.shape) == values.shape
    np.testing.assert_array_equal(_arrays.to_numpy(tensor), values)


@pytest.mark.parametrize(
    "key",
    [
        np.s_[3],
        np.s_[-1],
        np.s_[1:5],
        np.s_[..., 2],
        np.s_[:, 2:9:3],
        np.s_[2, :, 1],
        np.s_[1:, ..., :3],
        np.s_[-3:, 0],
        np.s_[...],
        np.s_[:, None, 4],
        np.s_[1, 2, 3],
    ],
)
def test_index_in_device_memory_is_numpy_s(key):
    tensor, values = numbered((6, 10, 4))
    want = values[key]
    same(tensor[key], want if want.ndim else want.reshape(1))


def test_on_chip_the_partition_dimension_stays():
    tensor, values = numbered((64, 8, 4), nl.sbuf)
    same(tensor[0], values[0:1])
    same(tensor[:, 0], values[:, 0])
    same(tensor[:, 0, 3], values[:, 0, 3:4])
    same(tensor[5, 0, 3], values[5:6, 0, 3:4])
    same(tensor[:, :, ::2], values[:, :, ::2])
    same(tensor[nl.ds(8, 16), nl.ds(2, 4)], values[8:24, 2:6])


def test_named_steps():
    tensor, values = numbered((6, 24))
    same(tensor.slice(1, 2, 20, 3), values[:, 2:20:3])
    same(tensor.select(0, 4), values[4])
    same(tensor.permute((1, 0)), values.T)
    same(tensor.reshape((3, 2, 4, 6)), values.reshape(3, 2, 4, 6))
    same(tensor.reshape(-1, 12), values.reshape(-1, 12))
    same(tensor.reshape_dim(1, (4, -1)), values.reshape(6, 4, 6))
    same(tensor.reshape((6, 4, 6)).flatten_dims(0, 1), values.reshape(24, 6))
    same(tensor.expand_dim(1), values[:, None])
    same(tensor.expand_dim(1).squeeze_dim(1), values)
    same(tensor.expand_dim(1).broadcast(1, 5), np.broadcast_to(values[:, None], (6, 5, 24)))
    same(tensor.view(nl.int16), values.view(np.int16))
    same(tensor.view(nl.int16).view(nl.int32), values)
    assert tensor.get_pattern() == [[24, 6], [1, 24]]


def test_rearrange_splits_orders_and_merges():
    tensor, values = numbered((6, 24))
    got = tensor.rearrange(("b", ("h", "w")), ("b", "w", "h"), {"h": 4})
    same(got, values.reshape(6, 4, 6).transpose(0, 2, 1))
    same(tensor.rearrange((("a", "b"), "c"), ("b", "a", "c"), {"a": 2}), values.reshape(2, 3, 24).transpose(1, 0, 2))


def test_access_pattern_speaks_of_storage():
    tensor, values = numbered((16, 16), nl.sbuf)
    same(tensor.ap([[16, 16], [1, 8]], offset=8), values[:, 8:])
    part = tensor.slice(1, 4, 12)
    assert part.offset == 4
    same(part.ap([[16, 16], [1, 8]]), values[:, 4:12])
    same(part.ap([[16, 16], [1, 8]], offset=0), values[:, :8])
    same(tensor.ap([[32, 16], [1, 32]], dtype=nl.int16), values.view(np.int16))
    with pytest.raises(ValueError, match="partition"):
        tensor.ap([[32, 8], [1, 16]])
    # A pattern may leave the tensor as long as nothing uses it.
    beyond = tensor.ap([[16, 16], [1, 17]])
    with pytest.raises(IndexError, match="element 256 of a tensor with 256"):
        beyond.numpy()
    with pytest.raises(nki.NkiValidationError, match="has 16"):
        nisa.tensor_copy(dst=beyond, src=beyond)


@pytest.mark.parametrize("seed", range(40))
def test_random_chains(seed):
    draw = np.random.default_rng(seed)
    tensor, values = numbered((6, 4, 10))
    for _ in range(6):
        step = draw.integers(5)
        if step == 0:
            order = draw.permutation(values.ndim)
            tensor, values = tensor.permute(tuple(int(o) for o in order)), values.transpose(order)
        elif step == 1:
            dim = int(draw.integers(values.ndim))
            low = int(draw.integers(values.shape[dim]))
            high = int(draw.integers(low, values.shape[dim])) + 1
            by = int(draw.integers(1, 4))
            cut = [slice(None)] * values.ndim
            cut[dim] = slice(low, high, by)
            tensor, values = tensor.slice(dim, low, high, by), values[tuple(cut)]
        elif step == 2 and values.ndim < 6:
            dim = int(draw.integers(values.ndim + 1))
            tensor, values = tensor.expand_dim(dim), np.expand_dims(values, dim)
        elif step == 3:
            flat = values.reshape(-1)
            if np.shares_memory(flat, values):
                tensor, values = tensor.reshape((values.size,)), flat
        else:
            dim = int(draw.integers(values.ndim))
            size = values.shape[dim]
            split = next((n for n in (2, 3, 5) if size % n == 0), 1)
            shape = values.shape[:dim] + (split, size // split) + values.shape[dim + 1 :]
            if len(shape) <= 6:
                tensor, values = tensor.reshape_dim(dim, (split, -1)), values.reshape(shape)
    same(tensor, values)


def test_reshape_says_when_it_would_need_a_copy():
    tensor, _ = numbered((6, 24))
    with pytest.raises(ValueError, match="needs a copy"):
        tensor.permute((1, 0)).reshape((6, 24))
    with pytest.raises(ValueError, match="does not fit"):
        tensor.reshape((5, 5))


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (lambda t: t.permute((1, 0)), "partition"),
        (lambda t: t.reshape((4, 8)), "partition"),
        (lambda t: t.reshape_dim(0, (2, 8)), "partition"),
        (lambda t: t.flatten_dims(0, 1), "partition"),
        (lambda t: t.expand_dim(0), "partition"),
    ],
)
def test_on_chip_steps_that_the_partition_dimension_forbids(step, words):
    tensor, _ = numbered((16, 2), nl.sbuf)
    with pytest.raises(ValueError, match=words):
        step(tensor)


def test_index_out_of_range_names_dimension_and_size():
    tensor, _ = numbered((6, 24))
    with pytest.raises(IndexError, match="0:25 of dimension 1 runs past its 24"):
        tensor[:, 0:25]
    with pytest.raises(IndexError, match="index 6 of dimension 0, which has 6"):
        tensor[6]
    with pytest.raises(IndexError, match="3 indices for a tensor with 2"):
        tensor[0, 0, 0]


def test_buffers_compare_as_documented():
    tensor, _ = numbered((6, 24))
    assert tensor.buffer == nl.hbm and tensor.buffer != nl.sbuf
    assert nl.shared_hbm == nl.hbm and nl.private_hbm == nl.hbm and nl.shared_hbm != nl.private_hbm


def test_types_are_what_numpy_and_ml_dtypes_call_them():
    import ml_dtypes

    assert nl.bfloat16 == ml_dtypes.bfloat16 == np.dtype(nl.bfloat16)
    assert nl.float32 == np.float32 and nl.float32 == "float32" and nl.float32 != nl.tfloat32
    assert np.zeros(2, dtype=nl.float8_e4m3).dtype == ml_dtypes.float8_e4m3
    assert "x4" in str(nl.float8_e4m3fn_x4) and nl.float8_e4m3fn_x4.itemsize == 4 and nl.float4_e2m1fn_x4.itemsize == 2
    assert {nl.bfloat16: 1}[nl.bfloat16] == 1
    with pytest.raises(TypeError, match="64-bit"):
        _native.allocate([4], np.dtype(np.float64), nl.hbm)
