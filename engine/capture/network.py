"""The sources that come over the network, from what a person typed: `livelink:11111`, `vtubestudio:192.168.1.7`."""

from __future__ import annotations

import ipaddress
import re

from omote.bridge import ifacialmocap, vtubestudio_phone

from .source import Source, SourceError

WANTED = (
    "livelink[:PORT][@SENDER], ifacialmocap[:PHONE], facemotion3d[:PHONE], vtubestudio:PHONE, vmc[:PORT][@SENDER], "
    "openseeface[:PORT][@SENDER]"
)
KINDS = ("livelink", "ifacialmocap", "facemotion3d", "vtubestudio", "vmc", "openseeface")

_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,252}[A-Za-z0-9_])?\Z", re.ASCII)


def open_network(kind: str, spec: str) -> Source:
    """The source of one of `KINDS`, which `spec` begins with; SourceError says what is wrong with the rest of it."""
    rest = spec.removeprefix(kind)
    colon, detail = rest[:1] == ":", rest.removeprefix(":")
    if kind in ("ifacialmocap", "facemotion3d"):
        return _sender_of_text(kind, spec, colon, detail)
    if kind == "vtubestudio":
        return _vtubestudio(spec, detail)
    return _listener(kind, spec, colon, detail)


def _listener(kind: str, spec: str, colon: bool, detail: str) -> Source:
    from .livelink import LiveLinkSource
    from .openseeface import OpenSeeFaceSource
    from .vmc import VmcSource

    sources: dict[str, type[LiveLinkSource] | type[VmcSource] | type[OpenSeeFaceSource]] = {
        "livelink": LiveLinkSource,
        "vmc": VmcSource,
        "openseeface": OpenSeeFaceSource,
    }
    source = sources[kind]
    detail, at, sender = detail.partition("@")
    if at and not _is_address(sender):
        raise SourceError(f"{spec}: {sender!r} is no sender's address; wanted an IPv4 address, as 192.168.1.7")
    only = sender or None
    if not detail:
        if colon and not at:
            raise SourceError(f"{spec}: {detail!r} is not a UDP port; wanted 1 to 65535")
        return source(only=only)
    here, between, port = detail.partition(":")
    if not _is_address(here):
        return source(_port(spec, detail), only=only)
    return source(_port(spec, port), here, only=only) if between else source(host=here, only=only)


def _sender_of_text(kind: str, spec: str, colon: bool, detail: str) -> Source:
    from .ifacialmocap import Facemotion3dSource, IFacialMocapSource

    source: type[IFacialMocapSource] | type[Facemotion3dSource] = IFacialMocapSource
    phone_port = ifacialmocap.PORT
    if kind == "facemotion3d":
        source, phone_port = Facemotion3dSource, ifacialmocap.FACEMOTION_PORT
    if not colon:
        return source()
    if detail.isdigit():  # a phone that was told where to send to
        return source(ports=(_port(spec, detail),))
    return source(*_phone(spec, detail, phone_port))


def _vtubestudio(spec: str, detail: str) -> Source:
    from .vtubestudio import VTubeStudioSource

    if not detail or detail.isdigit():
        raise SourceError(f"{spec}: whose? The app sends only to who asks: wanted vtubestudio:PHONE, as 192.168.1.7")
    return VTubeStudioSource(*_phone(spec, detail, vtubestudio_phone.PORT))


def _phone(spec: str, detail: str, default_port: int) -> tuple[str, int]:
    """A host and a port of it."""
    host, colon, port = detail.partition(":")
    if not _HOST.match(host):
        raise SourceError(f"{spec}: {host!r} is no phone's address; wanted an IPv4 address or a name, as 192.168.1.7")
    return host, _port(spec, port) if colon else default_port


def _is_address(text: str) -> bool:
    """An IPv4 address in numbers."""
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


def _port(spec: str, detail: str) -> int:
    if detail.isascii() and detail.isdigit() and len(detail) <= 5 and 1 <= int(detail) <= 65535:
        return int(detail)
    raise SourceError(f"{spec}: {detail!r} is not a UDP port; wanted 1 to 65535")
