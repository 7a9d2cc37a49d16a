"""Destinations as users type them: what they mean, and the errors of invalid ones."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omote.bridge.outputs import SenderError, availability, face_sender, picture_sender, takes_pictures
from omote.bridge.outputs.destination import FACE_KINDS, PICTURE_KINDS, Destination
from omote.bridge.outputs.pictures import CAMERA_CURES, camera_cure


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        ("ndi", "ndi Omote"),
        ("ndi://Studio%20B", "ndi Studio B"),
        ("NDI://Hana?size=256", "ndi Hana"),
        ("virtualcam", "virtual camera"),
        ("virtualcam:///dev/video10?size=640x480&background=%2300ff00", "virtual camera /dev/video10"),
        ("virtualcam://Unity Video Capture?alpha=yes", "virtual camera Unity Video Capture"),
        ("spout", "spout Omote"),
        ("syphon://Mask", "syphon Mask"),
    ],
)
def test_a_picture_goes_to_what_is_named(spec: str, name: str) -> None:
    assert takes_pictures(spec)
    assert picture_sender(spec).name == name


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        *(
            (spec, "vts 127.0.0.1:8001")
            for spec in ("vts", "vts://", "vts://127.0.0.1", "vts://127.0.0.1:8001?arkit=yes")
        ),
        ("livelink://unreal.example", "livelink unreal.example:11111"),
        ("vmc://127.0.0.1", "vmc 127.0.0.1:39539"),
    ],
)
def test_a_face_goes_to_the_named_host_and_the_usual_port(spec: str, name: str) -> None:
    assert not takes_pictures(spec)
    assert face_sender(spec).name == name


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("virtualcan", "did you mean virtualcam?"),
        ("ndy://x", "did you mean ndi?"),
        ("vtss://host", "did you mean vts://?"),
        ("livlink://host", "did you mean livelink://?"),
        ("ftp://host", "no output called ftp; expected livelink://HOST, vmc://HOST, vts://HOST, virtualcam, ndi"),
        ("host:39539", "no output called"),
        ("", "no output called nothing"),
        ("ndi:Omote", "expected ndi or ndi://NAME"),
        ("ndi://" + "x" * 65, "at most 64 printable bytes"),
        ("ndi://a%0Ab", "at most 64 printable bytes"),
        ("ndi?size=63", "from 64 to 4096, got '63'"),
        ("ndi?size=²56", "from 64 to 4096"),
        ("ndi?background=000000", "no option background, only size"),
        ("virtualcam?size=1281x720", "even numbers"),
        ("virtualcam?size=1280", "WIDTHxHEIGHT"),
        ("virtualcam?background=green", "six hexadecimal digits"),
        ("virtualcam?alpha=maybe", "alpha must be yes or no"),
        ("virtualcam?alpha=yes&background=000000", "with alpha=yes there is no background"),
        ("vmc://", "is no destination"),
        ("vmc://host:0", "is no destination"),
        ("vmc://host/path", "is no destination"),
        ("vmc://me@host", "is no destination"),
        ("vmc://host:99999", "Port out of range"),
        ("vmc://host:x", "expected livelink"),
        ("vmc://[::1", "expected livelink"),
        ("vmc://host?names=snake", "names must be camel or pascal, got 'snake'"),
        ("vmc://host?nams=pascal", "no option nams, only names, presets"),
        ("livelink://host?subject=", "1 to 256 bytes"),
        ("livelink://host?subject=a%0Ab", "1 to 256 bytes"),
        ("vts://two words", "is not a host's name or address"),
        ("vts://[::1", "expected livelink"),
        ("vts://host:0", "is no destination"),
        ("vts://me@host", "is no destination"),
        ("vts/path", "no output called vts/path"),
        ("vts:8001", "is no destination"),
        ("vts://a..b", "is not a host's name or address"),
        ("vts://" + 64 * "x", "is not a host's name or address"),
        ("vts://é..é", "is not a host's name or address"),
    ],
)
def test_an_invalid_destination_is_refused_in_a_sentence(spec: str, message: str) -> None:
    with pytest.raises(SenderError) as caught:
        (picture_sender if takes_pictures(spec) else face_sender)(spec)
    assert message in str(caught.value)
    assert str(caught.value).count(f"{spec}: ") <= 1


def test_a_destination_takes_faces_or_pictures_and_not_both() -> None:
    with pytest.raises(SenderError, match="vmc takes a face"):
        picture_sender("vmc://host")
    with pytest.raises(SenderError, match="ndi takes pictures"):
        face_sender("ndi")


@pytest.mark.slow
@given(
    st.text(max_size=40)
    | st.builds("{}{}".format, st.sampled_from((*FACE_KINDS, *PICTURE_KINDS)), st.text(max_size=40))
)
def test_any_text_is_a_destination_or_a_sender_error(spec: str) -> None:
    try:
        found = Destination.parse(spec)
    except SenderError:
        return
    assert found.kind in (*FACE_KINDS, *PICTURE_KINDS)
    try:
        (picture_sender if takes_pictures(spec) else face_sender)(spec)
    except SenderError:
        return


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="Spout or Syphon may be here")
@pytest.mark.parametrize(("spec", "said"), [("spout", "is for Windows"), ("syphon", "is for macOS")])
def test_an_output_of_another_system_is_refused_when_it_is_opened(spec: str, said: str) -> None:
    with pytest.raises(SenderError, match=said), picture_sender(spec):
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="UnityCapture is for Windows")
def test_a_camera_with_alpha_is_refused_where_none_can_have_it() -> None:
    with pytest.raises(SenderError, match="only UnityCapture"), picture_sender("virtualcam?alpha=yes"):
        pass


def test_each_missing_output_comes_with_its_cure() -> None:
    for platform, more in (("linux", set()), ("win32", {"Spout"}), ("darwin", {"Syphon"})):
        rows = availability(platform)
        assert {row.name for row in rows} == {"virtual camera", "NDI", "VTube Studio"} | more
        assert all(bool(row.cure) != row.is_there and row.found for row in rows)
    assert {*CAMERA_CURES} == {"linux", "win32", "darwin"}
    assert "modprobe v4l2loopback" in camera_cure("linux")
    assert "ndi" in camera_cure("haiku")
