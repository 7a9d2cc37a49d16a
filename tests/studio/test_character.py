"""`omote character new`, as a person meets it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from omote.engine import DEFAULT_CHARACTER, load_character
from omote.engine.character import CharacterError, save_character
from omote.studio.character import Order, place
from omote.studio.command import main
from omote.studio.consent import consent_words

Said = Callable[..., str]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where characters are kept in a test."""
    monkeypatch.setenv("OMOTE_CHARACTERS", str(tmp_path / "kept"))
    return tmp_path / "kept"


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Said:
    """What `omote character new ...` answers to a mistake: one line, exit code 2."""

    def said(*arguments: str | Path) -> str:
        try:
            code = main(["character", "new", *map(str, arguments)])
        except SystemExit as error:  # argparse's own
            code = int(error.code or 0)
        assert code == 2
        (line,) = capsys.readouterr().err.splitlines()
        return line

    return said


def test_a_seed_becomes_a_character_that_is_known_by_name(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["character", "new", "mika", "--seed", "5"]) == 0
    said = capsys.readouterr().out
    assert str(folder / "mika.omote") in said
    assert "omote live --character mika" in said
    character = load_character("mika")
    assert character.name == "mika"
    assert "seed 5 of model" in character.made_from
    assert main(["characters"]) == 0
    assert "mika: Apache-2.0; A person who does not exist, seed 5" in capsys.readouterr().out


def test_the_same_seed_gives_the_same_file(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        assert main(["character", "new", "--out", str(tmp_path / name / "mika.omote"), "--seed", "9"]) == 0
    assert (tmp_path / "a" / "mika.omote").read_bytes() == (tmp_path / "b" / "mika.omote").read_bytes()


def test_hair_that_is_set_is_drawn(tmp_path: Path) -> None:
    from omote.engine import Animator, FlameParams, studio_light

    def top_of_the_head(*wishes: str) -> np.ndarray:
        path = tmp_path / "one.omote"
        assert (
            main(["character", "new", "--out", str(path), "--from", DEFAULT_CHARACTER, "--overwrite", "--set", *wishes])
            == 0
        )
        rgba = Animator().draw(FlameParams.neutral(), load_character(str(path)), studio_light()).rgba.astype(float)
        first = int(np.argmax(rgba[..., 3].max(1) > 200))  # where the hair begins
        part = rgba[first + 8 : first + 40, 112:144]
        return np.asarray(part[..., :3][part[..., 3] > 200].mean(0))

    red, blue = top_of_the_head("hair=#d02020"), top_of_the_head("hair=#2020d0")
    assert red[0] - blue[0] > 20.0
    assert blue[2] - red[2] > 20.0


def test_a_blend_at_its_end_is_that_character(tmp_path: Path) -> None:
    path = tmp_path / "end.omote"
    assert main(["character", "new", "--out", str(path), "--blend", DEFAULT_CHARACTER, "noah", "0"]) == 0
    end, hana = load_character(str(path)), load_character(DEFAULT_CHARACTER)
    np.testing.assert_array_equal(end.shape, hana.shape)
    np.testing.assert_array_equal(end.identity, hana.identity)
    np.testing.assert_array_equal(end.bank, hana.bank)
    np.testing.assert_allclose(end.texture, hana.texture, atol=np.abs(hana.texture).max() / 250)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "one of the arguments --seed --photo --blend --from is required"),
        (("--seed", "1"), "wanted a NAME or --out FILE, one of them"),
        (("me", "--out", "me.omote", "--seed", "1"), "wanted a NAME or --out FILE, one of them"),
        (("me", "--seed", "1", "--from", "hana"), "argument --from: not allowed with argument --seed"),
        (("me", "--seed", "one"), "argument --seed: invalid int value: 'one'"),
        (("me", "--seed", "-3"), "a seed is a whole number from 0 on, got -3"),
        (("../me", "--seed", "1"), '"../me" is no name: letters, digits, _ and - make one; or use --out FILE'),
        (("hana", "--seed", "1"), '"hana" is the name of a shipped character: choose another one'),
        (("me", "--from", "hana"), "--from hana wants something to --set, such as --set hair=teal"),
        (("me", "--from", "hanna", "--set", "hair=teal"), 'no character "hanna"; did you mean "hana"?'),
        (("me", "--from", "hana", "--set", "hare=teal"), 'no attribute "hare", did you mean "hair"?: --set takes skin'),
        (("me", "--blend", "hana", "noah", "half"), 'the share goes from 0 (A) to 1 (B), got "half"'),
        (("me", "--blend", "hana", "noah", "2"), "a blend goes from 0 (the first) to 1 (the second), got 2"),
        (("me", "--photo", "a", "b", "c", "d", "e"), "--photo takes 1 to 4 photos of one person, got 5"),
        (("me", "--photo", "nobody.jpg", "--consent"), "there is no file nobody.jpg"),
        (("me", "--seed", "1", "--consent"), "--consent is the word of somebody in a --photo, and there is none"),
        (("me", "--sed", "1"), "see omote character new --help"),
    ],
)
def test_a_mistake_is_told_in_one_line(refused: Said, arguments: tuple[str, ...], says: str) -> None:
    assert says in refused(*arguments)


def test_an_earlier_character_is_not_replaced_unasked(refused: Said, folder: Path) -> None:
    folder.mkdir()
    (folder / "me.omote").write_bytes(b"precious")
    assert "me.omote is there already: choose another name, or add --overwrite" in refused("me", "--seed", "1")
    assert (folder / "me.omote").read_bytes() == b"precious"
    assert main(["character", "new", "me", "--seed", "1", "--overwrite"]) == 0
    assert load_character("me").name == "me"


def test_without_consent_no_photo_is_even_opened(refused: Said, tmp_path: Path) -> None:
    line = refused("me", "--photo", tmp_path / "nobody.jpg")
    assert "nobody can be asked here whether the person in this photo agrees" in line
    assert "add --consent if they do" in line


@pytest.mark.parametrize("answer", ["yes", "Y", " YES "])
def test_a_yes_is_recorded_with_its_day(answer: str) -> None:
    asked: list[str] = []

    def ask(question: str) -> str:
        asked.append(question)
        return answer

    words = consent_words(2, False, ask, "2026-11-22")
    assert words == (
        "On 2026-11-22 the maker was asked whether the person in these photos agrees to it and answered "
        f"{answer.strip()}"
    )
    assert len(asked) == 1
    assert "agreed" in asked[0]


@pytest.mark.parametrize("answer", ["", "no", "maybe", "yesterday"])
def test_without_a_yes_there_is_no_character(answer: str) -> None:
    with pytest.raises(CharacterError, match=f'the answer was "{answer}", and without a yes there is none'):
        consent_words(1, False, lambda _: answer, "2026-11-22")


def test_a_question_that_is_closed_unanswered_is_no_yes() -> None:
    def closed(_: str) -> str:
        raise EOFError

    with pytest.raises(CharacterError, match='the answer was "", and without a yes there is none'):
        consent_words(1, False, closed, "2026-11-22")


def test_a_folder_that_cannot_be_made_is_told_before_anything_is_drawn(refused: Said, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    line = refused("--out", tmp_path / "file" / "folder" / "me.omote", "--seed", "1")
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
    words = consent_words(1, True, None, "2026-11-22")
    assert words == "On 2026-11-22 the maker declared that the person in this photo agrees to it (--consent)"


def test_a_photo_of_nobody_is_refused(refused: Said, tmp_path: Path) -> None:
    Image.new("RGB", (300, 300), "grey").save(tmp_path / "wall.png")
    line = refused("me", "--photo", tmp_path / "wall.png", "--consent")
    if "could not be fetched" in line:
        pytest.skip(line)
    assert "no face was found in wall.png" in line


def test_a_real_photo_becomes_a_character_that_says_so(folder: Path, refused: Said) -> None:
    photo = Path(__file__).resolve().parents[2].parent / "shared" / "media" / "person_a_1.jpg"
    if not photo.is_file():
        pytest.skip("needs the photos in ../shared/media")
    assert main(["character", "new", "someone", "--photo", str(photo), "--consent"]) == 0
    character = load_character("someone")
    assert re.fullmatch(
        r"1 photo of a real person\. On \d{4}-\d\d-\d\d the maker declared that the person in this photo agrees to it "
        r"\(--consent\)",
        character.made_from,
    )
    assert character.licence.startswith("Private")
    assert str(photo) not in (folder / "someone.omote").read_bytes()[:5000].decode("latin-1")


@pytest.mark.parametrize("name", ["con", "NUL", "com1"])
def test_a_name_that_windows_keeps_is_refused_everywhere(name: str) -> None:
    with pytest.raises(CharacterError, match="is no name"):
        place(Order(name, None, 1, (), None, None, (), False, False, "openvino"))
