"""A drawing becomes a character: its face is found, its figure cut out, and what will not do is said."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from omote.engine.data import Reference
from omote.engine.face.anime_head import anime_head
from omote.engine.face.drawing_fit import NAMES, POINTS
from omote.engine.face.rasterizer import Camera
from omote.engine.images import PhotoError, Rgba
from omote.engine.model import drawings
from omote.engine.model.character_file import load_character
from omote.engine.model.drawings import Points, find_face, made_from_drawing, read_points, sketch, usual_points

SIDE, SHIFT = 480, (90, 60)  # how the drawing lies on its sheet
FACE_PX = 0.47 * SIDE
LEFT_EYE = list(range(42, 48))  # of the 68-point set


@cache
def figure(name: str = "beni") -> tuple[Rgba, Points]:
    """A shipped drawn character on a larger, transparent sheet, and where its points truly are."""
    character = load_character(name)
    reference, head = character.references[0], anime_head()
    shaped = head.shaped(character.shape)
    posed = head.pose(shaped, reference.params)
    marks = Camera.framing(shaped).project(head.landmarks(posed), SIDE)[:, :2] + np.array(SHIFT)
    sheet = Image.new("RGBA", (SIDE + 200, SIDE + 100))
    sheet.paste(Image.fromarray(reference.rgba).resize((SIDE, SIDE), Image.Resampling.BOX), SHIFT)
    return np.asarray(sheet), {name: tuple(marks[list(group)].mean(0)) for name, group in POINTS.items()}


def on_ground(rgba: Rgba, ground: np.ndarray) -> Rgba:
    alpha = rgba[..., 3:] / 255.0
    flat = rgba[..., :3] * alpha + ground * (1.0 - alpha)
    return np.dstack([flat.astype(np.uint8), np.full(rgba.shape[:2], 255, np.uint8)])


def off_by(found: Points, true: Points) -> float:
    """The median distance of points, as a part of the face's width."""
    return float(np.median([np.hypot(*np.subtract(found[name], true[name])) for name in NAMES]) / FACE_PX)


@pytest.mark.parametrize("name", ["aoi", "ren", "yuki"])
def test_the_face_of_a_drawing_is_found(name: str) -> None:
    rgba, true = figure(name)
    found = find_face(rgba)
    assert found is not None
    assert off_by(found.points, true) < 0.03


def test_a_small_turned_over_face_is_found_on_a_large_sheet() -> None:
    rgba, true = figure()
    large = np.zeros((1600, 2000, 4), np.uint8)
    large[700 : 700 + len(rgba), 1100 : 1100 + rgba.shape[1]] = rgba
    found = find_face(large)
    assert found is not None
    assert off_by(found.points, {name: (x + 1100, y + 700) for name, (x, y) in true.items()}) < 0.04


def test_no_face_is_found_where_there_is_none() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 4), np.uint8)
    assert find_face(noise) is None
    with pytest.raises(PhotoError, match=r"no drawn face was found in sketch.*--points"):
        made_from_drawing("sketch", noise, None, "")


@pytest.mark.parametrize("ground", ["clear", "white", "room"])
def test_the_figure_is_cut_out_and_looks_like_the_drawing(ground: str) -> None:
    rgba, true = figure()
    if ground == "white":
        rgba = on_ground(rgba, np.full(3, 255.0))
    elif ground == "room":
        coarse = np.random.default_rng(1).integers(0, 256, (4, 5, 3), np.uint8)
        rgba = on_ground(rgba, np.asarray(Image.fromarray(coarse).resize(rgba.shape[1::-1], Image.Resampling.BICUBIC)))
    made = made_from_drawing("me", rgba, true, "mine")
    character = made.character
    assert (character.head, character.consent, character.references[0].kind) == ("anime", "mine", "drawing")
    ours = character.references[0].rgba
    expected = np.asarray(Image.fromarray(load_character("beni").references[0].rgba).resize(ours.shape[:2]))
    alpha = np.abs(ours[..., 3].astype(int) - expected[..., 3]).mean() / 255.0
    assert alpha < (0.06 if ground == "room" else 0.04)
    inside = (ours[..., 3] > 250) & (expected[..., 3] > 250)
    assert np.abs(ours[inside][:, :3].astype(int) - expected[inside][:, :3]).mean() < 20.0


def test_closed_lids_sag_and_laughing_ones_arch() -> None:
    rgba, true = figure("momo")
    character = made_from_drawing("me", rgba, true, "mine").character
    *_, closed, laughing = character.references
    head = anime_head()
    shaped = head.shaped(character.shape)

    def sag(shown: Reference) -> float:
        """How much lower the line of the left eye is in its middle than near its ends, in pixels."""
        side = len(shown.rgba)
        eye = Camera.framing(shaped).project(head.landmarks(head.pose(shaped, closed.params)), side)[LEFT_EYE, :2]
        left, top, right, bottom = (*eye.min(0), *eye.max(0)) + side * np.array([0.0, -0.04, 0.0, 0.03])
        dark = shown.rgba[int(top) : int(bottom), int(left) : int(right), :3].sum(2)
        row, width = dark.argmin(0).astype(float), dark.shape[1]
        return float(row[width // 2 - 3 : width // 2 + 3].mean() - np.mean([row[width // 6], row[-width // 6]]))

    assert sag(closed) > 2.0
    assert sag(laughing) < -2.0


def test_ground_that_the_figure_encloses_is_seen_through() -> None:
    picture = np.full((200, 200, 3), 40, np.uint8)
    picture[20:60, 20:60] = picture[20:60, 120:160] = picture[100:104, 100:104] = 255
    figure = np.ones((200, 200), np.float32)
    figure[20:60, 20:60] = figure[100:104, 100:104] = 0.2
    face = np.zeros((200, 200), np.bool_)
    gaps = drawings._gaps(picture, np.full(3, 255.0), figure, face)
    assert gaps[20:60, 20:60].all()
    assert not gaps[20:60, 120:160].any()  # white cloth
    assert not gaps[90:, 90:].any()  # too small to be told apart from the light in an eye
    face[30:40, 30:40] = True
    assert not drawings._gaps(picture, np.full(3, 255.0), figure, face).any()  # skin as white as the ground


@pytest.mark.parametrize("closing", [0.4, 1.0])
def test_a_lock_over_an_eye_stays_when_it_closes(closing: float) -> None:
    eye = np.array([[60, 100], [80, 85], [120, 85], [140, 100], [120, 115], [80, 115]], np.float32)
    lowered = eye.copy()
    lowered[:, 1] += closing * (108.0 - lowered[:, 1])
    rgba = np.full((200, 200, 4), 255, np.uint8)
    rgba[..., :3] = (240, 200, 180)
    cv2.fillPoly(rgba, [eye.astype(np.int32)], (30, 30, 30, 255))
    lock = np.array([[90, 0], [110, 0], [101, 190]], np.int32)
    cv2.fillPoly(rgba, [lock], (90, 40, 160, 255))
    drawings._close(rgba, eye, lowered, closing)
    purple = np.abs(rgba[..., :3].astype(int) - (90, 40, 160)).max(2) < 30
    assert purple[:140, 100].mean() > 0.98
    # The eye beside it is covered, but for the line of its lids and what is below.
    dark = rgba[..., :3].max(2) < 100
    line = round(float(lowered[1:3, 1].mean()))
    assert not dark[76 : line - 8, 72:88].any()
    assert dark[line : line + 8, 72:80].any()
    assert dark[line + 8 : 110, 72:80].any() == (closing < 1.0)


def test_white_inside_an_outline_is_no_ground() -> None:
    picture = np.full((200, 200, 3), 255, np.uint8)
    picture[50:150, 50:150] = 0
    picture[53:147, 53:147] = 255
    found = drawings._before_plain_ground(picture, np.array([[100.0, 100.0]]))
    assert found is not None
    assert found.figure[100, 100] == 1.0
    assert found.figure[10, 10] == 0.0
    assert found.ground.tolist() == [255.0, 255.0, 255.0]
    picture[50:53, 90:110] = 255  # the outline is open: what came in would hollow the face out
    assert drawings._before_plain_ground(picture, np.array([[100.0, 100.0]])) is None


def test_what_could_look_better_is_said() -> None:
    rgba, true = figure()
    middle = np.mean(list(true.values()), 0)
    small = {name: tuple(middle + (np.array(at) - middle) * 0.3) for name, at in true.items()}
    assert any("pixels wide" in said for said in made_from_drawing("me", rgba, small, "").warnings)
    assert made_from_drawing("me", rgba, true, "").warnings == ()


def test_points_beside_the_drawing_are_refused() -> None:
    rgba, true = figure()
    with pytest.raises(PhotoError, match="chin lies outside the drawing, which has 680 x 580 pixels"):
        made_from_drawing("me", rgba, {**true, "chin": (1e9, 5.0)}, "")


def test_points_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "face.json"
    path.write_text(json.dumps({"chin": [3, 4.5]}))
    assert read_points(path) == {"chin": (3.0, 4.5)}


@pytest.mark.parametrize("text", ["", "[]", '{"chin": 3}', '{"chin": [1]}', '{"chin": [1, NaN]}', "[" * 5000])
def test_a_file_without_points_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "face.json"
    path.write_text(text)
    with pytest.raises(PhotoError, match=r"face\.json"):
        read_points(path)


def test_a_sketch_shows_where_points_usually_are() -> None:
    rgba, _ = figure()
    points = usual_points(rgba)
    assert set(points) == set(NAMES)
    assert points["left_iris"][0] > points["right_iris"][0]
    assert sketch(rgba, points).startswith(b"\x89PNG")
