"""Arrays of numpy, torch and jax in and out of the machine."""

import numpy as np

from secondsource import _native

from . import _dtypes


def kind(value):
    """Which library the value is an array of; None for anything else."""
    if isinstance(value, np.ndarray):
        return "numpy"
    module = type(value).__module__
    if module == "torch" or module.startswith("torch."):
        return "torch" if hasattr(value, "detach") and hasattr(value, "data_ptr") else None
    if module.startswith("jax") and hasattr(value, "__array__"):
        return "jax"
    return None


_TORCH_BITS = {1: "uint8", 2: "int16", 4: "int32"}


def as_numpy(value):
    """A numpy array of the same values; of torch types that numpy lacks, the same bits."""
    which = kind(value)
    if which == "numpy":
        return value
    if which == "jax":
        return np.asarray(value)
    import torch

    host = value.detach().cpu().contiguous()
    try:
        return host.numpy()
    except TypeError:
        name = _dtypes.convert(host.dtype).name
        bits = host.view(getattr(torch, _TORCH_BITS[host.element_size()])).numpy()
        return bits.view(_dtypes.NUMPY[name])


def from_numpy(array, like):
    """An array of library `like`."""
    if like == "torch":
        import torch

        try:
            return torch.from_numpy(np.ascontiguousarray(array))
        except TypeError:
            name = _dtypes.convert(array.dtype).name
            size = array.dtype.itemsize
            bits = np.ascontiguousarray(array).view(f"i{size}" if size > 1 else "u1")
            torch_name = {"float8_e4m3": "float8_e4m3fn"}.get(name, name)
            target = getattr(torch, torch_name, None)
            if name == "float8_e4m3" or target is None:
                raise TypeError(f"torch has no type for {name}; pass numpy arrays") from None
            return torch.from_numpy(bits).view(target)
    if like == "jax":
        import jax.numpy

        return jax.numpy.asarray(array)
    return array


def raw(array):
    """The bytes of an array, row by row."""
    return np.ascontiguousarray(array).tobytes()


def to_device(array, buffer, name="", dtype=None):
    """A device tensor that holds the array."""
    kept = _dtypes.convert(array.dtype) if dtype is None else dtype
    shape = array.shape if array.ndim else (1,)
    tensor = _native.allocate(shape, kept, buffer, name, None, True)
    _native.write_bytes(tensor, raw(array))
    return tensor


def to_numpy(tensor):
    """The values of a view as a numpy array."""
    numpy = _dtypes.NUMPY[tensor.dtype.name]
    if tensor.is_indirect():
        values = np.array(_native.read_values(tensor)).reshape(tensor.shape)
        return values.astype(numpy)
    size = numpy.itemsize
    # Bits first: numpy cannot stride over types that it does not know.
    bits = np.frombuffer(_native.read_bytes(tensor), dtype=f"u{size}")
    strides = [s * size for s in tensor.strides]
    reach = [step * (count - 1) for step, count in zip(tensor.strides, tensor.shape)]
    low, high = tensor.offset + sum(r for r in reach if r < 0), tensor.offset + sum(r for r in reach if r > 0)
    if low < 0 or high >= bits.size:
        raise IndexError(f"the view reaches element {low if low < 0 else high} of a tensor with {bits.size} elements")
    view = np.lib.stride_tricks.as_strided(bits[tensor.offset :], shape=tensor.shape, strides=strides)
    return np.array(view, order="C").view(numpy).reshape(tensor.shape)
