"""Refuses a way out that leads back into the source: Omote would perform itself, and hear nobody else."""

from __future__ import annotations

from collections.abc import Iterable

from omote.bridge import livelink, vmc
from omote.bridge.outputs.destination import Destination
from omote.engine.capture import Source, SourceError, lan
from omote.engine.capture.datagrams import ANY_ADDRESS, LOOPBACK, DatagramSource

_PORTS = {"livelink": livelink.PORT, "vmc": vmc.PORT}


def refuse_echo(source: Source, outs: Iterable[str]) -> Source:
    """This source; SourceError where one of `outs`, as typed after `--out`, sends to where it listens."""
    if not isinstance(source, DatagramSource):
        return source
    for spec in outs:
        to = Destination.parse(spec)
        port = to.port or _PORTS.get(to.kind, 0)
        if to.kind in _PORTS and port in source.ports and to.host in _heard_at(source.host):
            raise SourceError(
                f"--out {spec} sends to UDP port {port} of this machine, where the source {source.name} listens, so "
                f"that Omote would perform itself; choose another port for one of them, as {to.kind}:{port + 1}"
            )
    return source


def _heard_at(host: str) -> tuple[str, ...]:
    """Under which hosts who listens at this one is reached from here."""
    here = ("localhost", LOOPBACK)
    if host == ANY_ADDRESS:
        return (*here, *lan.addresses())
    return here if host == LOOPBACK else (host,)
