"""Options that cannot be drawn are refused before any work, with the options that can."""

from __future__ import annotations

from typing import Any

import pytest

from omote.engine.errors import AnimatorError
from omote.engine.hardware import gpu_names
from omote.engine.model.kinds import Settings
from omote.engine.offline.animation import RenderError
from omote.engine.offline.render import open_renderer
from omote.engine.offline.render_options import resolve_settings
from omote.engine.tensor_file import CharacterError


def resolve(**options: Any) -> Any:
    cast, threads = options.pop("cast", ("hana",)), options.pop("threads", None)
    return resolve_settings(cast, Settings(**{"size": 256, "steps": 1, "runtime": "openvino", **options}), threads)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"cast": ("hanna",)}, CharacterError, 'did you mean "hana"'),
        ({"size": 15}, RenderError, "--size must be from 16 to 4096 pixels, got 15"),
        ({"size": 4097}, RenderError, "got 4097"),
        ({"steps": 3}, RenderError, "--steps must be one of 1, 2, 4, got 3"),
        ({"threads": 0}, RenderError, "--threads must be 1 or more"),
        ({"runtime": "abacus"}, AnimatorError, 'no runtime "abacus": there are openvino'),
    ],
)
def test_an_option_out_of_range_is_refused(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        resolve(**options)


def test_a_runtime_that_is_not_on_this_machine_is_refused_when_it_opens() -> None:
    pytest.importorskip("openvino")
    if gpu_names():
        pytest.skip("a GPU is here, which may run it")
    with pytest.raises(AnimatorError, match="choose --runtime openvino"):
        open_renderer(resolve(runtime="tensorrt"))


def test_auto_is_always_openvino() -> None:
    assert resolve(runtime="auto").build == resolve().build


def test_a_size_is_drawn_at_the_next_larger_one_and_512_without_one() -> None:
    assert (resolve(size=None).size, resolve(size=None).drawn_size) == (512, 512)
    assert (resolve(size=300).size, resolve(size=300).drawn_size) == (300, 384)
    remark = "drawn with 1024 pixels on a side, the most that there are, and enlarged to 1080"
    assert resolve(size=1080).remark == remark
