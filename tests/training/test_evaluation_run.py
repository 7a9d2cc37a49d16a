"""A whole evaluation of painted squares, whose figures can be foretold."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Self

import numpy as np
import pytest
from PIL import Image

from omote.bridge import arkit
from omote.engine import models
from omote.engine.capture.photo import PhotoError
from omote.engine.character import character_names, load_character
from omote.engine.face.head import open_head
from omote.engine.face.reading import Reading as Face
from omote.engine.nouns import AnyCharacter, Character
from omote.engine.training.evaluation import report, scenes
from omote.engine.training.evaluation.drawing import Pictures, Rendered
from omote.engine.training.evaluation.embedding import DlibEmbedder, EmbeddingError
from omote.engine.training.evaluation.evaluation import GALLERY, Evaluation, Rivals, evaluate
from omote.engine.training.evaluation.measure import Instruments, Plan, Sitting
from omote.engine.training.evaluation.quality import Rgb, Rgba
from omote.engine.training.evaluation.scenes import Scene
from omote.engine.training.evaluation.subjects import Subject, people, person_seed, read_people
from omote.engine.training.evaluation.summary import Summary
from omote.engine.training.evaluation.tables import tables
from omote.engine.training.evaluation.targets import Target
from omote.engine.training.evaluation.unseen import NearestShipped

SIDE = 128
PLAN = Plan(pictures=6, frames=6, trembling=6, still=4)
KIT = Path(__file__).resolve().parents[3] / "shared" / "kit"


class Painter:
    """Paints striped grey squares, brighter the wider the jaw; `off` levels too bright, every second one `restless`."""

    def __init__(self, off: int = 0, restless: int = 0) -> None:
        self.name, self.size, self.off, self.restless = f"painter {off} {restless}", SIDE, off, restless

    def draw(self, character: AnyCharacter, scene: Scene) -> Pictures:
        return self.painted(scene)

    def painted(self, scene: Scene) -> Pictures:
        pictures = np.full((len(scene), SIDE, SIDE, 4), 255, np.uint8)
        stripes = 20 * (np.arange(SIDE) // 4 % 2).astype(np.uint8)
        for k, shot in enumerate(scene.shots):
            level = 80 + 100 * float(shot.weights[arkit.INDEX["jawOpen"]])
            pictures[k, ..., :3] = (stripes + round(level) + self.off + k % 2 * self.restless)[:, None]
        return pictures


class PaintersTruth:
    """What a subject that this painter knows looks like."""

    def __init__(self, painter: Painter) -> None:
        self.painter = painter

    def draw(self, scene: Scene) -> Pictures:
        return self.painter.painted(scene)


class JawFinder:
    """Reads the jaw off a square's top left corner."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def faces(self, picture: Rgb) -> tuple[Face, ...]:
        points = np.random.default_rng(0).uniform(30, 98, (478, 3)).astype(np.float32)
        weights = arkit.weights({"jawOpen": (float(picture[0, 0, 0]) - 80.0) / 100.0})
        return (Face(points, weights, np.zeros(3, np.float32)),)


def subject(name: str, **words: str) -> Subject:
    nothing = np.zeros(0, np.float32)
    shape = np.zeros(open_head().shape_size, np.float32)
    character = Character(name, shape, nothing, nothing, nothing, "none", "none", "a test")
    return Subject(name, character, shape, words=words)


DARK = {"tone": "6.0", "age": "0.1", "hair": "black", "style": "afro", "sex": "female"}
FAIR = {**DARK, "tone": "1.0", "hair": "blond"}


@pytest.fixture(scope="module")
def tracker() -> None:
    pytest.importorskip("mediapipe")
    try:
        models.fetch(models.FACE_LANDMARKER)
    except models.ModelError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("evaluation")


@pytest.fixture(scope="module")
def done(tracker: None, folder: Path) -> Evaluation:
    """Two subjects, drawn ten levels too bright; students who do and do not paint as the teacher does."""
    truth = PaintersTruth(Painter())
    sittings = [Sitting(subject("<b>", **words), Painter(10), truth) for words in (DARK, FAIR)]
    rivals = Rivals((Painter(10), Painter(20)), Painter(), is_taught=True, forgetful=Painter(10, restless=6))
    evaluation = evaluate(sittings, PLAN, Instruments(JawFinder(), None), rivals, folder, ("a note",))
    report.write(evaluation, folder)
    return evaluation


def target(evaluation: Evaluation, words: str) -> Target:
    return next(one for one in evaluation.targets if words in one.claim)


def test_ten_levels_too_bright_are_twenty_eight_decibels(done: Evaluation) -> None:
    wanted = 20.0 * np.log10(255.0 / 10.0)
    for quality in done.groups[0].scenes:
        assert quality.psnr_db == pytest.approx(wanted, abs=1e-6)
        assert quality.head_psnr_db == pytest.approx(wanted, abs=1e-6)
        assert quality.alpha_error == 0.0
        assert quality.sharpness == pytest.approx(1.0)
    assert target(done, "PSNR on the head, dB").is_met is True


def test_a_jaw_that_is_seen_is_read_and_a_brow_that_is_not_painted_is_not(done: Evaluation) -> None:
    read = {reading.name: reading for reading in done.groups[0].read}
    assert read["jawOpen"].share == pytest.approx(1.0, abs=1e-3)  # a level is a hundredth of the jaw
    assert read["browInnerUp"].ours == 0.0
    assert np.isnan(read["browInnerUp"].share)


def test_what_nobody_measured_is_no_target_met(done: Evaluation) -> None:
    assert target(done, "identity").is_met is None
    assert "not measured" in "".join(table.text() for table in tables(done))


def test_a_brightness_that_is_wrong_but_steady_neither_trembles_nor_flickers(done: Evaluation) -> None:
    steady = done.groups[0].steadiness
    assert steady.is_still == 1.0
    assert steady.still_from == 0
    assert steady.flicker == 0.0
    assert steady.noise == steady.truth_noise > 0.0  # the jaw trembles, in both
    assert steady.noise_share == pytest.approx(1.0)
    assert done.groups[0].noise_at_equal_sharpness == pytest.approx(1.0)


def test_a_drawer_that_forgets_is_seen_to_tremble(done: Evaluation) -> None:
    with_it, without = done.consistency
    assert with_it.noise == with_it.truth_noise < 1.0
    corner = Painter(10, restless=6).painted(scenes.trembling(PLAN.trembling))[:, 0, 0, 0]
    assert without.noise == pytest.approx(corner.std())  # all pixels tremble alike
    assert corner.std() > 3.0  # half of the time 6 levels up, and the jaw trembles
    assert with_it.flicker == 0.0
    assert without.flicker == pytest.approx(6.0)


def test_students_are_held_against_the_teacher(done: Evaluation) -> None:
    first, second = done.students
    assert first.between_db == pytest.approx(20.0 * np.log10(25.5), abs=1e-6)
    assert second.between_db == pytest.approx(20.0 * np.log10(25.5 / 2.0), abs=1e-6)
    assert first.teacher.head_psnr_db == pytest.approx(120.0)
    assert first.lost_db == pytest.approx(120.0 - 20.0 * np.log10(25.5), abs=1e-6)
    assert target(done, "dB").group == "known people"
    assert target(done, "lost").is_met is False


def test_each_band_has_the_people_that_are_in_it(done: Evaluation) -> None:
    bands = {summary.group: summary.subjects for summary in done.bands}
    assert bands == {
        "known people, hair colour: dark": 1,
        "known people, hair colour: fair": 1,
        "known people, skin tone: dark (Monk 6-8)": 1,
        "known people, skin tone: light (Monk 1-3)": 1,
    }  # and none for what both share


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.images: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.images.append(dict(attrs)["src"] or "")
        elif tag not in ("meta", "html", "!doctype"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_shows_the_figures_and_every_sheet(done: Evaluation, folder: Path) -> None:
    page = _Page()
    page.feed((folder / report.PAGE).read_text(encoding="utf-8"))
    assert not page.open
    assert page.images == [GALLERY, "00-b.png", "01-b.png"]
    assert all((folder / name).is_file() for name in page.images)
    for words in ("<b>", "cores ", "28.13", "a note", "MISSED", "skin tone: dark"):
        assert words in page.text


def test_sheets_show_the_truth_above_what_was_drawn(done: Evaluation, folder: Path) -> None:
    sheet = np.asarray(Image.open(folder / GALLERY))
    assert sheet.shape == (2 * (26 + SIDE), 2 * SIDE, 3)
    assert sheet[26, 0, 0] == 80
    assert sheet[26 + SIDE + 26, 0, 0] == 90


def test_the_record_says_every_figure_and_nothing_that_is_not_json(done: Evaluation, folder: Path) -> None:
    record = json.loads((folder / report.RECORD).read_text(), parse_constant=pytest.fail)
    assert set(record) == set(Evaluation.__dataclass_fields__)
    assert record["provenance"]["commit"]
    assert record["plan"] == {"pictures": 6, "frames": 6, "take": None}
    group = record["groups"][0]
    assert group["scenes"][0]["head_psnr_db"] == pytest.approx(28.13, abs=0.01)
    assert group["likeness"]["ours"]["auc"] is None
    assert record["students"][0]["lost_db"] == pytest.approx(done.students[0].lost_db)


def test_without_truth_nothing_is_claimed_about_it(tracker: None, tmp_path: Path) -> None:
    sitting = Sitting(replace(subject("somebody"), words={}), Painter(), None)
    found = evaluate([sitting], PLAN, Instruments(JawFinder(), None), Rivals(), tmp_path)
    group: Summary = found.groups[0]
    assert group.group == "no truth"
    assert np.isnan(group.scenes[0].psnr_db)
    assert group.scenes[0].sharpness > 0.0  # in levels a pixel
    assert group.steadiness.is_still == 1.0
    met = {one.claim: one.is_met for one in found.targets}
    assert met.pop("still control: part that is byte-equal") is True
    assert set(met.values()) == {None}


def test_the_recogniser_tells_another_square_from_the_same() -> None:
    try:
        embedder = DlibEmbedder()
    except EmbeddingError as error:
        pytest.skip(str(error))
    points = np.zeros((478, 3), np.float32)
    points[[263, 362, 33, 133, 2], :2] = [(158, 86), (140, 88), (97, 86), (115, 88), (128, 122)]
    noise = np.random.default_rng(0).integers(0, 255, (2, 256, 256, 3), np.uint8)
    first, again, other = (embedder.embed(picture, points[:, :2]) for picture in (noise[0], noise[0], noise[1] // 2))
    assert first.shape == (128,)
    np.testing.assert_array_equal(first, again)
    assert np.linalg.norm(first - other) > 0.01


@pytest.mark.skipif(not KIT.is_dir(), reason="needs the face kit in ../shared/kit")
def test_what_was_rendered_once_is_kept_and_is_the_same(tmp_path: Path) -> None:
    pytest.importorskip("numba")
    from omote.engine.training.faces import kit

    pack = kit.load(KIT)
    first = Rendered(pack, 4, 64, tmp_path).draw(scenes.rest())
    assert first.shape == (1, 64, 64, 4)
    assert 0.2 < (first[..., 3] > 0).mean() < 0.9
    [file] = tmp_path.iterdir()
    np.savez_compressed(file, pictures=first // 2)
    np.testing.assert_array_equal(Rendered(pack, 4, 64, tmp_path).draw(scenes.rest()), first // 2)  # not rendered again
    np.testing.assert_array_equal(Rendered(pack, 4, 64).draw(scenes.rest()), first)
    Rendered(pack, 5, 64, tmp_path).draw(scenes.rest())
    assert len(list(tmp_path.iterdir())) == 2


class Palette:
    """Paints each shipped character in a grey of its own, clear around."""

    name, size = "palette", SIDE

    def draw(self, character: AnyCharacter, scene: Scene) -> Pictures:
        level = 10 * (1 + character_names().index(character.name))
        picture = np.full((SIDE, SIDE, 4), (level, level, level, 255), np.uint8)
        picture[:16] = 0
        return np.stack([picture] * len(scene))


def test_the_nearest_shipped_character_stands_in_for_somebody_unknown() -> None:
    wanted = load_character(character_names()[3])
    seen = Palette().draw(wanted, scenes.rest())[0]
    seen[20:60, 20:60, :3] += 4  # nearer to this grey than to the next
    found = NearestShipped(Palette())("somebody", [seen])
    assert found.name == "somebody"
    np.testing.assert_array_equal(found.texture, wanted.texture)


def test_a_blend_of_rendered_people_is_no_rendered_person() -> None:
    hana = load_character("hana")
    assert person_seed(hana) is not None
    blend = f"A blend of kenji and hana at 0.5. kenji: ... hana: {hana.made_from}"
    assert person_seed(replace(hana, made_from=blend)) is None
    assert person_seed(replace(hana, made_from=f"{hana.made_from}, with hair=teal")) is None


@pytest.mark.skipif(not KIT.is_dir(), reason="needs the face kit in ../shared/kit")
def test_people_whom_the_pipeline_refuses_are_named_and_the_others_evaluated(tmp_path: Path) -> None:
    pytest.importorskip("numba")
    from omote.engine.training.faces import kit

    def maker(name: str, pictures: Sequence[Rgba]) -> Character:
        assert [picture.shape for picture in pictures] == [(64, 64, 4)]
        if name == "person 21:3":
            raise PhotoError("no face was found")
        return replace(load_character("hana"), name=name)

    made, failed = people(read_people("21:3,5"), kit.load(KIT), 64, tmp_path, maker)
    assert [one.name for one in made] == ["person 21:5"]
    assert failed == ("no character of person 21:3: no face was found",)
    assert made[0].is_unseen
    assert {"tone", "age", "hair", "style", "sex"} <= set(made[0].words)
    assert isinstance(made[0].character, Character)
    assert made[0].shape is not None
    assert np.abs(made[0].shape - made[0].character.shape).max() > 0.1  # the true head, for where to look
