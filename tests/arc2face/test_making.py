"""One photo becomes a photoreal character, by random weights in the published layout."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("diffusers")  # which knows the published layout
pytest.importorskip("onnxruntime")

from omote.bridge import arkit
from omote.engine import Animator, Character, studio_light
from omote.engine.arc2face import copying, doctor, making
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
from omote.engine.data import MOST_REFERENCES, FlameParams, PhotorealCharacter
from omote.engine.face.retarget import from_weights
from omote.engine.model.character_file import load_any_character
from omote.engine.model.character_file import save_character as save_open
from omote.engine.model.kinds import Made, Settings, kind
from omote.engine.models import ModelError
from omote.engine.tensor_file import CharacterError
from omote.studio.cli.main import main
from tests.arc2face.flat import to_flame
from tests.arc2face.home import flame_map

SIZE = 128
OPTIONS = Options("me", size=SIZE)


@pytest.fixture(scope="module", autouse=True)
def home(photo_home: Path) -> Iterator[Path]:
    """Folders for these tests only."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMOTE_MODELS", str(photo_home / "models"))
        for variable in ("OMOTE_CHARACTERS", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "HF_HUB_CACHE"):
            patch.setenv(variable, str(photo_home / variable))
        yield photo_home


@pytest.fixture(scope="module")
def picture(home: Path) -> Path:
    return home / "noah.png"


@pytest.fixture(scope="module")
def photo(picture: Path) -> Photo:
    return read_photos((picture,))[0]


def turned(photo: Photo, yaw_deg: float) -> Photo:
    """The photo, as if its head were turned by this."""
    rotation = np.radians([0.0, yaw_deg, 0.0]).astype(np.float32)
    return replace(photo, reading=replace(photo.reading, rotation=rotation))


def made(photo: Photo, files: Published, options: Options, neutral: np.ndarray | None = None) -> list[Made]:
    origin = Origin(photo, "The maker agreed", "Private", neutral, to_flame)
    return list(making.made(options, origin, files, allow_noncommercial=True))


def photoreal(one: Made) -> PhotorealCharacter:
    assert isinstance(one.character, PhotorealCharacter)
    return one.character


def allowed(folder: Path) -> Settings:
    return Settings(folder, allow_noncommercial=True)


@pytest.fixture(scope="module")
def character(photo: Photo, published: Path) -> PhotorealCharacter:
    (one,) = made(turned(photo, 7.0), files_in(published), OPTIONS)
    assert not any("is turned by" in warning for warning in one.warnings)
    return photoreal(one)


def files_in(folder: Path) -> Published:
    return published(folder)


def test_a_character_holds_what_the_weights_compute_and_draws_the_same_from_its_file(
    character: PhotorealCharacter, photo: Photo, published: Path, tmp_path: Path
) -> None:
    arc = weights_of(character, allowed(published))
    embedding = arcface(files_in(published).path(RECOGNISER)).embed(photo.picture, photo.reading.points)
    tokens = arc.tokens(embedding[None])
    np.testing.assert_array_equal(character.tokens, tokens[0].numpy())
    np.testing.assert_array_equal(character.reference, portrait(photo.picture, photo.reading.points, SIZE))
    for found, wanted in zip(character.bank.keys, arc.bank(character.reference, tokens).keys, strict=True):
        np.testing.assert_array_equal(found, wanted[0].half().numpy())
    assert (character.size, character.noise.shape, character.bank.bias) == (SIZE, (4, SIZE // 8, SIZE // 8), ())
    save_photoreal(character, tmp_path / "me.omote")

    def drawn(one: PhotorealCharacter) -> torch.Tensor:
        bank = bank_from(one.bank, "cpu", torch.float32)
        how: dict[str, Any] = {"steps": 1, "guidance": 1.0, "sampler": "lcm", "bank": bank}
        return arc.generate(one.tokens[None], one.neutral[None], one.noise[None], **how)

    assert torch.equal(drawn(read_photoreal(tmp_path / "me.omote")), drawn(character))


def test_it_records_what_it_was_made_from(character: PhotorealCharacter, photo: Photo, published: Path) -> None:
    assert character.licence.startswith("Private. Its weights: MIT on its card")
    assert "creativeml-openrail-m" in character.licence
    assert "1 photo of a real person. The maker agreed. Arc2Face, sampler lcm, noise seed 0" in character.made_from
    assert "a stand-in for a measured neutral" in character.made_from and not character.is_neutral_measured
    assert {part.name for part in character.parts} >= {UNET, RECOGNISER, "lcm/pytorch_lora_weights.safetensors"}
    assert character.model == files_in(published).model("lcm", 0.8)
    np.testing.assert_array_equal(character.neutral, STAND_IN_NEUTRAL)
    # Random weights draw no face, so the photo's points stand in.
    points = moved_points(photo.reading.points, portrait_crop(photo.reading.points, SIZE))
    np.testing.assert_array_equal(character.points, points)


def test_each_seed_makes_a_character_and_the_same_seed_the_same(
    character: PhotorealCharacter, photo: Photo, published: Path, tmp_path: Path
) -> None:
    found = made(turned(photo, 16.0), files_in(published), replace(OPTIONS, noise_seeds=(0, 5)))
    assert all("is turned by 16 degrees" in one.warnings[0] for one in found)
    same, other = map(photoreal, found)
    assert (same.name, other.name) == ("me-0", "me-5") and not np.array_equal(same.noise, other.noise)
    np.testing.assert_array_equal(other.bank.keys[0], character.bank.keys[0])
    for number, one in enumerate((character, replace(same, name="me"))):
        save_photoreal(one, tmp_path / f"{number}.omote")
    assert (tmp_path / "0.omote").read_bytes() == (tmp_path / "1.omote").read_bytes()


def test_what_was_measured_and_wished_is_kept_and_anchors_follow_the_reference(
    character: PhotorealCharacter, photo: Photo, published: Path
) -> None:
    neutral = np.full(55, 0.02, np.float32)
    options = replace(OPTIONS, sampler="tcd", noise_seeds=(7,), reference_scale=0.25, anchors=("smile", "surprise"))
    other = photoreal(*made(photo, files_in(published), options, neutral))
    assert other.is_neutral_measured and (other.sampler, other.reference_scale) == ("tcd", 0.25)
    np.testing.assert_array_equal(other.neutral, neutral)
    np.testing.assert_array_equal(other.noise, np.random.default_rng(7).standard_normal((4, 16, 16), np.float32))
    for plain, keys in zip(character.bank.keys, other.bank.keys, strict=True):
        assert len(keys) == len(plain) + 2 * (-(-round(len(plain) ** 0.5) // 2)) ** 2
    assert "anchors smile surprise" in other.made_from


def test_no_reference_is_neither_a_bank_nor_its_lora(photo: Photo, published: Path) -> None:
    """The unconditional mode of the authors: a picture depends on identity, expression and noise alone."""
    plain = photoreal(*made(photo, files_in(published), replace(OPTIONS, reference_scale=0.0)))
    assert not plain.bank and "no reference" in plain.made_from
    found = weights_of(plain, allowed(published)).unet.state_dict()
    alone = open_arc2face(published, few_step="lcm", reference_scale=0.0).unet.state_dict()
    assert all(torch.equal(weight, alone[name]) for name, weight in found.items())


def test_other_weights_than_it_was_made_for_do_not_draw_it(
    character: PhotorealCharacter, published: Path, tmp_path: Path
) -> None:
    other = linked(published, tmp_path)
    changed = (other / UNET).read_bytes()
    (other / UNET).unlink()
    (other / UNET).write_bytes(changed[:-1] + b"?")
    with pytest.raises(CharacterError, match=r'"me" was made with other weights \(arc2face/diffusion_'):
        weights_of(character, allowed(other))
    with pytest.raises(NonCommercialError):
        weights_of(character, Settings(other))


def linked(published: Path, folder: Path) -> Path:
    """The published files again, of which some may be replaced."""
    return Path(shutil.copytree(published, folder / "others", copy_function=os.link))


def test_missing_damaged_and_forbidden_files_are_named(photo: Photo, published: Path, tmp_path: Path) -> None:
    others, aside = linked(published, tmp_path), tmp_path / "aside"
    for name in ("arcface.onnx", "vae/config.json", UNET):
        (others / name).rename(aside)
        with pytest.raises(ModelError, match=f"{name} .* is missing: `omote models get arc2face` downloads it"):
            made(photo, files_in(others), OPTIONS)
        aside.rename(others / name)
    lora = others / "lcm/pytorch_lora_weights.safetensors"
    lora.unlink()
    lora.write_bytes(b"noise")
    with pytest.raises(CharacterError, match=r"published weights cannot be opened: .*lcm.*download that file again"):
        made(photo, files_in(others), OPTIONS)
    forbidden = r"arc2face/config.json is not for commercial use .*allow_noncommercial"
    with pytest.raises(NonCommercialError, match=forbidden):  # before anything is read
        next(making.made(OPTIONS, Origin(photo, "", ""), files_in(tmp_path), allow_noncommercial=False))


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
def test_impossible_options_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(CharacterError, match=message):
        replace(OPTIONS, **change).check()


@pytest.mark.slow
def test_arc2face_draws_the_references_of_an_ordinary_character(
    photo: Photo, published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--live copied` with random weights, in 2 steps and with three of the further views."""
    turns = sorted(anchor.yaw_deg for anchor in copying.REDRAWN if anchor.yaw_deg)
    assert turns == [-45.0, -30.0, -15.0, 15.0, 30.0, 45.0]
    assert len(copying.FRONT) + len(copying.REDRAWN) <= MOST_REFERENCES
    redrawn = copying.REDRAWN[0], copying.REDRAWN[2], copying.REDRAWN[7]
    monkeypatch.setattr(copying, "STEPS", 2)
    monkeypatch.setattr(copying, "REDRAWN", redrawn)
    (one,) = made(photo, files_in(published), replace(OPTIONS, live="copied", expression_scale=0.5))
    character = one.character
    assert isinstance(character, Character)
    turns_deg = [round(float(np.degrees(one.params.neck_pose[1]))) for one in character.references[4:]]
    assert turns_deg == [anchor.yaw_deg for anchor in redrawn]
    assert len({one.rgba.tobytes() for one in character.references}) == 4 + len(redrawn)
    assert all(one.kind == "painted" for one in character.references[4:])
    assert "Reference pictures drawn by Arc2Face" in character.made_from
    assert "head turned by ControlNet" in character.made_from and "not for commercial use" in character.licence
    assert "ArcFace cosine to the photo: rest" in one.warnings[-1]
    assert "45 degrees right" in one.warnings[-1] and "live" in one.warnings[-1]
    save_open(character, tmp_path / "me.omote")
    again = load_any_character(str(tmp_path / "me.omote"))
    assert isinstance(again, Character)
    renderer = Animator(size=256, runtime="openvino")
    rest, opened = (
        renderer.draw(from_weights(arkit.weights({"jawOpen": jaw})), again, studio_light()).rgba.astype(int)
        for jaw in (0.0, 0.8)
    )
    assert np.abs(opened - rest)[..., :3].mean() > 0.3  # the noise moves with the face


@pytest.mark.slow
def test_doctor_prints_layouts_and_draws_a_character_in_every_way(
    character: PhotorealCharacter, photo: Photo, published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copied way draws the same references as `--live copied` of the same photo and seed."""
    monkeypatch.setattr(copying, "STEPS", 2)
    monkeypatch.setattr(copying, "REDRAWN", copying.REDRAWN[1:3])
    copies = []

    def noted(one: Character, faces: Sequence[FlameParams], size: int) -> tuple[list[copying.Picture], float]:
        copies.append(one)
        return copying.drawn_live(one, faces, size)

    monkeypatch.setattr(doctor, "drawn_live", noted)
    to_flame = flame_map()
    to_flame.save(tmp_path / "map")
    settings = replace(allowed(published), flame_map=tmp_path / "map", runtime="openvino-f32")
    found = list(kind().doctor(character, settings, tmp_path / "sheet"))
    lines = "\n".join(f"{one.name}: {one.found}" for one in found)
    assert 'layout: expression adapter: layout "full", 1 tokens' in lines
    assert "LoRA: ref_adapter/pytorch_lora_weights.safetensors: 64 modules, rank 2, alpha 2" in lines
    for way in ("25 guided steps", "lcm, 4 steps", "tcd, 4 steps"):
        for reference in ("reference", "no reference"):
            assert f"compare: {way}, {reference}: ID cosine" in lines
    assert "compare: copied live: ID cosine" in lines and (tmp_path / "sheet" / "compare.png").is_file()
    origin = Origin(turned(photo, 0.0), "", "", None, to_flame.flame)
    copied = replace(OPTIONS, live="copied")
    (usual,) = making.made(copied, origin, files_in(published), allow_noncommercial=True)
    assert isinstance(usual.character, Character) and "head turned by ControlNet" in usual.character.made_from
    ours, wanted = ([one.rgba.tobytes() for one in found.references] for found in (copies[0], usual.character))
    assert ours == wanted and len(ours) == 6


@pytest.fixture
def config(published: Path, tmp_path: Path) -> Callable[[bool], str]:
    """Writes settings and returns their file."""

    def written(allow: bool) -> str:
        path = tmp_path / f"{allow}.toml"
        path.write_text(f"photoreal = '{published}'\nallow_noncommercial = {str(allow).lower()}\n")
        return str(path)

    return written


def test_a_command_makes_a_character_that_is_listed(
    picture: Path, config: Callable[[bool], str], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--photo", str(picture), "--consent", "--size", "128", "--config", config(True)]
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


def test_each_of_several_seeds_is_saved_as_it_comes_and_replaces_nothing_unasked(
    picture: Path,
    config: Callable[[bool], str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    usual = making._Maker.direct

    def failing(maker: Any, seed: int) -> Made:
        if seed == 5:
            raise ValueError("the fifth seed is spoilt")
        return usual(maker, seed)

    monkeypatch.setattr(making._Maker, "direct", failing)
    out, (first, second) = tmp_path / "one.omote", (tmp_path / f"one-{seed}.omote" for seed in (0, 5))
    out.write_bytes(b"another, in no danger")
    options = ("--photo", str(picture), "--consent", "--size", "128", "--no-reference", "--noise-seed", "0", "5")
    arguments = ["character", "new", "--out", str(out), "--kind", "photoreal", *options, "--config", config(True)]
    assert main(arguments) == 2
    assert "the fifth seed is spoilt" in capsys.readouterr().err
    assert "no reference" in read_photoreal(first).made_from and not second.exists()
    before = first.read_bytes()
    first.rename(second)
    assert main(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{second} exists already: choose another name, or add --overwrite" in line
    assert second.read_bytes() == before and out.read_bytes() == b"another, in no danger" and not first.exists()


def test_mistakes_at_the_command_are_reported_in_one_line(
    picture: Path, config: Callable[[bool], str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kind, consent = ("--kind", "photoreal"), ("--photo", str(picture), "--consent")
    usual = (*kind, *consent, "--config", config(True))
    for message, typed in (
        ("--kind photoreal takes one --photo", (*kind, "--seed", "1")),
        ("--kind photoreal takes one --photo", (*kind, "--photo", str(picture), str(picture), "--consent")),
        ("--sampler is only for --kind photoreal", ("--seed", "1", "--sampler", "lcm")),
        ("--no-reference has no bank", (*usual, "--no-reference", "--anchors", "smile")),
        ("use --no-reference", (*usual, "--reference-scale", "0")),
        ("is only for --live copied", (*usual, "--expression-scale", "1.2")),
        ("there is no terminal to ask in", (*kind, "--photo", str(picture))),
        ("`omote calibrate flame-map --flame FILE`", (*usual, "--anchors", "smile")),
        ("cannot be read", (*usual, "--neutral", str(tmp_path / "nowhere.csv"))),
        ("`allow_noncommercial = true` in config.toml", (*kind, *consent, "--config", config(False))),
    ):
        assert main(["character", "new", "other", *typed]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert message in line
