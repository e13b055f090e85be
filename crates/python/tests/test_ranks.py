"""Several ranks in one process: every collective against numpy, and the profile of a launch."""

import nki
import nki.collectives as nccl
import nki.isa as nisa
import nki.language as nl
import numpy as np
import pytest
from secondsource.nki import _launch

import kernels

GROUP = nccl.ReplicaGroup([[0, 1, 2, 3]])
RANKS = 4


def draw(rank, *shape):
    return np.random.default_rng(rank).standard_normal(shape, dtype=np.float32)


def hbm(shape, dtype=nl.float32):
    return nl.ndarray(shape, dtype=dtype, buffer=nl.shared_hbm)


def moved(x, shape, issue):
    """Copies x into memory that collectives may use, issues, and returns the copy of what came."""
    src, dst, out = hbm(x.shape), hbm(shape), hbm(shape)
    nisa.dma_copy(dst=src, src=x)
    issue([src], [dst])
    nisa.dma_copy(dst=out, src=dst)
    return out


def run(body, inputs, **options):
    return _launch.run_ranks(nki.jit(body), [(x,) for x in inputs], target="trn2", **options)


def test_reductions_and_gathers():
    data = [draw(r, 8, 6) for r in range(RANKS)]
    for op, want in ((nl.add, sum(data)), (nl.maximum, np.maximum.reduce(data)), (nl.minimum, np.minimum.reduce(data))):
        got = run(lambda x: moved(x, (8, 6), lambda s, d: nccl.all_reduce(s, d, GROUP, op)), data)
        for one in got:
            np.testing.assert_allclose(one, want, rtol=1e-6, atol=1e-6)
        got = run(lambda x: moved(x, (2, 6), lambda s, d: nccl.reduce_scatter(s, d, GROUP, 0, op)), data)
        np.testing.assert_allclose(np.concatenate(got), want, rtol=1e-6, atol=1e-6)
    got = run(lambda x: moved(x, (32, 6), lambda s, d: nccl.all_gather(s, d, GROUP, 0)), data)
    assert all((one == np.concatenate(data)).all() for one in got)
    got = run(lambda x: moved(x, (8, 6), lambda s, d: nccl.all_to_all(s, d, GROUP, 0)), data)
    for rank, one in enumerate(got):
        assert (one == np.concatenate([x[2 * rank : 2 * rank + 2] for x in data])).all()


def test_permutations():
    data = [draw(r, 4, 3) for r in range(RANKS)]
    pairs = [(0, 2), (2, 0), (1, 3), (3, 1)]
    got = run(lambda x: moved(x, (4, 3), lambda s, d: nccl.collective_permute(s, d, pairs)), data)
    assert all((got[b] == data[a]).all() for a, b in pairs)
    got = run(lambda x: moved(x, (4, 3), lambda s, d: nccl.collective_permute_implicit([s], [d], GROUP)), data)
    assert all((got[r] == data[r - 1]).all() for r in range(RANKS))

    def summed(s, d):
        nccl.collective_permute_implicit_reduce([s], [s], [d], GROUP, nl.add)

    got = run(lambda x: moved(x, (4, 3), summed), data)
    assert all((got[r] == 2 * data[r - 1]).all() for r in range(RANKS))


def test_a_ring_of_steps_sums_all_ranks():
    """Each step adds what the predecessor sent; the rank whose data comes is known."""
    data = [draw(r, 4, 3) for r in range(RANKS)]

    def ring(x):
        total, here = nl.load(x), hbm((4, 3))
        nisa.dma_copy(dst=here, src=x)
        seen = []
        for step in range(RANKS - 1):
            seen.append(nccl.collective_permute_implicit_current_processing_rank_id(step, GROUP))
            there = hbm((4, 3))
            nccl.collective_permute_implicit([[here]], [[there]], GROUP)
            total = nl.add(total, nl.load(there))
            here = there
        out = hbm((4, 3))
        nl.store(out, total)
        order.append((nccl.rank_id(), seen))
        return out

    order = []
    for one in run(ring, data):
        np.testing.assert_allclose(one, sum(data), rtol=1e-5, atol=1e-5)
    assert dict(order)[2] == [2, 1, 0] and dict(order)[0] == [0, 3, 2]


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("places", [False, True])
def test_all_to_all_of_varying_sizes(known, places):
    counts = np.array([[(3 * s + r) % 4 for r in range(RANKS)] for s in range(RANKS)])
    data = [np.arange(16, dtype=np.float32) + 100 * r for r in range(RANKS)]
    tables = []
    for r in range(RANKS):
        received = counts[:, r]
        rows = [counts[r], np.concatenate(([0], np.cumsum(counts[r])[:-1])), np.full(RANKS, 77)]
        if places:
            # Without gaps, in the order of the ranks.
            rows.append(np.concatenate(([0], np.cumsum(received)[:-1])))
        tables.append(np.array(rows, dtype=np.uint32))

    def body(x, table):
        out = hbm((16,))
        nisa.dma_copy(dst=out, src=x)
        nccl.all_to_all_v([x], [out], GROUP, table, recv_counts_known=known, has_rdispls=places)
        return out, table

    got = _launch.run_ranks(nki.jit(body), list(zip(data, tables)), target="trn3")
    for r in range(RANKS):
        want = data[r].copy()
        at = 0
        for s in range(RANKS):
            n, first = counts[s][r], counts[s][:r].sum()
            where = at if places else 4 * s
            want[where : where + n] = data[s][first : first + n]
            at += n
        assert (got[r][0] == want).all()
        assert (got[r][1][2] == (77 if known else counts[:, r])).all()


def test_all_gather_of_varying_sizes():
    counts = [3, 0, 4, 1]
    data = [np.arange(8, dtype=np.float32) + 10 * r for r in range(RANKS)]
    tables = [np.array([[counts[r]] * 4, [r] * 4, [0] * 4], dtype=np.uint32) for r in range(RANKS)]

    def body(x, table):
        out = nl.zeros((16,), dtype=nl.float32, buffer=nl.shared_hbm)
        nccl.all_gather_v([x], [out], GROUP, table)
        return out, table

    got = _launch.run_ranks(nki.jit(body), list(zip(data, tables)), target="trn2", lnc=2)
    for out, table in got:
        for s in range(RANKS):
            slot = out[4 * s : 4 * s + 4]
            assert (slot[: counts[s]] == data[s][s : s + counts[s]]).all() and (slot[counts[s] :] == 0).all()
        assert (table[2] == counts).all()
    with pytest.raises(nisa.NkiValidationError, match="4 ranks of 2 cores"):
        _launch.run_ranks(nki.jit(body), list(zip(data, tables)), target="trn2")
    tables[2][0] = 9
    with pytest.raises(nisa.NkiValidationError, match="leave the tensors"):
        _launch.run_ranks(nki.jit(body), list(zip(data, tables)), target="trn2", lnc=2)


def test_ranks_take_named_arguments_and_two_cores():
    def body(x, factor):
        core = nl.program_id(0)
        out = hbm(x.shape)
        tile = nl.load(x[nl.ds(core * 2, 2)])
        nisa.tensor_scalar(tile, tile, nl.multiply, factor)
        nl.store(out[nl.ds(core * 2, 2)], tile)
        return out

    data = [draw(r, 4, 3) for r in range(2)]
    got = _launch.run_ranks(nki.jit(body), [{"x": x, "factor": 2.0 + r} for r, x in enumerate(data)], target="trn2", lnc=2)
    for r in range(2):
        np.testing.assert_allclose(got[r], (2.0 + r) * data[r], rtol=1e-6)


def test_a_rank_that_never_comes_is_named():
    def body(x):
        if nccl.rank_id() != 3:
            nccl.all_reduce([x], [hbm(x.shape)], GROUP, nl.add)

    with pytest.raises(_launch.Deadlock, match="core 3 never reaches"):
        run(body, [draw(r, 4, 4) for r in range(RANKS)])


def test_profile_gives_results_and_time():
    a, b = draw(0, 256, 128), draw(1, 256, 512)
    times = {}
    for target in ("trn1", "trn2", "trn3"):
        out, report = nki.profile(kernels.matmul, target=target)(a, b)
        np.testing.assert_allclose(out, a.T.astype(np.float64) @ b, rtol=1e-4, atol=1e-4)
        assert report["target"] == target and report["kernel"] == "matmul" and report["flops"] == 2 * 128 * 256 * 512
        assert report["bound_us"] <= report["time_us"] * 1.0001 and report["time_us"] <= report["as_written_us"] * 1.0001
        assert report["time_us_p5"] < report["time_us"] < report["time_us_p95"]
        assert not report["findings"] and report["dma"]["bytes_read"] == a.nbytes + b.nbytes
        times[target] = report["time_us"]
    assert len(set(times.values())) == 3
    bf16, _ = nki.profile(kernels.matmul, target="trn2")(kernels.bf16(a), kernels.bf16(b))
    assert bf16.dtype == kernels.bf16(a).dtype


def test_a_skipped_address_is_still_an_instruction():
    def body(x, where):
        index = nl.load(where)
        tile = nl.zeros((1, 4), dtype=nl.float32)
        nisa.dma_copy(dst=tile, src=x.ap([[4, 1], [1, 4]], scalar_offset=index, indirect_dim=0), oob_mode=nisa.oob_mode.skip)
        out = hbm((1, 4))
        nl.store(out, tile)
        return out

    x = draw(0, 8, 4)
    reports = []
    for at, want in ((3, x[3:4]), (90, np.zeros((1, 4)))):
        got, report = nki.profile(nki.jit(body), target="trn2")(x, np.array([[at]], np.int32))
        assert (got == want).all()
        reports.append(report)
    assert reports[0]["instructions"] == reports[1]["instructions"]
    assert reports[0]["dma"]["bytes_read"] == reports[1]["dma"]["bytes_read"] + 16
