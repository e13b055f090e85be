"""Kernels with one bug each, on the line that says `BUG`, and the rule by which it must be found.

`bug(rule, ...)` registers a kernel: the arrays that it takes, its cores and its target. What the hardware refuses raises;
what it leaves undefined stands in the report's findings.
"""

from dataclasses import dataclass, field

import nki
import nki.isa as nisa
import nki.language as nl
import numpy as np

P = 128


@dataclass
class Bug:
    rule: str
    kernel: object
    args: tuple = ()
    lnc: int = 1
    target: str = "trn2"
    name: str = field(default="")


BUGS = []


def zeros(*shape, dtype=np.float32):
    return np.zeros(shape, dtype=dtype)


def bug(rule, *args, lnc=1, target="trn2"):
    def add(function):
        BUGS.append(Bug(rule, nki.jit(function), args, lnc, target, function.__name__))
        return function

    return add


def sbuf(*shape, dtype=nl.float32, address=None, name=""):
    return nl.ndarray(shape, dtype=dtype, buffer=nl.sbuf, address=address, name=name)


def psum(*shape, dtype=nl.float32, address=None, name=""):
    return nl.ndarray(shape, dtype=dtype, buffer=nl.psum, address=address, name=name)


def filled(*shape, dtype=nl.float32, address=None, name="", value=1.0):
    tile = sbuf(*shape, dtype=dtype, address=address, name=name)
    nisa.memset(tile, value)
    return tile


def product(m=P, n=64, **where):
    """A tile in PSUM that a matmul has written."""
    out = psum(m, n, **where)
    nisa.nc_matmul(out, filled(P, m), filled(P, n), accumulate=False)
    return out


def hbm(*shape, dtype=nl.float32):
    return nl.ndarray(shape, dtype=dtype, buffer=nl.shared_hbm)


# ----- races between the cores of a logical core ------------------------------------------------------------------------


@bug("missing-barrier", zeros(P, 8), lnc=2)
def reads_the_other_half_without_a_barrier(x):
    core = nl.program_id(0)
    shared, out = hbm(P, 8), hbm(2, P, 8)
    nl.store(shared[nl.ds(core * 64, 64)], nl.load(x[nl.ds(core * 64, 64)]))
    whole = nl.load(shared)  # BUG
    nl.store(out[core], whole)
    return out


@bug("missing-barrier", zeros(P, 8), lnc=2)
def the_barrier_comes_before_the_store(x):
    core = nl.program_id(0)
    shared, out = hbm(P, 8), hbm(2, P, 8)
    nisa.core_barrier(shared, (0, 1))
    nl.store(shared[nl.ds(core * 64, 64)], nl.load(x[nl.ds(core * 64, 64)]))
    whole = nl.load(shared)  # BUG
    nl.store(out[core], whole)
    return out


@bug("missing-barrier", zeros(P, 8), lnc=2)
def both_cores_write_the_same_rows(x):
    out = hbm(P, 8)
    tile = nl.load(x)
    nl.store(out[0:64], tile[0:64])  # BUG
    return out


@bug("missing-barrier", zeros(P, 8), lnc=2)
def overwrites_what_the_other_core_still_reads(x):
    core = nl.program_id(0)
    shared, out = hbm(P, 8), hbm(P, 8)
    if core == 0:
        nl.store(shared, nl.load(x))
    nisa.core_barrier(shared, (0, 1))
    if core == 0:
        nl.store(shared, filled(P, 8))  # BUG
    else:
        nl.store(out, nl.load(shared))  # BUG
    return out


@bug("deadlock", zeros(P, 8), lnc=2)
def one_core_leaves_out_the_barrier(x):
    if nl.program_id(0) == 0:
        nisa.core_barrier(x, (0, 1))
    return x


@bug("deadlock", zeros(P, 8), lnc=2)
def the_cores_wait_at_different_things(x):
    tile = nl.load(x)
    if nl.program_id(0) == 0:
        nisa.core_barrier(x, (0, 1))
    else:
        nisa.sendrecv(src=tile, dst=sbuf(P, 8), send_to_rank=0, recv_from_rank=0, pipe_id=0)
    return x


@bug("sendrecv-mismatch", zeros(P, 8), lnc=2)
def both_cores_send_to_themselves_and_expect_the_other(x):
    core = nl.program_id(0)
    tile, other = nl.load(x), sbuf(P, 8)
    nisa.sendrecv(src=tile, dst=other, send_to_rank=core, recv_from_rank=1 - core, pipe_id=0)  # BUG
    return x


@bug("lnc", zeros(P, 8))
def a_barrier_of_two_on_one_core(x):
    nisa.core_barrier(x, (0, 1))  # BUG
    return x


# ----- memory ----------------------------------------------------------------------------------------------------------


@bug("overlap-live", zeros(P, 64))
def two_live_tiles_at_one_address(x):
    a, b = sbuf(P, 64, address=(0, 0), name="a"), sbuf(P, 64, address=(0, 128), name="b")
    nisa.dma_copy(a, x)
    nisa.memset(b, 2.0)
    out = hbm(P, 64)
    nl.store(out, a)  # BUG
    return out


@bug("overlap-live", zeros(P, 64))
def the_second_buffer_of_two_reaches_into_the_first(x):
    size = 64 * 4
    buffers = [sbuf(P, 64, address=(0, i * (size - 4)), name=f"buffer{i}") for i in range(2)]
    out = hbm(2, P, 64)
    for i in range(2):
        nisa.dma_copy(buffers[i], x)
    for i in range(2):
        nl.store(out[i], buffers[i])  # BUG
    return out


@bug("overlap-live")
def two_products_in_one_bank(dummy=None):
    a = product(n=512, address=(0, 0), name="a")
    product(n=256, address=(0, 1024), name="b")
    out = hbm(P, 512)
    nl.store(out, a)  # BUG
    return out


@bug("capacity")
def tiles_that_are_live_together_do_not_fit(dummy=None):
    tiles = [sbuf(P, 16 * 1024, name=f"part{i}") for i in range(4)]
    for tile in tiles:
        nisa.memset(tile, 1.0)  # BUG
    out = hbm(4, P, 16 * 1024)
    for i, tile in enumerate(tiles):
        nl.store(out[i], tile)
    return out


@bug("capacity")
def nine_banks_of_psum(dummy=None):
    parts = [product(n=512, name=f"bank{i}") for i in range(9)]
    total = filled(P, 512, value=0.0)
    for part in parts:
        nisa.tensor_tensor(total, total, part, nl.add)
    out = hbm(P, 512)
    nl.store(out, total)
    return out


@bug("capacity")
def one_tile_larger_than_sbuf(dummy=None):
    nl.ndarray((P, 64 * 1024), dtype=nl.float32, buffer=nl.sbuf)  # BUG


@bug("capacity")
def an_address_beyond_the_end(dummy=None):
    nl.ndarray((P, 1024), dtype=nl.float32, buffer=nl.sbuf, address=(0, 223 * 1024))  # BUG


@bug("partitions")
def more_partitions_than_there_are(dummy=None):
    nl.ndarray((129, 8), dtype=nl.float32, buffer=nl.sbuf)  # BUG


@bug("read-unwritten")
def reads_a_tile_that_nothing_wrote(dummy=None):
    tile = sbuf(P, 8)
    out = hbm(P, 8)
    nl.store(out, tile)  # BUG
    return out


@bug("read-unwritten", zeros(100, 8))
def a_tile_that_is_written_in_part(x):
    tile, twice = sbuf(P, 8), sbuf(P, 8)
    nisa.dma_copy(tile[0:100], x)
    nisa.tensor_tensor(twice, tile, tile, nl.add)  # BUG
    out = hbm(P, 8)
    nl.store(out, twice)
    return out


@bug("read-unwritten")
def an_accumulator_that_was_never_cleared(dummy=None):
    total, one = sbuf(P, 8), filled(P, 8)
    for _ in range(3):
        nisa.tensor_tensor(total, total, one, nl.add)  # BUG
    out = hbm(P, 8)
    nl.store(out, total)
    return out


@bug("out-of-bounds", zeros(100, 8))
def a_pattern_that_leaves_the_tensor(x):
    tile = sbuf(P, 8)
    nisa.dma_copy(tile, x.ap([[8, P], [1, 8]]))  # BUG


@bug("IndexError", zeros(100, 8))
def a_slice_that_leaves_the_tensor(x):
    nl.load(x[0:P])  # BUG


@bug("index-out-of-bounds", zeros(100, 8), np.full((16, 1), 100, np.int32))
def a_row_that_is_not_in_the_table(x, rows):
    index, tile = nl.load(rows), sbuf(16, 8)
    nisa.dma_copy(tile, x.vector_select(0, index))  # BUG


@bug("index-out-of-bounds", zeros(100, 8), np.full((1, 1), -1, np.int32))
def a_scalar_offset_below_zero(x, at):
    index, tile = nl.load(at), sbuf(1, 8)
    nisa.dma_copy(tile, x.ap([[8, 1], [1, 8]], scalar_offset=index, indirect_dim=0))  # BUG


# ----- PSUM and the Tensor engine ---------------------------------------------------------------------------------------


@bug("accumulate-unstarted")
def accumulates_where_no_product_started(dummy=None):
    acc = psum(P, 64)
    for _ in range(2):
        nisa.nc_matmul(acc, filled(P, P), filled(P, 64), accumulate=True)  # BUG
    out = hbm(P, 64)
    nl.store(out, nl.copy(acc))
    return out


@bug("accumulate-unstarted")
def accumulates_onto_a_memset(dummy=None):
    acc = psum(P, 64)
    nisa.memset(acc, 0.0)
    nisa.nc_matmul(acc, filled(P, P), filled(P, 64), accumulate=True)  # BUG
    out = hbm(P, 64)
    nl.store(out, nl.copy(acc))
    return out


@bug("read-unwritten")
def reads_psum_before_the_product(dummy=None):
    acc = psum(P, 64)
    out = hbm(P, 64)
    nl.store(out, nl.copy(acc))  # BUG
    return out


@bug("psum-bank")
def a_product_over_two_banks(dummy=None):
    acc = psum(P, 1024)
    nisa.nc_matmul(acc[:, 256:768], filled(P, P), filled(P, 512))  # BUG


@bug("place")
def a_product_into_sbuf(dummy=None):
    nisa.nc_matmul(sbuf(P, 64), filled(P, P), filled(P, 64))  # BUG


@bug("place")
def a_product_of_psum(dummy=None):
    nisa.nc_matmul(psum(P, 64), product(n=P), filled(P, 64))  # BUG


@bug("moving-size")
def a_moving_side_that_is_too_wide(dummy=None):
    nisa.nc_matmul(psum(P, 520), filled(P, P), filled(P, 520))  # BUG


@bug("stationary-size")
def a_stationary_side_that_is_too_wide(dummy=None):
    nisa.nc_matmul(psum(P, 64), filled(P, 129), filled(P, 64))  # BUG


@bug("partitions-differ")
def sides_of_different_depth(dummy=None):
    nisa.nc_matmul(psum(P, 64), filled(64, P), filled(P, 64))  # BUG


@bug("dtype-pair")
def fp32_times_bf16(dummy=None):
    nisa.nc_matmul(psum(P, 64), filled(P, P), filled(P, 64, dtype=nl.bfloat16))  # BUG


@bug("dtype")
def integers_in_a_product(dummy=None):
    nisa.nc_matmul(psum(P, 64), filled(P, P, dtype=nl.int32, value=1), filled(P, 64, dtype=nl.int32, value=1))  # BUG


@bug("dtype-pair")
def a_transpose_that_changes_the_type(dummy=None):
    nisa.nc_transpose(psum(P, P), filled(P, P, dtype=nl.bfloat16))  # BUG


# ----- partitions, sizes and types of the other engines -----------------------------------------------------------------


@bug("start-partition")
def a_tile_that_starts_at_partition_10(dummy=None):
    nisa.tensor_copy(sbuf(P, 8)[0:20], filled(P, 8)[10:30])  # BUG


@bug("start-partition")
def forty_partitions_from_32(dummy=None):
    nisa.tensor_scalar(sbuf(P, 8)[32:72], filled(P, 8)[0:40], nl.add, 1.0)  # BUG


@bug("partition-step")
def every_other_partition(dummy=None):
    nisa.tensor_copy(sbuf(64, 8), filled(P, 8)[0:P:2])  # BUG


@bug("partitions-differ")
def different_numbers_of_partitions(dummy=None):
    nisa.tensor_tensor(sbuf(P, 8), filled(P, 8), filled(64, 8), nl.add)  # BUG


@bug("free-differ")
def different_numbers_of_elements(dummy=None):
    nisa.tensor_copy(sbuf(P, 8), filled(P, 9))  # BUG


@bug("free-size")
def too_many_elements_for_one_instruction(dummy=None):
    nisa.memset(sbuf(1, 66_000, dtype=nl.uint8), 1)  # BUG


@bug("psum-both")
def two_inputs_in_psum(dummy=None):
    nisa.tensor_tensor(sbuf(P, 64), product(), product(), nl.add)  # BUG


@bug("gpsimd-psum")
def gpsimd_reads_psum(dummy=None):
    nisa.tensor_copy(sbuf(P, 64), product(), engine=nisa.gpsimd_engine)  # BUG


@bug("place")
def dma_reads_psum(dummy=None):
    nisa.dma_copy(hbm(P, 64), product())  # BUG


@bug("place", zeros(P, 8))
def an_engine_reads_device_memory(x):
    nisa.tensor_copy(sbuf(P, 8), x)  # BUG


@bug("engine")
def an_instruction_on_an_engine_that_has_it_not(dummy=None):
    nisa.tensor_tensor(sbuf(P, 8), filled(P, 8), filled(P, 8), nl.add, engine=nisa.tensor_engine)  # BUG


@bug("bitvec-dtype")
def bits_of_floats(dummy=None):
    nisa.tensor_tensor(sbuf(P, 8), filled(P, 8), filled(P, 8), nl.bitwise_and)  # BUG


@bug("bn-size")
def statistics_over_too_many_elements(dummy=None):
    nisa.bn_stats(sbuf(P, 6), filled(P, 600))  # BUG


@bug("search-size")
def the_eight_largest_of_five(dummy=None):
    nisa.max8(sbuf(P, 8), filled(P, 5))  # BUG


@bug("shuffle-mask")
def a_shuffle_from_partition_40(dummy=None):
    nisa.nc_stream_shuffle(dst=sbuf(32, 8), src=filled(32, 8), shuffle_mask=[40] * 32)  # BUG


@bug("ValueError")
def a_reduction_over_partitions(dummy=None):
    nisa.tensor_reduce(sbuf(P, 8), nl.add, filled(P, 8), axis=0)  # BUG


@bug("dtype")
def a_predicate_of_floats(dummy=None):
    nisa.tensor_copy_predicated(dst=sbuf(P, 8), src=filled(P, 8), predicate=filled(P, 8))  # BUG


@bug("operand-shape")
def a_column_that_is_no_column(dummy=None):
    nisa.tensor_scalar(sbuf(P, 8), filled(P, 8), nl.add, filled(P, 2))  # BUG


@bug("other-core", zeros(P, 8), lnc=2)
def names_a_tile_of_the_other_core(x):
    core = nl.program_id(0)
    KEPT[core] = nl.load(x)
    nisa.core_barrier(x, (0, 1))
    nisa.tensor_copy(sbuf(P, 8), KEPT[1 - core])  # BUG


KEPT = {}


# ----- DMA and generations ----------------------------------------------------------------------------------------------


@bug("elements-differ", zeros(P, 8))
def a_copy_between_different_sizes(x):
    nisa.dma_copy(sbuf(P, 9), x)  # BUG


@bug("dma-sources")
def too_many_sources_of_a_sum(dummy=None):
    nisa.dma_compute(hbm(P, 8), [filled(P, 8) for _ in range(17)], nl.add)  # BUG


@bug("dge-indirect", zeros(100, 8), np.zeros((16, 1), np.int32))
def a_gather_by_hardware_descriptors(x, rows):
    index, tile = nl.load(rows), sbuf(16, 8)
    nisa.dma_copy(tile, x.vector_select(0, index), dge_mode=nisa.dge_mode.hwdge)  # BUG


@bug("vector-offset", zeros(100, 8), np.zeros((4, 1), np.int32))
def fewer_indices_than_rows(x, rows):
    index, tile = nl.load(rows), sbuf(16, 8)
    nisa.dma_copy(tile, x.ap([[8, 16], [1, 8]], vector_offset=index, indirect_dim=0))  # BUG


@bug("generation", target="trn2")
def an_instruction_of_trainium_3(dummy=None):
    nisa.exponential(sbuf(P, 8), filled(P, 8))  # BUG


@bug("generation", zeros(P, 8), target="trn1", lnc=1)
def hardware_descriptors_on_trainium_1(x):
    nisa.dma_copy(sbuf(P, 8), x, dge_mode=nisa.dge_mode.hwdge)  # BUG
