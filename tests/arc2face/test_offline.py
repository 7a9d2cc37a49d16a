"""Photoreal characters offline: in the few steps that they were made for, and at full quality."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from omote.bridge import arkit
from omote.engine.arc2face import networks
from omote.engine.arc2face.character import save as save_photoreal
from omote.engine.arc2face.files import NonCommercialError, Published, files_for, published
from omote.engine.arc2face.offline import CastRenderer, Photoreal, shown
from omote.engine.arc2face.renderer import Options, PhotorealRenderer
from omote.engine.data import BankRows, PhotorealCharacter, SourceFile
from omote.engine.errors import AnimatorError
from omote.engine.face.light import studio_light
from omote.engine.face.retarget import from_weights
from omote.engine.hardware import ResultCache
from omote.engine.model.kinds import Settings
from omote.engine.offline import render
from omote.engine.offline.animation import Animation, RenderError, single_character_animation, split_chunks
from omote.engine.offline.render import RenderSettings, draw_chunk
from omote.engine.offline.render_options import resolve_settings
from omote.engine.runtime.dispatch import open_session
from omote.engine.runtime.session import Build, ExportedGraph, Feeds, Outputs, Session
from omote.engine.tensor_file import CharacterError
from omote.studio.app.config import load_config
from tests.arc2face import home as photoreal_home
from tests.arc2face.flat import flat_character, flat_networks
from tests.arc2face.home import flame_map

CAST, SIZE = ("me", "you"), 64


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two characters, and a map."""
    monkeypatch.setenv("OMOTE_CHARACTERS", str(tmp_path))
    for seed, name in enumerate(CAST):
        save_photoreal(flat_character(name, SIZE, seed), tmp_path / f"{name}.omote")
    flame_map().save(tmp_path / "map")
    return tmp_path


def settings_of(home: Path, cast: Sequence[str] = CAST, size: int | None = None, steps: int = 1) -> RenderSettings:
    settings = Settings(home / "published", home / "map", size=size, steps=steps, runtime="openvino-f32")
    return resolve_settings(cast, settings, 1)


def few_steps(settings: RenderSettings) -> CastRenderer:
    """A new renderer, by networks without weights."""
    people = tuple(one for one in settings.cast if isinstance(one, PhotorealCharacter))
    assert isinstance(settings.photoreal, Photoreal)
    to_flame = settings.photoreal.to_flame.flame
    renderer = PhotorealRenderer(flat_networks(SIZE), Options(settings.steps), to_flame, steadies=False)
    return CastRenderer(people, settings.size, renderer)


def script(count: int = 6) -> Animation:
    """A jaw that opens, of one until a cut, then of the other."""
    faces = [from_weights(arkit.weights({"jawOpen": k})).vector() for k in np.linspace(0.0, 1.0, count).tolist()]
    shares = np.zeros((count, 2), np.float32)
    shares[: count // 2, 0] = shares[count // 2 :, 1] = 1.0
    lights = np.repeat(studio_light()[None], count, 0)
    return Animation(Fraction(30), np.stack(faces), lights, np.ones(count, np.float32), CAST, shares)


def test_chunks_are_the_same_bytes_in_any_order(home: Path) -> None:
    settings, clip = settings_of(home, size=48), script()
    worker = few_steps(settings)
    drawn = [np.stack(list(worker.pictures(chunk))) for chunk in split_chunks(clip, 2)]
    assert drawn[0].shape == (2, 48, 48, 4)
    for chunk, expected in reversed(list(zip(split_chunks(clip, 2), drawn, strict=True))):
        np.testing.assert_array_equal(np.stack(list(few_steps(settings).pictures(chunk))), expected)


def test_a_cut_shows_the_other_at_once_and_a_face_is_drawn_however_little_it_moved(home: Path) -> None:
    clip = script()
    clip.faces[:] = clip.faces[0]
    clip.faces[1, 50] += np.float32(0.004)  # the live path treats this as a tracker's noise
    (chunk,) = split_chunks(clip)
    worker = few_steps(settings_of(home))
    drawn = list(worker.pictures(chunk))
    np.testing.assert_array_equal(drawn[0], drawn[2])
    np.testing.assert_array_equal(drawn[3], drawn[5])
    assert isinstance(worker.renderer, PhotorealRenderer)
    assert (drawn[2] != drawn[3]).any() and worker.renderer.counts.drawn == 3


def test_their_own_size_is_drawn_and_the_key_depends_on_character_and_map(home: Path) -> None:
    settings = settings_of(home)
    assert (settings.drawn_size, settings_of(home, size=300).drawn_size) == (SIZE, SIZE)
    assert "enlarged to 300" in settings_of(home, size=300).remark
    assert isinstance(settings.photoreal, Photoreal)
    to_flame = replace(settings.photoreal.to_flame, jaw_rad=settings.photoreal.to_flame.jaw_rad * np.float32(0.5))
    assert settings_of(home).key == settings.key
    assert settings_of(home, ("you",)).key != settings_of(home, ("me",)).key
    assert replace(settings, photoreal=replace(settings.photoreal, to_flame=to_flame)).key != settings.key


def test_characters_and_steps_that_cannot_be_drawn_together_are_refused(home: Path) -> None:
    one = flat_character("them", SIZE)
    restricted = SourceFile("arcface.onnx", "0" * 64, "for research only", False)
    for name, character in {
        "student": replace(one, sampler="student"),
        "other": replace(one, name="other", model="f" * 64),
        "them": replace(one, parts=(restricted,)),
    }.items():
        save_photoreal(character, home / f"{name}.omote")
    few = '"student" takes 1, 2 or 4 steps, got 3; pictures in more than 8 steps are guided'
    with pytest.raises(RenderError, match=few):
        settings_of(home, ("student",), steps=3)
    with pytest.raises(RenderError, match="other and me need different weights"):
        settings_of(home, ("me", "other"))
    with pytest.raises(RenderError, match="hana is not photoreal and me is"):
        settings_of(home, ("me", "hana"))
    with pytest.raises(NonCommercialError, match=r"arcface\.onnx is not for commercial use"):
        settings_of(home, ("them",))
    clip = script()
    clip.shares[2] = 0.5
    with pytest.raises(RenderError, match=r"picture 2 is to show a mixture of me and you.*by a cut"):
        settings_of(home).check(clip)
    assert shown(np.array([0.0, 1.0], np.float32)) == 1
    with pytest.raises(RenderError, match="cannot be mixed in one picture, got 2"):
        shown(np.array([0.5, 0.5], np.float32))


def test_auto_ends_with_f32_for_every_worker_where_bf16_computes_something_else(
    furnished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photoreal_home.use(furnished, monkeypatch)
    monkeypatch.setattr(networks, "ResultCache", lambda: ResultCache(tmp_path / "found"))

    def opened(graph: ExportedGraph, build: Build) -> Session:
        session = open_session(graph, Build("openvino", "f32"))
        return Coarse(session) if build.name == "openvino" else session

    monkeypatch.setattr(networks, "open_session", opened)
    settings = resolve_settings(("me",), load_config().for_kinds(), 1)
    assert settings.build == Build("openvino", "f32", threads=1)
    worker = render.open_renderer(pickle.loads(pickle.dumps(settings)))
    assert isinstance(worker, CastRenderer) and isinstance(worker.renderer, PhotorealRenderer)
    assert worker.renderer.runtime == "openvino cpu f32"
    render._opened.clear()


@dataclass
class Coarse:
    """A network whose output is off, as that of plain random weights in bf16."""

    session: Session
    name: str = "openvino cpu bf16"

    def run(self, feeds: Feeds) -> Outputs:
        noise = np.random.default_rng(0)
        return {
            name: made if made.dtype == np.uint8 else made + 0.16 * made.std() * noise.standard_normal(made.shape)
            for name, made in self.session.run(feeds).items()
        }


# In many guided steps, by small published weights.

STEPS = 9  # one more than few


@pytest.fixture(scope="module")
def guided(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A FLAME map and a character of the published files."""
    folder = tmp_path_factory.mktemp("guided")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMOTE_MODELS", str(folder / "models"))
        flame_map().save(folder / "map")
        rows = np.zeros((1, 8), np.float16)  # of the few-step weights, not used here
        parts = files_in(published).parts(files_for("lcm"))
        me = replace(flat_character("me", 64), bank=BankRows((rows,), (rows,)), parts=parts, reference_scale=0.8)
        save_photoreal(me, folder / "me.omote")
        changed = tuple(replace(part, sha256="ab" * 32) for part in parts)
        save_photoreal(replace(me, parts=changed), folder / "other.omote")
        (folder / "arc2face").symlink_to(published)
        yield folder
    render._opened.clear()


def files_in(folder: Path) -> Published:
    return published(folder)


def guided_settings(
    home: Path, steps: int = STEPS, runtime: str = "pytorch-f32", name: str = "me", *, allow: bool = True, **more: str
) -> RenderSettings:
    settings = Settings(home / "arc2face", home / "map", allow, 64, steps, runtime, **more)  # type: ignore[arg-type]
    return resolve_settings((str(home / f"{name}.omote"),), settings, 1)


def drawn(settings: RenderSettings, jaws: list[float], at_once: int) -> list[bytes]:
    """The files of this jaw's pictures, drawn in chunks."""
    faces = np.stack([from_weights(arkit.weights({"jawOpen": jaw})).vector() for jaw in jaws])
    clip = single_character_animation(Fraction(30), faces, studio_light(), "me")
    return [file for chunk in split_chunks(clip, at_once) for file in draw_chunk(settings, chunk)]


def test_a_guided_picture_depends_on_its_face_alone_or_on_its_pose_too(guided: Path) -> None:
    """Not on faces in the same chunk, nor on what was drawn before; a face that is held is the same picture."""
    settings = guided_settings(guided)
    first, held, other = drawn(settings, [0.3, 0.3, 0.6], 2)
    assert first == held != other
    render._opened.clear()
    assert drawn(pickle.loads(pickle.dumps(settings)), [0.6], 1) == [other]
    posed = guided_settings(guided, pose="controlnet")
    assert posed.key != settings.key and drawn(posed, [0.6], 1) != [other]


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"runtime": "onnxruntime"}, "more than 8 steps run in PyTorch: use --runtime pytorch-f32"),
        ({"steps": 1000}, "--steps must be from 1 to 999"),
        ({"allow": False}, "allow_noncommercial = true"),
        ({"runtime": "openvino", "name": "other"}, "was made with another"),
        ({"pose": "neck"}, 'pose must be warp or controlnet, got "neck"'),
        ({"pose": "controlnet", "steps": 4}, "draws in more than 8 steps: add --steps 25"),
        ({"runtime": "abacus", "steps": 1}, "abacus"),
    ],
)
def test_impossible_settings_are_refused_before_any_work(guided: Path, how: dict[str, object], message: str) -> None:
    errors = RenderError, NonCommercialError, CharacterError, AnimatorError
    with pytest.raises(errors, match=message):
        guided_settings(guided, **how)  # type: ignore[arg-type]
