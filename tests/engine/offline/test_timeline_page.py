"""What docs/timelines.md shows can be copied and rendered."""

from __future__ import annotations

import json
import re
import tomllib
from fractions import Fraction
from importlib import resources
from pathlib import Path

import jsonschema
import numpy as np

from omote.engine import offline
from omote.engine.face.expressions import NAMED_EXPRESSIONS
from omote.engine.face.light import LIGHT_PRESETS
from omote.engine.offline.face_limits import MIN_SHAPE
from omote.engine.offline.face_parser import parse_face
from omote.engine.offline.keyframes import EASES
from omote.engine.offline.timeline import KNOWN, read_timeline

PAGE = (Path(__file__).parents[3] / "docs" / "timelines.md").read_text("utf-8")
EXAMPLE = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)[0]


def test_example_becomes_the_film_that_it_says(tmp_path: Path) -> None:
    (tmp_path / "scene.toml").write_text(EXAMPLE, "utf-8")
    script = read_timeline(tmp_path / "scene.toml").script()
    assert (script.fps, len(script), script.cast) == (Fraction(30), 210, ("hana",))
    smile = parse_face("smile").vector()
    np.testing.assert_allclose(script.faces[46:54, :39], np.tile(smile[:39], (8, 1)), atol=1e-4)
    assert np.ptp(script.faces[60:66, :39], axis=0).max() > 0.5  # what flashes up at 2 seconds
    assert script.faces[:, 62].max() > 0.99  # a blink


def test_example_uses_all_that_there_is_and_is_what_the_schema_wants() -> None:
    said = tomllib.loads(EXAMPLE)
    assert set(KNOWN) - set(said) == {"$schema"}
    jsonschema.validate(said, json.loads((resources.files(offline) / "timeline.schema.json").read_text("utf-8")))


def test_page_names_every_ease_expression_and_preset() -> None:
    for name in (*EASES, *LIGHT_PRESETS, *KNOWN):
        assert f"`{name}`" in PAGE or f"[{name}]" in PAGE or f'"{name}"' in PAGE, name
    assert f"neutral, {', '.join(NAMED_EXPRESSIONS)} |" in PAGE
    assert f"below \u2212{-MIN_SHAPE:g}" in PAGE
