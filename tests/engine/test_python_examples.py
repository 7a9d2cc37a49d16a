"""The examples of docs/python.md run as they stand, except for their length and for addresses that may be taken."""

from __future__ import annotations

import itertools
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from omote.bridge.control import ControlServer
from omote.engine import Animator, Portrait, WireOutput
from omote.engine.model import animator as animator_module
from omote.engine.model.renderer import Renderer
from omote.engine.models import WeightsError, shipped_networks
from omote.engine.testing.live import CollectingOutput

EXAMPLES = re.findall(
    r"## (\d\.[^\n]*)\n(?:(?!\n## ).)*?```python\n(.*?)```",
    (Path(__file__).resolve().parents[2] / "docs" / "python.md").read_text(encoding="utf-8"),
    re.DOTALL,
)
REAL_OPEN_RENDERER = animator_module.open_renderer
ANY_PORT = "tcp://127.0.0.1:*"


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(animator_module, "open_renderer", lambda *_: (opened_renderer(), ()))


@cache
def opened_renderer() -> Renderer:
    """The network, opened once for all examples, without a trial of runtimes."""
    try:
        shipped_networks()
    except WeightsError as error:
        pytest.skip(str(error))
    return REAL_OPEN_RENDERER("openvino")[0]


@contextmanager
def offering(wire: WireOutput, portrait: Portrait) -> Iterator[None]:
    """Offers this portrait again and again, for a subscriber that comes later."""
    is_over = threading.Event()

    def offer() -> None:
        while not is_over.wait(0.02):
            wire.offer(portrait)

    thread = threading.Thread(target=offer)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def run(number: int, *changes: tuple[str, str], **given: object) -> dict[str, Any]:
    """The names after the example has run; each change replaces a text of it that is there."""
    code = EXAMPLES[number - 1][1]
    for old, new in changes:
        assert old in code
        code = code.replace(old, new)
    names: dict[str, Any] = {"__name__": f"example_{number}", **given}
    exec(compile(code, f"docs/python.md, example {number}", "exec"), names)
    return names


def test_there_are_six_examples() -> None:
    assert [title[:2] for title, _ in EXAMPLES] == ["1.", "2.", "3.", "4.", "5.", "6."]


@pytest.mark.parametrize(
    ("number", "changes", "file", "size", "pictures"),
    [
        (1, (), "smile.png", (512, 512), 1),
        (2, (), "sheet.png", (1152, 384), 1),
        (3, (("end_s=2.0", "end_s=0.4"),), "duo.webp", (512, 256), None),
    ],
)
def test_an_example_saves_its_picture(
    number: int, changes: tuple[tuple[str, str], ...], file: str, size: tuple[int, int], pictures: int | None
) -> None:
    run(number, *changes)
    with Image.open(file) as image:
        assert image.size == size
        assert getattr(image, "n_frames", 1) == pictures or pictures is None
        alpha = image.convert("RGBA").getchannel("A").getextrema()
    assert alpha == (0, 255)


def test_a_source_of_ones_own_is_published_in_ten_lines() -> None:
    code = EXAMPLES[3][1]
    assert len([line for line in code.splitlines() if line.strip()]) <= 10
    drawn = CollectingOutput()
    run(
        4,
        ("WireOutput()", f'WireOutput("{ANY_PORT}", "{ANY_PORT}")'),
        ("[wire]", "[wire, drawn]"),
        ("range(1800)", "until_drawn()"),
        drawn=drawn,
        until_drawn=lambda: itertools.takewhile(lambda _: not drawn.portraits, itertools.count()),
    )
    assert drawn.portraits[0].params.jaw_pose[0] > 0.0


def test_pictures_are_received_and_an_expression_is_asked_for() -> None:
    asked: list[Mapping[str, object]] = []

    def trigger(arguments: Mapping[str, object]) -> Mapping[str, object]:
        asked.append(arguments)
        return {}

    portrait = Animator(256).draw({"jawOpen": 0.5}, "hana")
    with (
        WireOutput(ANY_PORT, ANY_PORT) as wire,
        ControlServer(ANY_PORT, {"set_expression": trigger}, session=1) as server,
        offering(wire, portrait),
    ):
        video = wire.publisher.video_endpoint
        run(5, ("tcp://127.0.0.1:5557", video), ("tcp://127.0.0.1:5558", server.endpoint))
    with Image.open("received.png") as image:
        assert image.size == (256, 256)
    assert asked == [{"name": "smile"}]


def test_an_output_of_ones_own_takes_portraits() -> None:
    names = run(6, ("end_s=3.0", "end_s=0.3"))
    assert names["report"].pictures == 9
    assert names["mouth"].best is not None
