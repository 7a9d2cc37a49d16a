"""What a run opens: all of it or nothing, encrypted where that is wanted."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from omote.bridge.control import ControlClient, ControlError
from omote.bridge.endpoint import EndpointError
from omote.bridge.keys import KeysError, make_client, make_server
from omote.bridge.outputs import SenderError, pictures
from omote.engine.data import FlameParams, Portrait, Stamp
from omote.engine.live.latency import LatencyMeter
from omote.studio.app.config import Config
from omote.studio.app.session import StudioSession
from omote.studio.cli.live_outputs import Outputs
from tests.bridge.memory import MemoryChannel

PATIENCE_S = 60.0
ANY = "tcp://127.0.0.1:*"
HERE = Config(params_endpoint=ANY, video_endpoint=ANY, control_endpoint=ANY, page=False)


def opened(config: Config, stack: ExitStack) -> Outputs:
    return Outputs.opened(config, LatencyMeter(), StudioSession(), stack)


def test_all_bound_ports_are_announced() -> None:
    with ExitStack() as stack:
        outputs = opened(HERE, stack)
        hello = outputs.wire.publisher.hello
        ports = {one.name: int(one.address.rpartition(":")[2]) for one in outputs.endpoints}
        assert ports == {"video": hello.video, "params": hello.params, "control": hello.control}
        assert all(ports.values())
        assert {"clock", "hello", "set_light"} < set(hello.methods)
        assert outputs.portrait_outputs == (outputs.wire, outputs.studio.outputs, outputs.studio)
        assert outputs.notice == ""


def test_a_face_goes_to_each_destination() -> None:
    with ExitStack() as stack:
        outputs = opened(replace(HERE, out=("vmc://127.0.0.1", "livelink://127.0.0.1:9")), stack)
        assert [one.name for one in outputs.programs] == ["vmc 127.0.0.1:39539", "livelink 127.0.0.1:9"]
        assert sum("no pictures" in row for row in outputs.rows()) == 2


def test_an_output_without_a_receiver_gives_a_notice() -> None:
    with socket.socket() as nobody, ExitStack() as stack:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        port = nobody.getsockname()[1]
        outputs = opened(replace(HERE, out=(f"vts://127.0.0.1:{port}",)), stack)
        deadline_s = time.monotonic() + PATIENCE_S
        while "start VTube Studio" not in outputs.notice:
            assert time.monotonic() < deadline_s
            time.sleep(0.01)
        assert outputs.notice.startswith(f"vts 127.0.0.1:{port}: ")


def test_pictures_go_where_they_are_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    channel = MemoryChannel()
    monkeypatch.setattr(pictures, "open_ndi", lambda name: channel)
    with ExitStack() as stack:
        outputs = opened(replace(HERE, out=("ndi://Hana", "vmc://127.0.0.1")), stack)
        assert [one.name for one in outputs.programs] == ["ndi Hana", "vmc 127.0.0.1:39539"]
        assert "  picture to  ndi Hana" in outputs.rows()
        params = FlameParams.neutral()
        rgba = np.full((8, 8, 4), 7, np.uint8)
        outputs.studio.outputs.offer(Portrait(Stamp(0, 0, 0), rgba, None, params, 1.0, np.zeros(27, np.float32)))
    assert channel.is_closed
    assert channel.pixels is not None
    np.testing.assert_array_equal(channel.pixels, rgba)


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"out": ("ndy://host",)}, SenderError),
        ({"out": ("ndi://Omote?size=1",)}, SenderError),
        ({"out": ("vmc://nobody.invalid",)}, SenderError),
        ({"control_endpoint": "tcp://0.0.0.0:5558"}, EndpointError),
        ({"curve": True}, KeysError),
    ],
)
def test_what_cannot_be_opened_leaves_nothing_open(
    changed: dict[str, object], error: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMOTE_KEYS", str(tmp_path))
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        free = f"tcp://127.0.0.1:{trial.getsockname()[1]}"
    with pytest.raises(error), ExitStack() as stack:
        opened(replace(HERE, params_endpoint=free, **changed), stack)  # type: ignore[arg-type]
    with ExitStack() as stack:
        opened(replace(HERE, params_endpoint=free), stack)


def test_with_keys_only_admitted_clients_are_served_and_others_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMOTE_KEYS", str(tmp_path))
    keys = make_client(make_server(tmp_path), "studio-pc", tmp_path / "studio-pc.omote-key")
    with ExitStack() as stack:
        outputs = opened(replace(HERE, curve=True), stack)
        assert any("encrypted (CURVE)" in row for row in outputs.rows())
        with ControlClient(outputs.server.endpoint, keys) as client:
            assert client.call("expressions", timeout_s=PATIENCE_S)["names"]
        with ControlClient(outputs.server.endpoint) as stranger, pytest.raises(ControlError):
            stranger.call("expressions", timeout_s=0.5)
        deadline_s = time.monotonic() + PATIENCE_S
        while not outputs.notice:
            assert time.monotonic() < deadline_s
            time.sleep(0.01)
        assert "connections were refused" in outputs.notice


def test_connected_clients_are_listed() -> None:
    with ExitStack() as stack:
        outputs = opened(HERE, stack)
        nobody = outputs.receivers
        assert nobody == ()
        with ControlClient(outputs.server.endpoint) as client:
            for _ in range(2):
                client.call("expressions", timeout_s=PATIENCE_S)
        assert [(one.name, one.what) for one in outputs.receivers] == [("control", "1")]
