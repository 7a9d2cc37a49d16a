"""USD files, posed by USD itself."""

from __future__ import annotations

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
from omote.engine.offline.writers.usd import UsdWriter

pxr = pytest.importorskip("pxr")

from pxr import Usd as PxrUsd  # noqa: E402
from pxr import UsdGeom, UsdSkel, Vt  # noqa: E402

Made = Callable[..., Any]


def ignore(done: int) -> None:
    """Takes the progress of a writer."""


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
    UsdWriter(path).check(made.animation, 24)
    UsdWriter(path).write(made.animation, made.pictures, ignore)
    stage, hana, head = PxrUsd.Stage.Open(str(path)), load_any_character("hana"), open_head()
    assert isinstance(hana, Character)
    shaped = head.shaped(hana.shape)
    for picture in range(3):
        params = made.animation.params(picture)
        wanted = (head.pose(shaped, params) - shaped.anchor[SKULL]) * 0.1 + params.translation
        apart_mm = 1000 * np.linalg.norm(posed(stage, picture) - wanted, axis=1)
        assert apart_mm[head.region != EYE].max() < 0.5  # the joints' shares, which had to be made whole
        assert apart_mm.max() < 2.5  # eyeballs go straight where they should turn


def test_units_axes_names_and_times_are_set(small_rendering: Made, tmp_path: Path) -> None:
    made = small_rendering(4, Fraction(30000, 1001))
    UsdWriter(tmp_path / "x.usda").write(made.animation, made.pictures, ignore)
    stage = PxrUsd.Stage.Open(str(tmp_path / "x.usda"))
    assert UsdGeom.GetStageUpAxis(stage) == UsdGeom.Tokens.y
    assert UsdGeom.GetStageMetersPerUnit(stage) == 1.0
    assert stage.GetTimeCodesPerSecond() == float(Fraction(30000, 1001))
    assert (stage.GetStartTimeCode(), stage.GetEndTimeCode()) == (0.0, 3.0)
    animation = UsdSkel.Animation(stage.GetPrimAtPath("/Head/Skeleton/Performance"))
    assert tuple(animation.GetBlendShapesAttr().Get()) == arkit.NAMES
    assert animation.GetBlendShapeWeightsAttr().GetTimeSamples() == [0.0, 1.0, 2.0, 3.0]


def test_the_file_names_the_licence_and_a_model_as_its_source(small_rendering: Made, tmp_path: Path) -> None:
    made = small_rendering(1)
    UsdWriter(tmp_path / "x.usdc").write(made.animation, made.pictures, ignore)
    stage = PxrUsd.Stage.Open(str(tmp_path / "x.usdc"))
    metadata = stage.GetRootLayer().customLayerData
    for word in ("Apache-2.0", "MakeHuman", "CC0", "ICT-FaceKit"):
        assert word in metadata["copyright"]
    assert metadata["Iptc4xmpExt:DigitalSourceType"].endswith("/trainedAlgorithmicMedia")
