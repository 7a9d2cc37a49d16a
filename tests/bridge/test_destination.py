"""Destinations as a person types them: what they mean, and what is said of those that mean nothing."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omote.bridge.outputs import SenderError, availability, face_sender, picture_sender, takes_pictures
from omote.bridge.outputs.destination import FACE_KINDS, PICTURE_KINDS, Destination
from omote.bridge.outputs.virtualcam import CURES, cure


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


@pytest.mark.parametrize("spec", ["vts", "vts://", "vts://127.0.0.1", "vts://127.0.0.1:8001?arkit=yes"])
def test_vtube_studio_is_on_this_machine_unless_another_is_named(spec: str) -> None:
    assert not takes_pictures(spec)
    assert face_sender(spec).name == "vts 127.0.0.1:8001"


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("virtualcan", "did you mean virtualcam?"),
        ("ndy://x", "did you mean ndi?"),
        ("vtss://host", "did you mean vts://?"),
        ("ndi:Omote", "wanted ndi or ndi://NAME"),
        ("ndi://" + "x" * 65, "at most 64 bytes"),
        ("ndi://a%0Ab", "that can be printed"),
        ("ndi?size=63", "from 64 to 4096, got '63'"),
        ("ndi?size=²56", "from 64 to 4096"),
        ("ndi?background=000000", "no option background, only size"),
        ("virtualcam?size=1281x720", "even numbers"),
        ("virtualcam?size=1280", "WIDTHxHEIGHT"),
        ("virtualcam?background=green", "six hexadecimal digits"),
        ("virtualcam?alpha=maybe", "alpha must be yes or no"),
        ("virtualcam?alpha=yes&background=000000", "with alpha=yes there is no background"),
    ],
)
def test_what_is_no_picture_s_destination_is_refused_in_a_sentence(spec: str, said: str) -> None:
    with pytest.raises(SenderError) as caught:
        takes_pictures(spec)
        picture_sender(spec)
    assert said in str(caught.value)
    assert str(caught.value).count(f"{spec}: ") <= 1


@pytest.mark.parametrize(
    "spec",
    [
        *("vts://two words", "vts://[::1", "vts://host:0", "vts://me@host", "vts/path", "vts:8001"),
        *("vts://a..b", "vts://" + 64 * "x", "vts://é..é"),
    ],
)
def test_what_is_no_place_of_vtube_studio_is_refused_in_a_sentence(spec: str) -> None:
    with pytest.raises(SenderError):
        face_sender(spec)


def test_a_face_s_destination_takes_no_pictures_nor_the_other_way() -> None:
    with pytest.raises(SenderError, match="vmc takes a face"):
        picture_sender("vmc://host")
    with pytest.raises(SenderError, match="ndi takes pictures"):
        face_sender("ndi")


@given(
    st.text(max_size=40)
    | st.builds("{}{}".format, st.sampled_from((*FACE_KINDS, *PICTURE_KINDS)), st.text(max_size=40))
)
def test_whatever_is_typed_is_a_destination_or_a_sender_error(spec: str) -> None:
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
def test_what_this_system_cannot_have_is_said_before_anything_runs(spec: str, said: str) -> None:
    with pytest.raises(SenderError, match=said), picture_sender(spec):
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="UnityCapture is for Windows")
def test_a_camera_with_alpha_is_refused_where_none_can_have_it() -> None:
    with pytest.raises(SenderError, match="only UnityCapture"), picture_sender("virtualcam?alpha=yes"):
        pass


def test_each_way_out_that_is_missing_comes_with_its_cure() -> None:
    for platform, more in (("linux", set()), ("win32", {"Spout"}), ("darwin", {"Syphon"})):
        rows = availability(platform)
        assert {row.name for row in rows} == {"virtual camera", "NDI", "VTube Studio"} | more
        assert all(bool(row.cure) != row.is_there and row.found for row in rows)
    assert {*CURES} == {"linux", "win32", "darwin"}
    assert "modprobe v4l2loopback" in cure("linux")
    assert "ndi" in cure("haiku")
