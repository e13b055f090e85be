"""What the hardware refuses is refused here, with the kernel's file and line."""

import nki
import nki.isa as nisa
import nki.language as nl
import numpy as np
import pytest


def run(body, *args, target="trn2", monkeypatch=None):
    monkeypatch.setenv("NEURON_PLATFORM_TARGET_OVERRIDE", target)
    return nki.jit(body)(*args)


def tile(partitions, free, dtype=nl.float32, buffer=nl.sbuf):
    return nl.ndarray((partitions, free), dtype=dtype, buffer=buffer)


def test_fault_names_the_line_of_the_kernel(monkeypatch):
    def kernel():
        a, b = tile(128, 8), tile(64, 8)
        nisa.tensor_tensor(dst=a, data1=a, data2=b, op=nl.add)  # the line in question

    with pytest.raises(nisa.NkiValidationError) as caught:
        run(kernel, monkeypatch=monkeypatch)
    here = open(__file__).read().splitlines()
    line = next(i for i, text in enumerate(here, 1) if "the line in question" in text and "nisa." in text)
    assert str(caught.value).startswith(f"{__file__}:{line}: tensor_tensor")
    assert caught.value.line == line and caught.value.file == __file__ and caught.value.rule


def test_fault_inside_a_language_function_names_the_caller(monkeypatch):
    def kernel():
        nl.add(tile(128, 8), tile(128, 9))

    with pytest.raises(ValueError, match="do not go together"):
        run(kernel, monkeypatch=monkeypatch)


RULES = {
    "too many partitions": lambda: tile(129, 8),
    "matmul reads PSUM": lambda: nisa.nc_matmul(tile(128, 8, buffer=nl.psum), tile(128, 128, buffer=nl.psum), tile(128, 8)),
    "matmul writes SBUF": lambda: nisa.nc_matmul(tile(128, 8), tile(128, 128), tile(128, 8)),
    "moving side too wide": lambda: nisa.nc_matmul(tile(128, 513, buffer=nl.psum), tile(128, 128), tile(128, 513)),
    "contraction sizes": lambda: nisa.nc_matmul(tile(128, 8, buffer=nl.psum), tile(64, 128), tile(128, 8)),
    "fp32 with bf16": lambda: nisa.nc_matmul(tile(128, 8, buffer=nl.psum), tile(128, 128), tile(128, 8, nl.bfloat16)),
    "both inputs in PSUM": lambda: nisa.tensor_tensor(
        tile(128, 8), tile(128, 8, buffer=nl.psum), tile(128, 8, buffer=nl.psum), nl.add
    ),
    "start partition": lambda: nisa.tensor_copy(tile(128, 8)[10:20], tile(128, 8)[0:10]),
    "statistics over 512": lambda: nisa.bn_stats(tile(128, 6), tile(128, 600)),
    "too much for PSUM": lambda: tile(128, 16 * 1024, buffer=nl.psum),
    "too much for SBUF": lambda: tile(128, 1 << 20),
    "element counts": lambda: nisa.tensor_copy(tile(128, 8), tile(128, 9)),
    "transpose changes type": lambda: nisa.nc_transpose(tile(32, 32, nl.bfloat16), tile(32, 32)),
    "reduction over partitions": lambda: nisa.tensor_reduce(tile(128, 1), nl.add, tile(128, 8), axis=0),
    "no operator": lambda: nisa.tensor_tensor(tile(128, 8), tile(128, 8), tile(128, 8), "nothing"),
    "no function": lambda: nisa.activation(tile(128, 8), nl.add, tile(128, 8)),
    "not a tensor": lambda: nisa.tensor_copy(tile(128, 8), 3.0),
    "trn3 only": lambda: nisa.exponential(tile(128, 8), tile(128, 8)),
}


@pytest.mark.parametrize("name", RULES)
def test_rule(name, monkeypatch):
    with pytest.raises((nisa.NkiValidationError, ValueError, TypeError)) as caught:
        run(RULES[name], monkeypatch=monkeypatch)
    assert str(caught.value)


def test_registers_have_no_value_while_tracing(monkeypatch):
    def kernel():
        register = nisa.register_alloc(3)
        range(register)

    with pytest.raises(TypeError, match="register"):
        run(kernel, monkeypatch=monkeypatch)


def test_64_bit_arguments_are_refused(monkeypatch):
    with pytest.raises(TypeError, match="64-bit"):
        run(lambda x: x, np.zeros((128, 4)), monkeypatch=monkeypatch)


def test_repeated_elements_take_no_room_in_psum(monkeypatch):
    def kernel():
        acc = tile(128, 2, buffer=nl.psum)
        nisa.memset(acc, 3.0)
        out = nl.ndarray((128, 2, 3072), dtype=nl.float32, buffer=nl.sbuf)
        nisa.tensor_copy(dst=out, src=acc.expand_dim(2).broadcast(2, 3072))
        wide = tile(128, 5000, nl.bfloat16, nl.psum)
        nisa.memset(wide, 0.0)

    with pytest.raises(nisa.NkiValidationError, match="memset.*5000 elements a partition in PSUM; at most 4096"):
        run(kernel, monkeypatch=monkeypatch)


def test_a_pattern_is_checked_where_it_is_used(monkeypatch):
    def kernel():
        beyond = tile(128, 8).ap([[8, 128], [1, 9]])
        nisa.memset(beyond, 0.0)

    with pytest.raises(nisa.NkiValidationError, match="reaches elements 0 to 8"):
        run(kernel, monkeypatch=monkeypatch)


def test_a_barrier_of_one_core_waits_for_nobody(monkeypatch):
    def kernel():
        out = nl.ndarray((128, 8), dtype=nl.float32, buffer=nl.shared_hbm)
        nisa.core_barrier(out, (0,))
        nisa.core_barrier(out, (0))

    run(kernel, monkeypatch=monkeypatch)


def test_missing_fields_of_a_kernel_object_are_none():
    from dataclasses import dataclass

    @dataclass
    class Sizes(nl.NKIObject):
        rows: int
        columns: int
        padding: int
        scale: float = 2.0

    sizes = Sizes(rows=3, columns=4)
    assert (sizes.rows, sizes.columns, sizes.padding, sizes.scale) == (3, 4, None, 2.0)
