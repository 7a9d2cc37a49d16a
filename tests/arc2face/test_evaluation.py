"""A photoreal character goes through the evaluation, drawn by networks whose pictures are known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("numba")

from omote.engine.arc2face.character import save as save_photoreal
from omote.engine.arc2face.renderer import Options, PhotorealRenderer
from omote.engine.capture.source import SourceError
from omote.engine.data import FLAME_BASIS, FlameParams, PhotorealCharacter
from omote.engine.training.evaluation import evaluation
from omote.engine.training.evaluation.evaluation import EvaluationError, Request, evaluate
from tests.arc2face.flat import flat_character, flat_networks

SIDE = 128


def renderer(character: PhotorealCharacter) -> PhotorealRenderer:
    def to_flame(params: FlameParams) -> FlameParams:
        return replace(params, basis=FLAME_BASIS)

    return PhotorealRenderer(flat_networks(SIDE), Options(), to_flame)


class NoNetworks:
    """Our own model, which draws no photoreal character."""

    def __init__(self, *arguments: object) -> None: ...


def blind() -> object:
    raise SourceError("no tracker here")


@pytest.fixture
def request_of_me(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Request:
    for name in ("denoiser.onnx", "encoder.onnx"):
        (tmp_path / name).touch()
    save_photoreal(flat_character("me", SIDE), tmp_path / "me.omote")
    monkeypatch.setattr(evaluation, "Networks", NoNetworks)
    monkeypatch.setattr(evaluation, "face_finder", blind)
    return Request((str(tmp_path / "me.omote"),), weights=tmp_path, size=SIDE)


def test_a_photoreal_character_is_drawn_by_its_own_artist(request_of_me: Request) -> None:
    found = evaluate(request_of_me, renderer)
    (steady,) = found.steadiness
    assert (steady.name, steady.is_still) == ("me", True)
    assert np.isnan(steady.expected_noise)
    assert any("no tracker here" in note for note in found.notes)


def test_without_an_artist_it_is_refused(request_of_me: Request) -> None:
    with pytest.raises(EvaluationError, match="me is photoreal"):
        evaluate(request_of_me)
