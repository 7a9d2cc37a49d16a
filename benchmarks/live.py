"""Speed and latency of `omote live` from end to end, by timestamps and by the picture itself.

The first word selects the part: `live` (the default), `jaw_code` or `voice_rate`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import wave
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from record import QUANTILES, ROOT, free_endpoints, keep, keep_rows, origin, percentiles, result_parser, run_part

from omote.bridge import arkit
from omote.engine.capture.take import Take, write_take
from omote.engine.capture.voice import RATE

CLIPS = ROOT.parent / "shared" / "media"


LIVE_WARM_UP_S = 3.0
FIRST_S = 1.0  # at the start of a run; the ages of these pictures do not count
STARTING_S = 120.0  # allowed for a first start, which may try several runtimes
FPS = 60.0
BIT_PICTURES = 6  # a tenth of a second, longer than any useful latency
HOLD_S = 1.5  # of each pose of the preamble (closed, open, closed), which shows the receiver an open mouth
LATEST_MS = 400
MOST_FALL = 0.1  # of the rate, with a voice
SPOKEN = "Bob put a big pumpkin on top of the mailbox. Would you measure the width of that garage for us?"
OPEN = 0.9
_STEP_NS = 1_000_000
Numbers = NDArray[np.float64]
Times = NDArray[np.int64]


@dataclass(frozen=True)
class Scene:
    """One run by name; without a clip it plays the demo take."""

    name: str
    clip: str = ""
    fps: float = 30.0
    seconds: float = 20.0
    size: int | None = None
    budget_ms: float | None = None


# The first clip at 60 a second decides: for a minute it asks for more pictures than two cores can draw.
SCENES = (
    Scene("demo take"),
    Scene("clip, smile and gaze", "d0.mp4"),
    Scene("clip, talk", "d12.mp4"),
    Scene("clip, wide mouth", "d18.mp4"),
    Scene("clip at 60 a second", "d0.mp4", fps=60.0, seconds=60.0),
    Scene("clip at 60 a second, 1024x1024", "d0.mp4", fps=60.0, size=1024),
    Scene("clip at 60 a second, budget 100 ms", "d0.mp4", fps=60.0, seconds=90.0, budget_ms=100.0),
)


def measure_scene(
    scene: Scene, clips: Path, seconds: float | None, runtime: str | None, size: int | None
) -> dict[str, Any]:
    """The reports of the loop and of a receiver, or {"refused": why}."""
    source = str(clips / scene.clip) if scene.clip else "demo"
    if scene.clip and not Path(source).is_file():
        return {"refused": f"no clip {scene.clip}: name the folder with --clips"}
    run = LiveRun(
        source, scene.fps, seconds or scene.seconds, scene.size or size, runtime=runtime, budget_ms=scene.budget_ms
    )
    try:
        result = run_live(run)
    except LiveRunError as error:
        return {"refused": str(error)}
    report = {key: value for key, value in result.report.items() if key != "hardware"}
    return {"asked_fps": scene.fps, **report, "receiver": result.receivers[0]}


def scene_table(name: str, result: dict[str, Any]) -> str:
    """One scene for the terminal."""
    if "refused" in result:
        return f"\n{name}: left out, {result['refused']}"
    receiver, stages = result["receiver"], {**result["stages_ms"], "receive": result["receiver"]["receive_ms"]}
    lines = [
        f"\n{name}: {result['runtime']}, {result['size']}x{result['size']}, steps {result['steps']}",
        f"  {result['fps']:.1f} pictures a second drawn, {receiver['fps']:.1f} received, {receiver['new']} new",
        f"  dropped {result['dropped']}, tracked {result['tracked_fraction']:.3f}",
        f"  {'milliseconds':20}" + "".join(f"{column:>8}" for column in QUANTILES),
    ]
    for stage, took in {"captured to received": receiver["total_ms"], **stages}.items():
        if took:
            lines.append(f"  {stage:20}" + "".join(f"{took[column]:8.1f}" for column in QUANTILES))
    return "\n".join(lines)


@dataclass(frozen=True)
class LiveRun:
    """What `omote live` plays, and how. None leaves a setting to Omote."""

    source: str = "demo"
    fps: float = 30.0
    seconds: float = 20.0
    size: int | None = None
    steps: int = 1
    runtime: str | None = None
    budget_ms: float | None = None
    voice: Path | None = None  # a WAV file that is heard as a microphone

    def arguments(self) -> list[str]:
        """For the command line of `omote live`."""
        options = {"--source": self.source, "--fps": self.fps, "--seconds": self.seconds, "--steps": self.steps}
        options |= {"--size": self.size, "--runtime": self.runtime, "--budget-ms": self.budget_ms}
        options |= {"--voice": self.voice}
        return ["--loop", "--no-page", *(str(word) for pair in options.items() if pair[1] is not None for word in pair)]


@dataclass(frozen=True)
class LiveResult:
    """The reports of a run."""

    report: dict[str, Any]  # as `omote live --report` writes it
    receivers: tuple[dict[str, Any], ...]  # one each, as `receive.py` prints it


class LiveRunError(Exception):
    """`omote live` or a receiver failed; the message is the last line that it printed."""


def run_live(
    run: LiveRun,
    receivers: int = 1,
    *,
    has_warm_up: bool = True,
    mouths: Path | None = None,
    on_pid: Callable[[int], None] | None = None,
) -> LiveResult:
    """Plays a run with receivers in processes of their own, after a short one that does not count.

    The first receiver saves its mouths to `mouths`. `on_pid` gets the id of the process that draws.
    """
    if has_warm_up:
        run_live(replace(run, seconds=LIVE_WARM_UP_S), has_warm_up=False)
    params, video, control = free_endpoints(3)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        report = Path(folder) / "report.json"
        processes = [
            stack.enter_context(receiving(video, FIRST_S, mouths if k == 0 else None)) for k in range(receivers)
        ]
        endpoints = ["--params-endpoint", params, "--video-endpoint", video, "--control-endpoint", control]
        command = [sys.executable, "-m", "omote.studio.cli.main", "live", *run.arguments(), *endpoints]
        _draw([*command, "--report", str(report)], run.seconds + STARTING_S, on_pid)
        answers = tuple(answer(process) for process in processes)
        return LiveResult(json.loads(report.read_text(encoding="utf-8")), answers)


def _draw(command: list[str], timeout_s: float, on_pid: Callable[[int], None] | None) -> None:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        if on_pid:
            on_pid(process.pid)
        try:
            _, errors = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired as error:
            process.kill()
            raise LiveRunError(f"omote live did not end within {timeout_s:.0f} s") from error
    if process.returncode:
        lines = errors.strip().splitlines()
        raise LiveRunError(lines[-1] if lines else f"omote live ended with {process.returncode}")


@contextmanager
def receiving(
    endpoint: str, warm_up_s: float = 0.0, mouths: Path | None = None, count: int | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Starts a receiver, which connects at once, and kills it at the end."""
    command = [
        sys.executable,
        str(Path(__file__).with_name("receive.py")),
        "--endpoint",
        endpoint,
        "--warm-up-s",
        str(warm_up_s),
    ]
    command += ["--mouths", str(mouths)] if mouths else []
    command += ["--count", str(count)] if count else []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            process.stdout.readline()  # "ready"
            yield process
        finally:
            process.kill()


def answer(process: subprocess.Popen[str], timeout_s: float = 30.0) -> dict[str, Any]:
    """The result of a receiver, which ends when no picture has arrived for two seconds."""
    try:
        out, _ = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired as error:
        raise LiveRunError("a receiver never got a picture") from error
    if process.returncode or not out.strip():
        raise LiveRunError(f"a receiver ended with {process.returncode}")
    return dict(json.loads(out.strip().splitlines()[-1]))


# The jaw opens and closes in a pseudo-random code, which the receiver reads off the pictures.


def code(length: int) -> NDArray[np.int8]:
    """[length] bits of the shift register x^7 + x^6 + 1: 127 bits that correlate with no shift of themselves."""
    state, bits = 0b1111111, []
    for _ in range(length):
        bits.append(state & 1)
        state = (state >> 1) | (((state ^ (state >> 1)) & 1) << 6)
    return np.array(bits, np.int8)


@dataclass(frozen=True)
class JawCode:
    """How the jaw moves: the preamble, then the code, each bit for a few pictures."""

    bits: NDArray[np.int8]
    fps: float = FPS

    @classmethod
    def lasting(cls, seconds: float, fps: float = FPS) -> JawCode:
        """With as many bits as fit into the time, but at least eight."""
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
        """When the code begins, after the first picture."""
        return round(3 * round(HOLD_S * self.fps) * 1e9 / self.fps)

    def take(self) -> Take:
        """As a take of a tracker. The brows always move, so that all pictures differ."""
        jaw, count = self.jaw, len(self.jaw)
        time_s = np.arange(count) / self.fps
        weights = np.zeros((count, arkit.COUNT), np.float32)
        weights[:, arkit.INDEX["jawOpen"]] = OPEN * jaw
        for name, hz in (("browInnerUp", 0.37), ("browOuterUpLeft", 0.53), ("browOuterUpRight", 0.61)):
            weights[:, arkit.INDEX[name]] = 0.4 + 0.4 * np.sin(2.0 * np.pi * hz * time_s)
        still = np.zeros((count, 3), np.float32)
        gaze = np.zeros((count, 2, 2), np.float32)
        return Take(
            self.fps, time_s, weights, still, still, gaze, np.ones(count, np.float32), "made by benchmarks/live.py"
        )


@dataclass(frozen=True)
class Received:
    """When each picture arrived, and how open its mouth was, 0 to 1."""

    arrived_ns: Times  # since the first picture of the code was due
    openness: Numbers

    def at(self, when_ns: Times) -> Numbers:
        """How open the mouth on the screen is at these times. A picture stays until the next one arrives."""
        newest = np.searchsorted(self.arrived_ns, when_ns, side="right") - 1
        return self.openness[np.maximum(newest, 0)]


@dataclass(frozen=True)
class Decoded:
    """The latency that the pictures show."""

    delay_ms: float  # of the code on the screen as a whole: where the correlation is highest
    likeness: float  # correlation at this delay, 1 if every millisecond agrees
    bits: int
    bit_errors: int
    edges_missed: int  # changes of the code that no picture shows
    edges_ms: dict[str, float]  # from a change to the first picture that shows it


def openness(crops: NDArray[np.uint8], arrived_ns: Times) -> Numbers:
    """How open each mouth is: 0 as when closed in the preamble, 1 as when open there."""
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
    change[np.abs(change) < np.abs(change).max() * 0.5] = 0.0  # only the mouth counts
    return np.asarray((pictures - closed) @ change / (change @ change))


def decode(sent: JawCode, received: Received) -> Decoded:
    """Compares the received pictures with the code, to the millisecond."""
    delay_ms, likeness = _delay(sent, received)
    starts_ns = sent.code_ns + np.arange(len(sent.bits), dtype=np.int64) * sent.bit_ns
    middles_ns = starts_ns + delay_ms * _STEP_NS + sent.bit_ns // 2
    shown = received.at(middles_ns) > 0.5
    ages_ms = [_edge_ms(sent, received, starts_ns[k], delay_ms, k) for k in _edges(sent.bits)]
    seen_ms = [age_ms for age_ms in ages_ms if age_ms is not None]
    return Decoded(
        delay_ms=float(delay_ms),
        likeness=round(likeness, 3),
        bits=len(sent.bits),
        bit_errors=int((shown != sent.bits.astype(bool)).sum()),
        edges_missed=len(ages_ms) - len(seen_ms),
        edges_ms=percentiles(seen_ms, 1) if seen_ms else {},
    )


def _delay(sent: JawCode, received: Received) -> tuple[int, float]:
    """The delay in whole milliseconds with the highest correlation of code and screen, and the correlation."""
    length_ns = len(sent.bits) * sent.bit_ns
    grid_ns = np.arange(sent.code_ns, sent.code_ns + length_ns, _STEP_NS, dtype=np.int64)
    played = sent.bits[(grid_ns - sent.code_ns) // sent.bit_ns] * 2.0 - 1.0
    alike = [
        float(np.mean(played * np.where(received.at(grid_ns + late_ms * _STEP_NS) > 0.5, 1.0, -1.0)))
        for late_ms in range(LATEST_MS)
    ]
    best = int(np.argmax(alike))
    return best, alike[best]


def _edges(bits: NDArray[np.int8]) -> list[int]:
    """The bits that differ from the previous one. The preamble ends closed."""
    return [int(k) for k in np.flatnonzero(np.diff(bits, prepend=np.int8(0)))]


def _edge_ms(sent: JawCode, received: Received, start_ns: int, delay_ms: int, bit: int) -> float | None:
    """From the change to the first picture that shows it; None if the bit ends before."""
    from_ns = start_ns + delay_ms * _STEP_NS - sent.bit_ns // 2
    there = (received.arrived_ns >= max(from_ns, start_ns)) & (received.arrived_ns < from_ns + sent.bit_ns)
    shows = there & ((received.openness > 0.5) == bool(sent.bits[bit]))
    found = np.flatnonzero(shows)
    return float(received.arrived_ns[found[0]] - start_ns) / 1e6 if len(found) else None


def received_in(mouths: Path, sent: JawCode) -> Received:
    """Reads the mouths that a receiver saved. The only time of the sender that is used is the start of the code."""
    with np.load(mouths, allow_pickle=False) as kept:
        if not len(kept["index"]):
            raise ValueError("the receiver kept no picture")
        began_ns = int(np.median(kept["captured_ns"] - np.round(kept["index"] * 1e9 / sent.fps).astype(np.int64)))
        arrived_ns = kept["arrived_ns"] - began_ns
        return Received(arrived_ns, openness(kept["crops"], arrived_ns))


def measure_jaw_code(seconds: float, runtime: str | None = None, size: int | None = None) -> dict[str, Any]:
    """Plays the code and measures latency by the pictures and by the timestamps."""
    sent = JawCode.lasting(seconds)
    with tempfile.TemporaryDirectory() as folder:
        take, mouths = Path(folder) / "code.csv", Path(folder) / "mouths.npz"
        write_take(take, sent.take())
        playing_s = len(sent.jaw) / sent.fps - 0.05  # ends before the take repeats
        run = run_live(LiveRun(str(take), FPS, playing_s, size=size, runtime=runtime), mouths=mouths)
        decoded = decode(sent, received_in(mouths, sent))
    report, receiver = run.report, run.receivers[0]
    shared = {key: report[key] for key in ("runtime", "size", "steps", "fps", "pictures", "dropped", "latency_ms")}
    return {"fps_asked": FPS, "bit_ms": round(sent.bit_ns / 1e6, 1), **shared, "receiver": receiver, **asdict(decoded)}


def speech_file(path: Path, seconds: float) -> None:
    """Writes a WAV file of so many seconds of speech by espeak-ng."""
    from omote.engine.training.speech import espeak

    said = espeak().say(SPOKEN, "en-us+f3").samples
    samples = np.resize(said * (0.1 / max(float(said.std()), 1e-6)), round(seconds * RATE))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.round(np.clip(samples, -1.0, 1.0) * 32767.0).astype("<i2").tobytes())


def measure_voice_rate(seconds: float, rounds: int, source: str, fps: float) -> dict[str, Any]:
    """Pictures a second without and with a voice, in turn, so that a machine that warms up favours neither."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        voice = Path(folder) / "speech.wav"
        speech_file(voice, seconds + STARTING_S)
        without = LiveRun(source, fps, seconds)
        for turn in range(rounds):
            runs = {"without": without, "with": replace(without, voice=voice)}
            order = runs if turn % 2 == 0 else dict(reversed(runs.items()))
            found = {name: run_live(run, has_warm_up=turn == 0) for name, run in order.items()}
            rows.append({name: round(found[name].receivers[0]["fps"], 2) for name in runs})
            print(rows[-1], flush=True)
    return {"source": Path(source).name, "fps_asked": fps, "seconds": seconds, "rounds": rows, "fall": fall_of(rows)}


def fall_of(rows: Sequence[Mapping[str, float]]) -> float:
    """By which share the rate falls with a voice, from the medians."""
    without, spoken = (float(np.median([row[name] for row in rows])) for name in ("without", "with"))
    return round(1.0 - spoken / without, 3)


def main_live(words: Sequence[str]) -> None:
    """Speed and latency of each scene, by timestamps."""
    parser = result_parser(main_live.__doc__, "live")
    parser.add_argument("--clips", type=Path, default=CLIPS, help="folder of the video files (default: %(default)s)")
    parser.add_argument("--scene", action="append", choices=[scene.name for scene in SCENES], help="only this one")
    parser.add_argument("--seconds", type=float, help="of each scene, instead of its own")
    parser.add_argument("--runtime", help="as `omote live` takes it")
    parser.add_argument("--size", type=int, help="as `omote live` takes it")
    chosen = parser.parse_args(words)
    made, scenes = origin(), {}
    for scene in SCENES:
        if not chosen.scene or scene.name in chosen.scene:
            result = measure_scene(scene, chosen.clips, chosen.seconds, chosen.runtime, chosen.size)
            print(scene_table(scene.name, result), flush=True)
            scenes[scene.name] = {**made, **result}
    keep_rows(made, "scenes", scenes, chosen.save, is_whole=not chosen.scene)


def main_jaw_code(words: Sequence[str]) -> None:
    """Motion-to-photon latency, read off the mouth of each picture, beside what the timestamps say."""
    parser = result_parser(main_jaw_code.__doc__, "jaw_code")
    parser.add_argument("--seconds", type=float, default=30.0, help="of the code (default: %(default)s)")
    parser.add_argument("--runtime", help="as `omote live` takes it")
    parser.add_argument("--size", type=int, help="as `omote live` takes it")
    chosen = parser.parse_args(words)
    made = origin()
    result = measure_jaw_code(chosen.seconds, chosen.runtime, chosen.size)
    print(f"{result['runtime']}, {result['size']}x{result['size']}, {result['fps']:.1f} pictures a second drawn")
    print(f"the picture   {result['delay_ms']:.0f} ms late, {result['bit_errors']} of {result['bits']} bits wrong")
    print(f"  a change is seen after {result['edges_ms']}, never seen: {result['edges_missed']}")
    print(f"timestamps    captured to received {result['receiver']['total_ms']}")
    keep({**made, **result}, chosen.save)


def main_voice_rate(words: Sequence[str]) -> int:
    """The rate of the stream without and with a microphone, which must not lower it by more than a tenth."""
    parser = result_parser(main_voice_rate.__doc__, "voice_rate")
    parser.add_argument("--source", default=str(CLIPS / "d12.mp4"), help="as `omote live` takes it")
    parser.add_argument("--fps", type=float, default=FPS, help="more than is drawn (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=30.0, help="of each run (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="of two runs each (default: %(default)s)")
    chosen = parser.parse_args(words)
    made = origin()
    result = measure_voice_rate(chosen.seconds, chosen.rounds, chosen.source, chosen.fps)
    print(f"the rate falls by {result['fall']:.1%} with a voice; at most {MOST_FALL:.0%} are allowed")
    keep({**made, **result}, chosen.save)
    return int(result["fall"] > MOST_FALL)


if __name__ == "__main__":
    raise SystemExit(run_part({"live": main_live, "jaw_code": main_jaw_code, "voice_rate": main_voice_rate}))
