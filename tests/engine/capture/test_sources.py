"""What the user types becomes a source, or one line that says what was wanted; and how long a recording plays."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from omote.bridge import arkit
from omote.engine.capture.cameras import Camera, CameraFormat, list_cameras, parse_webcam, webcam_spec
from omote.engine.capture.datagrams import DatagramSource
from omote.engine.capture.source import EndOfSource, NoCamera, Playback, SourceError
from omote.engine.capture.sources import open_source, recording_length
from omote.engine.capture.take import Take, write_take
from omote.engine.capture.video import VideoSource
from omote.engine.capture.webcam import WebcamSource


def test_a_webcam_is_named_by_its_number_and_not_opened_yet() -> None:
    assert open_source("webcam").name == "webcam 0"
    second = open_source("webcam:1")
    assert isinstance(second, WebcamSource)
    assert second.name == "webcam 1"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("webcam", (0, CameraFormat(640, 480, 30.0))),
        ("webcam@60", (0, CameraFormat(640, 480, 60.0))),
        ("webcam:2:1280x720", (2, CameraFormat(1280, 720, 30.0))),
        ("webcam:12:1920x1080@59.94", (12, CameraFormat(1920, 1080, 59.94))),
        ("webcam+mouth", (0, CameraFormat(reads_mouth=True))),
        ("webcam:1:1280x720@60+mouth", (1, CameraFormat(1280, 720, 60.0, True))),
    ],
)
def test_a_webcams_number_size_and_rate_can_be_typed(spec: str, expected: tuple[int, CameraFormat]) -> None:
    assert parse_webcam(spec) == expected
    assert parse_webcam(webcam_spec(*expected)) == expected
    assert open_source(spec).name == f"webcam {expected[0]}"


def test_cameras_are_listed_by_number_with_names_that_can_be_shown() -> None:
    devices = [
        SimpleNamespace(index=2, name="", path=None),
        SimpleNamespace(index=0, name="HD\x1b Cam", path="/dev/video0"),
    ]
    assert list_cameras(lambda: devices) == (Camera(0, "HD Cam", "/dev/video0"), Camera(2, "Camera 2", ""))

    def refused() -> list[object]:
        raise OSError("no access")

    with pytest.raises(SourceError, match="cannot be listed: no access"):
        list_cameras(refused)


def test_the_cameras_of_this_machine_can_be_asked_for() -> None:
    assert all(camera.name for camera in list_cameras())


def test_without_a_camera_there_is_no_face_and_offline_an_end() -> None:
    with open_source("none") as live:
        assert live.name == "no camera" and live.read(0.001) is None
    with NoCamera(0.1) as offline:
        signals = [offline.read(0.0) for _ in range(3)]
        with pytest.raises(EndOfSource):
            offline.read(0.0)
    assert [one and (one.stamp.captured_ns, one.is_tracked) for one in signals] == [
        *((0, False), (33_333_333, False), (66_666_667, False))
    ]
    with pytest.raises(SourceError, match="none is live and cannot be looped"):
        open_source("none", loop=True)


def test_a_video_is_told_by_its_suffix(tmp_path: Path) -> None:
    film = tmp_path / "Film.MP4"
    film.touch()
    assert isinstance(open_source(str(film)), VideoSource)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("webcm", "did you mean webcam"),
        ("Demo", "did you mean demo"),
        ("live-link", "did you mean livelink"),
        ("vmx", "did you mean vmc"),
        ("vtube-studio:10.0.0.7", "did you mean vtubestudio"),
        ("opensee-face", "did you mean openseeface"),
        ("ifacialmocp:10.0.0.7:49983", "did you mean ifacialmocap"),
        ("", "there are webcam.*take.*livelink.*ifacialmocap.*facemotion3d.*vtubestudio.*vmc.*openseeface"),
        ("face.txt", "there are webcam"),
        ("photo.jpg", "photo.jpg is a picture.*omote character new NAME --photo photo.jpg"),
        ("webcam:first", r"webcam:first: wanted webcam\[:N\]\[:WIDTHxHEIGHT\]\[@FPS\]"),
        ("webcam:-1", "with N from 0 to 99"),
        ("webcam:", "with N from 0 to 99"),
        ("webcam:1:9x9", "16 to 7680 pixels a side, got 9x9"),
        ("webcam@5000", "1 to 1000 pictures a second, not 5000"),
        ("livelink:99999", "wanted 1 to 65535"),
        ("vmc:", "'' is not a UDP port"),
        ("vtubestudio:10.0.0.7:000001999999", "'000001999999' is not a UDP port"),
        ("openseeface:0", "'0' is not a UDP port"),
        ("ifacialmocap:70000", "'70000' is not a UDP port"),
        ("ifacialmocap:10.0.0.7:port", "'port' is not a UDP port"),
        ("ifacialmocap:-phone", "'-phone' is no phone's address"),
        ("facemotion3d:", "'' is no phone's address"),
        ("vtubestudio", "address of the phone is missing.*wanted vtubestudio:PHONE"),
        ("vtubestudio:21412", "address of the phone is missing"),
        ("vtubestudio:[::1", r"'\[::1' is no phone's address; wanted an address or a name"),
        ("vtubestudio:[fe80::z]", "is no phone's address"),
        ("vmc:[::1]x", "is not a UDP port"),
        *(
            (spec, "no sender's address; wanted one as")
            for spec in ("livelink@studio", "vmc:39539@", "openseeface@1.2.3")
        ),
        ("absent.mp4", "there is no file absent.mp4"),
        ("absent.csv", "there is no file absent.csv"),
    ],
)
def test_an_unknown_source_is_refused_with_the_known_ones(spec: str, says: str) -> None:
    with pytest.raises(SourceError, match=says):
        open_source(spec)


def test_a_misspelt_file_is_refused_with_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "interview.mp4").touch()
    with pytest.raises(SourceError, match=r"did you mean .*interview\.mp4"):
        open_source(str(tmp_path / "intervew.mp4"))


@pytest.mark.parametrize(
    ("spec", "name", "ports"),
    [
        ("livelink", "livelink 11111", (11111,)),
        ("livelink:11112", "livelink 11112", (11112,)),
        ("vmc", "vmc 39539", (39539,)),
        ("vmc:39540", "vmc 39540", (39540,)),
        ("openseeface", "openseeface 11573", (11573,)),
        ("ifacialmocap", "ifacialmocap 49983", (49983,)),
        ("ifacialmocap:50003", "ifacialmocap 50003", (50003,)),
        ("ifacialmocap:my-phone.local", "ifacialmocap my-phone.local", (49983,)),
        ("facemotion3d", "facemotion3d 49983", (49983, 49993)),
        ("facemotion3d:10.0.0.7:49994", "facemotion3d 10.0.0.7", (49983, 49993)),
        ("vtubestudio:10.0.0.7", "vtubestudio 10.0.0.7", (11125,)),
        ("vtubestudio:[fd00::7]:21413", "vtubestudio fd00::7", (11125,)),
        ("livelink:[::1]:11112@[fd00::7]", "livelink 11112", (11112,)),
    ],
)
def test_a_phone_or_a_port_is_typed_after_the_colon(spec: str, name: str, ports: tuple[int, ...]) -> None:
    source = open_source(spec)
    assert isinstance(source, DatagramSource)
    assert (source.name, source.ports) == (name, ports)


@pytest.mark.parametrize(
    ("spec", "host", "ports"),
    [
        ("vmc", "0.0.0.0", (39539,)),
        ("livelink:11112", "0.0.0.0", (11112,)),
        ("openseeface:127.0.0.1", "127.0.0.1", (11573,)),
        ("vmc:127.0.0.1:39540", "127.0.0.1", (39540,)),
        ("livelink:192.168.1.5:11112", "192.168.1.5", (11112,)),
        ("livelink@192.168.1.7", "0.0.0.0", (11111,)),
        ("vmc:127.0.0.1:39540@192.168.1.7", "127.0.0.1", (39540,)),
    ],
)
def test_a_source_listens_only_at_the_address_before_the_port(spec: str, host: str, ports: tuple[int, ...]) -> None:
    source = open_source(spec)
    assert isinstance(source, DatagramSource)
    assert (source.host, source.ports) == (host, ports)
    assert ("only 192.168.1.7 is accepted" in source.notice) == (spec == "livelink@192.168.1.7")
    assert ("every network" in source.notice) == (host == "0.0.0.0")
    assert ("from this machine only" in source.notice) == (host == "127.0.0.1")


def test_the_address_of_another_machine_is_refused() -> None:
    with pytest.raises(SourceError, match=r"listen on 192\.0\.2\.7 UDP port .*of an address of this machine"):
        open_source("livelink:192.0.2.7:11112").__enter__()


@pytest.mark.parametrize("spec", ["webcam", "livelink", "vmc", "vtubestudio:10.0.0.7"])
def test_options_of_files_are_refused_for_live_sources(spec: str) -> None:
    with pytest.raises(SourceError, match="cannot be looped"):
        open_source(spec, loop=True)
    with pytest.raises(SourceError, match="cannot be read offline"):
        open_source(spec, is_offline=True)


def test_a_phone_sends_at_its_own_rate() -> None:
    with pytest.raises(SourceError, match="own rate"):
        open_source("livelink", fps=30.0)


@pytest.fixture
def take(tmp_path: Path) -> Path:
    """Two seconds, ten pictures a second."""
    count, path = 20, tmp_path / "t.csv"
    weights, still = np.zeros((count, arkit.COUNT), np.float32), np.zeros((count, 3), np.float32)
    gaze, ones = np.zeros((count, 2, 2), np.float32), np.ones(count, np.float32)
    write_take(path, Take(10.0, np.arange(count) / 10.0, weights, still, still, gaze, ones))
    return path


def test_a_part_at_another_speed_is_counted_as_it_plays(take: Path) -> None:
    assert recording_length(str(take)) == pytest.approx((2.0, 10.0))
    assert recording_length(str(take), Playback(2.0, 0.5, 1.5)) == pytest.approx((0.5, 20.0))


def test_a_part_without_a_picture_is_refused(take: Path) -> None:
    with pytest.raises(SourceError):
        recording_length(str(take), Playback(1.0, 5.0))
