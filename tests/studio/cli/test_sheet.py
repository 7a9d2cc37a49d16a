"""`omote sheet`: a file for each expression and one for all, of characters of either kind."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from omote.bridge import arkit
from omote.engine.arc2face.character import read as read_photoreal
from omote.engine.arc2face.character import save as save_photoreal
from omote.engine.arc2face.files import files_for, model_digest, published
from omote.engine.arc2face.pipeline import open_arc2face
from omote.engine.arc2face.processors import rows_of
from omote.engine.arc2face.vectors import bounded
from omote.engine.data import FlameParams, PhotorealCharacter
from omote.engine.face.expressions import expression_weights
from omote.engine.face.flame_vectors import params_of
from omote.engine.face.retarget import from_weights
from omote.engine.offline.sheet import SheetError, expressions, prepare
from omote.studio.cli.main import USER_ERROR_CODE, run_command
from tests.arc2face.flat import flat_points
from tests.arc2face.home import flame_map
from tests.arc2face.published import write_published

SIDE = 128


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Published files, a FLAME map, a photoreal character and the configuration that finds them."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("sheet")
    write_published(folder / "arc2face")
    flame_map().save(folder / "map.safetensors")
    settings = [f'photoreal = "{folder / "arc2face"}"', f'flame_map = "{folder / "map.safetensors"}"']
    (folder / "config.toml").write_text("\n".join([*settings, "allow_noncommercial = true", "steps = 3"]))
    (folder / "strict.toml").write_text("\n".join(settings))
    return folder


@pytest.fixture(autouse=True)
def own_models(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is noted among the user's own files."""
    monkeypatch.setenv("OMOTE_MODELS", str(folder / "models"))


@pytest.fixture
def me(folder: Path, own_models: None) -> Path:
    path = folder / "me.omote"
    if not path.exists():
        save_photoreal(someone(folder), path)
    return path


def someone(folder: Path) -> PhotorealCharacter:
    arc, rng = open_arc2face(folder / "arc2face", few_step="lcm"), np.random.default_rng(1)
    photo = rng.integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    tokens = arc.tokens(rng.standard_normal((1, 24), np.float32))
    parts = published(folder / "arc2face").parts(name for name in files_for("lcm"))
    return PhotorealCharacter(
        name="me",
        tokens=tokens[0].numpy(),
        empty=arc.empty()[0].numpy(),
        noise=rng.standard_normal((4, SIDE // 8, SIDE // 8), np.float32),
        neutral=np.full(55, 0.01, np.float32),
        is_neutral_measured=False,
        reference=photo,
        points=flat_points(SIDE),
        bank=rows_of(arc.bank(photo, tokens)),
        sampler="lcm",
        model=model_digest(parts),
        parts=parts,
        licence="Private",
        made_from="random weights",
        reference_scale=0.8,
    )


def draw(folder: Path, who: Path | str, out: Path, *more: str, config: str = "config.toml") -> int:
    settings = ("--config", str(folder / config), "--character", str(who), "--out", str(out))
    return run_command(["sheet", *settings, *more])


def picture(path: Path) -> NDArray[np.uint8]:
    return np.asarray(Image.open(path))


def test_photoreal_sheet_holds_a_picture_for_each_expression_and_all_on_one(
    folder: Path, me: Path, tmp_path: Path
) -> None:
    asked = ("--expressions", "neutral", "smile", "jawOpen=0.6,mouthSmileLeft=0.4", "--steps", "2")
    assert draw(folder, me, tmp_path / "out", *asked) == 0
    names = ["01_neutral.png", "02_smile.png", "03_jawOpen_0.6_mouthSmileLeft_0.4.png", "sheet.png"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names
    drawn = [picture(tmp_path / "out" / name) for name in names[:3]]
    assert all(one.shape == (SIDE, SIDE, 3) for one in drawn)
    assert not np.array_equal(drawn[0], drawn[1]) and not np.array_equal(drawn[1], drawn[2])
    sheet = picture(tmp_path / "out" / "sheet.png")
    np.testing.assert_array_equal(sheet[:SIDE, SIDE : 2 * SIDE], drawn[1])


def test_an_expression_from_a_photo_is_drawn_like_the_vector_that_smirk_reads_in_it(
    folder: Path, me: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vector = np.random.default_rng(3).normal(size=55).astype(np.float32)
    np.save(tmp_path / "laughing.npy", vector[None])
    read: list[Path] = []

    def smirk(photo: Path, *_: object) -> FlameParams:
        read.append(photo)
        return params_of(bounded(vector))

    monkeypatch.setattr("omote.engine.arc2face.smirk.read_expression", smirk)
    quick, photo = ("--steps", "1", "--guidance", "1"), tmp_path / "laughing.jpg"
    assert draw(folder, me, tmp_path / "photo", "--expression-from", str(photo), *quick) == 0
    assert draw(folder, me, tmp_path / "vector", "--expressions", f"flame2020:{tmp_path / 'laughing.npy'}", *quick) == 0
    assert read == [photo]
    one, other = (picture(next((tmp_path / name).glob("01_*.png"))) for name in ("photo", "vector"))
    np.testing.assert_array_equal(one, other)


def test_same_sheet_is_drawn_each_time_and_sharing_makes_another(folder: Path, me: Path, tmp_path: Path) -> None:
    asked = ("--expressions", "neutral", "smile", "--steps", "1", "--guidance", "1")
    for name, more in (("one", ()), ("two", ()), ("shared", ("--share", "1")), ("weak", ("--expression-scale", "0.2"))):
        assert draw(folder, me, tmp_path / name, *asked, *more) == 0
    smile = {name: picture(tmp_path / name / "02_smile.png") for name in ("one", "two", "shared", "weak")}
    np.testing.assert_array_equal(smile["one"], smile["two"])
    assert not np.array_equal(smile["one"], smile["shared"])
    assert not np.array_equal(smile["one"], smile["weak"])


def test_unshared_pictures_are_those_drawn_by_few_at_once(folder: Path, me: Path, tmp_path: Path) -> None:
    words = ("smile", "sad", "angry", "pucker", "neutral")
    more = ("--steps", "1", "--guidance", "1", "--share", "0")
    assert draw(folder, me, tmp_path / "five", "--expressions", *words, *more) == 0
    assert draw(folder, me, tmp_path / "one", "--expressions", "neutral", *more) == 0
    five, one = picture(tmp_path / "five" / "05_neutral.png"), picture(tmp_path / "one" / "01_neutral.png")
    assert np.abs(five.astype(int) - one).max() <= 1  # a batch of another size sums in another order


def test_weights_for_no_commerce_are_refused_until_they_are_allowed(
    folder: Path, me: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "of" / "me"
    assert draw(folder, me, out, "--expressions", "smile", config="strict.toml") == USER_ERROR_CODE
    error = capsys.readouterr().err
    assert "allow_noncommercial = true" in error and "drawing" not in error
    assert not out.parent.exists()


def test_character_of_other_weights_is_refused_by_their_file(
    folder: Path, me: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    character = read_photoreal(me)
    parts = tuple(replace(part, sha256="ab" * 32) for part in character.parts)
    save_photoreal(replace(character, name="other", parts=parts), tmp_path / "other.omote")
    assert draw(folder, tmp_path / "other.omote", tmp_path / "out", "--expressions", "smile") == USER_ERROR_CODE
    error = capsys.readouterr().err
    assert "other was made with another arc2face/diffusion_pytorch_model.safetensors" in error
    assert "drawing" not in error and not (tmp_path / "out").exists()


def test_open_character_is_drawn_with_alpha_and_shares_nothing(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("--expressions", "neutral", "surprise")
    assert draw(folder, "hana", tmp_path / "out", *asked) == 0
    rest, surprise = (picture(tmp_path / "out" / name) for name in ("01_neutral.png", "02_surprise.png"))
    assert rest.shape[2] == 4 and rest.shape == surprise.shape and not np.array_equal(rest, surprise)
    for flag, value in (("--share", "0.5"), ("--expression-from", "laughing.jpg")):
        assert draw(folder, "hana", tmp_path / "shared", *asked, flag, value) == USER_ERROR_CODE
        assert f"{flag} is for photoreal characters, and hana is not one" in capsys.readouterr().err


def test_a_folder_that_holds_something_is_refused_before_anything_is_opened(
    folder: Path, me: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    assert draw(folder, me, tmp_path, "--expressions", "smile", config="strict.toml") == USER_ERROR_CODE
    error = capsys.readouterr().err
    assert "is not empty" in error and "loading" not in error


def test_folder_that_holds_something_is_left_alone(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(SheetError, match="not empty: choose another folder, or add --overwrite"):
        prepare(tmp_path)


def test_overwriting_removes_an_earlier_sheet_and_nothing_else(tmp_path: Path) -> None:
    for name in ("01_smile.png", "sheet.png", "mine.png"):
        (tmp_path / name).write_bytes(b"")
    prepare(tmp_path, overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.png"]


def test_words_become_weights() -> None:
    rest, smile, own = expressions(["neutral", "smile", "jawOpen=0.6,mouthSmileLeft=0.4"])
    assert not rest.params.vector().any()
    for one, weights in (
        (smile, expression_weights("smile")),
        (own, arkit.weights({"jawOpen": 0.6, "mouthSmileLeft": 0.4})),
    ):
        np.testing.assert_allclose(one.params.vector(), from_weights(weights).vector(), atol=1e-6)


@pytest.mark.parametrize(
    ("word", "sentence"),
    (
        ("smlie", 'no expression is called "smlie" .did you mean "smile"'),
        ("jawOpne=0.5", 'ARKit has no weight "jawOpne" .did you mean "jawOpen"'),
        ("jawOpen=1.5", 'jawOpen must be from 0 to 1, got "1.5"'),
        ("jawOpen=nan", 'jawOpen must be from 0 to 1, got "nan"'),
        ("jawOpen=", 'jawOpen must be from 0 to 1, got ""'),
    ),
)
def test_word_that_says_no_expression_is_refused(word: str, sentence: str) -> None:
    with pytest.raises(SheetError, match=sentence):
        expressions([word])


@pytest.mark.parametrize(
    ("flag", "value", "sentence"),
    (("--steps", "0", "--steps must be from 1 to 999"), ("--guidance", "0.5", "--guidance must be from 1")),
)
def test_number_that_no_sheet_takes_is_refused(
    folder: Path, tmp_path: Path, flag: str, value: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert draw(folder, "hana", tmp_path / "out", "--expressions", "smile", flag, value) == USER_ERROR_CODE
    assert sentence in capsys.readouterr().err
