"""Data types: NKI's, numpy's and torch's names for the same thing."""

import ml_dtypes
import numpy as np

from secondsource import _native


def _packed(name, size):
    """Four packed values as one element: the field's name tells the format apart, also in `str(dtype)`.

    The empty second field keeps numpy from casting the bytes to numbers.
    """
    return np.dtype([(name, "u1", (size,)), ("packed", "V0")])


NUMPY = {
    "float32": np.dtype(np.float32),
    "tfloat32": np.dtype(np.float32),
    "bfloat16": np.dtype(ml_dtypes.bfloat16),
    "float16": np.dtype(np.float16),
    "float8_e4m3": np.dtype(ml_dtypes.float8_e4m3),
    "float8_e4m3fn": np.dtype(ml_dtypes.float8_e4m3fn),
    "float8_e5m2": np.dtype(ml_dtypes.float8_e5m2),
    "float8_e8m0fnu": np.dtype(ml_dtypes.float8_e8m0fnu),
    "float8_e4m3fn_x4": _packed("float8_e4m3fn_x4", 4),
    "float8_e5m2_x4": _packed("float8_e5m2_x4", 4),
    "float4_e2m1fn_x4": _packed("float4_e2m1fn_x4", 2),
    "int8": np.dtype(np.int8),
    "uint8": np.dtype(np.uint8),
    "int16": np.dtype(np.int16),
    "uint16": np.dtype(np.uint16),
    "int32": np.dtype(np.int32),
    "uint32": np.dtype(np.uint32),
    "bool_": np.dtype(np.bool_),
}

ALL = {name: _native.dtype(name) for name in NUMPY}

_OTHER_NAMES = {
    "bool": "bool_",
    "float": "float32",
    "fp32": "float32",
    "fp16": "float16",
    "half": "float16",
    "bf16": "bfloat16",
    "tf32": "tfloat32",
    "int": "int32",
    "float8e4": "float8_e4m3",
    "float8e5": "float8_e5m2",
    "float8_e8m0": "float8_e8m0fnu",
}

_known = {}
for _name, _numpy in NUMPY.items():
    # tfloat32 is stored as float32; a float32 array is float32.
    if _name != "tfloat32":
        _known[_numpy] = ALL[_name]


def convert(any_type):
    """The NKI type of a string, numpy, ml_dtypes or torch type; TypeError when there is none."""
    try:
        found = _known.get(any_type)
    except TypeError:
        found = None
    if found is not None:
        return found
    found = _convert(any_type)
    try:
        _known[any_type] = found
    except TypeError:
        pass
    return found


def _convert(any_type):
    text = any_type if isinstance(any_type, str) else None
    if text is None and type(any_type).__module__.startswith("torch"):
        text = str(any_type)
    if text is not None:
        text = text.rsplit(".", 1)[-1]
        text = _OTHER_NAMES.get(text, text)
        if text in ALL:
            return ALL[text]
    try:
        as_numpy = np.dtype(any_type)
    except TypeError:
        as_numpy = None
    if as_numpy is not None:
        for name, numpy in NUMPY.items():
            if numpy == as_numpy and name != "tfloat32":
                return ALL[name]
        if as_numpy == np.int64 or as_numpy == np.uint64 or as_numpy == np.float64:
            raise TypeError(f"NKI has no 64-bit type: convert {as_numpy} to {str(as_numpy)[:-2]}32 first")
    raise TypeError(f"{any_type!r} is no NKI data type")
