"""USD files, posed by USD itself."""

from __future__ import annotations

import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from omote.bridge import arkit
from omote.engine.data import Character
from omote.engine.face.head import EYE, SKULL, open_head
from omote.engine.model.character_file import load_any_character
from omote.engine.offline.animation import RenderError
from omote.engine.offline.writers.usd import UsdWriter

pxr = pytest.importorskip("pxr")

from pxr import Usd as PxrUsd  # noqa: E402
from pxr import UsdGeom, UsdSkel, Vt  # noqa: E402

Made = Callable[..., Any]


def ignore(count: int) -> None:
    """Takes what a writer tells."""


def posed(stage: Any, picture: int) -> Any:
    """[N,3] where UsdSkel puts the mesh's points."""
    root = UsdSkel.Root(stage.GetDefaultPrim())
    cache = UsdSkel.Cache()
    cache.Populate(root, PxrUsd.PrimDefaultPredicate)
    (binding,) = cache.ComputeSkelBindings(root, PxrUsd.PrimDefaultPredicate)
    skeleton = cache.GetSkelQuery(binding.GetSkeleton())
    (target,) = binding.GetSkinningTargets()
    animation = skeleton.GetAnimQuery()
    points = Vt.Vec3fArray(UsdGeom.Mesh(target.GetPrim()).GetPointsAttr().Get())
    shapes = UsdSkel.BlendShapeQuery(UsdSkel.BindingAPI(target.GetPrim()))
    weights = target.GetBlendShapeMapper().Remap(animation.ComputeBlendShapeWeights(picture))
    sub_weights, indices, sub_indices = shapes.ComputeSubShapeWeights(weights)
    assert shapes.ComputeDeformedPoints(
        sub_weights,
        indices,
        sub_indices,
        shapes.ComputeBlendShapePointIndices(),
        shapes.ComputeSubShapePointOffsets(),
        points,
    )
    assert target.ComputeSkinnedPoints(skeleton.ComputeSkinningTransforms(picture), points, picture)
    return np.array(points)


@pytest.mark.parametrize("suffix", [".usda", ".usdc"])
def test_usd_poses_the_open_head_in_every_picture(small_rendering: Made, tmp_path: Path, suffix: str) -> None:
    made, path = small_rendering(3), tmp_path / f"x{suffix}"
    UsdWriter(path).check(made.script, 24)
    UsdWriter(path).write(made.script, made.pictures, ignore)
    stage, who, head = PxrUsd.Stage.Open(str(path)), load_any_character("hana"), open_head()
    assert isinstance(who, Character)
    shaped = head.shaped(who.shape)
    for picture in range(3):
        params = made.script.params(picture)
        wanted = (head.pose(shaped, params) - shaped.anchor[SKULL]) * 0.1 + params.translation
        apart_mm = 1000 * np.linalg.norm(posed(stage, picture) - wanted, axis=1)
        assert apart_mm[head.region != EYE].max() < 0.5  # the joints' shares, which had to be made whole
        assert apart_mm.max() < 2.5  # eyeballs go straight where they should turn


def test_units_axes_names_and_times_are_said(small_rendering: Made, tmp_path: Path) -> None:
    made = small_rendering(4, Fraction(30000, 1001))
    UsdWriter(tmp_path / "x.usda").write(made.script, made.pictures, ignore)
    stage = PxrUsd.Stage.Open(str(tmp_path / "x.usda"))
    assert UsdGeom.GetStageUpAxis(stage) == UsdGeom.Tokens.y
    assert UsdGeom.GetStageMetersPerUnit(stage) == 1.0
    assert stage.GetTimeCodesPerSecond() == float(Fraction(30000, 1001))
    assert (stage.GetStartTimeCode(), stage.GetEndTimeCode()) == (0.0, 3.0)
    animation = UsdSkel.Animation(stage.GetPrimAtPath("/Head/Skeleton/Performance"))
    assert tuple(animation.GetBlendShapesAttr().Get()) == arkit.NAMES
    assert animation.GetBlendShapeWeightsAttr().GetTimeSamples() == [0.0, 1.0, 2.0, 3.0]


def test_it_names_the_heads_licence_and_that_a_model_made_it(small_rendering: Made, tmp_path: Path) -> None:
    made = small_rendering(1)
    UsdWriter(tmp_path / "x.usdc").write(made.script, made.pictures, ignore)
    stage = PxrUsd.Stage.Open(str(tmp_path / "x.usdc"))
    said = stage.GetRootLayer().customLayerData
    for word in ("Apache-2.0", "MakeHuman", "CC0", "ICT-FaceKit"):
        assert word in said["copyright"]
    assert said["Iptc4xmpExt:DigitalSourceType"].endswith("/trainedAlgorithmicMedia")


@pytest.mark.parametrize("suffix", [".usda", ".usdc"])
def test_the_same_script_gives_the_same_bytes_and_no_more_than_was_said(
    small_rendering: Made, tmp_path: Path, suffix: str
) -> None:
    made, written = small_rendering(30), []
    for name in ("a", "b"):
        writer = UsdWriter(tmp_path / f"{name}{suffix}")
        writer.write(made.script, made.pictures, ignore)
        written.append(writer.path.read_bytes())
    assert written[0] == written[1]
    assert len(written[0]) <= writer.bytes_of(made.script, 24)


def test_without_the_library_it_is_said_what_to_install(small_rendering: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pxr", None)
    with pytest.raises(RenderError, match=r"x\.usdc takes usd-core .*pip install 'omote\[scene\]'"):
        UsdWriter(Path("x.usdc")).check(small_rendering(1).script, 24)


def test_a_folder_that_is_not_there_is_not_made(small_rendering: Made, tmp_path: Path) -> None:
    made = small_rendering(1)
    with pytest.raises(RenderError, match=r"cannot write .*No such file"):
        UsdWriter(tmp_path / "no" / "x.usdc").write(made.script, made.pictures, ignore)
    assert not (tmp_path / "no").exists()
