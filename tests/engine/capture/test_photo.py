"""Photos are read upright, and unusable ones are refused with the reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Self

import numpy as np
import pytest
from PIL import Image

from omote.bridge import arkit
from omote.engine.capture.photo import SMALLEST_FACE_PX, MediaPipeFinder, read_photos, single_face
from omote.engine.face.fitting import FaceLandmarks
from omote.engine.images import PhotoError, Rgb, read_picture

from .conftest import Draw


def saved(path: Path, picture: Rgb, orientation: int | None = None) -> Path:
    image, exif = Image.fromarray(picture), Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    image.save(path, exif=exif)
    return path


def test_a_photo_is_turned_as_its_exif_says(tmp_path: Path) -> None:
    lying = np.zeros((2, 3, 3), np.uint8)
    lying[0, 0] = 255  # the corner at the upper left of what the sensor saw
    upright = read_picture(saved(tmp_path / "phone.png", lying, orientation=6))  # a quarter turn clockwise
    assert upright.shape == (3, 2, 3)
    assert upright[0, 1].tolist() == [255, 255, 255]
    assert upright.sum() == 3 * 255


def test_transparent_pixels_become_white(tmp_path: Path) -> None:
    clear = np.zeros((2, 2, 4), np.uint8)
    clear[0, 0] = (10, 20, 30, 255)
    Image.fromarray(clear).save(tmp_path / "cut_out.png")
    assert read_picture(tmp_path / "cut_out.png").tolist()[0] == [[10, 20, 30], [255, 255, 255]]


def test_a_large_photo_is_scaled_down(tmp_path: Path) -> None:
    wide = np.zeros((100, 5000, 3), np.uint8)
    assert read_picture(saved(tmp_path / "wide.png", wide)).shape == (48, 2400, 3)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(PhotoError, match=r"there is no file .*nobody\.jpg"):
        read_picture(tmp_path / "nobody.jpg")


POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n(run by Ghostscript) print\n"


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + bytes(40), POSTSCRIPT])
def test_a_file_that_is_no_picture_is_refused(tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("PIL.EpsImagePlugin.EpsImageFile._open", lambda *_: pytest.fail("PostScript was opened"))
    path = tmp_path / "letter.jpg"
    path.write_bytes(content)
    with pytest.raises(PhotoError, match=r"letter\.jpg is no picture that can be read .* wanted a JPEG, PNG or WebP"):
        read_picture(path)


def test_a_photo_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    path = saved(tmp_path / "half.jpg", noise)
    path.write_bytes(path.read_bytes()[:1500])
    with pytest.raises(PhotoError, match=r"half\.jpg is no picture that can be read"):
        read_picture(path)


def test_a_picture_that_would_fill_the_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(PhotoError, match=r"huge\.png is too large to be opened"):
        read_picture(saved(tmp_path / "huge.png", np.zeros((40, 40, 3), np.uint8)))


def face(x: float, y: float, size: float) -> FaceLandmarks:
    """Points in a square around a middle."""
    points = np.array([[x, y]] * 478, np.float32)
    points[0] -= size / 2
    points[1] += size / 2
    return FaceLandmarks(points, np.zeros(arkit.COUNT, np.float32), np.zeros(3, np.float32))


class ListedFinder:
    """Finds the listed faces that lie in the shown part and fill a fifth of its height.

    The upper left pixel of a part holds its position, in tens.
    """

    def __init__(self, *faces: FaceLandmarks) -> None:
        self.listed = faces
        self.shown: list[tuple[int, int]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def faces(self, picture: Rgb) -> tuple[FaceLandmarks, ...]:
        height, width = picture.shape[:2]
        corner = picture[0, 0, :2].astype(np.float32) * 10.0
        self.shown.append((height, width))
        seen = []
        for one in self.listed:
            low, high = one.points.min(0) - corner, one.points.max(0) - corner
            if (low >= 0).all() and (high <= (width, height)).all() and np.ptp(one.points, 0)[1] >= height / 5:
                seen.append(FaceLandmarks(one.points - corner, one.weights, one.rotation))
        return tuple(seen)


def coordinates(height: int = 1000, width: int = 1000) -> Rgb:
    """Each pixel holds its position, in tens."""
    rows, columns = np.indices((height, width)) // 10
    return np.stack([columns, rows, rows * 0], 2).astype(np.uint8)


@pytest.mark.parametrize(
    ("faces", "side", "says"),
    [
        ([], 1000, r"no face was found in a\.jpg: wanted a photo of one face"),
        ([face(250, 500, 300), face(750, 500, 240)], 1000, r"2 faces were found in a\.jpg: cut the photo"),
        ([face(150, 150, 80)], 300, f"the face in a.jpg is 80 pixels high, wanted {SMALLEST_FACE_PX} or more"),
    ],
    ids=["none", "two", "too small"],
)
def test_a_picture_without_one_large_face_is_refused(faces: list[FaceLandmarks], side: int, says: str) -> None:
    with pytest.raises(PhotoError, match=says):
        single_face("a.jpg", coordinates(side, side), ListedFinder(*faces))


def test_a_small_face_in_the_background_does_not_count() -> None:
    subject = face(500, 500, 400)
    found = single_face("street.jpg", coordinates(), ListedFinder(subject, face(850, 250, 110)))
    np.testing.assert_allclose(found.centre, subject.centre, atol=10.0)


@pytest.mark.parametrize(("x", "y"), [(300, 260), (760, 900)])
def test_a_face_that_is_small_in_its_picture_is_found_in_a_part_of_it(x: float, y: float) -> None:
    found = single_face("group.jpg", coordinates(1200, 1000), ListedFinder(face(x, y, 100)))
    np.testing.assert_allclose(found.centre, (x, y), atol=10.0)  # The position of a part is exact to ten pixels.


def test_the_face_is_found_again_in_a_close_up() -> None:
    finder = ListedFinder(face(400, 500, 200))
    single_face("near.jpg", coordinates(), finder)
    assert finder.shown[-1] == (440, 440)


def test_the_first_unusable_photo_is_named(tmp_path: Path) -> None:
    paths = tuple(saved(tmp_path / f"{k}.png", coordinates(300, 300)) for k in "ab")
    with pytest.raises(PhotoError, match=r"in a\.png"):
        read_photos(paths, ListedFinder)


@pytest.mark.parametrize("name", ["person_a_1.jpg", "person_a_2.jpg", "person_b_1.jpg", "person_b_2.jpg"])
def test_real_photos_show_one_face(media: Path, model: Path, name: str) -> None:
    (photo,) = read_photos((media / name,), lambda: MediaPipeFinder(model))
    assert photo.reading.size_px > SMALLEST_FACE_PX
    assert np.isfinite(photo.reading.points).all()


def on_a_wall(picture: Rgb, *corners: tuple[int, int]) -> Rgb:
    """480 x 640 pixels of grey with the same picture at each of these places."""
    wall = np.full((480, 640, 3), 128, np.uint8)
    for top, left in corners:
        wall[top : top + len(picture), left : left + len(picture)] = picture[..., ::-1]
    return wall


@pytest.fixture
def finds(model: Path) -> Callable[[Rgb], FaceLandmarks]:
    def found(picture: Rgb) -> FaceLandmarks:
        with MediaPipeFinder(model) as finder:
            return single_face("drawn.png", picture, finder)

    return found


@pytest.mark.slow
def test_a_drawn_face_is_found_where_it_is(draw: Draw, finds: Callable[[Rgb], FaceLandmarks]) -> None:
    reading = finds(on_a_wall(draw({"jawOpen": 0.8}, (0.0, 0.0, 0.0)), (100, 200)))
    x, y = reading.centre
    assert x == pytest.approx(328, abs=15)
    assert y == pytest.approx(240, abs=30)
    assert reading.weights[arkit.INDEX["jawOpen"]] > 0.3


@pytest.mark.slow
def test_two_drawn_faces_are_refused(draw: Draw, finds: Callable[[Rgb], FaceLandmarks]) -> None:
    with pytest.raises(PhotoError, match="2 faces were found"):
        finds(on_a_wall(draw({}, (0.0, 0.0, 0.0)), (100, 30), (100, 350)))


def test_a_photo_in_a_phones_colours_is_read_in_ours(tmp_path: Path) -> None:
    """A profile with red and blue exchanged stands for any that is not sRGB."""
    from PIL import ImageCms

    ours = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    other = ours.replace(b"rXYZ", b"____").replace(b"bXYZ", b"rXYZ").replace(b"____", b"bXYZ")
    brown = Image.new("RGB", (32, 32), (90, 60, 40))
    for name, profile in (("ours", ours), ("broken", b"no profile"), ("other", other)):
        brown.save(tmp_path / f"{name}.png", icc_profile=profile)
    assert np.abs(read_picture(tmp_path / "ours.png")[0, 0].astype(int) - (90, 60, 40)).max() <= 1
    assert read_picture(tmp_path / "broken.png")[0, 0].tolist() == [90, 60, 40]
    assert np.abs(read_picture(tmp_path / "other.png")[0, 0].astype(int) - (40, 60, 90)).max() <= 2


def test_a_grey_picture_of_16_bits_keeps_its_tones(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 256 * 256).reshape(256, 256).astype(np.uint16)
    Image.fromarray(ramp).save(tmp_path / "scan.png")
    seen = read_picture(tmp_path / "scan.png")
    np.testing.assert_allclose(seen[..., 0], ramp / 257.0, atol=1.0)
