"""Writes a USD file: head mesh, UsdSkel blend shapes and joints, and their animation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..animation import Animation, RenderError
from ..output import OnProgress, atomic_output
from ..pictures import PictureFolder
from . import xmp
from .blendshapes import JOINTS, HeadMesh, HeadMotion, head_mesh, head_motion, require_arkit_faces

_HEAD_BYTES = {".usda": 7_000_000, ".usdc": 2_500_000}
_PICTURE_BYTES = {".usda": 1000, ".usdc": 300}
_ROOT, _MESH, _SKELETON, _ANIMATION = "/Head", "/Head/Face", "/Head/Skeleton", "/Head/Skeleton/Performance"
_MATERIAL = "/Head/Plain"
_PATHS = tuple("/".join(JOINTS[: number + 1]) for number in range(len(JOINTS)))  # names of joints in UsdSkel

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class UsdWriter:
    """The head of the first character in its shape, in metres, +Y up, facing +Z; picture k is at time code k.

    It has no texture: its parts have plain colours. The head turns on joints and the eyes by their eyeLook shapes. The
    body joint moves all of it.
    """

    path: Path

    def check(self, animation: Animation, size: int) -> None:
        require_arkit_faces(animation, self.path.name)
        _import_usd(self.path.name)

    def max_bytes(self, animation: Animation, size: int) -> int:
        suffix = self.path.suffix.lower()
        return _HEAD_BYTES[suffix] + _PICTURE_BYTES[suffix] * len(animation)

    def write(self, animation: Animation, pictures: PictureFolder, on_progress: OnProgress) -> None:
        usd = _import_usd(self.path.name)
        layer = usd.Sdf.Layer.CreateAnonymous(self.path.suffix.lower())
        _Stage(usd, layer).fill(animation, head_mesh(animation.cast[0]), head_motion(animation))
        with atomic_output(self.path) as path:
            path.touch()  # fails if the folder is missing, which USD would make
            try:
                is_written = layer.Export(str(path))
            except usd.Tf.ErrorException as error:
                raise OSError("; ".join(one.commentary for one in error.args)) from error
            if not is_written:
                raise OSError("USD could not write it")
        on_progress(len(animation))


def _import_usd(name: str) -> Any:
    try:
        import pxr
        from pxr import Gf, Sdf, Tf, Usd, UsdGeom, UsdShade, UsdSkel, Vt  # noqa: F401  as parts of pxr
    except ImportError as error:
        raise RenderError(f"{name} needs usd-core ({error}): pip install 'omote[scene]'") from error
    return pxr


class _Stage:
    """Fills a layer."""

    def __init__(self, usd: Any, layer: Any) -> None:
        self._usd, self._stage = usd, usd.Usd.Stage.Open(layer)

    def fill(self, animation: Animation, mesh: HeadMesh, motion: HeadMotion) -> None:
        self._set_metadata(animation, mesh)
        root = self._usd.UsdSkel.Root.Define(self._stage, _ROOT)
        self._stage.SetDefaultPrim(root.GetPrim())
        self._define_mesh(mesh)
        self._define_blend_shapes(mesh)
        self._define_skeleton(mesh)
        self._define_animation(mesh, motion)

    def _set_metadata(self, animation: Animation, mesh: HeadMesh) -> None:
        stage, geom = self._stage, self._usd.UsdGeom
        geom.SetStageUpAxis(stage, geom.Tokens.y)
        geom.SetStageMetersPerUnit(stage, 1.0)
        stage.SetTimeCodesPerSecond(float(animation.fps))
        stage.SetFramesPerSecond(float(animation.fps))
        stage.SetStartTimeCode(0.0)
        stage.SetEndTimeCode(float(len(animation) - 1))
        layer = stage.GetRootLayer()
        layer.documentation = f"The head of {mesh.name}. {mesh.licence}"
        layer.customLayerData = {
            "creator": xmp.creator(),
            "copyright": mesh.licence,
            "Iptc4xmpExt:DigitalSourceType": xmp.GENERATED,
        }

    def _define_mesh(self, mesh: HeadMesh) -> None:
        geom, types = self._usd.UsdGeom, self._usd.Sdf.ValueTypeNames
        face = geom.Mesh.Define(self._stage, _MESH)
        face.CreatePointsAttr(self._vectors(mesh.vertex))
        face.CreateFaceVertexCountsAttr(self._ints(np.full(len(mesh.triangle), 3)))
        face.CreateFaceVertexIndicesAttr(self._ints(mesh.triangle.ravel()))
        face.CreateNormalsAttr(self._vectors(mesh.normal))
        face.SetNormalsInterpolation(geom.Tokens.vertex)
        face.CreateSubdivisionSchemeAttr(geom.Tokens.none)
        face.CreateDoubleSidedAttr(True)
        face.CreateExtentAttr(self._vectors(np.stack([mesh.vertex.min(0), mesh.vertex.max(0)])))
        primvars = geom.PrimvarsAPI(face)
        uv = np.column_stack([mesh.uv[:, 0], 1.0 - mesh.uv[:, 1]]).astype(np.float32)  # v goes up in USD
        primvars.CreatePrimvar("st", types.TexCoord2fArray, geom.Tokens.vertex).Set(
            self._usd.Vt.Vec2fArray.FromNumpy(uv)
        )
        face.CreateDisplayColorPrimvar(geom.Tokens.vertex).Set(self._vectors(mesh.colour))
        self._define_material(face)

    def _define_material(self, face: Any) -> None:
        shade, types = self._usd.UsdShade, self._usd.Sdf.ValueTypeNames
        material = shade.Material.Define(self._stage, _MATERIAL)
        surface = shade.Shader.Define(self._stage, f"{_MATERIAL}/Surface")
        surface.CreateIdAttr("UsdPreviewSurface")
        surface.CreateInput("roughness", types.Float).Set(0.6)
        reader = shade.Shader.Define(self._stage, f"{_MATERIAL}/Colour")
        reader.CreateIdAttr("UsdPrimvarReader_float3")
        reader.CreateInput("varname", types.String).Set("displayColor")
        result = reader.CreateOutput("result", types.Float3)
        surface.CreateInput("diffuseColor", types.Color3f).ConnectToSource(result)
        material.CreateSurfaceOutput().ConnectToSource(surface.CreateOutput("surface", types.Token))
        shade.MaterialBindingAPI.Apply(face.GetPrim()).Bind(material)

    def _define_blend_shapes(self, mesh: HeadMesh) -> None:
        skel = self._usd.UsdSkel
        targets = []
        for shape in mesh.shapes:
            target = skel.BlendShape.Define(self._stage, f"{_MESH}/{shape.name}")
            target.CreateOffsetsAttr(self._vectors(shape.offset))
            target.CreateNormalOffsetsAttr(self._vectors(shape.normal_offset))
            target.CreatePointIndicesAttr(self._ints(shape.vertex))
            targets.append(target.GetPath())
        binding = skel.BindingAPI.Apply(self._stage.GetPrimAtPath(_MESH))
        binding.CreateBlendShapesAttr([shape.name for shape in mesh.shapes])
        binding.CreateBlendShapeTargetsRel().SetTargets(targets)

    def _define_skeleton(self, mesh: HeadMesh) -> None:
        skel = self._usd.UsdSkel
        skeleton = skel.Skeleton.Define(self._stage, _SKELETON)
        skeleton.CreateJointsAttr(_PATHS)
        parents = np.concatenate([np.zeros((1, 3), np.float32), mesh.joint[:-1]])
        skeleton.CreateBindTransformsAttr(self._matrices(mesh.joint))
        skeleton.CreateRestTransformsAttr(self._matrices(mesh.joint - parents))
        binding = skel.BindingAPI.Apply(self._stage.GetPrimAtPath(_MESH))
        binding.CreateSkeletonRel().SetTargets([_SKELETON])
        count, joints = mesh.joint_weight.shape
        indices = np.tile(np.arange(joints), count)
        binding.CreateJointIndicesPrimvar(constant=False, elementSize=joints).Set(self._ints(indices))
        weights = self._usd.Vt.FloatArray.FromNumpy(np.ascontiguousarray(mesh.joint_weight.ravel()))
        binding.CreateJointWeightsPrimvar(constant=False, elementSize=joints).Set(weights)

    def _define_animation(self, mesh: HeadMesh, motion: HeadMotion) -> None:
        skel, vt = self._usd.UsdSkel, self._usd.Vt
        animation = skel.Animation.Define(self._stage, _ANIMATION)
        skel.BindingAPI.Apply(self._stage.GetPrimAtPath(_SKELETON)).CreateAnimationSourceRel().SetTargets([_ANIMATION])
        animation.CreateJointsAttr(_PATHS)
        animation.CreateBlendShapesAttr([shape.name for shape in mesh.shapes])
        animation.CreateScalesAttr([self._usd.Gf.Vec3h(1.0)] * len(JOINTS))
        weights, turns, places = (
            create()
            for create in (
                animation.CreateBlendShapeWeightsAttr,
                animation.CreateRotationsAttr,
                animation.CreateTranslationsAttr,
            )
        )
        identity = self._usd.Gf.Quatf(1.0)
        offsets = np.diff(mesh.joint, axis=0)
        for index in range(len(motion.weights)):
            weights.Set(vt.FloatArray.FromNumpy(motion.weights[index]), float(index))
            turns.Set(
                [identity, self._quaternion(motion.neck[index]), self._quaternion(motion.head[index])], float(index)
            )
            places.Set(self._vectors(np.stack([motion.translation[index], *offsets])), float(index))

    def _quaternion(self, quaternion: Floats) -> Any:
        x, y, z, w = (float(number) for number in quaternion)
        return self._usd.Gf.Quatf(w, x, y, z)

    def _vectors(self, rows: Floats) -> Any:
        return self._usd.Vt.Vec3fArray.FromNumpy(np.ascontiguousarray(rows, np.float32))

    def _ints(self, numbers: NDArray[Any]) -> Any:
        return self._usd.Vt.IntArray.FromNumpy(np.ascontiguousarray(numbers, np.int32))

    def _matrices(self, places: Floats) -> list[Any]:
        gf = self._usd.Gf
        return [gf.Matrix4d().SetTranslate(gf.Vec3d(*map(float, place))) for place in places]
