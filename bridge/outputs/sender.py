"""A destination as a person types it, `livelink://HOST[:PORT]` or `vmc://HOST[:PORT]`, and who sends there."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Protocol, Self
from urllib.parse import SplitResult, parse_qsl, urlsplit

from .. import livelink, vmc
from ..payload import Params
from .datagrams import SenderError
from .livelink import SUBJECT, LiveLinkSender
from .vmc import VmcSender

WANTED = "livelink://HOST[:11111] or vmc://HOST[:39539]"


class FaceSender(Protocol):
    """Sends a face in some program's protocol; open between `with` and its end."""

    name: str  # with host and port: who looks shall see where the face goes

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...

    def offer(self, wall_ns: int, params: Params) -> None:
        """Sends this face, captured at that time of the wall clock. Never blocks, never raises."""
        ...


Maker = Callable[[str, int | None, Mapping[str, str]], FaceSender]


def face_sender(spec: str) -> FaceSender:
    """Who sends to this destination; SenderError says what is wrong with it. Nothing is opened yet."""
    parts = _split(spec)
    make = _MAKERS.get(parts.scheme)
    if make is None:
        near = difflib.get_close_matches(parts.scheme, _MAKERS, 1)
        hint = f"did you mean {near[0]}://?" if near else f"wanted {WANTED}"
        raise SenderError(f"{spec}: there is no way out called {parts.scheme or 'nothing'}; {hint}")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    try:
        return make(parts.hostname or "", parts.port, options)
    except ValueError as error:
        raise SenderError(f"{spec}: {error}") from error


def _split(spec: str) -> SplitResult:
    try:
        parts = urlsplit(spec)
        port = parts.port  # urllib reads it only when asked
    except ValueError as error:
        raise SenderError(f"{spec}: {error}; wanted {WANTED}") from error
    is_known = parts.scheme in _MAKERS
    if is_known and (not parts.hostname or port == 0 or parts.path.strip("/") or parts.fragment or parts.username):
        raise SenderError(f"{spec} is no destination: wanted {WANTED}")
    return parts


def _live_link(host: str, port: int | None, options: Mapping[str, str]) -> FaceSender:
    _check(options, {"subject": ()})
    return LiveLinkSender(host, port or livelink.PORT, options.get("subject", SUBJECT))


def _vmc(host: str, port: int | None, options: Mapping[str, str]) -> FaceSender:
    _check(options, {"names": ("camel", "pascal"), "presets": ("yes", "no")})
    names = vmc.PASCAL if options.get("names") == "pascal" else vmc.CAMEL
    return VmcSender(host, port or vmc.PORT, names, has_presets=options.get("presets") != "no")


def _check(options: Mapping[str, str], known: Mapping[str, tuple[str, ...]]) -> None:
    """Each option is one of those that are known, and its value one of its words, if it has words."""
    for name, value in options.items():
        if name not in known:
            raise SenderError(f"there is no option {name}, only {', '.join(known)}")
        if known[name] and value not in known[name]:
            raise SenderError(f"{name} must be {' or '.join(known[name])}, got {value!r}")


_MAKERS: dict[str, Maker] = {"livelink": _live_link, "vmc": _vmc}
