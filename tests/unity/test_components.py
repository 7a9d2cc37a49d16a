"""The Unity components, compiled for real and run under stand-ins for Unity, against a live Omote."""

from __future__ import annotations

import re
import subprocess
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from omote.bridge import arkit, picture
from omote.bridge.control.message import ControlError
from omote.bridge.control.server import ControlServer
from omote.bridge.payload import Params, Video
from omote.bridge.picture import Format, Pixels
from omote.bridge.publisher import Publisher, Sample

from . import component_build as build

PATIENCE_S = 180.0  # the test fails after it; it never passes because of it
FREE_PORT = "tcp://127.0.0.1:*"

pytestmark = pytest.mark.skipif(build.missing_tool() is not None, reason=f"not installed here: {build.missing_tool()}")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build.compile_all(tmp_path_factory.mktemp("unity"))


class Scene:
    """A scene that plays in a process of its own; closing its stdin ends it."""

    def __init__(self, built: Path, *arguments: object) -> None:
        command = ["mono", "--debug", str(built / build.TESTS.file), *map(str, arguments)]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, text=True)
        self._watchdog = threading.Timer(PATIENCE_S, self._process.kill)
        self._watchdog.start()
        self.lines: list[str] = []

    def until(self, wanted: Callable[[str], bool]) -> str:
        """The next line like this."""
        assert self._process.stdout
        for line in self._process.stdout:
            self.lines.append(line.rstrip())
            if wanted(self.lines[-1]):
                return self.lines[-1]
        raise AssertionError("the scene ended before:\n" + "\n".join(self.lines))

    def rest(self) -> list[str]:
        """All lines of a scene that ends by itself."""
        assert self._process.stdout
        self.lines += [line.rstrip() for line in self._process.stdout]
        assert self._process.wait() == 0, "\n".join(self.lines)
        return self.lines

    def end(self) -> list[str]:
        """Ends the scene; all its lines."""
        assert self._process.stdin
        self._process.stdin.close()
        return self.rest()

    def close(self) -> None:
        self._watchdog.cancel()
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()


@contextmanager
def playing(built: Path, *arguments: object) -> Iterator[Scene]:
    scene = Scene(built, *arguments)
    try:
        yield scene
    finally:
        scene.close()


def params(jaw: float = 0.0, shown: float = 0.0, yaw: float = 0.0, pitch: float = 0.0) -> Params:
    zeros = np.zeros
    return Params(
        weights=arkit.weights({"jawOpen": jaw}),
        expression=zeros(50, np.float32),
        jaw_pose=zeros(3, np.float32),
        neck_pose=np.array([pitch, 0, 0], np.float32),
        eye_pose=zeros((2, 3), np.float32),
        eyelids=zeros(2, np.float32),
        translation=zeros(3, np.float32),
        head_rotation=np.array([0, yaw, 0], np.float32),
        head_translation=zeros(3, np.float32),
        gaze=zeros((2, 2), np.float32),
        confidence=1.0,
        presence=1.0,
        basis="open",
        shown_weights=arkit.weights({"mouthSmileLeft": shown}),
    )


def pixels_of(index: int, height: int = 0, width: int = 0) -> Pixels:
    """A picture that only this index has; its size changes every ten pictures."""
    usual = ((12, 16), (24, 8), (16, 12))[index // 10 % 3]
    shape = (height or usual[0], width or usual[1], 4)
    return np.random.default_rng(index).integers(0, 256, shape, np.uint8)


@contextmanager
def streaming(shot: Callable[[int], tuple[Video, Params]], video: str = FREE_PORT) -> Iterator[Publisher]:
    """A publisher that sends 60 pictures a second until the test is done with it."""
    is_over = threading.Event()

    def stream() -> None:
        for index in range(10**9):
            if is_over.wait(1 / 60):
                return
            picture, face = shot(index)
            now_ns = time.perf_counter_ns()
            publisher.publish(Sample(index, now_ns, now_ns, time.time_ns(), picture, face))

    with Publisher(FREE_PORT, video) as publisher:
        thread = threading.Thread(target=stream)
        thread.start()
        try:
            yield publisher
        finally:
            is_over.set()
            thread.join()


def crc(pixels: Pixels) -> str:
    return f"{zlib.crc32(pixels.tobytes()):08x}"


def as_sent(index: int, name: str) -> Pixels:
    format = Format.parse(name)
    words, parts = picture.encode(Video(pixels_of(index)), format)
    return picture.decode(words, parts).pixels


def test_the_tests_of_the_components_pass(built: Path) -> None:
    command = ["nunit-console", "-nologo", "-noshadow", "-noresult", build.TESTS.file]
    done = subprocess.run(command, check=False, cwd=built, capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == 0, done.stdout
    counted = re.search(r"Tests run: (\d+), Errors: 0, Failures: 0", done.stdout)
    assert counted, done.stdout
    assert int(counted[1]) >= 70


def test_the_components_compile_for_a_game_without_the_editor(built: Path, tmp_path: Path) -> None:
    for name in ("UnityEngine.dll", "Omote.Core.dll"):
        (tmp_path / name).write_bytes((built / name).read_bytes())
    build.compile_into(tmp_path, build.PLAYER)
    build.compile_into(tmp_path, build.SAMPLES)


def test_every_call_into_unity_is_listed_with_how_it_was_checked(built: Path) -> None:
    build.compile_into(built, build.USED_API)
    files = [assembly.file for assembly in build.STAND_INS], [assembly.file for assembly in build.PRODUCT]
    command = ["mono", build.USED_API.file, *files[0], "--", *files[1]]
    done = subprocess.run(command, check=True, cwd=built, capture_output=True, text=True, timeout=PATIENCE_S)
    rows = (build.PACKAGE / "Tests~/Stubs/used-api.tsv").read_text(encoding="utf-8").splitlines()
    listed = dict(row.split("\t") for row in rows)
    assert set(listed.values()) == {"declaration", "UniVRM", "page"}
    assert list(listed) == done.stdout.splitlines()


@pytest.mark.parametrize(
    ("name", "hz"),
    [("rgba8", 60), ("rgba8", 20), ("bgra8", 60), ("rgba8.premultiplied", 60), ("bgra8.premultiplied", 60)],
)
def test_two_plays_show_what_was_published_through_changes_of_size(built: Path, name: str, hz: int) -> None:
    with (
        streaming(lambda index: (Video(pixels_of(index)), params())) as publisher,
        playing(built, "receive", publisher.video_endpoint, name, hz, 2, 30) as scene,
    ):
        lines = scene.rest()
    pictures = [line.split() for line in lines if line.startswith("picture")]
    assert len(pictures) == 60, "\n".join(lines)
    for _, index, width, height, found, premultiplied, is_shown in pictures:
        wanted = as_sent(int(index), name)
        assert [height, width] == [str(side) for side in wanted.shape[:2]]
        assert found == crc(wanted), f"picture {index}"
        assert is_shown == "shown"
        assert premultiplied == ("1" if name.endswith("premultiplied") else "0")
    assert len({tuple(line[2:4]) for line in pictures}) >= 2, "the size never changed"
    assert [line for line in lines if not line.startswith(("picture", "texture"))].count("stopped 0") == 2
    assert not [line for line in lines if line.startswith("error")]


def test_a_jpeg_is_joined_with_its_alpha(built: Path) -> None:
    pixels = pixels_of(0, 16, 24)
    pixels[..., :3] = (200, 90, 30)  # of one colour, which every decoder gives alike
    words, parts = picture.encode(Video(pixels), Format.parse("jpeg+lz4a"))
    wanted = picture.decode(words, parts).pixels
    with (
        streaming(lambda index: (Video(pixels), params())) as publisher,
        playing(built, "receive", publisher.video_endpoint, "jpeg+lz4a", 60, 1, 5) as scene,
    ):
        lines = scene.rest()
    found = [line.split()[4] for line in lines if line.startswith("picture")]
    assert found == [crc(wanted)] * 5
    np.testing.assert_array_equal(wanted[..., 3], pixels[..., 3])


def test_a_portrait_of_512_by_512_arrives_byte_for_byte(built: Path) -> None:
    with (
        streaming(lambda index: (Video(pixels_of(index % 4, 512, 512)), params())) as publisher,
        playing(built, "receive", publisher.video_endpoint, "rgba8", 60, 1, 10) as scene,
    ):
        lines = scene.rest()
    wanted = [crc(pixels_of(index, 512, 512)) for index in range(4)]
    pictures = [line.split() for line in lines if line.startswith("picture")]
    assert [each[4] for each in pictures] == [wanted[int(each[1]) % 4] for each in pictures]


def test_who_goes_is_stale_and_who_comes_back_is_live(built: Path) -> None:
    def shot(index: int) -> tuple[Video, Params]:
        return Video(pixels_of(0)), params()

    with streaming(shot) as publisher:
        address = publisher.video_endpoint
        scene = Scene(built, "receive", address, "rgba8", 60, 1, 10**6)
        scene.until(lambda line: line == "live")
    try:
        scene.until(lambda line: line == "stale")
        with streaming(shot, address):
            scene.until(lambda line: line == "live")
            lines = scene.end()
        assert lines[-1] == "stopped 0"
    finally:
        scene.close()


@pytest.mark.parametrize(
    ("source", "moved"),
    # Seen: the jaw opens by half, the head turns to its left, Unity's -x. Shown: a smile, the head looks down.
    [("seen", "face 50.00 0.00 -0.479 0.000"), ("shown", "face 0.00 25.00 0.000 -0.479")],
)
def test_a_head_follows_rests_without_anybody_and_is_put_back(built: Path, source: str, moved: str) -> None:
    face = params(jaw=0.5, shown=0.25, yaw=0.5, pitch=0.5)
    at_rest = "face 0.00 0.00 0.000 0.000"
    with streaming(lambda index: (Video(pixels_of(0)), face)) as publisher:
        scene = Scene(built, "drive", publisher.params_endpoint, source)
        scene.until(lambda line: line.replace("-0.000", "0.000") == moved)
    try:
        scene.until(lambda line: line.replace("-0.000", "0.000") == at_rest)
        assert scene.end()[-1].replace("-0.000", "0.000") == at_rest
    finally:
        scene.close()


def test_light_and_requests_arrive_and_the_end_gives_the_studio_its_light_back(built: Path) -> None:
    asked: list[tuple[str, Mapping[str, object]]] = []

    def note(method: str) -> Callable[[Mapping[str, object]], Mapping[str, object]]:
        def answer(arguments: Mapping[str, object]) -> Mapping[str, object]:
            asked.append((method, arguments))
            if arguments.get("name") == "nobody":
                raise ControlError("invalid", "there is no nobody, only ada")
            return {}

        return answer

    methods = {name: note(name) for name in ("hello", "set_light", "set_expression", "set_character", "recalibrate")}
    with (
        ControlServer(FREE_PORT, methods, session=7) as server,
        playing(built, "control", server.endpoint) as scene,
    ):
        lines = scene.rest()
    assert lines[-1] == "stopped"
    assert "connected" in lines
    assert "error set_character: there is no nobody, only ada" in lines
    lights = [arguments["harmonics"] for method, arguments in asked if method == "set_light"]
    # A sun of intensity 1 behind who looks at the quad, then above it: irradiance pi, by the harmonics' own constants.
    behind = np.pi * np.array([0.28209479, 0, 0.48860251, 0, 0, 0, 2 * 0.31539157, 0, 0])
    above = np.pi * np.array([0.28209479, 0.48860251, 0, 0, 0, 0, -0.31539157, 0, -0.54627422])
    assert len(lights) == 5, "the same light was sent again, or one was not sent"
    for light, wanted in zip(lights, (behind, above, None, above, None), strict=True):
        if wanted is None:
            assert light is None
        else:
            np.testing.assert_allclose(np.array(light), np.tile(wanted, 3), atol=1e-5)
    assert "clock 7 True" in lines
    assert ("set_expression", "smile") in [(method, arguments.get("name")) for method, arguments in asked]
    assert "recalibrate" in [method for method, _ in asked]


def test_expressions_that_the_performer_makes_are_events(built: Path) -> None:
    made: list[tuple[str, ...]] = [("smile",)]
    with (
        streaming(lambda index: (Video(pixels_of(0)), replace(params(), recognised=made[-1]))) as publisher,
        playing(built, "drive", publisher.params_endpoint, "shown") as scene,
    ):
        scene.until(lambda line: line == "began smile")
        made.append(("smile", "tongue"))
        scene.until(lambda line: line == "began tongue")
        made.append(())
        scene.until(lambda line: line == "ended tongue")
        made.append(("blink",))
        scene.until(lambda line: line == "began blink")
        assert scene.end().count("ended blink") == 1  # for it was switched off
    told = [line for line in scene.lines if line.startswith(("began", "ended"))]
    assert told[:2] == ["began smile", "began tongue"]
    assert sorted(told[2:4]) == ["ended smile", "ended tongue"]
