"""Switches the source of a running loop, and refuses outputs that would send to it."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from omote.bridge import livelink, vmc
from omote.bridge.outputs.destination import Destination
from omote.engine.capture import datagrams
from omote.engine.capture.cameras import AdjustableCamera, parse_webcam
from omote.engine.capture.datagrams import ANY_ADDRESS, LOOPBACK, DatagramSource
from omote.engine.capture.source import NoCamera, Source, SourceError
from omote.engine.capture.sources import open_source
from omote.engine.live.loop import LiveLoop

# What the page may ask for, and its label; never a path.
OFFERED_SOURCES: Mapping[str, str] = {
    "webcam": "Camera",
    "livelink": "iPhone: Live Link Face",
    "ifacialmocap": "iPhone: iFacialMocap",
    "facemotion3d": "iPhone: Facemotion3d",
    "vmc": "VMC",
    "openseeface": "OpenSeeFace",
    "none": "No camera",
    "demo": "Demo",
}

FILE = "file"  # the kind of a file from the page; it plays in a loop, because its end would end the stream
PHONE_KINDS = ("livelink", "ifacialmocap", "facemotion3d", "vtubestudio", "vmc")
PORT_ATTEMPTS, PORT_PAUSE_S = 30, 0.1  # to open a port that the source before closes when its last read returns
_DEFAULT_PORTS = {"livelink": livelink.PORT, "vmc": vmc.PORT}


class SourceSwitch:
    """The sources that can be chosen while the loop runs, and the one that plays."""

    def __init__(self, source: str, camera_spec: Callable[[], str] = lambda: "webcam") -> None:
        """`camera_spec` returns the camera that was chosen on the page, as `open_source` takes it."""
        # Opens the source that the loop began with.
        self.reopen: Callable[[], Source] = lambda: open_source(source, loop=source == "demo")
        self.destinations: Sequence[str] = ()  # of the outputs; no source may listen there
        self._first_kind = self._kind = _kind_of(source)
        self._specs: dict[str, Callable[[], str]] = {"webcam": camera_spec}  # by kind, what else than the kind to open
        self._chosen: set[str] = set()  # kinds of which a certain source was chosen on the page
        self._lock = threading.Lock()
        self.live: LiveLoop | None = None  # set once the loop exists

    @property
    def kind(self) -> str:
        """The kind of the source that plays: one of `offered`."""
        return self._kind

    @property
    def offered(self) -> Mapping[str, str]:
        """Kind and label of each source that can be chosen. The first is the one the loop began with."""
        first = {self._first_kind: OFFERED_SOURCES.get(self._first_kind, self._first_kind)}
        uploaded = {FILE: Path(self._specs[FILE]()).name} if FILE in self._specs else {}
        return {**first, **OFFERED_SOURCES, **uploaded}

    @property
    def hint(self) -> str:
        """What to check while no face arrives from another device, or ""."""
        source = self.live.source if self.live else None
        return source.hint if isinstance(source, DatagramSource) else ""

    def use(self, kind: str) -> None:
        """Switches to the source of this kind; SourceError if it is not offered or cannot be opened."""
        if self.live is None:
            raise SourceError("Omote is still starting: try again in a moment")
        if kind not in self.offered:
            raise SourceError(f"no source is offered as {kind[:60]!r}: there are {', '.join(self.offered)}")
        with self._lock:
            if kind != self._kind:
                # The first source may have been a certain camera, or a part of a video.
                is_first = kind == self._first_kind and kind not in self._chosen
                self._change(kind, self.reopen() if is_first else self._open(kind))

    def choose(self, kind: str, spec: str) -> None:
        """Switches to this very source of a kind, as `open_source` takes it, and keeps it as that of the kind.

        A camera that plays already only changes its format. SourceError if the source cannot be opened.
        """
        if self.live is None:
            raise SourceError("Omote is still starting: try again in a moment")
        with self._lock:
            playing = self.live.source
            if kind == "webcam" and isinstance(playing, AdjustableCamera):
                index, format = parse_webcam(spec)
                if index == playing.index:
                    playing.use_format(format)
                    self._chosen.add(kind)
                    return
            self._change(kind, open_source(spec, loop=kind == FILE))
            self._chosen.add(kind)
            if kind != "webcam":
                self._specs[kind] = lambda: spec

    def _open(self, kind: str) -> Source:
        spec = self._specs[kind]() if kind in self._specs else kind
        return open_source(spec, loop=kind in ("demo", FILE))

    def _change(self, kind: str, source: Source) -> None:
        assert self.live
        check_no_feedback(source, self.destinations)
        attempts = 1
        if _share_a_port(source, self.live.source):  # the old one must let go of it first
            self.live.change_source(NoCamera())
            self._kind = "none"
            attempts = PORT_ATTEMPTS
        for left in reversed(range(attempts)):
            try:
                self.live.change_source(source)
                break
            except SourceError:
                if not left:
                    raise
                time.sleep(PORT_PAUSE_S)
        self._kind = kind


def _share_a_port(one: Source, other: Source) -> bool:
    if isinstance(one, DatagramSource) and isinstance(other, DatagramSource):
        return not set(one.ports).isdisjoint(other.ports)
    return False


def _kind_of(source: str) -> str:
    """The kind of a source as typed: "webcam" for webcam:1, and the name of a file without its folder."""
    kind = re.match(r"[a-z0-9]{2,}(?=[:+]|\Z)", source)
    return kind[0] if kind else source.replace("\\", "/").rpartition("/")[2]


def check_no_feedback(source: Source, destinations: Iterable[str]) -> Source:
    """Returns the source; SourceError if one of these outputs sends to the port where it listens."""
    if not isinstance(source, DatagramSource):
        return source
    for destination in destinations:
        to = Destination.parse(destination)
        port = to.port or _DEFAULT_PORTS.get(to.kind, 0)
        if to.kind in _DEFAULT_PORTS and port in source.ports and to.host in _hosts_of(source.host):
            raise SourceError(
                f"the output {destination} sends to UDP port {port} of this machine, where {source.name} listens: "
                f"Omote would perform itself; choose another port for one of them, as {to.kind}:{port + 1}"
            )
    return source


def _hosts_of(host: str) -> tuple[str, ...]:
    """The hosts under which this machine reaches a listener on `host`."""
    here = ("localhost", LOOPBACK)
    if host == ANY_ADDRESS:
        return (*here, *datagrams.lan_addresses())
    return here if host == LOOPBACK else (host,)
