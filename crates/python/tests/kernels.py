"""Kernels of our own (Beta 2), with numpy references. They use each part of the front end at least once."""

import ml_dtypes
import nki
import nki.isa as nisa
import nki.language as nl
import numpy as np

P = 128


@nki.jit
def matmul(lhs_t, rhs):
    """lhs_t.T @ rhs, tiled 128 x 128 x 512, accumulated in PSUM."""
    k, m = lhs_t.shape
    _, n = rhs.shape
    width = min(n, nl.tile_size.gemm_moving_fmax)
    out = nl.ndarray((m, n), dtype=lhs_t.dtype, buffer=nl.shared_hbm)
    for i in nl.affine_range(m // P):
        for j in nl.affine_range(n // width):
            acc = nl.ndarray((P, width), dtype=nl.float32, buffer=nl.psum)
            for s in nl.affine_range(k // P):
                a = nl.ndarray((P, P), dtype=lhs_t.dtype, buffer=nl.sbuf)
                b = nl.ndarray((P, width), dtype=rhs.dtype, buffer=nl.sbuf)
                nisa.dma_copy(dst=a, src=lhs_t[nl.ds(s * P, P), nl.ds(i * P, P)])
                nisa.dma_copy(dst=b, src=rhs[nl.ds(s * P, P), nl.ds(j * width, width)])
                nisa.nc_matmul(dst=acc, stationary=a, moving=b, accumulate=s > 0)
            tile = nl.ndarray((P, width), dtype=out.dtype, buffer=nl.sbuf)
            nisa.tensor_copy(dst=tile, src=acc)
            nisa.dma_copy(dst=out[nl.ds(i * P, P), nl.ds(j * width, width)], src=tile)
    return out


@nki.jit
def softmax(x):
    """Along the free dimension, in four instructions a tile."""
    rows, columns = x.shape
    out = nl.ndarray(x.shape, dtype=x.dtype, buffer=nl.shared_hbm)
    for i in range(rows // P):
        tile = nl.ndarray((P, columns), dtype=nl.float32, buffer=nl.sbuf)
        nisa.dma_copy(dst=tile, src=x[i * P : (i + 1) * P])
        low = nl.ndarray((P, 1), dtype=nl.float32, buffer=nl.sbuf)
        nisa.tensor_reduce(dst=low, op=nl.maximum, data=tile, axis=1, negate=True)
        total = nl.ndarray((P, 1), dtype=nl.float32, buffer=nl.sbuf)
        nisa.activation_reduce(dst=tile, op=nl.exp, data=tile, bias=low, reduce_op=nl.add, reduce_res=total)
        nisa.reciprocal(dst=total, data=total)
        result = nl.ndarray((P, columns), dtype=x.dtype, buffer=nl.sbuf)
        nisa.tensor_scalar(dst=result, data=tile, op0=nl.multiply, operand0=total)
        nisa.dma_copy(dst=out[i * P : (i + 1) * P], src=result)
    return out


@nki.jit
def rmsnorm(x, weight, eps=1e-6):
    rows, columns = x.shape
    out = nl.ndarray(x.shape, dtype=x.dtype, buffer=nl.shared_hbm)
    one = nl.ndarray((1, columns), dtype=nl.float32, buffer=nl.sbuf)
    nisa.dma_copy(dst=one, src=weight.reshape((1, columns)))
    spread = nl.broadcast_to(one, (P, columns))
    for i in range(rows // P):
        tile = nl.load(x[i * P : (i + 1) * P])
        squares = nl.ndarray(tile.shape, dtype=nl.float32, buffer=nl.sbuf)
        total = nl.ndarray((P, 1), dtype=nl.float32, buffer=nl.sbuf)
        nisa.activation(dst=squares, op=nl.square, data=tile, reduce_op=nl.add, reduce_res=total, reduce_cmd=nisa.reduce_cmd.reset_reduce)
        nisa.tensor_scalar(dst=total, data=total, op0=nl.multiply, operand0=1.0 / columns, op1=nl.add, operand1=eps)
        scale = nl.rsqrt(total)
        nisa.scalar_tensor_tensor(dst=squares, data=tile, op0=nl.multiply, operand0=scale, op1=nl.multiply, operand1=spread)
        result = nl.copy(squares, dtype=x.dtype)
        nl.store(out[i * P : (i + 1) * P], result)
    return out


@nki.jit
def layernorm(x, gamma, beta, eps=1e-5):
    """Statistics by bn_stats in pieces of 512, joined by bn_aggr."""
    rows, columns = x.shape
    piece = min(columns, nl.tile_size.bn_stats_fmax)
    pieces = columns // piece
    out = nl.ndarray(x.shape, dtype=x.dtype, buffer=nl.shared_hbm)
    g = nl.broadcast_to(nl.load(gamma.reshape((1, columns))), (P, columns))
    b = nl.broadcast_to(nl.load(beta.reshape((1, columns))), (P, columns))
    for i in range(rows // P):
        tile = nl.load(x[i * P : (i + 1) * P], dtype=nl.float32)
        stats = nl.ndarray((P, pieces, 6), dtype=nl.float32, buffer=nl.sbuf)
        for j in range(pieces):
            nisa.bn_stats(dst=stats[:, j, :], data=tile[:, nl.ds(j * piece, piece)])
        moments = nl.ndarray((P, 2), dtype=nl.float32, buffer=nl.sbuf)
        nisa.bn_aggr(dst=moments, data=stats.reshape((P, pieces * 6)))
        scale = nl.ndarray((P, 1), dtype=nl.float32, buffer=nl.sbuf)
        nisa.activation(dst=scale, op=nl.rsqrt, data=moments[:, 1:2], bias=eps)
        nisa.tensor_scalar(
            dst=tile, data=tile, op0=nl.subtract, operand0=moments[:, 0:1], op1=nl.multiply, operand1=scale
        )
        nisa.tensor_tensor(dst=tile, data1=tile, data2=g, op=nl.multiply)
        nisa.tensor_tensor(dst=tile, data1=tile, data2=b, op=nl.add)
        nl.store(out[i * P : (i + 1) * P], nl.copy(tile, dtype=x.dtype))
    return out


@nki.jit
def rope(x, cos, sin):
    """Rotary embedding of [head, sequence] with halves: x [128, s], cos and sin [64, s]."""
    d, s = x.shape
    half = d // 2
    out = nl.ndarray(x.shape, dtype=x.dtype, buffer=nl.shared_hbm)
    upper = nl.load(x[0:half])
    lower = nl.load(x[half:d])
    c, n = nl.load(cos), nl.load(sin)
    nl.store(out[0:half], nl.subtract(nl.multiply(upper, c), nl.multiply(lower, n)))
    nl.store(out[half:d], nl.add(nl.multiply(lower, c), nl.multiply(upper, n)))
    return out


@nki.jit
def transpose(x):
    rows, columns = x.shape
    out = nl.ndarray((columns, rows), dtype=x.dtype, buffer=nl.shared_hbm)
    for i in range(rows // P):
        for j in range(columns // P):
            tile = nl.load(x[i * P : (i + 1) * P, j * P : (j + 1) * P])
            turned = nl.ndarray((P, P), dtype=x.dtype, buffer=nl.psum)
            nisa.nc_transpose(dst=turned, data=tile)
            nl.store(out[j * P : (j + 1) * P, i * P : (i + 1) * P], nl.copy(turned))
    return out


@nki.jit
def swiglu(x_t, gate, up, down):
    """x_t [k, m], gate and up [k, f], down [f, n]: silu(x gate) * (x up) @ down for one tile of 128 rows."""
    k, m = x_t.shape
    f = gate.shape[1]
    n = down.shape[1]
    out = nl.ndarray((m, n), dtype=x_t.dtype, buffer=nl.shared_hbm)
    xs = [nl.load(x_t[nl.ds(s * P, P)]) for s in range(k // P)]
    result = nl.ndarray((m, n), dtype=nl.float32, buffer=nl.psum)
    for j in range(f // P):
        parts = []
        for weight in (gate, up):
            acc = nl.ndarray((P, m), dtype=nl.float32, buffer=nl.psum)
            for s in range(k // P):
                w = nl.load(weight[nl.ds(s * P, P), nl.ds(j * P, P)])
                nisa.nc_matmul(acc, w, xs[s], accumulate=s > 0)
            parts.append(acc)
        act = nl.ndarray((P, m), dtype=nl.float32, buffer=nl.sbuf)
        nisa.activation(dst=act, op=nl.silu, data=parts[0])
        hidden = nl.ndarray((P, m), dtype=x_t.dtype, buffer=nl.sbuf)
        nisa.tensor_tensor(dst=hidden, data1=act, data2=parts[1], op=nl.multiply)
        nisa.nc_matmul(result, hidden, nl.load(down[nl.ds(j * P, P)]), accumulate=j > 0)
    nl.store(out, nl.copy(result, dtype=x_t.dtype))
    return out


@nki.jit
def attention(q, k, v, causal=True):
    """Flash attention of one head: q, k, v [s, d]; keys in blocks of 128, running maximum and sum."""
    s, d = q.shape
    scale = 1.0 / d**0.5
    out = nl.ndarray(q.shape, dtype=q.dtype, buffer=nl.shared_hbm)
    identity = nl.shared_identity_matrix(P, dtype=q.dtype)

    def turned(tile, rows):
        t = nl.ndarray((rows, tile.shape[0]), dtype=tile.dtype, buffer=nl.psum)
        nisa.nc_matmul(dst=t, stationary=tile, moving=identity, is_transpose=True)
        return nl.copy(t)

    for i in range(s // P):
        q_t = turned(nl.load(q[nl.ds(i * P, P)]), d)
        top = nl.full((P, 1), -1e30, dtype=nl.float32)
        total = nl.zeros((P, 1), dtype=nl.float32)
        acc = nl.zeros((P, d), dtype=nl.float32)
        for j in range(i + 1 if causal else s // P):
            k_t = turned(nl.load(k[nl.ds(j * P, P)]), d)
            scores = nl.ndarray((P, P), dtype=nl.float32, buffer=nl.psum)
            nisa.nc_matmul(scores, q_t, k_t, accumulate=False)
            tile = nl.ndarray((P, P), dtype=nl.float32, buffer=nl.sbuf)
            nisa.tensor_scalar(tile, scores, nl.multiply, scale)
            if causal and i == j:
                nisa.affine_select(
                    dst=tile, pattern=[[-1, P]], channel_multiplier=1, on_true_tile=tile, on_false_value=-1e30,
                    cmp_op=nl.greater_equal,
                )  # fmt: skip
            peak = nl.ndarray((P, 1), dtype=nl.float32, buffer=nl.sbuf)
            nisa.tensor_reduce(peak, nl.maximum, tile, axis=(1,))
            new = nl.maximum(top, peak)
            less = nl.negative(new)
            shrink = nl.ndarray((P, 1), dtype=nl.float32, buffer=nl.sbuf)
            nisa.activation(dst=shrink, op=nl.exp, data=top, bias=less)
            weights = nl.ndarray((P, P), dtype=q.dtype, buffer=nl.sbuf)
            add = nl.ndarray((P, 1), dtype=nl.float32, buffer=nl.sbuf)
            nisa.activation(
                dst=weights, op=nl.exp, data=tile, bias=less, reduce_op=nl.add, reduce_res=add, reduce_cmd=nisa.reduce_cmd.reset_reduce
            )
            nisa.scalar_tensor_tensor(total, total, nl.multiply, shrink, nl.add, add)
            w_t = turned(weights, P)
            part = nl.ndarray((P, d), dtype=nl.float32, buffer=nl.psum)
            nisa.nc_matmul(part, w_t, nl.load(v[nl.ds(j * P, P)]), accumulate=False)
            nisa.scalar_tensor_tensor(acc, acc, nl.multiply, shrink, nl.add, part)
            top = new
        result = nl.ndarray((P, d), dtype=q.dtype, buffer=nl.sbuf)
        nisa.tensor_scalar(result, acc, nl.multiply, nl.reciprocal(total))
        nl.store(out[nl.ds(i * P, P)], result)
    return out


@nki.jit
def mx_matmul(a, b):
    """bf16 [128, 4m] and [128, 4n] quantised to MXFP8 and multiplied: K = 512."""
    def quantised(x):
        tile = nl.load(x)
        q = nl.ndarray((P, tile.shape[1] // 4), dtype=nl.float8_e4m3fn_x4, buffer=nl.sbuf)
        scale = nl.ndarray((P, tile.shape[1] // 4), dtype=nl.uint8, buffer=nl.sbuf)
        nisa.quantize_mx(dst=q, src=tile, dst_scale=scale)
        return q, scale

    (qa, sa), (qb, sb) = quantised(a), quantised(b)
    acc = nl.ndarray((a.shape[1] // 4, b.shape[1] // 4), dtype=nl.float32, buffer=nl.psum)
    nisa.nc_matmul_mx(dst=acc, stationary=qa, moving=qb, stationary_scale=sa, moving_scale=sb)
    out = nl.ndarray(acc.shape, dtype=nl.float32, buffer=nl.shared_hbm)
    nl.store(out, nl.copy(acc))
    return out


@nki.jit
def halves(x):
    """LNC=2: each core doubles its half, and both read the whole after a barrier."""
    core = nl.program_id(0)
    rows, columns = x.shape
    shared = nl.ndarray(x.shape, dtype=x.dtype, buffer=nl.shared_hbm)
    sums = nl.ndarray((2, P), dtype=nl.float32, buffer=nl.shared_hbm)
    half = rows // nl.num_programs(0)
    tile = nl.load(x[nl.ds(core * half, half)])
    nisa.tensor_scalar(tile, tile, nl.multiply, 2.0)
    nl.store(shared[nl.ds(core * half, half)], tile)
    nisa.core_barrier(shared, (0, 1))
    whole = nl.load(shared)
    total = nl.sum(whole, axis=1, dtype=nl.float32, keepdims=True)
    nl.store(sums[core].reshape((P, 1)), total)
    return shared, sums


@nki.jit
def swapped(x):
    """LNC=2: the cores exchange their tiles."""
    core = nl.program_id(0)
    out = nl.ndarray(x.shape, dtype=x.dtype, buffer=nl.shared_hbm)
    half = x.shape[0] // 2
    mine = nl.load(x[nl.ds(core * half, half)])
    other = nl.ndarray(mine.shape, dtype=x.dtype, buffer=nl.sbuf)
    nisa.sendrecv(src=mine, dst=other, send_to_rank=1 - core, recv_from_rank=1 - core, pipe_id=0)
    nl.store(out[nl.ds(core * half, half)], other)
    return out


@nki.jit
def gather(table, rows):
    """Rows of a table in device memory named by a column of indices."""
    n = rows.shape[0]
    index = nl.ndarray((n, 1), dtype=nl.int32, buffer=nl.sbuf)
    nisa.dma_copy(dst=index, src=rows.reshape((n, 1)))
    tile = nl.ndarray((n, table.shape[1]), dtype=table.dtype, buffer=nl.sbuf)
    nisa.dma_copy(dst=tile, src=table.vector_select(0, index))
    out = nl.ndarray(tile.shape, dtype=table.dtype, buffer=nl.shared_hbm)
    nisa.dma_copy(dst=out, src=tile)
    return out


@nki.jit
def counted(x, count):
    """Adds x to itself as often as a value in memory says."""
    bound = nl.ndarray((1, 1), dtype=nl.int32, buffer=nl.sbuf)
    nisa.dma_copy(dst=bound, src=count.reshape((1, 1)))
    register = nisa.register_alloc()
    nisa.register_load(register, bound)
    tile = nl.load(x)
    acc = nl.zeros(tile.shape, dtype=nl.float32)
    for _ in nl.dynamic_range(register):
        nisa.tensor_tensor(acc, acc, tile, nl.add)
    out = nl.ndarray(x.shape, dtype=nl.float32, buffer=nl.shared_hbm)
    nl.store(out, acc)
    return out


@nki.jit
def add_in_place(x):
    tile = nl.load(x)
    nisa.tensor_scalar(tile, tile, nl.add, 1.0)
    nl.store(x, tile)


def bf16(array):
    return np.asarray(array, dtype=np.float32).astype(ml_dtypes.bfloat16)
