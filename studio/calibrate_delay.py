"""`omote calibrate delay`: how much later the sound must come, so that it fits the lips; a number for OBS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from omote.bridge import arkit, endpoint
from omote.bridge.control import ControlClient, ControlError
from omote.bridge.endpoint import BindError
from omote.calibration.delay import Delay, DelayError, Track, delay
from omote.calibration.measuring import CalibrationError
from omote.calibration.sound import loudness
from omote.engine.capture import EndOfSource, open_source

WHERE = "OBS: Advanced Audio Properties, Sync Offset of your microphone"
LEAST_SEEN = 0.5  # of the pictures must show a face


@dataclass(frozen=True)
class Listening:
    """What to measure: a recording, or the Omote that runs."""

    recording: Path | None = None
    sound: Path | None = None  # else the recording's own
    control_endpoint: str = endpoint.CONTROL_ENDPOINT


def run(listening: Listening) -> int:
    """Prints the number and how sure it is; errors that a person can mend are raised."""
    try:
        if listening.recording is None:
            if listening.sound is not None:
                raise DelayError("--sound is of a recording: name that by --recording too")
            lines = of_running(_stats(listening.control_endpoint))
        else:
            sound = loudness(listening.sound or listening.recording)
            lines = of_recording(delay(sound, mouth(listening.recording)))
    except (DelayError, ControlError, BindError) as error:
        raise CalibrationError(str(error)) from error
    print("\n".join(lines))
    return 0


def of_recording(found: Delay) -> list[str]:
    """What was measured, in lines. An offset that is already set is in the recording, so this comes on top of it."""
    lag = round(found.lag_ms)
    lines = [
        f"the picture is {abs(lag)} ms {'later' if lag >= 0 else 'earlier'} than the sound "
        f"(half of {found.syllables} syllables within {found.spread_ms:.0f} ms; agreement {found.agreement:.2f} of 1)"
    ]
    if lag < 0:
        return [*lines, f"the sound is late already: lower the Sync Offset by {-lag} ms ({WHERE})"]
    return [*lines, f"add {lag} ms to the Sync Offset that was set while you recorded ({WHERE})"]


def of_running(stats: Mapping[str, object]) -> list[str]:
    """What the running Omote knows of it, in lines; DelayError where it has drawn nothing yet."""
    p50, p99, source = (stats.get(name) for name in ("latency_p50_ms", "latency_p99_ms", "source"))
    if not isinstance(p50, int | float) or not isinstance(p99, int | float) or not p50 > 0.0:
        raise DelayError("Omote runs, and has sent no picture of a performer yet: try again in a few seconds")
    return [
        f"capture to sent takes {p50:.0f} ms in the middle, {p99:.0f} ms at the 99th percentile, with {source}",
        f"start with a Sync Offset of {round(p50)} ms ({WHERE})",
        "The camera's own delay and the browser source's, some 30 to 100 ms together, cannot be measured from inside:",
        'record yourself in OBS saying "pa" ten times, then: omote calibrate delay --recording FILE.mkv',
    ]


def mouth(recording: Path) -> Track:
    """How far the mouth is open, in each picture of a video; DelayError where hardly a face is seen."""
    times_s, opened, count = [], [], 0
    first_ns: int | None = None
    with open_source(str(recording), is_offline=True) as source:
        while True:
            try:
                signal = source.read(1.0)
            except EndOfSource:
                break
            if signal is None:
                continue
            count += 1
            first_ns = signal.stamp.captured_ns if first_ns is None else first_ns
            if signal.is_tracked:
                jaw, closed = (float(signal.weights[arkit.INDEX[name]]) for name in ("jawOpen", "mouthClose"))
                times_s.append((signal.stamp.captured_ns - first_ns) / 1e9)
                opened.append(max(jaw - closed, 0.0))
    if len(times_s) < LEAST_SEEN * count or not times_s:
        raise DelayError(
            f"a face is seen in {len(times_s)} of {count} pictures of {recording.name}: record the portrait "
            "large, from the front"
        )
    return Track(np.array(times_s), np.array(opened))


def _stats(control_endpoint: str) -> Mapping[str, object]:
    with ControlClient(control_endpoint) as client:
        return client.call("stats")
