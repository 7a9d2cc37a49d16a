"""How tracker, network and the rest share the processor's cores: by plan, not by luck.

Who would otherwise take how many threads: OpenVINO one a core, OpenCV one a core in each function, FFmpeg one a core,
MediaPipe's scheduler one a core (its networks run on one), and OpenBLAS one a core that spins on after each product;
the command line holds that one to a single thread before NumPy is loaded. Where cores are few, the network leaves one
of them to the tracker, which works on the next picture: OpenVINO's threads wait for one another some 300 times a
picture, and each time as long as one of them has to share its core. On two cores it draws a third more pictures so,
though alone it takes twice as long.
"""

from __future__ import annotations

from dataclasses import dataclass

from .hardware import cores

SPARE = 6  # cores from which on a tracker that works all the time is not felt


@dataclass(frozen=True)
class Plan:
    """What each part may use."""

    tracks_ahead: bool  # every picture that comes, also what another overtakes: the newest face, for a core's work
    decoding: int  # threads of a video file's decoder
    opencv: int  # threads within each of OpenCV's functions
    network: int | None  # threads of the network while faces are tracked; None is one a core


def plan_for(cores: int) -> Plan:
    """For a processor, or the part of it that Omote may use."""
    has_spare = cores >= SPARE
    # A camera's picture is turned from BGR to RGB in 0.05 ms: that is not worth waking anybody.
    network = cores - 1 if 1 < cores < SPARE else None
    return Plan(tracks_ahead=has_spare, decoding=2 if has_spare else 1, opencv=1, network=network)


def plan() -> Plan:
    """For this machine."""
    return plan_for(cores())
