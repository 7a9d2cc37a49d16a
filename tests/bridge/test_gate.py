"""Who is let in, over real sockets. Nothing here asserts how long something takes."""

from __future__ import annotations

import itertools
import logging
import socket as sockets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import zmq

from omote.bridge import endpoint, keys
from omote.bridge.authentication import ClientConnection, ServerAuthenticator
from omote.bridge.keys import ClientKeys, ServerKeys

from .sending import FREE_PORT, PATIENCE_S

PICTURE = b"a secret picture"


@pytest.fixture
def server(tmp_path: Path) -> ServerKeys:
    return keys.make_server(tmp_path / "keys")


@pytest.fixture
def client(server: ServerKeys, tmp_path: Path) -> ClientKeys:
    return keys.make_client(server, "client", tmp_path / "client.omote-key")


class Guarded:
    """A PUB socket behind a gate, sending the same message at each turn."""

    def __init__(
        self,
        server: ServerKeys | None,
        clock: Callable[[], int] = time.perf_counter_ns,
        where: str = FREE_PORT,
        *,
        is_open: bool = False,
    ) -> None:
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.gate = ServerAuthenticator(self.context, server, clock, is_open=is_open).__enter__()
        self.socket = self.context.socket(zmq.PUB)
        self.socket.linger = 0
        self.gate.guard(self.socket)
        self.endpoint = endpoint.bind(self.socket, "video", where)

    def __enter__(self) -> Guarded:
        return self

    def __exit__(self, *error: object) -> None:
        self.socket.close()
        self.gate.__exit__()
        self.context.destroy(linger=0)

    def turn(self) -> None:
        self.gate.watch()
        self.socket.send(PICTURE)


@contextmanager
def listening(where: str, client: ClientKeys | None) -> Iterator[zmq.Socket[bytes]]:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    with context.socket(zmq.SUB) as socket:
        socket.linger = 0
        if client:
            client.apply(socket)
        socket.subscribe(b"")
        socket.connect(where)
        yield socket
    context.destroy(linger=0)


def receives(guarded: Guarded, listener: zmq.Socket[bytes]) -> bool:
    """Whether a picture came, rather than a handshake that failed. One of both happens."""
    before, deadline_s = guarded.gate.rejected, time.monotonic() + PATIENCE_S
    while guarded.gate.rejected == before:
        guarded.turn()
        if listener.poll(5):
            assert listener.recv() == PICTURE
            return True
        assert time.monotonic() < deadline_s, "nothing happened"
    for _ in range(5):  # and what was refused gets nothing later either
        guarded.turn()
    assert not listener.poll(20)
    return False


def test_a_client_on_the_list_receives(server: ServerKeys, client: ClientKeys) -> None:
    with Guarded(server) as guarded, listening(guarded.endpoint, client) as listener:
        assert receives(guarded, listener)
        assert guarded.gate.rejected == 0


def names_the_cause(guarded: Guarded, client: ClientKeys | None, cause: str, caplog: pytest.LogCaptureFixture) -> bool:
    """Whether the log says it, sooner or later: a client may hang up before the server has seen why."""
    deadline_s = time.monotonic() + PATIENCE_S
    while cause not in caplog.text:
        with listening(guarded.endpoint, client) as listener:
            assert not receives(guarded, listener)
        assert time.monotonic() < deadline_s, f"not in the log: {cause}"
    return True


def each_time() -> Callable[[], int]:
    """A clock so fast that every failure is logged."""
    return itertools.count(0, 1_000_000_000).__next__


def test_an_unknown_key_receives_nothing_and_is_named(
    server: ServerKeys, client: ClientKeys, caplog: pytest.LogCaptureFixture
) -> None:
    keys.remove_client(server.clients, "client")
    cause = f"127.0.0.1 with the key {client.public} is not on the list; `omote keys new NAME`"
    with Guarded(server, each_time()) as guarded:
        assert names_the_cause(guarded, client, cause, caplog)


def test_no_key_receives_nothing_and_is_named(server: ServerKeys, caplog: pytest.LogCaptureFixture) -> None:
    with Guarded(server, each_time()) as guarded:
        assert names_the_cause(guarded, None, "it came without a key; `omote keys new NAME`", caplog)


def test_a_wrong_server_key_receives_nothing_and_is_named(
    server: ServerKeys, client: ClientKeys, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = ClientKeys(keys.make_server(tmp_path / "other").public, client.public, client.secret)
    with Guarded(server, each_time()) as guarded:
        assert names_the_cause(guarded, wrong, "its key file is for another server", caplog)


def test_a_key_where_none_is_wanted_is_counted_and_named(client: ClientKeys, caplog: pytest.LogCaptureFixture) -> None:
    with Guarded(None, each_time()) as guarded:
        assert names_the_cause(guarded, client, "start `omote live` with --curve, or the client without", caplog)


def test_without_keys_everybody_on_this_machine_receives() -> None:
    with Guarded(None) as guarded, listening(guarded.endpoint, None) as listener:
        assert receives(guarded, listener)


def test_who_is_removed_is_refused_at_the_next_connection(server: ServerKeys, client: ClientKeys) -> None:
    with Guarded(server) as guarded:
        with listening(guarded.endpoint, client) as listener:
            assert receives(guarded, listener)
            keys.remove_client(server.clients, "client")
            assert receives(guarded, listener)  # who is in stays in
        with listening(guarded.endpoint, client) as listener:
            assert not receives(guarded, listener)


def test_who_is_added_is_let_in_without_a_restart(server: ServerKeys, tmp_path: Path) -> None:
    with Guarded(server) as guarded:
        later = keys.make_client(server, "later", tmp_path / "later.omote-key")
        with listening(guarded.endpoint, later) as listener:
            assert receives(guarded, listener)


def test_two_gates_in_one_process_keep_their_own_lists(server: ServerKeys, client: ClientKeys, tmp_path: Path) -> None:
    other_server = keys.make_server(tmp_path / "other")
    other_client = keys.make_client(other_server, "client", tmp_path / "other.omote-key")
    with Guarded(server) as first, Guarded(other_server) as second:
        for guarded, own in ((first, client), (second, other_client)):
            with listening(guarded.endpoint, own) as listener:
                assert receives(guarded, listener)
        stranger = ClientKeys(other_server.public, client.public, client.secret)
        with listening(second.endpoint, stranger) as listener:
            assert not receives(second, listener)
        assert (first.gate.rejected, second.gate.rejected > 0) == (0, True)


def test_a_gate_that_is_gone_lets_nobody_in(server: ServerKeys, client: ClientKeys) -> None:
    with Guarded(server) as guarded:
        guarded.gate.__exit__()
        with listening(guarded.endpoint, client) as listener:
            for _ in range(20):
                guarded.socket.send(PICTURE)
                assert not listener.poll(20)


def test_strangers_are_counted_and_do_no_harm(server: ServerKeys, client: ClientKeys) -> None:
    with Guarded(server) as guarded:
        address = ("127.0.0.1", endpoint.port_of(guarded.endpoint))
        for said in (b"", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 20, b"\xff" * 64, bytes(64)):
            with sockets.create_connection(address, PATIENCE_S) as stranger:
                stranger.sendall(said)
                guarded.turn()
        with listening(guarded.endpoint, client) as listener:
            assert receives_at_last(guarded, listener)


def receives_at_last(guarded: Guarded, listener: zmq.Socket[bytes]) -> bool:
    deadline_s = time.monotonic() + PATIENCE_S
    while not listener.poll(5):
        assert time.monotonic() < deadline_s, "nothing came"
        guarded.turn()
    return True


@contextmanager
def knocking(where: str, client: ClientKeys | None) -> Iterator[tuple[ClientConnection, zmq.Socket[bytes]]]:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    socket = context.socket(zmq.SUB)
    socket.subscribe(b"")
    with ClientConnection(socket, where, client, each_time()) as knocker:
        yield knocker, socket
    context.destroy(linger=0)


def turn_until(guarded: Guarded, knocker: ClientConnection, what: Callable[[], object]) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < deadline_s, "waited in vain"
        guarded.turn()
        knocker.watch()
        time.sleep(0.005)


def test_who_is_put_on_the_list_later_comes_in_by_itself(server: ServerKeys, client: ClientKeys) -> None:
    entry = server.clients / "client.toml"
    said = entry.read_text()
    entry.unlink()
    with Guarded(server) as guarded, knocking(guarded.endpoint, client) as (knocker, listener):
        turn_until(guarded, knocker, lambda: "is not on its list; `omote keys new NAME`" in knocker.refusal)
        entry.write_text(said)
        turn_until(guarded, knocker, lambda: listener.poll(0))
        turn_until(guarded, knocker, lambda: not knocker.refusal)


def test_a_server_that_is_started_anew_with_keys_is_found_again(server: ServerKeys, client: ClientKeys) -> None:
    with Guarded(None) as guarded, knocking(guarded.endpoint, client) as (knocker, listener):
        turn_until(guarded, knocker, lambda: "start it with --curve" in knocker.refusal)
        guarded.__exit__()
        with Guarded(server, where=guarded.endpoint) as anew:
            turn_until(anew, knocker, lambda: listener.poll(0))


def test_a_client_without_a_key_is_told_that_one_is_wanted(server: ServerKeys) -> None:
    with Guarded(server) as guarded, knocking(guarded.endpoint, None) as (knocker, _):
        turn_until(guarded, knocker, lambda: knocker.refusal == "it wants a key; `omote keys new NAME` there makes one")


def test_failures_that_nobody_looks_at_hold_nothing_up() -> None:
    with Guarded(None, is_open=True) as guarded:
        for _ in range(1200):  # more than libzmq keeps for who is slow
            sockets.create_connection(("127.0.0.1", endpoint.port_of(guarded.endpoint)), PATIENCE_S).close()
        with listening(guarded.endpoint, None) as listener:
            deadline_s = time.monotonic() + PATIENCE_S
            while not listener.poll(5):
                guarded.socket.send(PICTURE)
                assert time.monotonic() < deadline_s, "nothing came"
        while guarded.gate.rejected < 1001:
            guarded.gate.watch()
            assert time.monotonic() < deadline_s, "they were not counted"


def test_a_storm_of_failures_is_logged_once_a_second(caplog: pytest.LogCaptureFixture, client: ClientKeys) -> None:
    now_ns = 0
    with Guarded(None, clock=lambda: now_ns) as guarded:
        for second in range(2):
            now_ns = second * 1_000_000_000
            for _ in range(3):
                with listening(guarded.endpoint, client) as listener:
                    assert not receives(guarded, listener)
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 2
