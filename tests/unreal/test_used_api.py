"""What the plugin uses of Unreal: `used-api.tsv` lists it, the stand-ins declare it, and nothing else is called.

The column `checked` says how a name was looked up: `declaration` means compared with its declaration in Epic's API
reference or a public header, `page` that a page of the reference describes it, `use` that public plugins call it like
that, `own` that it is the plugin's. `version` names the versions of the reference that were compared; its latest page
names none.
"""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from . import builds

LIST = Path(__file__).with_name("used-api.tsv")
SCRIPT = builds.PLUGIN / "Content" / "Python" / "omote_examples.py"
CHECKED = {"declaration", "use", "page", "own"}
# Names of the plugin's own that the stand-ins happen to have, too.
OWN = {
    *("All", "Arguments", "Connection", "Data", "Function", "Material", "Mesh", "Module", "Name", "Names"),
    *("Rate", "Source", "Subject", "Texture", "Values", "Held", "OMOTE_API"),
}


def rows() -> list[list[str]]:
    header, *found = (line.split("\t") for line in LIST.read_text("utf-8").splitlines())
    assert header == ["api", "header", "checked", "version"]
    return found


def parts(separator: str) -> set[str]:
    """Every name of the listed APIs of one language: the type and its member are two."""
    apis = [api for api, *_ in rows() if not api.startswith("unreal.")]
    wanted = [api for api in apis if (separator in api) or ("::" not in api and "." not in api)]
    return {part for api in wanted for part in api.split(separator)}


def words_of(folder: Path, *patterns: str) -> set[str]:
    """The identifiers of source files, without comments and texts."""
    found: set[str] = set()
    for path in (path for pattern in patterns for path in folder.rglob(pattern)):
        text = re.sub(r"/\*.*?\*/", " ", path.read_text("utf-8"), flags=re.DOTALL)
        found |= set(re.findall(r"\b[A-Za-z_]\w*\b", re.sub(r"//.*|\"[^\"\n]*\"", " ", text)))
    return found


def is_engines(word: str) -> bool:
    return bool(re.match(r"[A-Z]|b[A-Z]|u?int\d+$", word))


def test_each_api_is_listed_once_with_how_it_was_checked() -> None:
    apis = [api for api, *_ in rows()]
    assert len(apis) == len(set(apis))
    for api, header, checked, version in rows():
        assert header and version and checked in CHECKED, api


def test_the_layer_the_stand_ins_and_the_list_name_the_same() -> None:
    layer = words_of(builds.LAYER, "*.h", "*.cpp")
    used = {word for word in layer & words_of(builds.STUBS, "*.h") if is_engines(word)} - OWN
    listed = parts("::") - {"ModuleRules", "ReadOnlyTargetRules"}
    owners = {api.split("::")[0] for api, *_ in rows() if "::" in api}  # a base class need not be written out
    assert sorted(used - listed) == []
    assert sorted(listed - used - owners - {"FSlot"}) == []


def test_each_header_of_the_list_is_included() -> None:
    included = {name for path in builds.LAYER.rglob("*") if path.suffix in (".h", ".cpp") for name in includes(path)}
    stand_ins = {str(path.relative_to(builds.STUBS)) for path in builds.STUBS.rglob("*.h")}
    engines = included & stand_ins
    headers = {header for _, header, *_ in rows()}
    assert {one for one in engines if not one.endswith(".generated.h")} <= headers


def includes(path: Path) -> list[str]:
    return re.findall(r'#include "([^"]+)"', path.read_text("utf-8"))


def test_the_build_script_uses_what_is_listed() -> None:
    text = (builds.LAYER / "Omote.Build.cs").read_text("utf-8")
    listed = {api.split(".", 1)[1] for api, *_ in rows() if api.startswith("ModuleRules.")}
    declared = (builds.STUBS / "UnrealBuildTool.cs").read_text("utf-8")
    for name in (name for each in listed for name in each.split(".")):
        assert re.search(rf"\b{name}\b", text) and re.search(rf"\b{name}\b", declared), name
    for name in re.findall(r"\b((?:Public|Private)\w+)\.Add", text):
        assert name in listed, name


# The editor's Python, of which the list names every attribute.


def listed_python() -> set[str]:
    return {part for api, *_ in rows() if api.startswith("unreal.") for part in api.split(".")[1:]}


def test_the_editor_script_uses_what_is_listed() -> None:
    used = {node.attr for node in ast.walk(ast.parse(SCRIPT.read_text("utf-8"))) if isinstance(node, ast.Attribute)}
    assert used <= listed_python()
    classes_alone = {"AssetTools", "Object", "PrimitiveComponent"}  # only their methods are called
    assert listed_python() - used <= classes_alone


class Recorded:
    """An object of the editor: remembers its properties, and has the methods that the list names for its class."""

    def __init__(self, name: str, **made_with: object) -> None:
        self.name, self.properties = name, dict(made_with)

    def set_editor_property(self, name: str, value: object) -> None:
        self.properties[name] = value

    def set_material(self, index: int, material: object) -> None:
        self.properties[f"material {index}"] = material


class Editor:
    """A stand-in for the module `unreal`: assets by path, and what was connected."""

    def __init__(self) -> None:
        self.assets: dict[str, Recorded] = {"/Engine/BasicShapes/Plane": Recorded("Plane")}
        self.saved: list[str] = []
        self.connected: list[tuple[str, str]] = []
        self.components: list[Recorded] = []
        self.compiled: list[Recorded] = []

    def create_asset(self, name: str, folder: str, kind: str, factory: Recorded) -> Recorded:
        self.assets[f"{folder}/{name}"] = made = Recorded(kind, factory=factory)
        return made

    def add(self, wanted: Recorded) -> tuple[Recorded | None, str]:
        if wanted.properties["new_class"] == "OmotePortraitComponent" and not self.has_plugin:
            return None, "there is no such class"
        made = Recorded(str(wanted.properties["new_class"]), parent=wanted.properties["parent_handle"])
        self.components.append(made)
        return made, ""

    has_plugin = True

    def module(self) -> Any:
        """`unreal`, with no other name than the list's."""
        subsystem = SimpleNamespace(
            k2_gather_subobject_data_for_blueprint=lambda blueprint: ["the actor", "its root"],
            add_new_subobject=self.add,
        )
        made = ("MaterialFactoryNew", "BlueprintFactory", "AddNewSubobjectParams", "Rotator")
        names = {
            **{name: partial(Recorded, name) for name in made},
            **{name: name for name in ("Actor", "Blueprint", "Material", "StaticMeshComponent")},
            **{name: name for name in ("OmotePortraitComponent", "MaterialExpressionTextureSampleParameter2D")},
            "SubobjectDataSubsystem": "SubobjectDataSubsystem",
            "BlendMode": SimpleNamespace(BLEND_TRANSLUCENT="translucent"),
            "MaterialShadingModel": SimpleNamespace(MSM_UNLIT="unlit"),
            "MaterialProperty": SimpleNamespace(MP_EMISSIVE_COLOR="emissive", MP_OPACITY="opacity"),
            "get_engine_subsystem": lambda kind: subsystem,
            "load_asset": self.assets.__getitem__,
            "AssetToolsHelpers": SimpleNamespace(
                get_asset_tools=lambda: SimpleNamespace(create_asset=self.create_asset)
            ),
            "EditorAssetLibrary": SimpleNamespace(
                does_asset_exist=self.assets.__contains__, save_asset=self.saved.append
            ),
            "MaterialEditingLibrary": SimpleNamespace(
                create_material_expression=lambda material, kind, x, y: Recorded(kind),
                connect_material_property=lambda of, output, to: self.connected.append((output, to)),
                recompile_material=self.compiled.append,
            ),
            "SubobjectDataBlueprintFunctionLibrary": SimpleNamespace(
                get_data=lambda handle: handle, get_object=lambda data: data
            ),
            "BlueprintEditorLibrary": SimpleNamespace(compile_blueprint=self.compiled.append),
        }
        assert set(names) <= listed_python()
        return SimpleNamespace(**names)


@pytest.fixture
def editor(monkeypatch: pytest.MonkeyPatch) -> Editor:
    made = Editor()
    monkeypatch.setitem(sys.modules, "unreal", made.module())
    return made


def script() -> Any:
    spec = importlib.util.spec_from_file_location("omote_examples", SCRIPT)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_script_makes_a_material_and_an_actor_that_shows_the_portrait(editor: Editor) -> None:
    paths = script().make()
    assert editor.saved == list(paths) == ["/Game/Omote/M_OmotePortrait", "/Game/Omote/BP_OmotePortrait"]
    material = editor.assets[paths[0]]
    assert material.properties["blend_mode"] == "translucent" and material.properties["shading_model"] == "unlit"
    assert editor.connected == [("RGB", "emissive"), ("A", "opacity")]
    plane, portrait = editor.components
    assert plane.properties["material 0"] is material and plane.properties["parent"] == "its root"
    rotation = plane.properties["relative_rotation"]
    assert isinstance(rotation, Recorded) and rotation.properties == {"roll": 90.0, "pitch": 0.0, "yaw": -90.0}
    assert (portrait.name, portrait.properties["parent"]) == ("OmotePortraitComponent", "the actor")
    assert editor.compiled == [material, editor.assets[paths[1]]]


def test_the_script_leaves_what_exists(editor: Editor) -> None:
    script().make()
    before = dict(editor.assets)
    script().make()
    assert editor.assets == before and len(editor.saved) == 2


def test_the_script_says_that_the_plugin_is_not_there(editor: Editor) -> None:
    editor.has_plugin = False
    with pytest.raises(RuntimeError, match="gets no OmotePortraitComponent: there is no such class"):
        script().make()
