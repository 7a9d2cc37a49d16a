"""Makes a material and an actor that show the portrait, in Unreal's editor.

In its Python console, with the plugin *Python Editor Script Plugin*: `import omote_examples; omote_examples.make()`.
Then drag `BP_OmotePortrait` into the level and press Play.
"""

from __future__ import annotations

from typing import Any

import unreal  # type: ignore[import-not-found]

FOLDER = "/Game/Omote"
MATERIAL, BLUEPRINT = "M_OmotePortrait", "BP_OmotePortrait"
PARAMETER = "Portrait"  # OmotePortraitComponent sets the texture parameter of this name
PLANE = "/Engine/BasicShapes/Plane"


def make() -> tuple[str, str]:
    """The paths of the material and of the Blueprint; those that exist already are left as they are."""
    paths = f"{FOLDER}/{MATERIAL}", f"{FOLDER}/{BLUEPRINT}"
    for path, maker in zip(paths, (_make_material, _make_blueprint), strict=True):
        if not unreal.EditorAssetLibrary.does_asset_exist(path):
            maker()
            unreal.EditorAssetLibrary.save_asset(path)
    return paths


def _make_material() -> None:
    """Unlit and translucent: a texture parameter gives colour and opacity."""
    tools = unreal.AssetToolsHelpers.get_asset_tools()
    material = tools.create_asset(MATERIAL, FOLDER, unreal.Material, unreal.MaterialFactoryNew())
    material.set_editor_property("blend_mode", unreal.BlendMode.BLEND_TRANSLUCENT)
    material.set_editor_property("shading_model", unreal.MaterialShadingModel.MSM_UNLIT)
    material.set_editor_property("two_sided", True)
    editing = unreal.MaterialEditingLibrary
    texture = editing.create_material_expression(material, unreal.MaterialExpressionTextureSampleParameter2D, -400, 0)
    texture.set_editor_property("parameter_name", PARAMETER)
    editing.connect_material_property(texture, "RGB", unreal.MaterialProperty.MP_EMISSIVE_COLOR)
    editing.connect_material_property(texture, "A", unreal.MaterialProperty.MP_OPACITY)
    editing.recompile_material(material)


def _make_blueprint() -> None:
    """An actor with an upright plane, its front along the actor's X axis, and an Omote Portrait component."""
    factory = unreal.BlueprintFactory()
    factory.set_editor_property("parent_class", unreal.Actor)
    tools = unreal.AssetToolsHelpers.get_asset_tools()
    blueprint = tools.create_asset(BLUEPRINT, FOLDER, unreal.Blueprint, factory)
    subobjects = unreal.get_engine_subsystem(unreal.SubobjectDataSubsystem)
    actor, root, *_ = subobjects.k2_gather_subobject_data_for_blueprint(blueprint)
    plane = _added(subobjects, blueprint, root, unreal.StaticMeshComponent)
    plane.set_editor_property("static_mesh", unreal.load_asset(PLANE))
    plane.set_editor_property("relative_rotation", unreal.Rotator(roll=90.0, pitch=0.0, yaw=-90.0))
    plane.set_material(0, unreal.load_asset(f"{FOLDER}/{MATERIAL}"))
    _added(subobjects, blueprint, actor, unreal.OmotePortraitComponent)
    unreal.BlueprintEditorLibrary.compile_blueprint(blueprint)


def _added(subobjects: Any, blueprint: Any, parent: Any, kind: Any) -> Any:
    """A new component of this class; RuntimeError where the editor refuses it, with its reason."""
    wanted = unreal.AddNewSubobjectParams(parent_handle=parent, new_class=kind, blueprint_context=blueprint)
    handle, why = subobjects.add_new_subobject(wanted)
    library = unreal.SubobjectDataBlueprintFunctionLibrary
    added = library.get_object(library.get_data(handle))
    if added is None:
        raise RuntimeError(f"{BLUEPRINT} gets no {kind}: {why}")
    return added
