"""`neuron_dtypes`: numpy types of Trainium's formats and casts between them."""

import ml_dtypes
import numpy as np

from . import _dtypes

for _name, _type in _dtypes.NUMPY.items():
    globals()[_name] = _type
bfloat16 = ml_dtypes.bfloat16
float8_e4m3 = ml_dtypes.float8_e4m3
float8_e4m3fn = ml_dtypes.float8_e4m3fn
float8_e5m2 = ml_dtypes.float8_e5m2
float8_e8m0fnu = ml_dtypes.float8_e8m0fnu
float32, float16 = np.float32, np.float16
int8, int16, int32, uint8, uint16, uint32 = np.int8, np.int16, np.int32, np.uint8, np.uint16, np.uint32

# Format of the four values of a packed element.
_PACKED = {
    "float8_e4m3fn_x4": ml_dtypes.float8_e4m3fn,
    "float8_e5m2_x4": ml_dtypes.float8_e5m2,
    "float4_e2m1fn_x4": ml_dtypes.float4_e2m1fn,
}


def _packed_name(dtype):
    try:
        found = _dtypes.convert(dtype)
    except TypeError:
        return None
    return found.name if found.is_packed else None


def _plain(dtype):
    try:
        return _dtypes.NUMPY[_dtypes.convert(dtype).name]
    except TypeError:
        return np.dtype(dtype)


def unpack(array):
    """float32 values of a packed array; the last dimension grows fourfold."""
    name = _packed_name(array.dtype)
    bytes_ = np.ascontiguousarray(array).view(np.uint8)
    shape = (*array.shape[:-1], array.shape[-1] * 4)
    if name == "float4_e2m1fn_x4":
        # The first value stands in the low four bits.
        nibbles = np.stack([bytes_ & 15, bytes_ >> 4], axis=-1).astype(np.uint8)
        return nibbles.view(ml_dtypes.float4_e2m1fn).astype(np.float32).reshape(shape)
    return bytes_.view(_PACKED[name]).astype(np.float32).reshape(shape)


def pack(array, name):
    """Packs groups of four along the last dimension; values beyond the format's range become its largest."""
    kind = _PACKED[name]
    limit = float(ml_dtypes.finfo(kind).max)
    small = np.clip(np.asarray(array, dtype=np.float32), -limit, limit).astype(kind)
    shape = (*array.shape[:-1], array.shape[-1] // 4)
    bits = np.ascontiguousarray(small).view(np.uint8)
    if name == "float4_e2m1fn_x4":
        pairs = bits.reshape(*array.shape[:-1], array.shape[-1] // 2, 2)
        bits = (pairs[..., 0] & 15) | ((pairs[..., 1] & 15) << 4)
    return np.ascontiguousarray(bits).view(_dtypes.NUMPY[name]).reshape(shape)


def static_cast(array, dtype):
    """The values in another format, packing and unpacking groups of four where a format asks for it."""
    array = np.asarray(array)
    source, target = _packed_name(array.dtype), _packed_name(dtype)
    if source is not None:
        values = unpack(array)
        return pack(values, target) if target is not None else values.astype(_plain(dtype))
    if target is not None:
        return pack(array, target)
    return array.astype(_plain(dtype))


def sizeinbytes(dtype):
    return _plain(dtype).itemsize


itemsize = sizeinbytes


def finfo(dtype):
    name = _packed_name(dtype)
    return ml_dtypes.finfo(_PACKED[name] if name else _plain(dtype))


def is_float_type(dtype):
    try:
        found = _dtypes.convert(dtype)
    except TypeError:
        return np.issubdtype(np.dtype(dtype), np.floating)
    return not found.is_integer and not found.is_packed
