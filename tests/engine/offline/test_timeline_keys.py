"""The schema, the reader and the documents of timelines agree; errors name the place and the nearest name."""

from __future__ import annotations

import copy
import json
import re
import tomllib
from collections.abc import Iterator
from fractions import Fraction
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from omote.bridge import arkit
from omote.engine import offline
from omote.engine.face.expressions import NAMED_EXPRESSIONS
from omote.engine.face.light import LIGHT_PRESETS
from omote.engine.offline import timeline, timeline_keys
from omote.engine.offline.animation import RenderError
from omote.engine.offline.face_limits import FLAME_NAMES, MIN_SHAPE
from omote.engine.offline.face_parser import parse_face
from omote.engine.offline.keyframes import DEFAULT_EASE, EASES
from omote.engine.offline.timeline import KNOWN as TOP_NAMES
from omote.engine.offline.timeline import read_timeline

SCHEMA: dict[str, Any] = json.loads((resources.files(offline) / "timeline.schema.json").read_text("utf-8"))
# The smallest entry of each kind.
LEAST: dict[str, dict[str, object]] = {
    "expression": {"at": 1, "is": "smile"},
    "gaze": {"at": 1},
    "head": {"at": 1},
    "light": {"at": 1, "is": "warm"},
    "character": {"at": 1, "is": "hana"},
    "micro": {"at": 1, "is": "angry"},
    "blink": {"at": 1},
}
TABLES: dict[str, dict[str, object]] = {"blinks": {"per_minute": 10}, "motion": {}}
LAMP: dict[str, object] = {"direction": [0, 0, 1]}
KNOWN = {
    "expression": timeline_keys.EXPRESSION,
    "gaze": timeline_keys.GAZE,
    "head": timeline_keys.HEAD,
    "light": timeline_keys.LIGHT,
    "character": timeline.CHARACTER,
    "micro": timeline.MICRO,
    "blink": timeline.ONE_BLINK,
    "blinks": timeline.BLINKS,
    "motion": timeline.MOTION,
}


def resolved(part: dict[str, Any]) -> dict[str, Any]:
    return SCHEMA["$defs"][part["$ref"].rpartition("/")[2]] if "$ref" in part else part


def entry(kind: str) -> dict[str, Any]:
    """What the schema says of one entry of this kind."""
    found = SCHEMA["properties"][kind]
    found = next((one for one in found.get("oneOf", ()) if one.get("type") == "array"), found)
    return dict(found.get("items", found))


LAMP_SCHEMA: dict[str, Any] = next(
    one for one in entry("light")["properties"]["is"]["oneOf"] if one.get("type") == "object"
)


def document(kind: str, content: dict[str, object]) -> dict[str, object]:
    return {kind: content if kind in TABLES else [content]}


def numbers() -> Iterator[tuple[dict[str, object], bool]]:
    """A document for every number, at each of its bounds and just beyond."""
    for kind, content in (LEAST | TABLES).items():
        for name, part in entry(kind)["properties"].items():
            for value, is_right in around(resolved(part)):
                yield document(kind, content | {name: value}), is_right
    for name, part in LAMP_SCHEMA["properties"].items():
        for value, is_right in around(part):
            yield document("light", LEAST["light"] | {"is": LAMP | {name: value}}), is_right
    for name in ("seconds", "seed"):
        for value, is_right in around(SCHEMA["properties"][name]):
            yield {name: value}, is_right


def around(part: dict[str, Any]) -> Iterator[tuple[object, bool]]:
    if "minimum" in part:
        for bound, way in ((part["minimum"], -1), (part["maximum"], 1)):
            yield bound, True
            yield bound + (way if part["type"] == "integer" else way * 1e-3 * max(1.0, abs(bound))), False
        yield "much", False
        yield True, False


def wrong() -> Iterator[dict[str, object]]:
    """Documents that neither takes."""
    for kind, content in (LEAST | TABLES).items():
        yield document(kind, content | {"unknown": 1})
        yield {kind: "nonsense"} if kind != "character" else {kind: 1}
        for name in content:
            yield document(kind, {other: value for other, value in content.items() if other != name})
        if "ease" in entry(kind)["properties"]:
            yield document(kind, content | {"ease": "bounce"})
    documents: dict[str, tuple[object, ...]] = {
        "light": (1, [0.0] * 26, {"direction": [0, 1]}, {"strength": 1}, LAMP | {"colour": 1}, "disco"),
        "character": (1, {"hana": 1}, {"hana": 1, "mori": 1, "sol": 1}, {"hana": -1, "mori": 1}),
        "expression": (1, {}, {"jawOpen": "wide"}, {"jawOpen": "0.5"}, {"jawOpne": 0.5}, {"jawOpen": 2}, ["smile"]),
    }
    for kind, words in documents.items():
        for word in words:
            yield document(kind, LEAST[kind] | {"is": word})
    for name, value in (("unknown", 1), ("fps", 0), ("fps", True), ("fps", None), ("seed", 1.5)):
        yield {name: value}


def is_taken_by_schema(content: dict[str, object]) -> bool:
    return bool(jsonschema.Draft202012Validator(SCHEMA).is_valid(content))


def is_read(content: dict[str, object], folder: Path) -> bool:
    path = folder / "scene.json"
    path.write_text(json.dumps(content))
    try:
        read_timeline(path)
    except RenderError:
        return False
    return True


def test_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_schema_and_reader_know_the_same_names() -> None:
    assert set(SCHEMA["properties"]) == set(timeline.KNOWN)
    for kind, known in KNOWN.items():
        assert set(entry(kind)["properties"]) == set(known), kind
    assert set(LAMP_SCHEMA["properties"]) == set(timeline_keys.LAMP)
    assert tuple(SCHEMA["$defs"]["ease"]["enum"]) == EASES and SCHEMA["$defs"]["ease"]["default"] == DEFAULT_EASE
    assert set(SCHEMA["$defs"]["light"]["enum"]) == {timeline_keys.STUDIO, *LIGHT_PRESETS}


def test_schema_and_reader_have_the_same_bounds(tmp_path: Path) -> None:
    documents = list(numbers())
    assert len(documents) > 150
    for content, is_right in documents:
        assert is_taken_by_schema(content) == is_right, content
        assert is_read(content, tmp_path) == is_right, content


def test_neither_takes_what_is_wrong(tmp_path: Path) -> None:
    for content in wrong():
        assert not is_taken_by_schema(content), content
        assert not is_read(content, tmp_path), content


def test_schema_and_reader_know_the_same_weights_and_values() -> None:
    weights, values = SCHEMA["$defs"]["face"]["oneOf"][1:]
    assert tuple(weights["properties"]) == arkit.NAMES
    (pattern,) = values["patternProperties"]
    assert all(re.search(pattern, name) for name in FLAME_NAMES)
    assert not any(re.search(pattern, f"{name}x") for name in (*FLAME_NAMES, "expression_5", *arkit.NAMES))


@pytest.mark.parametrize("content", ({"seed": 4.0}, {"$schema": None}, {"character": "x" * 300}, {"character": []}))
def test_both_take_what_looks_odd(tmp_path: Path, content: dict[str, object]) -> None:
    assert is_taken_by_schema(content) and is_read(content, tmp_path)


def test_both_take_the_least_of_each_kind_and_all_of_it_together(tmp_path: Path) -> None:
    everything: dict[str, object] = {"$schema": "timeline.schema.json", "fps": 25, "seconds": 3, "seed": 1}
    for kind, content in (LEAST | TABLES).items():
        assert is_taken_by_schema(document(kind, content)) and is_read(document(kind, content), tmp_path)
        everything |= copy.deepcopy(document(kind, content))
    assert is_taken_by_schema(everything) and is_read(everything, tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    (
        ("sceonds = 3", r'scene\.toml: nothing is called "sceonds" \(did you mean "seconds"\?\)'),
        (
            '[[expression]]\nat = 0\nis = "smile"\n[[expression]]\nat = 1\nis = "smlie"',
            r'scene\.toml: expression 2: no expression is called "smlie" \(did you mean "smile"\?\)',
        ),
        ('[[expression]]\nat = 0\nis = "smile"\neaes = "in"', r'expression 1: nothing is called "eaes" .*"ease"'),
        ('[[expression]]\nis = "smile"', r'expression 1: "at" is missing'),
        ("[[gaze]]\nat = -1", r'gaze 1: "at" must be a number from 0 to 36000, got -1'),
        ("[[head]]\nat = 0\nyaw_deg = 90", r'head 1: "yaw_deg" must be a number from -45 to 45, got 90'),
        ('[[light]]\nat = 0\nis = "sunste"', r'light 1: no light is called "sunste" \(did you mean "sunset"\?\)'),
        ("[[light]]\nat = 0\nis = {direction = [0, 0, 0]}", r"light 1: .*not all 0"),
        ('[[micro]]\nat = 0\nis = "angry"\nseconds = 0.01', r'micro 1: "seconds" must be a number from 0\.04'),
        ("[[gaze]]\nat = 1\n[[gaze]]\nat = 1", r"gaze 2 stands at 1 seconds, where another key"),
        ("seconds = 1\n[[gaze]]\nat = 2", r'still to come at 2 seconds, and "seconds" is 1'),
        ("[[expression]]\nat = 0\nis = {jawOpen = 2}", r'expression 1: "is": jawOpen must be from 0 to 1, got 2'),
        ("motion = 1", r"motion must be a table, got 1"),
        ("expression = 1", r'"expression" must be a list of tables'),
        ('fps = "many"', r"\"fps\": 'many' is no rate"),
        ("seed = -1", r'"seed" must be a whole number from 0, got -1'),
        ("[[", r"scene\.toml is no TOML"),
        (
            '[[character]]\nat = 0\nis = {hana = 1, mori = 1}\n[[character]]\nat = 1\nis = "sol"',
            r"character 2: on the way there hana, mori, sol would be in one picture, which shows 2 at most: put a key",
        ),
    ),
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "scene.toml").write_text(text)
    with pytest.raises(RenderError, match=message):
        read_timeline(tmp_path / "scene.toml")


@pytest.mark.parametrize(
    ("text", "message"),
    (
        ('{"gaze": [], "gaze": [{"at": 1}]}', r'scene\.json is no JSON: "gaze" appears twice'),
        ("[" * 100_000, r"scene\.json is no JSON: tables or lists lie too deep"),
    ),
)
def test_json_that_would_lose_or_break_something_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "scene.json").write_text(text)
    with pytest.raises(RenderError, match=message):
        read_timeline(tmp_path / "scene.json")


def test_file_that_is_no_timeline_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match=r"cannot read the timeline .*No such file"):
        read_timeline(tmp_path / "none.toml")
    with pytest.raises(RenderError, match=r"neither \.toml nor \.json"):
        read_timeline(tmp_path / "scene.yaml")


# docs/timelines.md.

PAGE = (Path(__file__).parents[3] / "docs" / "timelines.md").read_text("utf-8")
EXAMPLE = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)[0]


def test_example_becomes_the_film_that_it_says(tmp_path: Path) -> None:
    (tmp_path / "scene.toml").write_text(EXAMPLE, "utf-8")
    animation = read_timeline(tmp_path / "scene.toml").animation()
    assert (animation.fps, len(animation), animation.cast) == (Fraction(30), 210, ("hana",))
    smile = parse_face("smile").vector()
    np.testing.assert_allclose(animation.faces[46:54, :39], np.tile(smile[:39], (8, 1)), atol=1e-4)
    assert np.ptp(animation.faces[60:66, :39], axis=0).max() > 0.5  # what flashes up at 2 seconds
    assert animation.faces[:, 62].max() > 0.99  # a blink


def test_example_uses_all_that_there_is_and_is_what_the_schema_wants() -> None:
    content = tomllib.loads(EXAMPLE)
    assert set(TOP_NAMES) - set(content) == {"$schema"}
    jsonschema.validate(content, SCHEMA)


def test_page_names_every_ease_expression_and_preset() -> None:
    for name in (*EASES, *LIGHT_PRESETS, *TOP_NAMES):
        assert f"`{name}`" in PAGE or f"[{name}]" in PAGE or f'"{name}"' in PAGE, name
    assert f"neutral, {', '.join(NAMED_EXPRESSIONS)} |" in PAGE
    assert f"below \u2212{-MIN_SHAPE:g}" in PAGE
