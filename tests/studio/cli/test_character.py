"""`omote character new`, as a person meets it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from omote.engine import DEFAULT_CHARACTER, load_character
from omote.engine.model.character_file import save_character
from omote.engine.model.renderer import Renderer
from omote.engine.tensor_file import CharacterError
from omote.engine.testing.drawing import CopyingNetworks
from omote.studio.app.character_making import CharacterRequest, consent_statement
from omote.studio.cli.character import output_paths
from omote.studio.cli.main import main
from tests.studio.commands import error_line

Said = Callable[..., str]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where characters are kept in a test."""
    monkeypatch.setenv("OMOTE_CHARACTERS", str(tmp_path / "kept"))
    return tmp_path / "kept"


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Said:
    """The error line of `omote character new ...`."""
    return partial(error_line, capsys, "character", "new")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "one of the arguments --photo --picture --vrm --blend --seed is required"),
        (("me", "--seed", "1", "--photo", "a.jpg"), "not allowed with argument"),
        (("me", "--blend", "hana", "noah", "2"), "--blend takes two characters and a share from 0 to 1, got 2"),
        (("me", "--blend", "hana", "nobody", "0.5"), 'no character "nobody"'),
        (("me", "--seed", "1", "--kind", "photoreal"), "--kind photoreal takes one --photo, got 0"),
        (("--photo", "a.jpg"), "give either a NAME or --out FILE"),
        (("me", "--out", "me.omote", "--photo", "a.jpg"), "give either a NAME or --out FILE"),
        (
            ("../me", "--photo", "a.jpg"),
            '"../me" is not a valid name: use letters, digits, _, - and single spaces; or use --out FILE',
        ),
        (("hana", "--photo", "a.jpg"), '"hana" is the name of a shipped character: choose another one'),
        (("me", "--photo", "a", "b", "c", "d", "e"), "--photo takes 1 to 4 photos of one person, got 5"),
        (("me", "--photo", "nobody.jpg", "--consent"), "there is no file nobody.jpg"),
        (("me", "--photo", "a", "b", "--kind", "photoreal"), "--kind photoreal takes one --photo, got 2"),
        (("me", "--photo", "a", "--points", "p.json"), "--points is only for --picture"),
        (("me", "--picture", "nobody.png", "--consent"), "there is no file nobody.png"),
        (("me", "--vrm", "nobody.vrm", "--consent"), "cannot read nobody.vrm"),
        (("me", "--picture", "a.png", "--points", "nobody.json", "--consent"), "nobody.json holds no points"),
        (("me", "--fhoto", "a.jpg"), "see omote character new --help"),
    ],
)
def test_an_error_is_one_line(refused: Said, arguments: tuple[str, ...], says: str) -> None:
    assert says in refused(*arguments)


def test_a_drawing_becomes_a_character_by_two_commands(folder: Path, tmp_path: Path) -> None:
    drawing, points = tmp_path / "sketch.png", tmp_path / "face.json"
    Image.fromarray(load_character("aoi").references[0].rgba).save(drawing)
    assert main(["character", "points", str(drawing), "--out", str(points)]) == 0
    assert points.with_suffix(".png").is_file()
    asked = ("--picture", str(drawing), "--points", str(points), "--consent")
    assert main(["character", "new", "mine", *asked]) == 0
    kept = load_character(str(folder / "mine.omote"))
    assert kept.head == "anime"
    # A drawing gets its eyes half closed, nearly closed, closed and laughing.
    assert [one.kind for one in kept.references] == ["drawing", *["painted"] * 4]
    assert "this is a drawing and may be used" in kept.consent


def test_points_are_written_even_where_no_face_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drawing, points = tmp_path / "grey.png", tmp_path / "face.json"
    Image.new("RGB", (300, 200), "grey").save(drawing)
    assert main(["character", "points", str(drawing), "--out", str(points)]) == 0
    assert "no face was found" in capsys.readouterr().err
    assert 140 < json.loads(points.read_text())["nose"][0] < 160


@pytest.mark.parametrize(("picture", "out"), [("nobody.png", "face.json"), ("nobody.png", "face.txt")])
def test_points_of_nothing_are_refused(picture: str, out: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["character", "points", picture, "--out", out]) == 2
    assert ("must end in .json" if out.endswith("txt") else "there is no file") in capsys.readouterr().err


def test_an_existing_character_is_replaced_only_on_request(refused: Said, folder: Path) -> None:
    folder.mkdir()
    (folder / "me.omote").write_bytes(b"precious")
    line = refused("me", "--photo", "a.jpg")
    assert "me.omote exists already: choose another name, or add --overwrite" in line
    assert (folder / "me.omote").read_bytes() == b"precious"
    assert "there is no file a.jpg" in refused("me", "--photo", "a.jpg", "--overwrite", "--consent")


def test_without_consent_no_photo_is_even_opened(refused: Said, tmp_path: Path) -> None:
    line = refused("me", "--photo", tmp_path / "nobody.jpg")
    assert "the person in this photo has to agree, and there is no terminal to ask in" in line
    assert "add --consent if they do" in line


@pytest.mark.parametrize("answer", ["yes", "Y", " YES "])
def test_a_yes_is_recorded_with_its_day(answer: str) -> None:
    asked: list[str] = []

    def ask(question: str) -> str:
        asked.append(question)
        return answer

    words = consent_statement("person", False, ask, "2026-11-22", photos=2)
    assert words == (
        "On 2026-11-22 the maker was asked whether the person in these photos agrees to it and answered "
        f"{answer.strip()}"
    )
    assert len(asked) == 1
    assert "agreed" in asked[0]


@pytest.mark.parametrize("answer", ["", "no", "maybe", "yesterday"])
def test_without_a_yes_there_is_no_character(answer: str) -> None:
    with pytest.raises(CharacterError, match=f'the answer was "{answer}", not yes'):
        consent_statement("person", False, lambda _: answer, "2026-11-22")


def test_a_question_that_is_closed_unanswered_is_no_yes() -> None:
    def closed(_: str) -> str:
        raise EOFError

    with pytest.raises(CharacterError, match='the answer was "", not yes'):
        consent_statement("person", False, closed, "2026-11-22")


def test_a_folder_that_cannot_be_made_is_an_error(refused: Said, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    line = refused("--out", tmp_path / "file" / "folder" / "me.omote", "--photo", "a.jpg")
    assert re.search(r"cannot make .*folder \(.+\): choose another place", line)


def test_a_damaged_character_hides_none_of_the_others(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder.mkdir()
    (folder / "broken.omote").write_bytes(b"x")
    save_character(replace(load_character(DEFAULT_CHARACTER), name="whole"), folder / "whole.omote")
    assert main(["characters"]) == 1
    told = capsys.readouterr()
    assert "whole: Apache-2.0" in told.out
    assert f"{DEFAULT_CHARACTER} (default)" in told.out
    assert re.search(r"broken: .*broken\.omote is no character file or damaged", told.err)


def test_consent_that_a_script_declares_is_recorded_as_that() -> None:
    words = consent_statement("person", True, None, "2026-11-22")
    assert words == "On 2026-11-22 the maker declared that the person in this photo agrees to it (--consent)"


def test_a_photo_without_a_face_is_refused(refused: Said, tmp_path: Path) -> None:
    Image.new("RGB", (300, 300), "grey").save(tmp_path / "wall.png")
    line = refused("me", "--photo", tmp_path / "wall.png", "--consent")
    if "could not be fetched" in line:
        pytest.skip(line)
    assert "no face was found in wall.png" in line


def test_a_real_photo_becomes_a_character_that_says_so(folder: Path, refused: Said) -> None:
    photo = Path(__file__).resolve().parents[3].parent / "shared" / "media" / "person_a_1.jpg"
    if not photo.is_file():
        pytest.skip("needs the photos in ../shared/media")
    assert main(["character", "new", "someone", "--photo", str(photo), "--consent"]) == 0
    character = load_character("someone")
    assert character.made_from.startswith("Made from a photo of a real person; some eyes and mouths are kenji's")
    assert re.fullmatch(
        r"On \d{4}-\d\d-\d\d the maker declared that the person in this photo agrees to it \(--consent\)",
        character.consent,
    )
    assert character.references[0].kind == "photo"
    assert character.licence.startswith("Private")
    assert str(photo) not in (folder / "someone.omote").read_bytes()[:5000].decode("latin-1")


@pytest.mark.parametrize("name", ["con", "NUL", "com1"])
def test_a_name_that_windows_keeps_is_refused_everywhere(name: str) -> None:
    with pytest.raises(CharacterError, match="is not a valid name"):
        output_paths(CharacterRequest(name, photos=(Path("a.jpg"),)))


@pytest.fixture
def _copying(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("omote.studio.app.character_making._renderer", lambda: Renderer(CopyingNetworks()))


@pytest.mark.usefixtures("_copying")
def test_two_characters_become_one_between_them(folder: Path) -> None:
    assert main(["character", "new", "cousin", "--blend", "hana", "noah", "0.4"]) == 0
    made, hana, noah = load_character("cousin"), load_character("hana"), load_character("noah")
    np.testing.assert_allclose(made.shape, 0.6 * hana.shape + 0.4 * noah.shape, atol=1e-5)
    assert len(made.references) == len(hana.references)
    assert "60% hana, 40% noah" in made.made_from


@pytest.mark.usefixtures("_copying")
def test_a_seed_makes_a_person_who_does_not_exist(folder: Path) -> None:
    assert main(["character", "new", "mika", "--seed", "7"]) == 0
    assert load_character("mika").made_from.startswith("Seed 7: a mixture of ")
    assert load_character("mika").consent == ""
