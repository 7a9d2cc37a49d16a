"""Picture formats: each shows the receiver the sender's picture, and malformed ones are refused."""

from __future__ import annotations

import io
import warnings
from typing import Any

import lz4.block
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from omote.bridge import picture
from omote.bridge.fields import WireError
from omote.bridge.payload import Video
from omote.bridge.picture import FORMATS, RGBA8, Format, Layout

Pixels = NDArray[np.uint8]


def smooth(height: int = 24, width: int = 40) -> Pixels:
    """Colours that a JPEG hardly changes, an alpha that it would."""
    y, x = np.mgrid[:height, :width]
    return np.stack([60 + 3 * x, 200 - 5 * y, 90 + x + 2 * y, (x * 7 + y * 3) % 256], -1).astype(np.uint8)


def premultiplied(pixels: Pixels) -> Pixels:
    """By the words of WIRE.md."""
    wide = pixels.astype(int)
    wide[..., :3] = (wide[..., :3] * wide[..., 3:] + 127) // 255
    return wide.astype(np.uint8)


def sent(pixels: Pixels, name: str) -> Video:
    return picture.decode(*picture.encode(Video(pixels), Format.parse(name)))


def jpeg(pixels: Pixels, **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", **options)
    return file.getvalue()


def refusal(said: dict[str, object], *parts: bytes) -> str:
    with pytest.raises(WireError) as refused:
        picture.decode(said, parts)
    return str(refused.value)


JPEG_SAID, JPEG_PARTS = picture.encode(Video(smooth()), Format("jpeg", "opaque"))
BOTH_SAID, BOTH_PARTS = picture.encode(Video(smooth()), Format("jpeg+lz4a"))
JPEG, ALPHA = bytes(BOTH_PARTS[0]), bytes(BOTH_PARTS[1])


def test_there_are_fourteen_formats_and_each_is_parsed_by_its_name() -> None:
    assert len(FORMATS) == len(set(FORMATS)) == 14
    assert [Format.parse(name).name for name in FORMATS] == list(FORMATS)
    assert FORMATS[0] == RGBA8.name == "rgba8"
    assert Format("jpeg+lz4a", "premultiplied", "bottom").name == "jpeg+lz4a.premultiplied.bottom"


@pytest.mark.parametrize("name", ["", "jpeg.premultiplied", "rgba8.top", "rgba8.bottom.premultiplied", "RGBA8", "png"])
def test_an_unknown_format_is_refused_with_a_list_of_the_known(name: str) -> None:
    with pytest.raises(WireError, match=r"is no format of a picture; there are rgba8, .*jpeg\+lz4a"):
        Format.parse(name)


@pytest.mark.parametrize("name", [name for name in FORMATS if "jpeg" not in name])
def test_raw_pictures_arrive_as_they_were(name: str) -> None:
    back = sent(smooth(), name)
    wanted = premultiplied(smooth()) if back.alpha == "premultiplied" else smooth()
    assert back.alpha == Format.parse(name).alpha
    np.testing.assert_array_equal(back.pixels, wanted)


@pytest.mark.parametrize("name", [name for name in FORMATS if "lz4a" in name])
def test_a_jpeg_with_alpha_keeps_every_alpha_and_nearly_the_colours(name: str) -> None:
    pixels = smooth()
    pixels[..., 3] = 255 - np.arange(40)  # gentle, so that its product with the colours is, too
    back = sent(pixels, name)
    wanted = premultiplied(pixels) if back.alpha == "premultiplied" else pixels
    np.testing.assert_array_equal(back.pixels[..., 3], pixels[..., 3])
    np.testing.assert_allclose(back.pixels[..., :3], wanted[..., :3], atol=10)  # quality 90, half the chroma


@pytest.mark.parametrize("name", ["jpeg", "jpeg.bottom"])
def test_a_jpeg_shows_the_picture_over_black(name: str) -> None:
    pixels = smooth()
    pixels[..., 3] = np.where(np.arange(40) < 16, 0, 255)  # an edge between two blocks of chroma
    back = sent(pixels, name)
    assert back.alpha == "opaque"
    assert (back.pixels[..., 3] == 255).all()
    np.testing.assert_allclose(back.pixels[:, :14, :3], 0, atol=10)  # chroma bleeds over the edge
    np.testing.assert_allclose(back.pixels[:, 18:, :3], pixels[:, 18:, :3], atol=10)


def test_every_product_of_colour_and_alpha_is_rounded_as_the_specification_says() -> None:
    alpha, colour = np.mgrid[:256, :256]
    pixels = np.stack([colour, 255 - colour, colour, alpha], -1).astype(np.uint8)
    np.testing.assert_array_equal(sent(pixels, "rgba8.premultiplied").pixels, premultiplied(pixels))


@pytest.mark.parametrize("name", FORMATS)
def test_one_pixel_and_rows_with_gaps_are_pictures_like_others(name: str) -> None:
    assert sent(np.full((1, 1, 4), 255, np.uint8), name).pixels[0, 0, 3] == 255
    assert sent(smooth()[1:9:2, 3:20:3], name).pixels.shape == (4, 6, 4)


def test_a_picture_that_is_premultiplied_already_is_not_multiplied_again() -> None:
    video = Video(premultiplied(smooth()), "premultiplied")
    back = picture.decode(*picture.encode(video, Format("bgra8", "premultiplied")))
    np.testing.assert_array_equal(back.pixels, video.pixels)
    with pytest.raises(WireError, match="a premultiplied picture cannot be sent as rgba8"):
        picture.encode(video)


def test_a_jpeg_is_not_read_before_it_is_decoded() -> None:
    layout = Layout.read(JPEG_SAID, [b"no jpeg at all"])
    with pytest.raises(WireError, match="the jpeg of 14 bytes cannot be read"):
        layout.decode([b"no jpeg at all"])


@pytest.mark.parametrize("length", range(0, len(JPEG) - 2, 29))
def test_every_truncation_of_a_jpeg_is_refused(length: int) -> None:
    assert "jpeg" in refusal(BOTH_SAID, JPEG[:length], ALPHA)


def test_every_truncation_of_the_alpha_is_refused() -> None:
    for length in range(len(ALPHA)):
        assert "alpha" in refusal(BOTH_SAID, JPEG, ALPHA[:length])


@pytest.mark.parametrize("count", [0, 24 * 40 - 1, 24 * 40 + 1, 1 << 20])
def test_an_alpha_of_another_size_is_refused_and_never_unpacked_beyond_its_own(count: int) -> None:
    block = lz4.block.compress(bytes(count), store_size=False)
    assert f"{24 * 40} bytes" in refusal(BOTH_SAID, JPEG, block)


def claiming(height: int, width: int) -> bytes:
    """The JPEG with another size in its frame header."""
    at = JPEG.index(b"\xff\xc0") + 5
    return JPEG[:at] + height.to_bytes(2, "big") + width.to_bytes(2, "big") + JPEG[at + 4 :]


@pytest.mark.parametrize(
    ("height", "width"), [(0, 40), (24, 0), (25, 40), (24, 4000), (10_000, 10_000), (65_535, 65_535)]
)
def test_a_jpeg_that_claims_another_size_is_refused_before_it_is_decoded(height: int, width: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Pillow only warns of what it takes for a bomb
        assert "jpeg" in refusal(BOTH_SAID, claiming(height, width), ALPHA)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (jpeg(smooth()[..., 0]), "three channels, got L"),
        (jpeg(smooth()[..., :3], progressive=True), "baseline, with one scan"),
        (JPEG[:-2] + JPEG[JPEG.index(b"\xff\xda") :], "baseline, with one scan"),
        (JPEG.replace(b"\xff\xc0\x00\x11", b"\xff\xc9\x00\x11"), "baseline, with one scan"),  # arithmetic coding
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "cannot be read"),
        (b"", "the jpeg of 0 bytes cannot be read"),
    ],
)
def test_any_jpeg_but_a_baseline_one_of_three_channels_is_refused(other: bytes, said: str) -> None:
    assert said in refusal(BOTH_SAID, other, ALPHA)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"stride": 160}, "the stride of jpeg is 0, got 160"),
        ({"alpha": "straight"}, "the alpha of jpeg is opaque, got straight"),
        ({"fmt": "jpeg+lz4a", "alpha": "straight"}, "in a fourth part, got 3 parts"),
        ({"fmt": "rgba8"}, "the alpha of rgba8 is straight or premultiplied, got opaque"),
        ({"fmt": ["jpeg"]}, "'fmt' must be a text"),
        ({"origin": None}, "'origin' must be a text"),
        ({"w": 8192, "h": 8192}, "at most 16777216 pixels, got 8192x8192"),
        ({"w": 8193}, "'w' must be a whole number from 0 to 8192"),
    ],
)
def test_a_header_that_no_compressed_picture_has_is_refused(changed: dict[str, Any], said: str) -> None:
    assert said in refusal({**JPEG_SAID, **changed}, bytes(JPEG_PARTS[0]))
