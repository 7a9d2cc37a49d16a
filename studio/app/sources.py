"""Switches the source of a running loop, and refuses outputs that would feed it."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence

from omote.bridge import livelink, vmc
from omote.bridge.outputs.destination import Destination
from omote.engine.capture import datagrams
from omote.engine.capture.datagrams import ANY_ADDRESS, LOOPBACK, DatagramSource, HintingSource
from omote.engine.capture.source import Source, SourceError
from omote.engine.capture.sources import open_source
from omote.engine.live.loop import LiveLoop

OFFERED_SOURCES: Mapping[str, str] = {  # never a path
    "webcam": "Camera",
    "livelink": "iPhone: Live Link Face",
    "ifacialmocap": "iPhone: iFacialMocap",
    "facemotion3d": "iPhone: Facemotion3d",
    "vmc": "VMC",
    "openseeface": "OpenSeeFace",
    "demo": "Demo",
}


class SourceSwitch:
    """Knows what may be chosen, and what plays."""

    def __init__(self, spec: str) -> None:
        self.reopen: Callable[[], Source] = lambda: open_source(spec, loop=spec == "demo")  # what it began with
        self.outs: Sequence[str] = ()  # where the face goes, lest it comes back
        self._own = self._kind = _kind_of(spec)
        self._changing = threading.Lock()
        self.live: LiveLoop | None = None  # from the moment the loop exists

    @property
    def kind(self) -> str:
        """Of what plays: one of `offered`."""
        return self._kind

    @property
    def offered(self) -> Mapping[str, str]:
        """What may be asked for, and what it is called: the first is what the loop began with."""
        return {self._own: OFFERED_SOURCES.get(self._own, self._own), **OFFERED_SOURCES}

    @property
    def hint(self) -> str:
        """What a person should check while no face comes from another device; "" where there is nothing to say."""
        source = self.live.source if self.live else None
        return source.hint if isinstance(source, HintingSource) else ""

    def use(self, kind: str) -> None:
        """Goes over to what is offered under this name; SourceError says why not."""
        if self.live is None:
            raise SourceError("Omote is still starting: try again in a moment")
        if kind not in self.offered:
            raise SourceError(f"no source is offered as {kind[:60]!r}: there are {', '.join(self.offered)}")
        with self._changing:
            if kind != self._kind:
                # Back to the second camera, or to the part of a film, if it was that one.
                source = self.reopen() if kind == self._own else open_source(kind, loop=kind == "demo")
                self.live.use(check_no_feedback(source, self.outs))
                self._kind = kind


def _kind_of(spec: str) -> str:
    """ "webcam" of webcam:1; of a file its name, and never where it stands."""
    kind = re.match(r"[a-z0-9]{2,}(?=:|\Z)", spec)
    return kind[0] if kind else spec.replace("\\", "/").rpartition("/")[2]


_DEFAULT_PORTS = {"livelink": livelink.PORT, "vmc": vmc.PORT}


def check_no_feedback(source: Source, outs: Iterable[str]) -> Source:
    """This source; SourceError where one of `outs`, as typed after `--out`, sends to where it listens."""
    if not isinstance(source, DatagramSource):
        return source
    for spec in outs:
        to = Destination.parse(spec)
        port = to.port or _DEFAULT_PORTS.get(to.kind, 0)
        if to.kind in _DEFAULT_PORTS and port in source.ports and to.host in _hosts_of(source.host):
            raise SourceError(
                f"--out {spec} sends to UDP port {port} of this machine, where the source {source.name} listens, so "
                f"that Omote would perform itself; choose another port for one of them, as {to.kind}:{port + 1}"
            )
    return source


def _hosts_of(host: str) -> tuple[str, ...]:
    """Under which hosts who listens at this one is reached from here."""
    here = ("localhost", LOOPBACK)
    if host == ANY_ADDRESS:
        return (*here, *datagrams.lan_addresses())
    return here if host == LOOPBACK else (host,)
