"""Motion to photon by the picture itself: a jaw opens and closes in a code, and the receiver reads it off the mouth."""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from performance import Performance, play
from record import keep, origin, percentiles

from omote.bridge import arkit
from omote.engine.capture.take import Take, write_take

FPS = 60.0
BIT_PICTURES = 6  # a tenth of a second: slower than any latency that would be of use
HOLD_S = 1.5  # closed, open, closed, before the code: from these the receiver learns what open looks like
LATEST_MS = 400
OPEN = 0.9
_STEP_NS = 1_000_000

Numbers = NDArray[np.float64]
Times = NDArray[np.int64]


def code(length: int) -> NDArray[np.int8]:
    """[length] bits of the shift register x^7 + x^6 + 1: 127 bits that look like none of their own shifts."""
    state, bits = 0b1111111, []
    for _ in range(length):
        bits.append(state & 1)
        state = (state >> 1) | (((state ^ (state >> 1)) & 1) << 6)
    return np.array(bits, np.int8)


@dataclass(frozen=True)
class Script:
    """What the jaw does: the preamble, then the code, each bit for a few pictures."""

    bits: NDArray[np.int8]
    fps: float = FPS

    @classmethod
    def lasting(cls, seconds: float, fps: float = FPS) -> Script:
        """With as many bits as there is time for, eight at least."""
        return cls(code(max(int((seconds - 3.0 * HOLD_S) * fps / BIT_PICTURES), 8)), fps)

    @property
    def jaw(self) -> NDArray[np.int8]:
        """[pictures] 0 closed, 1 open."""
        hold = round(HOLD_S * self.fps)
        return np.concatenate([np.repeat(np.array([0, 1, 0], np.int8), hold), np.repeat(self.bits, BIT_PICTURES)])

    @property
    def bit_ns(self) -> int:
        return round(BIT_PICTURES * 1e9 / self.fps)

    @property
    def code_ns(self) -> int:
        """When the code begins, since the first picture."""
        return round(3 * round(HOLD_S * self.fps) * 1e9 / self.fps)

    def take(self) -> Take:
        """As a tracker would have seen it. The brows never rest, so that no picture is like one before."""
        jaw, count = self.jaw, len(self.jaw)
        time_s = np.arange(count) / self.fps
        weights = np.zeros((count, arkit.COUNT), np.float32)
        weights[:, arkit.INDEX["jawOpen"]] = OPEN * jaw
        for name, hz in (("browInnerUp", 0.37), ("browOuterUpLeft", 0.53), ("browOuterUpRight", 0.61)):
            weights[:, arkit.INDEX[name]] = 0.4 + 0.4 * np.sin(2.0 * np.pi * hz * time_s)
        still = np.zeros((count, 3), np.float32)
        gaze = np.zeros((count, 2, 2), np.float32)
        return Take(self.fps, time_s, weights, still, still, gaze, np.ones(count, np.float32), "made by jaw_code.py")


@dataclass(frozen=True)
class Watched:
    """What the receiver saw: when each picture was here, and how open its mouth was, 0 to 1."""

    arrived_ns: Times  # since the script's first picture was due
    openness: Numbers

    def at(self, when_ns: Times) -> Numbers:
        """How open the mouth on the screen is at these times: a picture stays until the next."""
        newest = np.searchsorted(self.arrived_ns, when_ns, side="right") - 1
        return self.openness[np.maximum(newest, 0)]


@dataclass(frozen=True)
class Decoded:
    """What the picture says of its own age."""

    delay_ms: float  # by which the code on the screen is late as a whole: where the two are most alike
    likeness: float  # of the two at this delay, 1 where every millisecond agrees
    bits: int
    bit_errors: int
    edges_missed: int  # changes of the code that were never seen
    edges_ms: dict[str, float]  # from a change to the first picture that shows it


def openness(crops: NDArray[np.uint8], arrived_ns: Times, script: Script) -> Numbers:
    """How open each mouth is, by how far it has gone from the closed one of the preamble to the open one."""
    hold_ns = round(HOLD_S * 1e9)
    pictures = crops.reshape(len(crops), -1).astype(np.float64)

    def mean(hold: int) -> Numbers:
        begins_ns = hold * hold_ns
        settled = (arrived_ns > begins_ns + LATEST_MS * _STEP_NS) & (arrived_ns < begins_ns + hold_ns)
        if not settled.any():
            raise ValueError("no picture of the preamble arrived: is this machine busy with something else?")
        return np.asarray(pictures[settled].mean(axis=0))

    closed, opened = mean(0), mean(1)
    change = opened - closed
    change[np.abs(change) < np.abs(change).max() * 0.5] = 0.0  # the mouth alone
    return np.asarray((pictures - closed) @ change / (change @ change))


def decode(script: Script, watched: Watched) -> Decoded:
    """Compares what was seen with what was played; exact to a millisecond."""
    delay_ms, likeness = _delay(script, watched)
    starts_ns = script.code_ns + np.arange(len(script.bits), dtype=np.int64) * script.bit_ns
    middles_ns = starts_ns + delay_ms * _STEP_NS + script.bit_ns // 2
    seen = watched.at(middles_ns) > 0.5
    ages_ms = [_edge_ms(script, watched, starts_ns[k], delay_ms, k) for k in _edges(script.bits)]
    shown = [age_ms for age_ms in ages_ms if age_ms is not None]
    return Decoded(
        delay_ms=float(delay_ms),
        likeness=round(likeness, 3),
        bits=len(script.bits),
        bit_errors=int((seen != script.bits.astype(bool)).sum()),
        edges_missed=len(ages_ms) - len(shown),
        edges_ms=percentiles(shown, 1) if shown else {},
    )


def _delay(script: Script, watched: Watched) -> tuple[int, float]:
    """The delay in whole milliseconds at which code and screen are most alike, and how alike."""
    length_ns = len(script.bits) * script.bit_ns
    grid_ns = np.arange(script.code_ns, script.code_ns + length_ns, _STEP_NS, dtype=np.int64)
    played = script.bits[(grid_ns - script.code_ns) // script.bit_ns] * 2.0 - 1.0
    alike = [
        float(np.mean(played * np.where(watched.at(grid_ns + late_ms * _STEP_NS) > 0.5, 1.0, -1.0)))
        for late_ms in range(LATEST_MS)
    ]
    best = int(np.argmax(alike))
    return best, alike[best]


def _edges(bits: NDArray[np.int8]) -> list[int]:
    """The bits that differ from the one before; the preamble ends closed."""
    return [int(k) for k in np.flatnonzero(np.diff(bits, prepend=np.int8(0)))]


def _edge_ms(script: Script, watched: Watched, start_ns: int, delay_ms: int, bit: int) -> float | None:
    """From the change to the first picture that shows it; None where none does before the bit is over."""
    from_ns = start_ns + delay_ms * _STEP_NS - script.bit_ns // 2
    there = (watched.arrived_ns >= max(from_ns, start_ns)) & (watched.arrived_ns < from_ns + script.bit_ns)
    shows = there & ((watched.openness > 0.5) == bool(script.bits[bit]))
    found = np.flatnonzero(shows)
    return float(watched.arrived_ns[found[0]] - start_ns) / 1e6 if len(found) else None


def watched_in(mouths: Path, script: Script) -> Watched:
    """What the receiver kept. Of the sender's times only one number is used: when the script began."""
    with np.load(mouths, allow_pickle=False) as kept:
        if not len(kept["index"]):
            raise ValueError("the receiver kept no picture")
        began_ns = int(np.median(kept["captured_ns"] - np.round(kept["index"] * 1e9 / script.fps).astype(np.int64)))
        arrived_ns = kept["arrived_ns"] - began_ns
        return Watched(arrived_ns, openness(kept["crops"], arrived_ns, script))


def measured(seconds: float, runtime: str | None = None, size: int | None = None) -> dict[str, Any]:
    """Plays the code and gives both answers, the picture's and the timestamps'."""
    script = Script.lasting(seconds)
    with tempfile.TemporaryDirectory() as folder:
        take, mouths = Path(folder) / "code.csv", Path(folder) / "mouths.npz"
        write_take(take, script.take())
        playing_s = len(script.jaw) / script.fps - 0.05  # no second round: its preamble would be read as bits
        seen = play(Performance(str(take), FPS, playing_s, size=size, runtime=runtime), mouths=mouths)
        decoded = decode(script, watched_in(mouths, script))
    report, receiver = seen.report, seen.receivers[0]
    told = {key: report[key] for key in ("runtime", "size", "steps", "fps", "pictures", "dropped", "latency_ms")}
    return {"fps_asked": FPS, "bit_ms": round(script.bit_ns / 1e6, 1), **told, "receiver": receiver, **asdict(decoded)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0, help="of the code (default: %(default)s)")
    parser.add_argument("--runtime", help="as `omote live` takes it")
    parser.add_argument("--size", type=int, help="as `omote live` takes it")
    parser.add_argument("--save", type=Path, help="where to keep the result, as benchmarks/results/jaw_code.json")
    chosen = parser.parse_args()
    told = origin()
    result = measured(chosen.seconds, chosen.runtime, chosen.size)
    print(f"{result['runtime']}, {result['size']}x{result['size']}, {result['fps']:.1f} pictures a second drawn")
    print(f"the picture   {result['delay_ms']:.0f} ms late, {result['bit_errors']} of {result['bits']} bits wrong")
    print(f"  a change is seen after {result['edges_ms']}, never seen: {result['edges_missed']}")
    print(f"timestamps    captured to received {result['receiver']['total_ms']}")
    keep({**told, **result}, chosen.save)


if __name__ == "__main__":
    main()
