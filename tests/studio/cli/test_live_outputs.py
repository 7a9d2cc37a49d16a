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
from omote.bridge.endpoint import EndpointError, PortInUseError
from omote.bridge.keys import KeysError, make_client, make_server
from omote.bridge.outputs import SenderError, pictures
from omote.bridge.payload import Hello
from omote.bridge.subscriber import Subscriber
from omote.engine.data import FlameParams, Portrait, Stamp
from omote.engine.face.light import studio_light
from omote.engine.live.latency import LatencyMeter
from omote.studio.app.config import Config
from omote.studio.app.endpoints import EndpointChoice
from omote.studio.app.session import StudioSession
from omote.studio.app.settings import Settings, SettingsStore, load_settings
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
        with ControlClient(outputs.bound.address("control"), keys) as client:
            assert client.call("expressions", timeout_s=PATIENCE_S)["names"]
        with ControlClient(outputs.bound.address("control")) as stranger, pytest.raises(ControlError):
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
        with ControlClient(outputs.bound.address("control")) as client:
            for _ in range(2):
                client.call("expressions", timeout_s=PATIENCE_S)
        assert [(one.name, one.what) for one in outputs.receivers] == [("control", "1")]


def test_endpoints_are_moved_and_switched_off_and_on_while_a_receiver_of_another_one_stays(tmp_path: Path) -> None:
    with ExitStack() as stack:
        store = SettingsStore(Settings(), tmp_path)
        studio = StudioSession("demo", store)
        outputs = Outputs.opened(HERE, LatencyMeter(), studio, stack)
        params = stack.enter_context(Subscriber(outputs.bound.address("params")))
        _wait_for_hello(params)
        (before, after), busy = free_ports(2), outputs.bound.address("params")

        # Pictures move, the receiver of parameters hears of it, and a new receiver gets them there.
        studio.use_endpoint("video", True, before)
        assert outputs.bound.address("video") == f"tcp://127.0.0.1:{before}"
        assert _wait_for_hello(params, video=before).control
        with Subscriber(outputs.bound.address("video")) as video:
            _publish_until(outputs, video)
            studio.use_endpoint("video", True, after)  # its receiver is left behind
        with pytest.raises(PortInUseError, match="is taken by another program; stop it or choose another port"):
            studio.use_endpoint("video", True, int(busy.rpartition(":")[2]))
        assert outputs.bound.address("video") == f"tcp://127.0.0.1:{after}"

        # Control is off: a client gets no answer, and the others say so; then it is on again at the same port.
        port = int(outputs.bound.address("control").rpartition(":")[2])
        studio.use_endpoint("control", False, port)
        assert (outputs.bound.address("control"), [one.name for one in outputs.endpoints]) == ("", ["video", "params"])
        assert _wait_for_hello(params, control=0).methods == ()
        studio.use_endpoint("control", True, port)
        with ControlClient(outputs.bound.address("control")) as client:
            assert client.call("expressions", timeout_s=PATIENCE_S)["names"]
        assert params.refusal == ""
        store.write()
        choices = {"video": EndpointChoice(True, after), "control": EndpointChoice(True, port)}
        assert load_settings(tmp_path).endpoints == choices


def test_the_next_start_binds_what_was_chosen_and_goes_on_without_a_port_that_is_taken(
    caplog: pytest.LogCaptureFixture,
) -> None:
    free, taken = free_ports(2)
    kept = {"video": EndpointChoice(True, free), "params": EndpointChoice(True, taken)}
    studio = StudioSession("demo", SettingsStore(Settings(endpoints={**kept, "control": EndpointChoice(False, 5558)})))
    with socket.socket() as other, ExitStack() as stack:
        other.bind(("127.0.0.1", taken))
        other.listen()
        outputs = Outputs.opened(Config(page=False), LatencyMeter(), studio, stack)
        assert [(one.name, one.address) for one in outputs.endpoints] == [("video", f"tcp://127.0.0.1:{free}")]
        assert f"the endpoint params of the page is off: tcp://127.0.0.1:{taken} (params) is taken" in caplog.text
        rows = [(one["name"], one["is_on"], one["port"]) for one in outputs.bound.as_json()]
        assert rows == [("video", True, free), ("params", False, 5556), ("control", False, 5558)]


@pytest.mark.parametrize(
    ("name", "is_on", "port", "said"),
    [
        ("sound", True, 5557, "there are video, params, control"),
        ("video", 1, 5557, "is_on, true or false"),
        ("video", True, 0, "a port from 1 to 65535"),
        ("video", True, 65536, "a port from 1 to 65535"),
        ("video", True, "tcp://0.0.0.0:5557", "a port from 1 to 65535"),
    ],
)
def test_an_impossible_endpoint_is_refused(name: str, is_on: object, port: object, said: str) -> None:
    with ExitStack() as stack:
        outputs = opened(HERE, stack)
        with pytest.raises(EndpointError, match=said):
            outputs.studio.use_endpoint(name, is_on, port)


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


def _wait_for_hello(params: Subscriber, **ports: int) -> Hello:
    """The next hello, the first with these ports."""
    deadline_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline_s:
        params.take(0.1)
        if params.hello and ports.items() <= vars(params.hello).items():
            return params.hello
    pytest.fail(f"no hello with {ports} came")


def _publish_until(outputs: Outputs, video: Subscriber) -> None:
    """Offers portraits until this receiver gets one."""
    deadline_s = time.monotonic() + PATIENCE_S
    rgba = np.zeros((8, 8, 4), np.uint8)
    while time.monotonic() < deadline_s:
        outputs.wire.offer(Portrait(Stamp.now(), rgba, None, FlameParams.neutral(), 1.0, studio_light()))
        if video.take(0.05):
            return
    pytest.fail("no picture came")
