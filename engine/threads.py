"""How tracker, network and the rest share the processor's cores: by plan, not by luck.

Who would otherwise take how many threads: OpenVINO one a core, OpenCV one a core in each function, FFmpeg one a core,
MediaPipe's scheduler one a core (its networks run on one), and OpenBLAS one a core that spins on after each product;
the command line holds that one to a single thread before NumPy is loaded. The network keeps all cores: it is most of a
picture's work, and every millisecond of it is one of age. Where there are two, the tracker waits for it: the network's
threads wait for one another some 300 times a picture, each time as long as one of them has to share its core.
"""

from __future__ import annotations

from dataclasses import dataclass

from .hardware import cores

SPARE = 6  # cores from which on a tracker that works all the time is not felt
SCARCE = 2  # cores up to which a tracker beside the network makes pictures older, though there are a tenth more of them


@dataclass(frozen=True)
class Plan:
    """What each part may use."""

    tracks_ahead: bool  # every picture that comes, also what another overtakes: the newest face, for a core's work
    tracks_apart: bool  # only while nothing is drawn
    decoding: int  # threads of a video file's decoder
    opencv: int  # threads within each of OpenCV's functions


def plan_for(cores: int) -> Plan:
    """For a processor, or the part of it that Omote may use."""
    has_spare = cores >= SPARE
    # A camera's picture is turned from BGR to RGB in 0.05 ms: that is not worth waking anybody.
    return Plan(tracks_ahead=has_spare, tracks_apart=cores <= SCARCE, decoding=2 if has_spare else 1, opencv=1)


def plan() -> Plan:
    """For this machine."""
    return plan_for(cores())
