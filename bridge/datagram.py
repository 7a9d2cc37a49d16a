"""What the codecs of other programs' datagrams share: one error, and ARKit's names in every spelling they use."""

from __future__ import annotations

from . import arkit


class ProtocolError(ValueError):
    """These bytes are no packet of the protocol; the sentence says what was found and what was wanted."""


def weight_index(name: str) -> int | None:
    """Where this weight stands in ARKit's order; None where it is none of the 52.

    Programs write jawOpen or JawOpen, and eyeBlinkLeft or eyeBlink_L.
    """
    return _INDEX.get(name.lower())


def _spellings(name: str) -> tuple[str, ...]:
    for side in ("Left", "Right"):
        if name.endswith(side) and name not in _WAYS:
            return name.lower(), f"{name.removesuffix(side)}_{side[0]}".lower()
    return (name.lower(),)


_WAYS = ("jawLeft", "jawRight", "mouthLeft", "mouthRight")  # ways to go, not sides of the face
_INDEX = {spelt: index for index, name in enumerate(arkit.NAMES) for spelt in _spellings(name)}
