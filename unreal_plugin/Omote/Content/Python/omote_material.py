"""Makes the material of the portrait, in Unreal's editor: `import omote_material; omote_material.make()`."""

from __future__ import annotations

import unreal  # type: ignore[import-not-found]

FOLDER = "/Game/Omote"
NAME = "M_OmotePortrait"
PARAMETER = "Portrait"


def make() -> str:
    """The path of an unlit, translucent material whose texture parameter `Portrait` gives colour and opacity.

    An existing one is left as it is.
    """
    path = f"{FOLDER}/{NAME}"
    if unreal.EditorAssetLibrary.does_asset_exist(path):
        return path
    tools = unreal.AssetToolsHelpers.get_asset_tools()
    material = tools.create_asset(NAME, FOLDER, unreal.Material, unreal.MaterialFactoryNew())
    material.set_editor_property("blend_mode", unreal.BlendMode.BLEND_TRANSLUCENT)
    material.set_editor_property("shading_model", unreal.MaterialShadingModel.MSM_UNLIT)
    material.set_editor_property("two_sided", True)
    editing = unreal.MaterialEditingLibrary
    texture = editing.create_material_expression(material, unreal.MaterialExpressionTextureSampleParameter2D, -400, 0)
    texture.set_editor_property("parameter_name", PARAMETER)
    editing.connect_material_property(texture, "RGB", unreal.MaterialProperty.MP_EMISSIVE_COLOR)
    editing.connect_material_property(texture, "A", unreal.MaterialProperty.MP_OPACITY)
    editing.recompile_material(material)
    unreal.EditorAssetLibrary.save_asset(path)
    return path
