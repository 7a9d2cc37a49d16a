"""What is said before any work when an easel cannot be set up as it was asked for."""

from __future__ import annotations

from typing import Any

import pytest

from omote.engine.errors import AnimatorError
from omote.engine.hardware import gpu_names
from omote.engine.model.character_file import CharacterError
from omote.engine.offline.animation import RenderError
from omote.engine.offline.render import open_renderer
from omote.engine.offline.render_options import resolve_settings


def set_up(**asked: Any) -> Any:
    said = {"cast": ("hana",), "size": 256, "steps": 1, "runtime": "openvino", **asked}
    return resolve_settings(**said)


@pytest.mark.parametrize(
    ("asked", "kind", "said"),
    [
        ({"cast": ("hanna",)}, CharacterError, 'did you mean "hana"'),
        ({"size": 15}, RenderError, "--size must be from 16 to 4096 pixels, got 15"),
        ({"size": 4097}, RenderError, "got 4097"),
        ({"steps": 3}, RenderError, "--steps must be one of 1, 2, 4, got 3"),
        ({"threads": 0}, RenderError, "--threads must be 1 or more"),
        ({"runtime": "abacus"}, AnimatorError, 'no runtime "abacus": there are openvino'),
    ],
)
def test_what_cannot_be_is_said_with_what_can(asked: dict[str, Any], kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said):
        set_up(**asked)


def test_a_runtime_that_is_not_on_this_machine_is_refused_where_it_would_draw() -> None:
    pytest.importorskip("openvino")
    if gpu_names():
        pytest.skip("a GPU is here, which may run it")
    with pytest.raises(AnimatorError, match="choose --runtime openvino"):
        open_renderer(set_up(runtime="tensorrt"))


def test_nothing_is_left_to_a_trial() -> None:
    assert set_up(runtime="auto").build == set_up().build


def test_no_size_is_the_usual_one_and_another_is_drawn_by_the_next() -> None:
    assert (set_up(size=None).size, set_up(size=None).drawn_size) == (512, 512)
    assert (set_up(size=300).size, set_up(size=300).drawn_size) == (300, 384)
    remark = "drawn with 1024 pixels on a side, the most that there are, and enlarged to 1080"
    assert set_up(size=1080).remark == remark
