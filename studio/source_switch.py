"""Changes the source of a running loop when somebody asks on the page: to what it began with, or needs no address."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping, Sequence

from omote.engine.capture import Source, SourceError, open_source
from omote.engine.capture.hints import Hinting
from omote.engine.live import Live

from .echo import refuse_echo

OFFERED: Mapping[str, str] = {  # never a path
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
        self.live: Live | None = None  # from the moment the loop exists

    @property
    def kind(self) -> str:
        """Of what plays: one of `offered`."""
        return self._kind

    @property
    def offered(self) -> Mapping[str, str]:
        """What may be asked for, and what it is called: the first is what the loop began with."""
        return {self._own: OFFERED.get(self._own, self._own), **OFFERED}

    @property
    def hint(self) -> str:
        """What a person should check while no face comes from another device; "" where there is nothing to say."""
        source = self.live.source if self.live else None
        return source.hint if isinstance(source, Hinting) else ""

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
                self.live.use(refuse_echo(source, self.outs))
                self._kind = kind


def _kind_of(spec: str) -> str:
    """ "webcam" of webcam:1; of a file its name, and never where it stands."""
    kind = re.match(r"[a-z0-9]{2,}(?=:|\Z)", spec)
    return kind[0] if kind else spec.replace("\\", "/").rpartition("/")[2]
