"""The face over the VMC protocol, to renderers of avatars such as VSeeFace and Warudo."""

from __future__ import annotations

from typing import Self

from .. import vmc
from ..payload import Params
from .datagrams import Datagrams


class VmcSender:
    """Sends each face to one host, as the portrait shows it: a lost face eases to rest."""

    def __init__(
        self, host: str, port: int = vmc.PORT, names: tuple[str, ...] = vmc.CAMEL, has_presets: bool = True
    ) -> None:
        """`names` as the avatar's own shapes are called; without `has_presets` it gets nothing but these 52.

        An avatar that has both would move twice as far with both.
        """
        self.name = f"vmc {host}:{port}"
        self.datagrams = Datagrams(host, port)
        self._names, self._has_presets = names, has_presets
        self._began_ns: int | None = None

    def __enter__(self) -> Self:
        self.datagrams.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self.datagrams.__exit__(*error)

    @property
    def trouble(self) -> str:
        """Why nothing can be sent now; empty where it can."""
        return self.datagrams.trouble

    def offer(self, wall_ns: int, params: Params) -> None:
        """Sends the face that the portrait shows."""
        if self._began_ns is None:
            self._began_ns = wall_ns
        time_s = (wall_ns - self._began_ns) / 1e9
        for bundle in vmc.face_bundles(params, time_s, self._names, self._has_presets):
            self.datagrams.send(bundle)
