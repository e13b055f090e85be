"""`nl.tile_size`: sizes of the target."""

from secondsource import _native

from . import _state

_sizes = {}


def _of(name):
    target = _state.target()
    if target not in _sizes:
        _sizes[target] = _native.sizes(target)
    return _sizes[target][name]


class TileSize:
    pmax = 128
    psum_fmax = 512
    psum_bank_fmax = 512
    psum_bank_fmax_bytes = 2048
    gemm_stationary_fmax = 128
    gemm_moving_fmax = 512
    bn_stats_fmax = 512
    psum_min_align = 4
    sbuf_min_align = 1

    @property
    def psum_num_banks(self):
        return _of("psum_banks")

    @property
    def sbuf_size_bytes(self):
        return _of("sbuf_bytes") * _of("partitions")

    @property
    def sbuf_fmax_bytes(self):
        return _of("sbuf_bytes")

    @property
    def total_available_sbuf_size(self):
        return _of("sbuf_bytes")

    @property
    def sbuf_fmax(self):
        return _of("sbuf_bytes") // 4


tile_size = TileSize()
