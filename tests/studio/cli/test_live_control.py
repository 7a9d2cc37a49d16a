"""`omote live` as a process of its own, asked by a client: what it shows and what it sends really change."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pytest

from omote.bridge import arkit
from omote.bridge.control import ControlClient, ControlError
from omote.bridge.payload import Params, Video
from omote.bridge.subscriber import Subscriber
from omote.engine.models import WeightsError, shipped_networks
from tests.studio.commands import OPENVINO

PATIENCE_S = 60.0
COMMAND = (sys.executable, "-m", "omote.studio.cli.main", "live", "--no-page", "--seconds", "600", *OPENVINO)


@pytest.fixture
def addresses() -> Iterator[dict[str, str]]:
    """Where a running command listens, by name."""
    try:
        shipped_networks()
    except WeightsError as error:
        pytest.skip(str(error))
    with subprocess.Popen(COMMAND, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            for line in process.stdout:
                if "ZeroMQ" in line:
                    yield dict(re.findall(r"(\w+) (tcp://[\d.:]+)", line))
                    break
        finally:
            process.kill()


def until(subscriber: Subscriber, is_such: Callable[[object], bool]) -> None:
    """Takes what comes until it is such a thing."""
    deadline_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline_s:
        frame = subscriber.take(1.0)
        if frame and is_such(frame.payload):
            return
    pytest.fail("it never came")


def brightness(picture: object) -> float:
    assert isinstance(picture, Video)
    return float(picture.pixels[picture.pixels[..., 3] > 200][:, :3].mean())


def redness_of_the_hair(picture: object) -> float:
    assert isinstance(picture, Video)
    upper = picture.pixels[: len(picture.pixels) // 4].astype(float)
    red, green, _, alpha = np.moveaxis(upper, -1, 0)
    return float((red - green)[alpha > 200].mean())


def recalibrates(client: ControlClient) -> bool:
    """Whether a face was seen just now; on a machine that was held up none may have been."""
    try:
        client.call("recalibrate", timeout_s=PATIENCE_S)
    except ControlError as error:
        assert error.code == "failed"
        return False
    return True


def test_a_client_changes_what_a_running_omote_shows(addresses: dict[str, str]) -> None:
    assert set(addresses) == {"video", "params", "control"}
    with (
        ControlClient(addresses["control"]) as client,
        Subscriber(addresses["video"]) as video,
        Subscriber(addresses["params"]) as params,
    ):

        def ask(method: str, **arguments: object) -> Mapping[str, object]:
            return client.call(method, arguments, PATIENCE_S)

        until(video, lambda picture: brightness(picture) > 60.0)
        hello = ask("hello")
        for name, address in addresses.items():
            assert address == f"tcp://127.0.0.1:{hello[name]}"
        assert (hello["character"], hello["wire"]) == ("hana", 1)
        assert {"clock", "set_character", "recalibrate"} < set(hello["methods"])  # type: ignore[call-overload]

        ask("set_light", harmonics=[0.0] * 27)
        until(video, lambda picture: brightness(picture) < 35.0)
        ask("set_light", harmonics=None)
        until(video, lambda picture: brightness(picture) > 60.0)

        assert "noah" in ask("characters")["names"]  # type: ignore[operator]
        assert ask("set_character", name="noah") == {"character": "noah"}
        until(video, lambda picture: redness_of_the_hair(picture) > 30.0)  # hers is black
        with pytest.raises(ControlError, match="did you mean"):
            ask("set_character", name="noahh")

        tongue = arkit.INDEX["tongueOut"]

        def shows_its_tongue(face: object) -> bool:
            assert isinstance(face, Params)
            assert face.shown_weights is not None
            return bool(face.shown_weights[tongue] > 0.9 and face.weights[tongue] < 0.5)

        ask("set_expression", name="tongue", hold=None)
        until(params, shows_its_tongue)
        until(params, lambda _: recalibrates(client))

        stats = ask("stats")
        assert stats["sent_pictures"]
        assert {"v/omote", "p/omote"} <= set(stats["listening"])  # type: ignore[call-overload]
        assert client.measure_clock().session == hello["session"]
