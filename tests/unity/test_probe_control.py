"""The Unity core's control client against a live control server, by its own transport and by libzmq."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping

import pytest

from omote.bridge.control import ControlError, ControlServer, Method
from omote.bridge.discovery import Announcement, Responder

from ..bridge.probe import Command, ask
from ..bridge.sending import FREE_PORT, PATIENCE_S
from .core_build import TRANSPORTS

SESSION = 0xFEDCBA9876543210
HOUR_NS = 3_600_000_000_000


def echo(arguments: Mapping[str, object]) -> Mapping[str, object]:
    return {"heard": dict(arguments)}


def fail(arguments: Mapping[str, object]) -> Mapping[str, object]:
    raise ControlError("failed", "no face is seen")


def serving(**methods: Method) -> ControlServer:
    return ControlServer(FREE_PORT, methods, session=SESSION)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_arguments_and_results_travel_whole(probe: Command, transport: str) -> None:
    with serving(echo=echo) as server:
        words = ("name=smile", "attack=0.25", "hold=nil", "weights.jawOpen=0.5", "fmt=jpeg,rgba8")
        said = ask(probe, server.endpoint, "echo", "--transport", transport, *words)
    wanted = {"name": "smile", "attack": 0.25, "hold": None, "weights": {"jawOpen": 0.5}, "fmt": ["jpeg", "rgba8"]}
    assert said == {"result": {"heard": wanted}}


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_slow_method_is_answered_too(probe: Command, transport: str) -> None:
    with serving(set_character=lambda said: {"character": said["name"]}) as server:
        said = ask(probe, server.endpoint, "set_character", "name=mira", "--transport", transport)
    assert said == {"result": {"character": "mira"}}


def test_refusals_carry_their_code(probe: Command) -> None:
    with serving(fail=fail) as server:
        assert ask(probe, server.endpoint, "fail") == {"error": {"code": "failed", "message": "no face is seen"}}
        unknown = ask(probe, server.endpoint, "nonsense")["error"]
        assert isinstance(unknown, dict)
        assert unknown["code"] == "unsupported"


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_clock_of_another_machine_is_measured(probe: Command, transport: str) -> None:
    """The offset is right by no more than it says: server and probe read the same clock here, an hour apart."""
    with ControlServer(FREE_PORT, {}, session=SESSION, clock=lambda: time.perf_counter_ns() + HOUR_NS) as server:
        said = ask(probe, server.endpoint, "measure", "--transport", transport)
    offset_ns, uncertainty_ns = said["offset_ns"], said["uncertainty_ns"]
    assert isinstance(offset_ns, int) and isinstance(uncertainty_ns, int)
    assert said["session"] == str(SESSION)
    assert abs(offset_ns - HOUR_NS) <= uncertainty_ns + 200  # the probe's clock counts in steps of 100 ns


def test_senders_of_this_machine_are_found_by_name(probe: Command) -> None:
    session = (1 << 64) - 7
    sender = Announcement("studio", "omote", session, "tcp://127.0.0.1:5557", "tcp://127.0.0.1:5556", "", True)
    with Responder(lambda: sender) as responder:
        if not responder.port:
            pytest.skip("all ports of discovery are taken here")
        done = subprocess.run([*probe, "discover"], check=True, capture_output=True, text=True, timeout=PATIENCE_S)
    (ours,) = (line for line in done.stdout.splitlines() if line.startswith(f"{session} "))
    assert ours == f"{session} studio omote tcp://127.0.0.1:5557 tcp://127.0.0.1:5556  True"
