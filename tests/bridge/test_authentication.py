"""Which clients may connect, over real sockets. Nothing here asserts how long something takes."""

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

from .sending import FREE_PORT, PATIENCE_S, wait_for

PICTURE = b"a secret picture"


@pytest.fixture
def server(tmp_path: Path) -> ServerKeys:
    return keys.make_server(tmp_path / "keys")


@pytest.fixture
def client(server: ServerKeys, tmp_path: Path) -> ClientKeys:
    return keys.make_client(server, "client", tmp_path / "client.omote-key")


class Guarded:
    """A PUB socket behind an authenticator, sending the same message in each turn."""

    def __init__(
        self,
        server: ServerKeys | None,
        clock: Callable[[], int] = time.perf_counter_ns,
        where: str = FREE_PORT,
        *,
        is_open: bool = False,
    ) -> None:
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.authenticator = ServerAuthenticator(self.context, server, clock, is_open=is_open).__enter__()
        self.socket = self.context.socket(zmq.PUB)
        self.socket.linger = 0
        self.authenticator.guard(self.socket, 65536)
        self.endpoint = endpoint.bind(self.socket, "video", where)
        self.address = ("127.0.0.1", endpoint.port_of(self.endpoint))

    def __enter__(self) -> Guarded:
        return self

    def __exit__(self, *error: object) -> None:
        self.socket.close()
        self.authenticator.__exit__()
        self.context.destroy(linger=0)

    @property
    def rejected(self) -> int:
        return self.authenticator.rejected

    def turn(self) -> None:
        self.authenticator.poll()
        self.socket.send(PICTURE)

    def receives(self, client: ClientKeys | None) -> bool:
        """Whether a new client gets a picture, or else its handshake fails."""
        with listening(self.endpoint, client) as listener:
            return self.reaches(listener)

    def reaches(self, listener: zmq.Socket[bytes]) -> bool:
        before, deadline_s = self.rejected, time.monotonic() + PATIENCE_S
        while self.rejected == before:
            self.turn()
            if listener.poll(5):
                assert listener.recv() == PICTURE
                return True
            assert time.monotonic() < deadline_s, "nothing happened"
        for _ in range(5):  # a refused client gets nothing later either
            self.turn()
        assert not listener.poll(20)
        return False


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


def each_second() -> Callable[[], int]:
    """A clock so fast that every failure is logged, and every retry is due."""
    return itertools.count(0, 1_000_000_000).__next__


def test_a_client_on_the_list_receives_and_so_does_everyone_here_without_keys(
    server: ServerKeys, client: ClientKeys
) -> None:
    for keys_of_server, keys_of_client in ((server, client), (None, None)):
        with Guarded(keys_of_server) as guarded:
            assert guarded.receives(keys_of_client)
            assert guarded.rejected == 0


@pytest.mark.parametrize(
    ("which", "cause"),
    [
        ("unknown", "is not on the list; `omote keys new NAME`"),
        ("none", "it came without a key; `omote keys new NAME`"),
        ("of another server", "its key file is for another server"),
        ("of none", "start `omote live` with --curve, or the client without"),
    ],
)
def test_a_refused_client_receives_nothing_and_the_log_names_the_cause(
    which: str, cause: str, server: ServerKeys, client: ClientKeys, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = keys.make_server(tmp_path / "other")
    used = {"none": None, "of another server": ClientKeys(other.public, client.public, client.secret)}.get(
        which, client
    )
    if which == "unknown":
        keys.remove_client(server.clients, "client")
        cause = f"127.0.0.1 with the key {client.public} {cause}"
    deadline_s = time.monotonic() + PATIENCE_S
    with Guarded(None if which == "of none" else server, each_second()) as guarded:
        while cause not in caplog.text:  # a client may hang up before the server has seen why
            assert not guarded.receives(used)
            assert time.monotonic() < deadline_s, f"not in the log: {cause}"


def test_the_list_is_read_for_each_connection(server: ServerKeys, client: ClientKeys, tmp_path: Path) -> None:
    with Guarded(server) as guarded:
        assert guarded.receives(keys.make_client(server, "later", tmp_path / "later.omote-key"))
        with listening(guarded.endpoint, client) as listener:
            assert guarded.reaches(listener)
            keys.remove_client(server.clients, "client")
            assert guarded.reaches(listener)  # a connected client stays
        assert not guarded.receives(client)


def test_two_authenticators_in_one_process_have_their_own_lists(
    server: ServerKeys, client: ClientKeys, tmp_path: Path
) -> None:
    other_server = keys.make_server(tmp_path / "other")
    other_client = keys.make_client(other_server, "client", tmp_path / "other.omote-key")
    with Guarded(server) as first, Guarded(other_server) as second:
        assert first.receives(client)
        assert second.receives(other_client)
        assert not second.receives(ClientKeys(other_server.public, client.public, client.secret))
        assert (first.rejected, second.rejected > 0) == (0, True)


def test_without_its_authenticator_a_socket_allows_no_client(server: ServerKeys, client: ClientKeys) -> None:
    with Guarded(server) as guarded:
        guarded.authenticator.__exit__()
        with listening(guarded.endpoint, client) as listener:
            for _ in range(20):
                guarded.socket.send(PICTURE)
                assert not listener.poll(20)


def test_other_programs_do_no_harm(server: ServerKeys, client: ClientKeys) -> None:
    with Guarded(server) as guarded:
        for data in (b"", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 20, b"\xff" * 64, bytes(64)):
            with sockets.create_connection(guarded.address, PATIENCE_S) as stranger:
                stranger.sendall(data)
                guarded.turn()
        with listening(guarded.endpoint, client) as listener:
            deadline_s = time.monotonic() + PATIENCE_S
            while not listener.poll(5):
                guarded.turn()
                assert time.monotonic() < deadline_s, "nothing came"


def test_failures_that_are_not_read_block_nothing() -> None:
    with Guarded(None, is_open=True) as guarded:
        for _ in range(1200):  # more than libzmq queues
            sockets.create_connection(guarded.address, PATIENCE_S).close()
        with listening(guarded.endpoint, None) as listener:
            wait_for(lambda: guarded.socket.send(PICTURE) or listener.poll(5))
        deadline_s = time.monotonic() + PATIENCE_S
        while guarded.rejected <= 1000:
            guarded.authenticator.poll()
            assert time.monotonic() < deadline_s, "they were not counted"


def test_a_storm_of_failures_is_logged_once_a_second(caplog: pytest.LogCaptureFixture, client: ClientKeys) -> None:
    now_ns = 0
    with Guarded(None, clock=lambda: now_ns) as guarded:
        for second in range(2):
            now_ns = second * 1_000_000_000
            for _ in range(3):
                assert not guarded.receives(client)
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 2


class Client:
    """A subscriber that connects again after a refusal."""

    def __init__(self, connection: ClientConnection, socket: zmq.Socket[bytes]) -> None:
        self.connection, self.socket = connection, socket

    def turn_until(self, guarded: Guarded, condition: Callable[[str], object]) -> None:
        """Lets both run until the condition holds for the refusal."""

        def is_reached() -> object:
            guarded.turn()
            self.connection.poll()
            return condition(self.connection.refusal)

        wait_for(is_reached)


@contextmanager
def connecting(where: str, client: ClientKeys | None) -> Iterator[Client]:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    socket = context.socket(zmq.SUB)
    socket.subscribe(b"")
    with ClientConnection(socket, where, client, each_second()) as connection:
        yield Client(connection, socket)
    context.destroy(linger=0)


def test_a_client_that_is_added_to_the_list_later_connects_by_itself(server: ServerKeys, client: ClientKeys) -> None:
    entry = server.clients / "client.toml"
    content = entry.read_text()
    entry.unlink()
    with Guarded(server) as guarded, connecting(guarded.endpoint, client) as subscriber:
        subscriber.turn_until(guarded, lambda refusal: "is not on its list; `omote keys new NAME`" in refusal)
        entry.write_text(content)
        subscriber.turn_until(guarded, lambda _: subscriber.socket.poll(0))
        subscriber.turn_until(guarded, lambda refusal: not refusal)


def test_a_server_that_is_restarted_with_keys_is_found_again(server: ServerKeys, client: ClientKeys) -> None:
    with Guarded(None) as guarded, connecting(guarded.endpoint, client) as subscriber:
        subscriber.turn_until(guarded, lambda refusal: "start it with --curve" in refusal)
        guarded.__exit__()
        with Guarded(server, where=guarded.endpoint) as again:
            subscriber.turn_until(again, lambda _: subscriber.socket.poll(0))


def test_a_client_without_a_key_learns_that_it_needs_one(server: ServerKeys) -> None:
    reason = "it needs a key; `omote keys new NAME` there makes one"
    with Guarded(server) as guarded, connecting(guarded.endpoint, None) as subscriber:
        subscriber.turn_until(guarded, lambda refusal: refusal == reason)


@pytest.mark.parametrize(("said", "reason"), [(b"HTTP/1.1 400\r\n\r\n", "another program"), (b"", "says nothing")])
def test_a_client_at_a_port_of_another_program_learns_so(said: bytes, reason: str) -> None:
    with sockets.create_server(("127.0.0.1", 0)) as listener, zmq.Context() as context:
        socket = context.socket(zmq.SUB)
        socket.setsockopt(zmq.HANDSHAKE_IVL, 300)
        where = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        with ClientConnection(socket, where) as connection:
            stranger, _ = listener.accept()
            with stranger:
                stranger.recv(10)
                stranger.sendall(said)
                if said:
                    stranger.close()

                def is_said() -> bool:
                    connection.poll()
                    return reason in connection.refusal

                wait_for(is_said)
