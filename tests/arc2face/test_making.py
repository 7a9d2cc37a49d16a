"""One photo becomes a photoreal character, by random weights in the published layout."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
from PIL import Image

pytest.importorskip("diffusers")  # which knows the published layout
pytest.importorskip("onnxruntime")

from omote.bridge import arkit
from omote.engine import Animator, Character, FlameParams, load_character, models, studio_light
from omote.engine.arc2face import copying, making
from omote.engine.arc2face.character import read as read_photoreal
from omote.engine.arc2face.character import save as save_photoreal
from omote.engine.arc2face.files import RECOGNISER, UNET, NonCommercialError, Published, published
from omote.engine.arc2face.identity import arcface, moved_points, portrait, portrait_crop
from omote.engine.arc2face.making import Origin
from omote.engine.arc2face.opening import weights_of
from omote.engine.arc2face.options import Options
from omote.engine.arc2face.pipeline import open_arc2face
from omote.engine.arc2face.processors import bank_from
from omote.engine.arc2face.vectors import STAND_IN_NEUTRAL
from omote.engine.capture.photo import Photo, read_photos
from omote.engine.data import FLAME_BASIS, MOST_REFERENCES, PhotorealCharacter
from omote.engine.face.retarget import from_weights
from omote.engine.model.character_file import load_any_character
from omote.engine.model.character_file import save_character as save_open
from omote.engine.model.kinds import Settings
from omote.engine.models import ModelError
from omote.engine.tensor_file import CharacterError
from omote.studio.cli.main import main
from tests.arc2face.published import write_published

SIZE = 128


def allowed(folder: Path) -> Settings:
    return Settings(folder, allow_noncommercial=True)


OPTIONS = Options("me", size=SIZE)
Said = Callable[..., str]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_published(tmp_path_factory.mktemp("published"))


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture of a shipped character, which shows no real person."""
    rgba = (
        Animator(size=256, runtime="openvino").draw(FlameParams.neutral(), load_character("noah"), studio_light()).rgba
    )
    path = tmp_path_factory.mktemp("photo") / "noah.png"
    Image.fromarray(rgba).save(path)
    return path


@pytest.fixture(scope="module")
def photo(picture: Path, finder: Path) -> Photo:
    return read_photos((picture,))[0]


@pytest.fixture(scope="module")
def finder() -> Path:
    """The face finder's model file."""
    try:
        return models.fetch(models.FACE_LANDMARKER)
    except ModelError as error:
        pytest.skip(str(error))


@pytest.fixture(autouse=True)
def home(tmp_path: Path, finder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at_home(tmp_path, finder, monkeypatch)


def at_home(home: Path, finder: Path, patch: pytest.MonkeyPatch) -> None:
    """Folders for this test only, with the face finder in them."""
    (home / "models").mkdir()
    (home / "models" / finder.name).write_bytes(finder.read_bytes())
    patch.setenv("OMOTE_MODELS", str(home / "models"))
    for variable in ("OMOTE_CHARACTERS", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "HF_HUB_CACHE"):
        patch.setenv(variable, str(home / variable))


def to_flame(params: FlameParams) -> FlameParams:
    """Renames the basis; a real map needs a FLAME file."""
    return replace(params, basis=FLAME_BASIS)


def test_a_character_has_room_for_all_views_that_are_drawn() -> None:
    turns = sorted(anchor.yaw_deg for anchor in copying.REDRAWN if anchor.yaw_deg)
    assert turns == [-45.0, -30.0, -15.0, 15.0, 30.0, 45.0]
    assert len(copying.FRONT) + len(copying.REDRAWN) <= MOST_REFERENCES


def made(
    photo: Photo, files: Published, options: Options = OPTIONS, neutral: np.ndarray | None = None
) -> PhotorealCharacter:
    origin = Origin(photo, "The maker agreed", "Private", neutral, to_flame)
    (one,) = making.made(options, origin, files, allow_noncommercial=True)
    assert isinstance(one.character, PhotorealCharacter)
    return one.character


@pytest.fixture(scope="module")
def character(photo: Photo, folder: Path, finder: Path, tmp_path_factory: pytest.TempPathFactory) -> PhotorealCharacter:
    with pytest.MonkeyPatch.context() as patch:
        at_home(tmp_path_factory.mktemp("home"), finder, patch)
        return made(photo, published(folder))


def test_a_character_holds_what_the_weights_compute_from_the_photo(
    character: PhotorealCharacter, photo: Photo, folder: Path
) -> None:
    files = published(folder)
    arc = weights_of(character, allowed(folder))
    embedding = arcface(files.path(RECOGNISER)).embed(photo.picture, photo.reading.points)
    tokens = arc.tokens(embedding[None])
    np.testing.assert_array_equal(character.tokens, tokens[0].numpy())
    np.testing.assert_array_equal(character.reference, portrait(photo.picture, photo.reading.points, SIZE))
    bank = arc.bank(character.reference, tokens)
    for found, wanted in zip(character.bank.keys, bank.keys, strict=True):
        np.testing.assert_array_equal(found, wanted[0].half().numpy())
    assert not character.bank.bias
    assert (character.size, character.noise.shape) == (SIZE, (4, SIZE // 8, SIZE // 8))


def test_it_records_what_it_was_made_from(character: PhotorealCharacter, folder: Path) -> None:
    assert character.licence.startswith("Private. Its weights: MIT on its card")
    assert "creativeml-openrail-m" in character.licence
    assert "1 photo of a real person. The maker agreed. Arc2Face, sampler lcm, noise seed 0" in character.made_from
    assert "a stand-in for a measured neutral" in character.made_from
    assert {part.name for part in character.parts} >= {UNET, RECOGNISER, "lcm/pytorch_lora_weights.safetensors"}
    assert character.model == published(folder).model("lcm", 0.8)
    assert not character.is_neutral_measured
    np.testing.assert_array_equal(character.neutral, STAND_IN_NEUTRAL)


def test_it_comes_back_from_its_file_and_draws_the_same(
    character: PhotorealCharacter, folder: Path, tmp_path: Path
) -> None:
    save_photoreal(character, tmp_path / "me.omote")
    back = read_photoreal(tmp_path / "me.omote")
    arc = weights_of(back, allowed(folder))

    def drawn(one: PhotorealCharacter) -> torch.Tensor:
        bank = bank_from(one.bank, "cpu", torch.float32)
        return arc.generate(
            one.tokens[None], one.neutral[None], one.noise[None], steps=1, guidance=1.0, sampler="lcm", bank=bank
        )

    torch.testing.assert_close(drawn(back), drawn(character), rtol=0.0, atol=0.0)


def test_the_same_photo_makes_the_same_character(
    character: PhotorealCharacter, photo: Photo, folder: Path, tmp_path: Path
) -> None:
    for number, one in enumerate((character, made(photo, published(folder)))):
        save_photoreal(one, tmp_path / f"{number}.omote")
    assert (tmp_path / "0.omote").read_bytes() == (tmp_path / "1.omote").read_bytes()


def test_points_of_the_photo_stand_in_where_nothing_drawn_is_a_face(
    character: PhotorealCharacter, photo: Photo
) -> None:
    wanted = moved_points(photo.reading.points, portrait_crop(photo.reading.points, SIZE))
    np.testing.assert_array_equal(character.points, wanted)  # random weights draw none


def test_anchors_follow_the_reference_in_the_bank(character: PhotorealCharacter, photo: Photo, folder: Path) -> None:
    other = made(photo, published(folder), replace(OPTIONS, anchors=("smile", "surprise")))
    for plain, keys in zip(character.bank.keys, other.bank.keys, strict=True):
        side = round(len(plain) ** 0.5)
        assert len(keys) == len(plain) + 2 * (-(-side // 2)) ** 2
        np.testing.assert_array_equal(keys[: len(plain)], plain)
    assert "anchors smile surprise" in other.made_from


def test_what_was_measured_and_wished_is_kept(photo: Photo, folder: Path) -> None:
    neutral = np.full(55, 0.02, np.float32)
    options = replace(OPTIONS, sampler="tcd", noise_seeds=(7,), reference_scale=0.25)
    other = made(photo, published(folder), options, neutral)
    assert other.is_neutral_measured
    assert (other.sampler, other.reference_scale) == ("tcd", 0.25)
    np.testing.assert_array_equal(other.neutral, neutral)
    np.testing.assert_array_equal(other.noise, np.random.default_rng(7).standard_normal((4, 16, 16), np.float32))


def test_other_weights_than_it_was_made_for_do_not_draw_it(character: PhotorealCharacter, tmp_path: Path) -> None:
    other = write_published(tmp_path / "other", seed=1)
    with pytest.raises(CharacterError, match=r'"me" was made with other weights \(arc2face/diffusion_'):
        weights_of(character, allowed(other))
    with pytest.raises(NonCommercialError):
        weights_of(character, Settings(other))


def test_non_commercial_weights_are_refused_before_they_are_read(photo: Photo, tmp_path: Path) -> None:
    with pytest.raises(
        NonCommercialError, match=r"arc2face/config.json is not for commercial use .*allow_noncommercial"
    ):
        making.made(OPTIONS, Origin(photo, "", ""), published(tmp_path / "nowhere"), allow_noncommercial=False)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"size": 500}, "--size must be from 128 to 1024 in steps of 64, got 500"),
        ({"size": 2048}, "--size must be from 128 to 1024 in steps of 64, got 2048"),
        ({"reference_scale": 1.5}, "--reference-scale must be above 0 and at most 1, got 1.5"),
        ({"noise_seeds": (-1,)}, "--noise-seed takes different numbers from 0 on"),
        ({"noise_seeds": (3, 3)}, "--noise-seed takes different numbers from 0 on"),
        ({"anchors": ("smirk",)}, 'no expression is called "smirk": --anchors takes smile, laugh'),
    ],
)
def test_impossible_options_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(CharacterError, match=message):
        replace(OPTIONS, **change).check()  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["arcface.onnx", "vae/config.json", UNET])
def test_each_missing_file_is_named(photo: Photo, folder: Path, tmp_path: Path, name: str) -> None:
    others = tmp_path / "others"
    for path in folder.rglob("*"):
        if path.is_file() and str(path.relative_to(folder)) != name:
            (others / path.relative_to(folder)).parent.mkdir(parents=True, exist_ok=True)
            (others / path.relative_to(folder)).hardlink_to(path)
    with pytest.raises(ModelError, match=f"{name} .* is missing: `omote models get arc2face` downloads it"):
        made(photo, published(others))


def test_a_damaged_file_is_named(photo: Photo, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "own" / "lcm").mkdir(parents=True)
    (tmp_path / "own" / "lcm" / "pytorch_lora_weights.safetensors").write_bytes(b"noise")
    files = published(folder)
    files = replace(files, folders=(tmp_path / "own", *files.folders))
    with pytest.raises(CharacterError, match=r"published weights cannot be opened: .*lcm.*download that file again"):
        made(photo, files)


@pytest.mark.slow
def test_no_reference_is_neither_a_bank_nor_its_lora(photo: Photo, folder: Path) -> None:
    """The unconditional mode of the authors: a picture depends on identity, expression and noise alone."""
    plain = made(photo, published(folder), replace(OPTIONS, reference_scale=0.0))
    assert not plain.bank and "no reference" in plain.made_from
    arc = weights_of(plain, allowed(folder))
    alone = open_arc2face(folder, few_step="lcm", reference_scale=0.0)
    for name, weight in arc.unet.state_dict().items():
        assert torch.equal(weight, alone.unet.state_dict()[name]), name


@pytest.mark.slow
def test_several_seeds_make_a_character_each(photo: Photo, folder: Path) -> None:
    origin = Origin(photo, "", "Private")
    options = replace(OPTIONS, noise_seeds=(1, 5))
    found = making.made(options, origin, published(folder), allow_noncommercial=True)
    assert [one.character.name for one in found] == ["me-1", "me-5"]
    one, other = (cast(PhotorealCharacter, each.character) for each in found)
    assert not np.array_equal(one.noise, other.noise)
    np.testing.assert_array_equal(one.bank.keys[0], other.bank.keys[0])


@pytest.mark.parametrize(("turn_deg", "is_reported"), [(7.0, False), (16.0, True)])
def test_a_photo_from_the_side_is_reported(photo: Photo, folder: Path, turn_deg: float, is_reported: bool) -> None:
    turned = replace(photo.reading, rotation=np.radians([0.0, turn_deg, 0.0]).astype(np.float32))
    origin = Origin(replace(photo, reading=turned), "", "Private")
    (one,) = making.made(OPTIONS, origin, published(folder), allow_noncommercial=True)
    reported = [warning for warning in one.warnings if "is turned by 16 degrees" in warning]
    assert bool(reported) is is_reported


@pytest.mark.slow
def test_arc2face_draws_the_references_of_an_ordinary_character(
    photo: Photo, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--live copied` with random weights, in 4 steps and with three of the further views."""
    monkeypatch.setattr(copying, "STEPS", 4)
    monkeypatch.setattr(copying, "REDRAWN", (copying.REDRAWN[0], copying.REDRAWN[2], copying.REDRAWN[7]))
    origin = Origin(photo, "The maker agreed", "Private", None, to_flame)
    options = replace(OPTIONS, size=256, live="copied", expression_scale=0.5)
    (one,) = making.made(options, origin, published(folder), allow_noncommercial=True)
    character = one.character
    assert isinstance(character, Character)
    turns_deg = [round(float(np.degrees(one.params.neck_pose[1]))) for one in character.references[4:]]
    assert turns_deg == [0, 15, -45] and len(character.references) == 7
    drafts = {one.rgba.tobytes() for one in character.references}
    assert len(drafts) == 7 and all(one.kind == "painted" for one in character.references[4:])
    assert "Reference pictures drawn by Arc2Face" in character.made_from
    assert "head turned by ControlNet" in character.made_from
    assert "not for commercial use" in character.licence
    assert "ArcFace cosine to the photo: rest" in one.warnings[-1]
    assert "45 degrees right" in one.warnings[-1] and "live" in one.warnings[-1]
    save_open(character, tmp_path / "me.omote")
    again = load_any_character(str(tmp_path / "me.omote"))
    assert isinstance(again, Character)
    renderer = Animator(size=256, runtime="openvino")
    rest = renderer.draw(FlameParams.neutral(), again, studio_light()).rgba.astype(int)
    jaw = from_weights(arkit.weights({"jawOpen": 0.8}))
    opened = renderer.draw(jaw, again, studio_light()).rgba.astype(int)
    assert np.abs(opened - rest)[..., :3].mean() > 0.3  # the noise moves with the face


def configured(tmp_path: Path, folder: Path, allow: bool = True) -> str:
    path = tmp_path / "config.toml"
    path.write_text(f"photoreal = '{folder}'\nallow_noncommercial = {str(allow).lower()}\n")
    return str(path)


def test_a_command_makes_a_character_that_is_listed(
    picture: Path, photo: Photo, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--photo", str(picture), "--consent", "--size", "128", "--config", configured(tmp_path, folder)]
    assert main(["character", "new", "me", "--kind", "photoreal", *arguments]) == 0
    assert "see it with: omote live --character me" in capsys.readouterr().out
    character = load_any_character("me")
    assert isinstance(character, PhotorealCharacter)
    assert "declared that the person in this photo agrees" in character.made_from
    assert main(["characters"]) == 0
    assert "me (photoreal): Private: the likeness of a real person" in capsys.readouterr().out
    assert main(["licenses", "me"]) == 0
    printed = capsys.readouterr().out
    assert "  arcface.onnx: NOT for commercial use; non-commercial research only" in printed
    assert "  taesd/config.json: commercial use allowed; MIT; sha256 " in printed
    assert "Commercial use of me is not allowed" in printed


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Said:
    """What `omote character new me ...` answers to a mistake: one line, exit code 2."""

    def line_of(*arguments: str | Path) -> str:
        assert main(["character", "new", "me", *map(str, arguments)]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        return line

    return line_of


def test_mistakes_at_the_command_are_reported_in_one_line(
    refused: Said, picture: Path, photo: Photo, folder: Path, tmp_path: Path
) -> None:
    kind = ("--kind", "photoreal")
    consent = ("--photo", picture, "--consent")
    allowing = ("--config", configured(tmp_path, folder))
    assert "--kind photoreal takes one --photo" in refused(*kind, "--seed", "1")
    assert "--kind photoreal takes one --photo" in refused(*kind, "--photo", picture, picture, "--consent")
    assert "--sampler is only for --kind photoreal" in refused("--seed", "1", "--sampler", "lcm")
    assert "--no-reference has no bank" in refused(*kind, *consent, *allowing, "--no-reference", "--anchors", "smile")
    assert "use --no-reference" in refused(*kind, *consent, *allowing, "--reference-scale", "0")
    assert "is only for --live copied" in refused(*kind, *consent, *allowing, "--expression-scale", "1.2")
    assert "there is no terminal to ask in" in refused(*kind, "--photo", picture)
    assert "`omote calibrate flame-map --flame FILE`" in refused(*kind, *consent, *allowing, "--anchors", "smile")
    assert "cannot be read" in refused(*kind, *consent, *allowing, "--neutral", tmp_path / "nowhere.csv")
    forbidden = ("--config", configured(tmp_path, folder, allow=False))
    assert "`allow_noncommercial = true` in config.toml" in refused(*kind, *consent, *forbidden)
