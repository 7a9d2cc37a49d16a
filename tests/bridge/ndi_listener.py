"""Saves one picture of an NDI source: `python ndi_listener.py NAME SIDE FILE.npy`; 1 where none came in time.

A process of its own, for NDI reads only when it starts where it shall look for sources.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np

PATIENCE_S = 60.0


def main(name: str, side: int, file: str) -> int:
    from cyndilib.finder import Finder
    from cyndilib.receiver import Receiver
    from cyndilib.video_frame import VideoFrameSync
    from cyndilib.wrapper.ndi_recv import RecvBandwidth, RecvColorFormat

    deadline_s = time.monotonic() + PATIENCE_S
    with Finder() as finder:
        source: Any = None
        while source is None and time.monotonic() < deadline_s:
            finder.wait_for_sources(0.5)
            names = [one for one in finder.get_source_names() if f"({name})" in one]
            source = finder.get_source(names[0]) if names else None
        receiver = Receiver(color_format=RecvColorFormat.RGBX_RGBA, bandwidth=RecvBandwidth.highest)
        video = VideoFrameSync()
        receiver.frame_sync.set_video_frame(video)
        receiver.set_source(source)
        while time.monotonic() < deadline_s:
            time.sleep(0.02)
            if not receiver.is_connected():
                continue
            receiver.frame_sync.capture_video()
            if video.get_resolution() != (side, side):
                continue
            pixels = video.get_array().reshape(side, side, 4).copy()
            if pixels.any():
                np.save(file, pixels)
                return 0
    print(f"nothing of {side}x{side} came from {name}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
