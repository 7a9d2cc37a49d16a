"""Discovery: questions and answers on loopback, mDNS on the loopback interface, and what is refused."""

from __future__ import annotations

import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, nullcontext
from dataclasses import replace
from types import SimpleNamespace

import pytest

from omote.bridge import discovery
from omote.bridge.discovery import Announcement, DiscoveryError, LanAnnouncer, Responder, find_lan, find_local
from omote.bridge.fields import WireError, pack

SENDER = Announcement(
    name="studio-pc",
    subject="omote",
    session=(1 << 64) - 1,
    video="tcp://127.0.0.1:5557",
    params="tcp://127.0.0.1:5556",
    control="",
    is_encrypted=False,
    omote="0.1.0",
)
PATIENCE_S = 3.0


@pytest.fixture(autouse=True)
def ports(monkeypatch: pytest.MonkeyPatch) -> range:
    """Free ports of this test's own, so that no other sender answers."""
    with ExitStack() as stack:
        probe = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        probe.bind((discovery.LOOPBACK, 0))
        first = min(probe.getsockname()[1], 65000)
    found = range(first, first + 3)
    monkeypatch.setattr(discovery, "PORTS", found)
    return found


def test_an_announcement_comes_back() -> None:
    assert Announcement.from_bytes(SENDER.to_bytes()) == SENDER


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"v": 2}, "version 2"),
        ({"video": "tcp://*:5557"}, "cannot be connected to"),
        ({"params": "http://a"}, "no address"),
        ({"session": -1}, "session"),
        ({"name": "a\x1b[2J"}, "printable"),
        ({"curve": 1}, "curve"),
        ({"subject": 5}, "subject"),
    ],
)
def test_what_is_no_announcement_is_refused(changed: dict[str, object], word: str) -> None:
    fields: dict[str, object] = {"v": 1, "name": "a", "subject": "omote", "session": 1, "curve": False, "omote": ""}
    fields |= {"video": "", "params": "", "control": ""} | changed
    with pytest.raises(WireError, match=word):
        Announcement.from_bytes(pack(fields, "announcement"))


def test_every_sender_of_this_machine_answers_by_name() -> None:
    other = replace(SENDER, name="a second", session=7)
    with Responder(lambda: SENDER) as first, Responder(lambda: other) as second:
        assert first.port != second.port
        assert find_local(PATIENCE_S / 3) == (other, SENDER)
    assert find_local(0.05) == ()


def test_nothing_but_the_question_is_answered() -> None:
    with Responder(lambda: SENDER) as responder, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.settimeout(PATIENCE_S)
        for said in (b"", b"omote?", discovery.QUESTION + b"!", b"x" * 60000, discovery.QUESTION):
            stranger.sendto(said, (discovery.LOOPBACK, responder.port))
        assert Announcement.from_bytes(stranger.recv(4096)) == SENDER
        stranger.settimeout(0.05)
        with pytest.raises(TimeoutError):
            stranger.recv(4096)


def test_one_port_lists_one_sender_whatever_it_sends(ports: range) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as hostile, ThreadPoolExecutor() as pool:
        hostile.bind((discovery.LOOPBACK, ports[0]))
        hostile.settimeout(PATIENCE_S)
        asked = pool.submit(find_local, PATIENCE_S / 3)
        _, asker = hostile.recvfrom(100)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as elsewhere:
            elsewhere.sendto(SENDER.to_bytes(), asker)
        for session in range(100):
            hostile.sendto(replace(SENDER, session=session).to_bytes(), asker)
        assert [sender.session for sender in asked.result()] == [99]


def test_a_network_of_a_thousand_names_is_asked_about_64(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def browse(service: object, kind: str, handlers: list[Callable[..., None]]) -> None:
        for number in range(1000):
            handlers[0](name=f"{number}.{kind}", zeroconf=service, service_type=kind, state_change=None)

    service = SimpleNamespace(get_service_info=lambda kind, name, timeout: asked.append(name))
    network = SimpleNamespace(
        InterfaceChoice=SimpleNamespace(Default=None),
        Zeroconf=lambda interfaces: nullcontext(service),
        ServiceBrowser=browse,
    )
    monkeypatch.setattr(discovery, "_zeroconf", lambda: network)
    assert find_lan(0.01) == ()
    assert len(asked) == discovery.MOST_LAN_SENDERS


def test_a_sender_without_a_free_port_runs_unlisted(ports: range, caplog: pytest.LogCaptureFixture) -> None:
    with ExitStack() as stack:
        for port in ports:
            stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)).bind((discovery.LOOPBACK, port))
        with Responder(lambda: SENDER) as responder:
            assert responder.port == 0
    assert "are taken" in caplog.text


def test_only_an_encrypted_sender_is_announced_in_a_network() -> None:
    with pytest.raises(DiscoveryError, match="--curve"):
        LanAnnouncer(SENDER)


def test_an_encrypted_sender_is_found_by_mdns() -> None:
    pytest.importorskip("zeroconf", reason="zeroconf is not installed: pip install 'omote[discovery]'")
    interfaces = (discovery.LOOPBACK,)  # nothing leaves this machine
    encrypted = replace(SENDER, name="studio.pc", is_encrypted=True, control="tcp://127.0.0.1:5558")
    try:
        with LanAnnouncer(encrypted, interfaces):
            found = find_lan(PATIENCE_S / 2, interfaces)
    except DiscoveryError as error:
        pytest.skip(str(error))
    assert found == (replace(encrypted, name="studio-pc"),)
