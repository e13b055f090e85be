"""The older, value-returning interface on the same engine."""

import neuronxcc.nki as nki
import neuronxcc.nki.isa as nisa
import neuronxcc.nki.language as nl
import numpy as np
import pytest


@pytest.fixture(autouse=True)
def target(monkeypatch):
    monkeypatch.setenv("NEURON_PLATFORM_TARGET_OVERRIDE", "trn2")


def draw(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)


def test_index_ranges_and_operators():
    @nki.jit
    def kernel(x, y):
        out = nl.ndarray(x.shape, dtype=x.dtype, buffer=nl.shared_hbm)
        i_p = nl.arange(128)[:, None]
        i_f = nl.arange(64)[None, :]
        for i in nl.affine_range(x.shape[0] // 128):
            a = nl.load(x[i * 128 + i_p, i_f])
            b = nl.load(y[i * 128 + i_p, i_f])
            nl.store(out[i * 128 + i_p, i_f], a * b + 2.0 - a / 4.0)
        return out

    x, y = draw(256, 64), draw(256, 64, seed=1)
    np.testing.assert_allclose(kernel(x, y), x * y + 2 - x / 4, rtol=1e-5, atol=1e-6)


def test_masks_bound_what_is_read_and_written():
    @nki.jit
    def kernel(x):
        rows, columns = x.shape
        out = nl.ndarray(x.shape, dtype=x.dtype, buffer=nl.shared_hbm)
        i_p, i_f = nl.mgrid[0:128, 0:512]
        for i in nl.affine_range((rows + 127) // 128):
            inside = (i * 128 + i_p < rows) & (i_f < columns)
            tile = nl.load(x[i * 128 + i_p, i_f], mask=inside)
            square = nl.square(tile, mask=inside)
            nl.store(out[i * 128 + i_p, i_f], square, mask=inside)
        return out

    x = draw(200, 300)
    np.testing.assert_allclose(kernel(x), x * x, rtol=1e-6)


def test_reading_outside_without_a_mask_is_an_error():
    @nki.jit
    def kernel(x):
        return nl.load(x[nl.arange(128)[:, None], nl.arange(512)[None, :]])

    with pytest.raises(IndexError, match="mask"):
        kernel(draw(100, 512))


def test_matmul_accumulates_into_psum_that_starts_at_zero():
    @nki.jit
    def kernel(a, b):
        k, m = a.shape
        n = b.shape[1]
        out = nl.ndarray((m, n), dtype=nl.float32, buffer=nl.shared_hbm)
        acc = nl.zeros((m, n), nl.float32, buffer=nl.psum)
        for i in nl.affine_range(k // 128):
            acc += nl.matmul(nl.load(a[i * 128 : (i + 1) * 128, :]), nl.load(b[i * 128 : (i + 1) * 128, :]), transpose_x=True)
        nl.store(out, nl.copy(acc, dtype=nl.float32))
        return out

    a, b = draw(384, 128), draw(384, 256, seed=1)
    np.testing.assert_allclose(kernel(a, b), a.T @ b, rtol=1e-4, atol=1e-4)


def test_blocks_before_the_partition_dimension():
    @nki.jit
    def kernel(x):
        out = nl.ndarray(x.shape, dtype=x.dtype, buffer=nl.shared_hbm)
        blocks = x.shape[0] // 128
        held = nl.ndarray((blocks, nl.par_dim(128), x.shape[1]), dtype=x.dtype, buffer=nl.sbuf)
        for i in nl.affine_range(blocks):
            held[i] = nl.load(x[i * 128 : (i + 1) * 128, :])
        total = nl.zeros((nl.par_dim(128), x.shape[1]), dtype=x.dtype, buffer=nl.sbuf)
        for i in nl.affine_range(blocks):
            total += held[i]
        for i in nl.affine_range(blocks):
            nl.store(out[i * 128 : (i + 1) * 128, :], held[i] - total)
        return out

    x = draw(384, 40)
    parts = x.reshape(3, 128, 40)
    np.testing.assert_allclose(kernel(x), (parts - parts.sum(0)).reshape(x.shape), rtol=1e-4, atol=1e-5)


def test_loop_reduce_keeps_the_best_of_all_iterations():
    @nki.jit
    def kernel(x):
        out = nl.ndarray((128, 1), dtype=x.dtype, buffer=nl.shared_hbm)
        best = nl.ndarray((nl.par_dim(128), 1), dtype=x.dtype, buffer=nl.sbuf)
        for i in nl.affine_range(4):
            tile = nl.load(x[:, i * 16 : (i + 1) * 16])
            peak = nisa.tensor_reduce(np.max, tile, axis=[1])
            best[...] = nl.loop_reduce(peak, op=np.max, loop_indices=[i])
        nl.store(out, best)
        return out

    x = draw(128, 64)
    np.testing.assert_array_equal(kernel(x), x.max(1, keepdims=True))


def test_spmd_grid():
    @nki.jit
    def kernel(x):
        out = nl.ndarray(x.shape, dtype=x.dtype, buffer=nl.shared_hbm)
        i, j = nl.program_id(0), nl.program_id(1)
        tile = nl.load(x[nl.ds(i * 128, 128), nl.ds(j * 32, 32)])
        nl.store(out[nl.ds(i * 128, 128), nl.ds(j * 32, 32)], tile * 2.0)
        return out

    x = draw(256, 64)
    np.testing.assert_allclose(kernel[2, 2](x), 2 * x)


def test_select_by_an_affine_comparison():
    @nki.jit
    def kernel(x):
        out = nl.ndarray(x.shape, dtype=x.dtype, buffer=nl.shared_hbm)
        i_p, i_f = nl.mgrid[0:128, 0:128]
        tile = nl.load(x[i_p, i_f])
        nl.store(out, nisa.affine_select(pred=(i_f < i_p), on_true_tile=tile, on_false_value=nl.fp32.min))
        return out

    x = draw(128, 128)
    np.testing.assert_array_equal(kernel(x), np.where(np.tril(np.ones_like(x), -1) > 0, x, np.finfo(np.float32).min))


def test_indices_in_a_tile_gather_rows():
    @nki.jit
    def kernel(table, rows):
        out = nl.ndarray((64, table.shape[1]), dtype=table.dtype, buffer=nl.shared_hbm)
        i_p = nl.arange(64)[:, None]
        i_f = nl.arange(table.shape[1])[None, :]
        index = nl.load(rows[i_p, 0])
        nl.store(out, nl.load(table[index[i_p, 0], i_f]))
        return out

    table = draw(128, 48)
    rows = np.random.default_rng(3).integers(0, 128, (64, 1)).astype(np.int32)
    np.testing.assert_array_equal(kernel(table, rows), table[rows[:, 0]])


def test_output_arguments_are_written_in_place():
    @nki.jit
    def kernel(x, out):
        nl.store(out, nl.exp(nl.load(x)))

    x, out = draw(128, 16), np.zeros((128, 16), np.float32)
    nki.simulate_kernel(kernel, x, out)
    np.testing.assert_allclose(out, np.exp(x), rtol=1e-5)


def test_the_mask_of_a_product_cuts_each_of_its_sides():
    k, m, n = 100, 50, 300

    @nki.jit
    def kernel(a, b):
        out = nl.ndarray((m, n), dtype=nl.float32, buffer=nl.shared_hbm)
        i_k, i_m, i_n = nl.arange(128)[:, None], nl.arange(64)[None, :], nl.arange(512)[None, :]
        # Beyond the edges stand numbers that must not count.
        x, y = nl.full((128, 64), 7.0, dtype=nl.float32), nl.full((128, 512), 9.0, dtype=nl.float32)
        x[i_k, i_m] = nl.load(a[i_k, i_m], mask=(i_k < k) & (i_m < m))
        y[i_k, i_n] = nl.load(b[i_k, i_n], mask=(i_k < k) & (i_n < n))
        acc = nl.zeros((64, 512), dtype=nl.float32, buffer=nl.psum)
        o_m, o_n = nl.arange(64)[:, None], nl.arange(512)[None, :]
        acc[o_m, o_n] += nisa.nc_matmul(x[i_k, i_m], y[i_k, i_n], mask=(i_k < k) & (i_m < m) & (i_n < n))
        nl.store(out[o_m, o_n], acc[o_m, o_n], mask=(o_m < m) & (o_n < n))
        return out

    a, b = draw(k, m), draw(k, n, seed=1)
    np.testing.assert_allclose(kernel(a, b), a.T.astype(np.float64) @ b, rtol=1e-4, atol=1e-4)


def test_masked_operands_of_a_product():
    @nki.jit
    def kernel(a, b, k):
        out = nl.ndarray((64, 256), dtype=nl.float32, buffer=nl.shared_hbm)
        i_k, i_m, i_n = nl.arange(128)[:, None], nl.arange(64)[None, :], nl.arange(256)[None, :]
        x, y = nl.load(a[i_k, i_m]), nl.load(b[i_k, i_n])
        acc = nl.zeros((64, 256), dtype=nl.float32, buffer=nl.psum)
        acc += nisa.nc_matmul(x[i_k, i_m][i_k < k], y[i_k, i_n][i_n < 200])
        nl.store(out, acc)
        return out

    a, b = draw(128, 64), draw(128, 256, seed=1)
    want = a[:77].T.astype(np.float64) @ b[:77]
    want[:, 200:] = 0
    np.testing.assert_allclose(kernel(a, b, 77), want, rtol=1e-4, atol=1e-4)


def test_a_mask_that_a_product_cannot_honour_is_refused():
    @nki.jit
    def kernel(a, b):
        i_k, i_m, i_n = nl.arange(128)[:, None], nl.arange(64)[None, :], nl.arange(64)[None, :]
        x, y = nl.load(a[i_k, i_m]), nl.load(b[i_k, i_n])
        return nl.copy(nisa.nc_matmul(x[i_k, i_m], y[i_k, i_n], mask=i_k > i_n))

    with pytest.raises(TypeError, match="mask of a product"):
        kernel(draw(128, 64), draw(128, 64))


@pytest.mark.parametrize("masked", [True, False])
def test_a_store_under_a_triangle(masked):
    @nki.jit
    def kernel(x):
        out = nl.zeros((128, 96), dtype=nl.float32, buffer=nl.shared_hbm)
        i_p, i_f = nl.arange(128)[:, None], nl.arange(96)[None, :]
        nl.store(out[i_p, i_f], nl.load(x[i_p, i_f]), mask=(i_p >= i_f) & (i_f < 90) if masked else True)
        return out

    x = draw(128, 96)
    want = np.where(np.arange(96)[None, :] < 90, np.tril(x), 0) if masked else x
    assert (kernel(x) == want).all()


def test_rows_and_columns_that_a_mask_leaves_out_do_not_count():
    rows, columns = 100, 300

    @nki.jit
    def kernel(x):
        out = nl.zeros((128, 2), dtype=nl.float32, buffer=nl.shared_hbm)
        best = nl.zeros((128, 8), dtype=nl.float32, buffer=nl.shared_hbm)
        i_p, i_f = nl.mgrid[0:128, 0:512]
        inside = (i_p < rows) & (i_f < columns)
        tile = nl.full((128, 512), 1e6, dtype=nl.float32)
        tile[i_p, i_f] = nl.load(x[i_p, i_f], mask=inside)
        stats = nisa.bn_stats(tile, mask=inside)
        moments = nisa.bn_aggr(stats, mask=nl.mgrid[0:128, 0:6].p < rows)
        o_p, o_f = nl.mgrid[0:128, 0:2]
        nl.store(out[o_p, o_f], moments, mask=o_p < rows)
        e_p, e_f = nl.mgrid[0:128, 0:8]
        nl.store(best[e_p, e_f], nisa.max8(src=tile, mask=inside), mask=e_p < rows)
        return out, best

    x = draw(rows, columns)
    moments, best = kernel(x)
    np.testing.assert_allclose(moments[:rows], np.stack([x.mean(1), x.var(1)], 1), rtol=1e-4, atol=1e-5)
    assert (best[:rows] == -np.sort(-x, 1)[:, :8]).all() and (best[rows:] == 0).all()


def test_explicit_addresses_are_where_the_tiles_stand():
    """Two buffers in turn hold the right rows; one buffer for two live tiles is found."""
    import neuronxcc.nki.compiler as ncc
    from secondsource.nki import _time

    def double(x, eye, buffers):
        out = nl.ndarray(x.shape, dtype=x.dtype, buffer=nl.shared_hbm)
        place = ncc.sbuf.mod_alloc(base_addr=512, num_free_tiles=(buffers,))
        tiles = nl.ndarray((4, nl.par_dim(128), 64), dtype=nl.float32, buffer=place)
        sums = nl.ndarray((4, nl.par_dim(128), 64), dtype=nl.float32, buffer=ncc.psum.mod_alloc(base_bank=1, num_bank_tiles=(2,)))
        one = nl.ndarray((nl.par_dim(128), 128), dtype=nl.float32, buffer=ncc.sbuf.alloc(lambda block, p, size: (0, 4096)))
        one[...] = nl.load(eye)
        for pair in nl.affine_range(2):
            for i in (2 * pair, 2 * pair + 1):
                tiles[i] = nl.load(x[i * 128 : (i + 1) * 128])
            for i in (2 * pair, 2 * pair + 1):
                sums[i] = nisa.nc_matmul(one, tiles[i])
                nl.store(out[i * 128 : (i + 1) * 128], nl.add(sums[i], sums[i]))
        return out

    x, eye = draw(512, 64), np.eye(128, dtype=np.float32)
    for buffers, right in ((2, True), (1, False)):
        reports = []
        out = nki.jit(double).launch((x, eye, buffers), {}, observe=lambda launch: reports.append(_time.summary(launch, "")))
        assert np.allclose(out, 2 * x, rtol=1e-6) is right
        assert {f["rule"] for f in reports[0]["findings"]} == (set() if right else {"overlap-live"})


def reduced(function, **options):
    """The sums of the first 100 rows, or of their first 30 columns, of a tile with rows and columns to spare."""

    @nki.jit
    def kernel(x):
        i_p, i_f = nl.mgrid[0:128, 0:64]
        tile = nl.load(x[i_p, i_f])
        total = function(tile, mask=(i_p < 100) & (i_f < 30), **options)
        rows, columns = (1, 30) if options["axis"] == 0 else (100, 1)
        out = nl.ndarray((rows, columns), dtype=total.dtype, buffer=nl.shared_hbm)
        nl.store(out, total[0:rows, 0:columns])
        return out

    return kernel


@pytest.mark.parametrize(("name", "axis"), [("sum", 0), ("mean", 0), ("max", 0), ("sum", 1), ("mean", 1), ("max", 1), ("min", 1)])
def test_reductions_take_their_mask(name, axis):
    x = draw(128, 64)
    got = reduced(getattr(nl, name), axis=axis)(x)
    np.testing.assert_allclose(got, getattr(np, name)(x[:100, :30], axis=axis, keepdims=True), rtol=1e-4, atol=1e-5)


def test_the_partition_axis_is_reduced_alone():
    @nki.jit
    def kernel(x):
        return nl.sum(nl.load(x), axis=(0, 1))

    with pytest.raises(ValueError, match="alone"):
        kernel(draw(128, 64))


def masked(function):
    """What `function` of a tile of fours gives where a mask holds, and -1 elsewhere."""

    @nki.jit
    def kernel(x):
        i_p, i_f = nl.mgrid[0:128, 0:64]
        out = nl.ndarray((128, 64), dtype=x.dtype, buffer=nl.shared_hbm)
        tile = nl.load(x[i_p, i_f])
        result = nl.full((128, 64), -1.0, dtype=x.dtype, buffer=nl.sbuf)
        result[i_p, i_f] = function(tile, i_p < 64, tile[i_p < 64])
        nl.store(out, result)
        return out

    return kernel(np.full((128, 64), 2.5, np.float32))


@pytest.mark.parametrize(
    ("function", "want"),
    [
        (lambda t, m, _: nl.floor(t, mask=m), 2.0),
        (lambda t, m, _: nl.ceil(t, mask=m), 3.0),
        (lambda t, m, _: nl.trunc(t, mask=m), 2.0),
        (lambda t, m, _: nl.sin(t, mask=m), np.sin(2.5)),
        (lambda t, m, _: nl.static_cast(t, nl.float32, mask=m), 2.5),
        (lambda t, m, part: nl.cos(part), np.cos(2.5)),
        (lambda t, m, part: nisa.reciprocal(part), 0.4),
        (lambda t, m, part: nisa.tensor_tensor_scan(part, t, 0.0, np.multiply, np.minimum), 0.0),
    ],
)
def test_masks_that_were_dropped(function, want):
    got = masked(function)
    np.testing.assert_allclose(got[:64], np.full((64, 64), want), rtol=1e-5, atol=1e-6)
    assert (got[64:] == -1).all()


@pytest.mark.parametrize(
    "function",
    [
        lambda t, m, _: nl.broadcast_to(t, (128, 64), mask=m),
        lambda t, m, _: nl.rand((128, 64), mask=m),
        lambda t, m, _: nl.zeros((128, 64), nl.float32, mask=m),
        lambda t, m, part: nl.softmax(part, axis=1),
        lambda t, m, part: nl.loop_reduce(part, np.add, [0]),
    ],
)
def test_a_mask_that_leaves_positions_out_is_refused(function):
    with pytest.raises(TypeError, match="mask"):
        masked(function)


def test_misspelt_arguments_are_refused_and_hints_to_the_compiler_are_taken():
    for wrong in (
        lambda t: nl.sum(t, axis=1, keepdim=True),
        lambda t: nl.exp(t, dtyp=nl.bfloat16),
        lambda t: nisa.tensor_copy(t, dtyp=nl.bfloat16),
        lambda t: nl.zeros((128, 8), nl.float32, bufer=nl.psum),
    ):
        with pytest.raises(TypeError, match="unexpected keyword"):
            nki.jit(lambda x, wrong=wrong: wrong(nl.load(x)) and None)(draw(128, 8))

    @nki.jit
    def kernel(x):
        out = nl.ndarray(x.shape, dtype=x.dtype, buffer=nl.shared_hbm)
        held = nl.zeros(x.shape, dtype=x.dtype, lazy_initialization=True)
        for _ in nl.sequential_range(1, directives=None, name="once"):
            held[...] = nisa.activation(np.exp, nl.load(x), name="exponent")
        nl.store(out, held)
        return out

    x = draw(128, 8)
    np.testing.assert_allclose(kernel(x), np.exp(x), rtol=1e-5)


def test_a_grid_of_no_places_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        nki.jit(lambda x: x)[2, 0](draw(128, 8))


def test_an_index_of_six_free_dimensions_is_split():
    x = draw(8, 6 * 6 * 6).reshape(8, 6, 6, 6)

    @nki.jit
    def kernel(x):
        tile = nl.load(x)
        out = nl.zeros((8, 6, 6, 6), dtype=x.dtype, buffer=nl.sbuf)
        p, a, b, c, u, v, w = nl.mgrid[0:8, 0:2, 0:2, 0:2, 0:2, 0:2, 0:2]
        # Every other pair of positions, written mirrored: no two dimensions follow each other in memory.
        out[p, 3 * u + a, 3 * v + b, 3 * w + c] = 2 * tile[p, 3 * u + 1 - a, 3 * v + 1 - b, 3 * w + 1 - c] + 1.0
        result = nl.ndarray(x.shape, dtype=x.dtype, buffer=nl.shared_hbm)
        nl.store(result, out)
        return result

    want = np.zeros_like(x)
    to, source = np.array([0, 1, 3, 4]), np.array([1, 0, 4, 3])
    want[np.ix_(range(8), to, to, to)] = 2 * x[np.ix_(range(8), source, source, source)] + 1
    np.testing.assert_allclose(kernel(x), want, rtol=1e-6)
