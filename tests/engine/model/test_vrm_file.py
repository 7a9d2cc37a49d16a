"""VRM files: what is read of 0.x and 1.0, and what is refused."""

from __future__ import annotations

import contextlib
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from omote.engine.model.vrm_file import (
    MOST_VRM_BYTES,
    TERM_VALUES,
    TERMS,
    VrmError,
    model_terms,
    opened_vrm,
    read_vrm,
)

from ...training.vrm_models import Glb, squares


@pytest.mark.parametrize("version", [0, 1])
def test_both_versions_face_forward_in_dm(version: int) -> None:
    model = opened_vrm(squares(version).written(), "a.vrm")
    (part,) = model.parts
    assert model.head == pytest.approx([0.0, 15.0, 0.0])
    # The subject's left is +x in both, though models of 0.x look along -z.
    assert part.position[1] == pytest.approx([1.0, 15.0, 1.0], abs=1e-5)
    assert part.normal[0] == pytest.approx([0.0, 0.0, 1.0], abs=1e-6)
    assert part.follows[:, 0] == pytest.approx(1.0) and part.follows[:, 1] == pytest.approx(0.0)
    assert (model.terms.title, model.terms.author) == ("Test", "Nobody")
    assert "commercial use: " in model.terms.line


@pytest.mark.parametrize("version", [0, 1])
def test_expressions_move_what_they_bind(version: int) -> None:
    model = opened_vrm(squares(version).written(), "a.vrm")
    (part,) = model.parts
    assert (model.moved(part, "blink") - part.position)[:, 1] == pytest.approx(-0.1, abs=1e-5)
    assert (model.moved(part, "blink", 0.5) - part.position)[:, 1] == pytest.approx(-0.05, abs=1e-5)
    assert model.moved(part, "nothing") is part.position


@pytest.mark.parametrize("holder", ["mesh", "primitive"])
def test_morph_targets_are_expressions_by_their_names_where_there_are_none(holder: str) -> None:
    glb = squares()
    mesh = glb.json["meshes"][0]
    named = mesh if holder == "mesh" else mesh["primitives"][0]
    glb.json["extensions"]["VRMC_vrm"]["expressions"] = {}
    named["extras"] = {"targetNames": ["Face.Fcl_MTH_A", "Fcl_HA_Short"]}
    model = opened_vrm(glb.written(), "a.vrm")
    (part,) = model.parts
    assert model.expressions.keys() == {"fcl_mth_a"}
    assert (model.moved(part, "fcl_mth_a") - part.position)[:, 1] == pytest.approx(-0.1, abs=1e-5)
    others: tuple[Any, ...] = ([1, None, {}], "Fcl_MTH_A", 7, None)
    for other in others:
        named["extras"] = {"targetNames": other}
        assert opened_vrm(glb.written(), "a.vrm").expressions == {}


def test_an_expression_of_the_same_name_is_preferred_to_a_morph_target() -> None:
    glb = squares()
    preset = glb.json["extensions"]["VRMC_vrm"]["expressions"]["preset"]
    preset["jawOpen"] = {"morphTargetBinds": [{"node": 5, "index": 0, "weight": 0.5}]}
    glb.json["meshes"][0]["extras"] = {"targetNames": ["jawOpen"]}
    assert opened_vrm(glb.written(), "a.vrm").expressions["jawopen"] == ((0, 0, 0.5),)


def test_a_held_out_arm_is_lowered() -> None:
    glb = squares()
    glb.json["nodes"].append({"mesh": 0})  # hangs on the elbow, not on a skin
    glb.json["nodes"][4]["children"] = [6]
    glb.json["scenes"] = [{"nodes": [0, 5]}]
    hung = opened_vrm(glb.written(), "a.vrm").parts[1].position
    # The elbow, 3 dm beside the shoulder, and what hangs on it turn around that, to 74 degrees below the horizon.
    turn = np.exp(-1j * np.radians(74.0))
    expected = (2.0 + 13.0j) + turn * (3.0 + 16.0j)
    assert hung.mean(0) == pytest.approx([expected.real, expected.imag, 1.0], abs=1e-4)


def test_sparse_rows_and_missing_textures_are_read() -> None:
    glb = squares()
    rows, values = np.array([2], np.uint32), np.array([[0.0, 0.3, 0.0]], np.float32)
    glb.json["accessors"].append(
        {
            "componentType": 5126,
            "count": 4,
            "type": "VEC3",
            "sparse": {
                "count": 1,
                "indices": {"bufferView": glb.view(rows.tobytes()), "componentType": 5125},
                "values": {"bufferView": glb.view(values.tobytes())},
            },
        }
    )
    glb.json["meshes"][0]["primitives"][0]["targets"] = [{"POSITION": len(glb.json["accessors"]) - 1}]
    del glb.json["images"][0]["bufferView"]
    glb.json["images"][0]["uri"] = "elsewhere.png"
    (part,) = opened_vrm(glb.written(), "a.vrm").parts
    assert part.targets[0][:, 1] == pytest.approx([0.0, 0.0, 3.0, 0.0])
    assert part.material.picture is None


def test_mtoon_of_vrm_0_says_how_a_part_is_painted() -> None:
    glb = squares(0)
    glb.json["extensions"]["VRM"]["materialProperties"] = [
        {
            "shader": "VRM/MToon",
            "floatProperties": {"_BlendMode": 1, "_Cutoff": 0.3, "_CullMode": 0},
            "vectorProperties": {"_Color": [1.0, 0.5, 0.5, 1.0], "_ShadeColor": [0.5, 0.25, 0.25, 1.0]},
            "textureProperties": {"_MainTex": 0},
        }
    ]
    material = opened_vrm(glb.written(), "a.vrm").parts[0].material
    assert (material.mode, material.cutoff, material.is_double_sided) == ("MASK", 0.3, True)
    assert material.colour == pytest.approx([1.0, 0.5, 0.5, 1.0])
    assert material.shade == pytest.approx([0.5, 0.5, 0.5])
    assert material.picture is not None and material.picture[0, 0].tolist() == [0, 0, 255, 255]


def _set(path: list[Any], value: object) -> Callable[[Glb], bytes]:
    """A change of one value somewhere in the file's JSON."""

    def change(glb: Glb) -> bytes:
        place: Any = glb.json
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value
        return glb.written()

    return change


HEAD = ["extensions", "VRMC_vrm", "humanoid", "humanBones"]
HOSTILE: dict[str, tuple[Callable[[Glb], bytes], str]] = {
    "no glTF": (lambda glb: b"MZ" + glb.written(), "does not start"),
    "nothing": (lambda glb: b"", "does not start"),
    "cut off": (lambda glb: glb.written()[:-40], "ends after"),
    "no VRM": (_set(["extensions"], {}), "without VRM's extension"),
    "no head": (_set(HEAD, {"hips": {"node": 0}}), 'no "head"'),
    "a bone that is not there": (_set([*HEAD, "head"], {"node": 99}), "not there"),
    "a negative bone": (_set([*HEAD, "head"], {"node": -1}), "not there"),
    "nodes in a ring": (_set(["nodes", 2, "children"], [0]), "contain each other"),
    "no mesh": (_set(["nodes", 5], {"name": "empty"}), ""),
    "too many rows": (_set(["accessors", 0, "count"], 5_000_000), "rows of"),
    "rows beyond the end": (_set(["accessors", 0, "count"], 100_000), "cut off"),
    "negative rows": (_set(["accessors", 0, "count"], -4), "rows of"),
    "another type": (_set(["accessors", 0, "type"], "VEC2"), "wanted 3"),
    "an unknown number": (_set(["accessors", 0, "componentType"], 1), "damaged"),
    "a negative offset": (_set(["bufferViews", 0, "byteOffset"], -64), "laid out"),
    "another buffer": (_set(["bufferViews", 0, "buffer"], 1), "laid out"),
    "a stride of one": (_set(["bufferViews", 0, "byteStride"], 1), "laid out"),
    "an offset beyond the end": (_set(["bufferViews", 0, "byteOffset"], 1 << 60), "cut off"),
    "a node that is nowhere": (_set(["nodes", 2, "translation"], [1e999, 0.0, 0.0]), "finite"),
    "text for numbers": (_set(["nodes", 2, "translation"], "above"), "damaged"),
    "a picture that is none": (_set(["images", 0, "bufferView"], 0), "damaged"),
    "a joint that is not there": (_set(["skins", 0, "joints"], [77]), "damaged"),
    "a corner that is not there": (_set(["accessors", 6, "count"], 3), ""),
    "deep lists": (_set(["extras"], json.loads("[" * 900 + "]" * 900)), ""),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_cannot_be_used_is_refused_in_a_sentence(name: str) -> None:
    change, said = HOSTILE[name]
    try:
        model = opened_vrm(change(squares()), "a.vrm")
    except VrmError as error:
        assert str(error).startswith("a.vrm ") and said in str(error)
    else:
        assert not said and model.parts


def test_broken_bytes_raise_nothing_else() -> None:
    whole, rng = bytearray(squares().written()), np.random.default_rng(0)
    for _ in range(400):
        broken = bytearray(whole)
        for at in rng.integers(0, len(whole), rng.integers(1, 6)):
            broken[at] = rng.integers(0, 256)
        with contextlib.suppress(VrmError):
            opened_vrm(bytes(broken), "a.vrm")


def _json_end(data: bytes) -> int:
    return 20 + int.from_bytes(data[12:16], "little")


@pytest.mark.parametrize("version", [0, 1])
def test_terms_are_read_from_the_start_of_a_file(version: int) -> None:
    data = squares(version).written()
    start = data[: _json_end(data)]
    assert len(start) < len(data)
    terms = model_terms(start, "a.vrm")
    assert terms == opened_vrm(data, "a.vrm").terms
    assert terms.stated["commercial"].lower() in TERM_VALUES and terms.stated.keys() <= TERMS.keys()
    with pytest.raises(VrmError, match="of its JSON: copy it again"):
        model_terms(start[:-1], "a.vrm")


def test_terms_are_bounded_printable_text() -> None:
    glb = squares()
    glb.json["extensions"]["VRMC_vrm"]["meta"] = {
        "name": "a\x1b[2J\u202eb" + "c" * 999,
        "authors": ["x", {"y": 1}],
        "modification": "z" * 999,
        "allowExcessivelyViolentUsage": False,
        "allowRedistribution": True,
        "licenseUrl": "",
        "unknown": "dropped",
    }
    terms = model_terms(glb.written(), "a.vrm")
    assert terms.title == "a?[2J?b" + "c" * 53
    assert terms.author == "x, {'y': 1}"
    assert terms.stated == {"changes": "z" * 200, "redistribution": "yes", "violent": "no"}


def test_a_model_that_states_no_terms_says_so() -> None:
    glb = squares()
    del glb.json["extensions"]["VRMC_vrm"]["meta"]
    terms = model_terms(glb.written(), "a.vrm")
    assert terms.stated == {}
    assert terms.line == "a VRM model by unknown. no terms of use in the file"


@pytest.mark.parametrize(
    "part",
    [
        b"[]",
        b"{",
        b'{"extensions": 5}',
        b'{"extensions": {"VRM": []}}',
        b'{"extensions": {"VRM": {"meta": 7}}}',
        b"[" * 99_999,
    ],
)
def test_terms_that_cannot_be_read_are_refused(part: bytes) -> None:
    with pytest.raises(VrmError, match=r"^a\.vrm "):
        model_terms(struct.pack("<4sIII4s", b"glTF", 2, 20 + len(part), len(part), b"JSON") + part, "a.vrm")


def test_large_and_missing_files(tmp_path: Path) -> None:
    with pytest.raises(VrmError, match="cannot read"):
        read_vrm(tmp_path / "none.vrm")
    large = tmp_path / "large.vrm"
    with large.open("wb") as file:
        file.truncate(MOST_VRM_BYTES + 1)
    with pytest.raises(VrmError, match="at most 256 MB"):
        read_vrm(large)


def test_a_length_that_lies(tmp_path: Path) -> None:
    data = bytearray(squares().written())
    data[12:16] = struct.pack("<I", 0xFFFFFFFF)
    path = tmp_path / "a.vrm"
    path.write_bytes(data)
    with pytest.raises(VrmError):
        read_vrm(path)
