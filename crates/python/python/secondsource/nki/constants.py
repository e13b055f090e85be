"""`nki.isa.constants`: engines, DMA modes, reduction commands."""

import enum

from . import _ops


class _Fast(enum.Enum):
    # Members are looked up at every instruction; identity hashing keeps that cheap.
    __hash__ = object.__hash__


class engine(_Fast):
    tensor = 1
    vector = 5
    scalar = 2
    gpsimd = 3
    dma = 4
    sync = 6
    unknown = 0
    # Older names.
    pool = 3
    activation = 2
    pe = 1


class reduce_cmd(_Fast):
    idle = 0
    reset = 1
    reduce = 2
    reset_reduce = 3
    load_reduce = 4


class dge_mode(_Fast):
    unknown = 0
    swdge = 1
    hwdge = 2
    none = 3


class oob_mode(_Fast):
    error = 0
    skip = 1


class matmul_perf_mode(_Fast):
    none = "none"
    double_row = "double_row"


class dma_engine(_Fast):
    dma = 1
    gpsimd_dma = 2


class nc_version(enum.IntEnum):
    gen2 = 2
    gen3 = 3
    gen4 = 4


_NUMBERS = _ops.names_table
for _member in engine:
    _NUMBERS[_member] = _member.value
for _member in dge_mode:
    _NUMBERS[_member] = 10 + _member.value
for _member in oob_mode:
    _NUMBERS[_member] = 20 + _member.value
for _member in reduce_cmd:
    _NUMBERS[_member] = 30 + _member.value
_NUMBERS[matmul_perf_mode.none] = 40
_NUMBERS[matmul_perf_mode.double_row] = 41
for _text, _number in (("none", 40), ("double_row", 41), ("double_row_gen3", 41)):
    _NUMBERS[_text] = _number
_NUMBERS[dma_engine.dma] = 50
_NUMBERS[dma_engine.gpsimd_dma] = 51

tensor_engine = engine.tensor
vector_engine = engine.vector
scalar_engine = engine.scalar
gpsimd_engine = engine.gpsimd
dma_engine_constant = engine.dma
sync_engine = engine.sync
unknown_engine = engine.unknown
