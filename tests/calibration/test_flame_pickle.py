"""A pickle is read without running code, and without allocating more memory than its data."""

from __future__ import annotations

import os
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from omote.calibration.flame_pickle import FlameFileError, load_pickle, plain_value

from .flame_pickles import Ch, Concatenate, Select, coo_matrix, csc_matrix, csr_matrix, pickled

NUMBERS = np.arange(12, dtype=np.float64).reshape(3, 4) / 7.0
SPARSE = np.array([[0.0, 0.5, 0.0, 0.5], [1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.25, 0.75]])


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize("dtype", ["<f8", ">f8", "<f4", "<f2", "<i8", ">u4", "|u1", "|b1"])
def test_arrays_come_back_as_numpy_wrote_them(protocol: int, dtype: str) -> None:
    values = (NUMBERS * 7.0).astype(dtype)
    found = load_pickle(pickled({"v": values, "turned": values.T}, protocol))
    np.testing.assert_array_equal(plain_value(found["v"]), values)
    np.testing.assert_array_equal(plain_value(found["turned"]), values.T)


@pytest.mark.parametrize("protocol", [0, 1, 2, 4])
def test_chumpys_arrays_are_read_without_chumpy(protocol: int) -> None:
    rows = np.array([5, 0, 11, 6])
    found = load_pickle(pickled({"x": Ch(NUMBERS), "part": Select(Ch(NUMBERS), rows, (2, 2))}, protocol))
    np.testing.assert_array_equal(plain_value(found["x"]), NUMBERS)
    np.testing.assert_array_equal(plain_value(found["part"]), NUMBERS.ravel()[rows].reshape(2, 2))


@pytest.mark.parametrize("kind", [csc_matrix, csr_matrix, coo_matrix])
def test_sparse_matrices_are_read_without_scipy(kind: Callable[[Any], object]) -> None:
    found = load_pickle(pickled({"J_regressor": kind(SPARSE)}))
    np.testing.assert_array_equal(plain_value(found["J_regressor"]), SPARSE)


def test_an_array_as_python_2_wrote_it_is_read() -> None:
    raw = NUMBERS.tobytes()
    written = (
        b"\x80\x02}q\x00U\x01vq\x01cnumpy.core.multiarray\n_reconstruct\nq\x02cnumpy\nndarray\nq\x03K\x00\x85U\x01b\x87R"
        b"(K\x01K\x03K\x04\x86cnumpy\ndtype\nU\x02f8K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        b"\x89T" + struct.pack("<I", len(raw)) + raw + b"tbs."
    )
    np.testing.assert_array_equal(plain_value(load_pickle(written)["v"]), NUMBERS)


def test_values_that_are_not_read_may_be_anything() -> None:
    odd = np.array(["text", None], object)
    found = load_pickle(pickled({"v": NUMBERS, "odd": odd, "words": np.array(["a", "b"]), 7: "number"}))
    np.testing.assert_array_equal(plain_value(found["v"]), NUMBERS)
    with pytest.raises(FlameFileError, match="not plain numbers"):
        plain_value(found["odd"])
    with pytest.raises(FlameFileError, match="not plain numbers"):
        plain_value(found["words"])


class Calls:
    """An object whose pickle calls a function."""

    def __init__(self, call: Callable[..., object], *arguments: object) -> None:
        self.said = (call, arguments)

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.said


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (os.system, f"{os.system.__module__}.system"),
        (eval, "eval"),
        (exec, "exec"),
        (getattr, "getattr"),
        (__import__, "__import__"),
        (open, "open"),
        (np.load, "numpy.load"),
        (np.fromfile, "fromfile"),
        (np.frombuffer, "frombuffer"),
        (np.dtype(float).newbyteorder, "getattr"),
        (Path, "Path"),
        (pickle.loads, "loads"),
        (bytearray, "bytearray"),
    ],
)
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_function_that_it_asks_for_is_refused_by_name(
    call: Callable[..., object], name: str, protocol: int, tmp_path: Path
) -> None:
    canary = tmp_path / "canary"
    content = pickle.dumps({"v": Calls(call, f"touch {canary}")}, protocol)
    with pytest.raises(FlameFileError, match=name):
        load_pickle(content)
    assert not canary.exists()


def refused(content: bytes) -> str:
    with pytest.raises(FlameFileError) as error:
        load_pickle(content)
    return str(error.value)


@pytest.mark.parametrize(
    "name",
    [
        b"cbuiltins\neval\n",
        b"c__builtin__\neval\n",
        b"cos\nsystem\n",
        b"cposix\nsystem\n",
        b"csubprocess\nPopen\n",
        b"cnumpy.core.multiarray\nfromfile\n",
        b"cnumpy\nndarray.tofile\n",
        b"comote.calibration.flame_pickle\nio\n",
        b"cchumpyx\nCh\n",
        b"cscipy.io\nloadmat\n",
        b"cscipy.sparse\n_csc.io\n",
        b"(cos\nsystem\no",
        b"(ios\nsystem\n",
        b"\x8c\x02os\x8c\x06system\x93",
        b"\x8c\x08builtins\x8c\x0cgetattr.real\x93",
    ],
)
def test_names_are_refused_however_they_are_asked_for(name: bytes) -> None:
    assert "do not trust it" in refused(b"\x80\x04" + name + b".")


@pytest.mark.parametrize(
    "tricks",
    [
        b"cchumpy.ch\nCh.__init__.__globals__\n)R.",  # no attribute is looked up: a class that keeps what it is given
        b"cchumpy.ch\nCh\n}U\x05stateNsb.",  # changing the class
        b"cnumpy.core.multiarray\n_reconstruct\n}U\x08__call__Nsb.",  # changing the function
        b"cnumpy.core.multiarray\n_reconstruct\nN}U\x09__class__Ns\x86b.",
        b"cnumpy\ndtype\n}U\x08__init__Nsb.",
        b"cnumpy\nndarray\n)R.",
        b"cnumpy\nndarray\n)\x81.",
        b"cnumpy\ndtype\n)\x81}b.",
        b"ccopy_reg\n_reconstructor\n(ccopy_reg\n_reconstructor\nc__builtin__\nobject\nNtR.",
        b"cchumpy.ch\nCh\n)\x81U\x04textb.",
        b"c_codecs\nencode\nU\x01aU\x03hex\x86R.",
        b"c_codecs\nencode\nU\x01aU\x07unicode\x86R.",
        b"]q\x00h\x00.",
        b"K\x01.",
        b".",
        b"",
        b"(((((((",
        b"0.",
        b"\x82\x01.",  # what another module registered
        b"Pname\n.",  # from outside
        b"U\x01aQ.",
        b"\x97.",
        b"}h\x05.",
        b"\x80\x09}.",
    ],
)
def test_tricks_end_in_a_refusal(tricks: bytes) -> None:
    assert refused(b"\x80\x02" + tricks)


@pytest.mark.parametrize(
    ("greedy", "says"),
    [
        (b"\x80\x04\x8e" + struct.pack("<Q", 1 << 40) + b"few.", "damaged"),  # bytes
        (b"\x80\x04\x8d" + struct.pack("<Q", 1 << 40) + b"few.", "damaged"),  # text
        (b"\x80\x05\x96" + struct.pack("<Q", 1 << 40) + b"few.", "damaged"),  # bytearray
        (b"\x80\x02T" + struct.pack("<i", 1 << 30) + b"few.", "damaged"),
        (b"\x80\x02\x8b" + struct.pack("<i", 1 << 30) + b"few.", "damaged"),  # a number
        (b"\x80\x04\x95" + struct.pack("<Q", 1 << 62) + b"}.", "damaged"),  # a frame
        (b"\x80\x02}r" + struct.pack("<I", (1 << 32) - 1) + b".", "place 4294967295 of 3"),
        (b"\x80\x02}p1000000000\n.", "place 1000000000 of 3"),
        (b"\x80\x02}p-1\n.", "place -1 of 3"),
    ],
)
def test_a_length_that_the_file_does_not_fill_takes_no_memory(greedy: bytes, says: str) -> None:
    assert says in refused(greedy)


@pytest.mark.parametrize(
    ("shape", "says"),
    [
        ((10**12,), "1000000000000"),
        ((1 << 30, 1 << 30, 1 << 30, 1 << 30), "8 bytes, expected"),
        ((-1,), "a side of -1"),
        ((1, 1, 1, 1, 1), "no tuple of 4 or fewer"),
        ((2,), "8 bytes, expected 16"),
        ((True,), "a side of True"),
        (((1,),), "a side of tuple"),
    ],
)
def test_an_array_must_have_the_bytes_that_its_shape_says(shape: tuple[int, ...], says: str) -> None:
    class Claims:
        def __reduce__(self) -> tuple[Any, ...]:
            written: Any = np.zeros(1).__reduce__()
            make, arguments, (version, _, dtype, order, raw) = written
            return make, arguments, (version, shape, dtype, order, raw)

    found = load_pickle(pickle.dumps({"v": Claims()}, 2))
    with pytest.raises(FlameFileError, match=says):
        plain_value(found["v"])


def changed(matrix: object, **state: object) -> object:
    vars(matrix).update(state)
    return matrix


@pytest.mark.parametrize(
    "value",
    [
        changed(csc_matrix(SPARSE), _shape=(10**9, 10**9)),
        changed(csc_matrix(SPARSE), _shape=(2, 4)),
        changed(csc_matrix(SPARSE), indices=np.array([1, 9, 2, 0, 2], np.int32)),
        changed(csc_matrix(SPARSE), indptr=np.array([0, 10**9], np.int64)),
        changed(csc_matrix(SPARSE), indptr=np.array([3, 0], np.int32)),
        changed(csc_matrix(SPARSE), indptr=None),
        changed(csc_matrix(SPARSE), data="text"),
        changed(csc_matrix(SPARSE), data=np.zeros(2)),
        changed(coo_matrix(SPARSE), row=np.array([-1] * 5)),
        changed(Ch(NUMBERS), x="text"),
        changed(Select(Ch(NUMBERS), np.array([99]), (1,))),
        changed(Select(Ch(NUMBERS), np.array([0]), (7,))),
        Concatenate(Ch(NUMBERS)),
        "text",
        {},
    ],
)
def test_an_object_that_makes_no_sense_is_refused_when_it_is_asked_for(value: object) -> None:
    found = load_pickle(pickled({"v": value}))
    with pytest.raises(FlameFileError):
        plain_value(found["v"])


def test_a_part_of_an_array_may_leave_its_shape_unsaid() -> None:
    part = changed(Select(Ch(NUMBERS), np.array([5, 0]), (2,)), preferred_shape=None)
    np.testing.assert_array_equal(plain_value(load_pickle(pickled({"v": part}))["v"]), NUMBERS.ravel()[[5, 0]])


def doubled(times: int) -> object:
    """A list whose numbers are two to this power, written in a few bytes each time."""
    nest: list[object] = [1.0]
    for _ in range(times):
        nest = [nest, nest]
    return nest


def test_lists_that_hold_each_other_many_times_over_are_not_written_out() -> None:
    nest = doubled(60)
    for content in (
        pickled({"v": nest}),
        pickled({"v": changed(csc_matrix(SPARSE), _shape=(nest, 4))}),
        pickled({"v": Ch(nest)}),  # type: ignore[arg-type]
    ):
        with pytest.raises(FlameFileError):
            plain_value(load_pickle(content)["v"])


def test_a_column_that_claims_numbers_takes_no_memory_for_them() -> None:
    column = changed(csc_matrix(SPARSE[:, :1]), indptr=np.array([0, 1 << 33], np.int64))
    with pytest.raises(FlameFileError, match="1 numbers, its columns or rows claim 8589934592"):
        plain_value(load_pickle(pickled({"v": column}))["v"])


def test_an_object_that_holds_itself_is_refused() -> None:
    endless = Ch(NUMBERS)
    vars(endless)["x"] = endless
    found = load_pickle(pickled({"v": endless}))
    with pytest.raises(FlameFileError, match="damaged"):
        plain_value(found["v"])


def test_a_file_that_was_cut_off_or_changed_gives_arrays_or_a_refusal() -> None:
    whole = pickled({"v_template": Ch(NUMBERS), "J_regressor": csc_matrix(SPARSE), "f": NUMBERS.astype(np.uint32)})
    rng = np.random.default_rng(0)
    cut = [whole[:length] for length in range(0, len(whole), 7)]
    flipped = [bytearray(whole) for _ in range(600)]
    for one in flipped:
        one[rng.integers(len(one))] = rng.integers(256)
    refusals = 0
    for content in (*cut, *map(bytes, flipped)):
        try:
            for value in load_pickle(content).values():
                plain_value(value)
        except FlameFileError:
            refusals += 1
    assert refusals > len(cut)
