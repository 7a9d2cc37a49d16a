"""What a Unity project sees of the package: metas, manifest, assembly definitions, shader, samples."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from . import unity_meta
from .unity_meta import PACKAGE, assets, guid_of, meta_of

# What scenes refer to: with another GUID every scene that uses it says "missing script".
_FIXED = {
    "Runtime/Component/OmoteReceiver.cs": "e84732b95fb06c3c5cddc096e463d930",
    "Runtime/Component/OmoteFaceDriver.cs": "1bb7272d143e2bb61cd39f4c371c5880",
    "Runtime/Component/OmoteLightProbeSender.cs": "df35a05aac50bc2830ffd1b32848d83e",
    "Runtime/Component/OmoteControl.cs": "04b4b50ae5c8782db726f2ac0b79f41a",
    "Runtime/Shaders/Portrait.shader": "81c5de7296b68716396e3d45722e3086",
}


def test_every_asset_has_its_meta_and_no_meta_is_alone() -> None:
    cure = "run: python tests/unity/unity_meta.py"
    assert not [asset for asset in assets() if not meta_of(asset).exists()], cure
    assert not unity_meta.orphans(), cure


def test_no_two_assets_share_a_guid() -> None:
    guids = Counter(guid_of(asset) for asset in assets())
    assert "" not in guids
    assert [guid for guid, count in guids.items() if count > 1] == []


@pytest.mark.parametrize("name", _FIXED)
def test_what_scenes_refer_to_keeps_its_guid(name: str) -> None:
    assert guid_of(PACKAGE / name) == _FIXED[name]


def test_a_new_meta_is_the_same_whoever_writes_it_and_an_old_one_is_left(tmp_path: Path) -> None:
    (tmp_path / "Runtime").mkdir()
    (tmp_path / "Tests~").mkdir()
    (tmp_path / "Tests~" / "Hidden.cs").touch()
    (tmp_path / "Runtime" / "A.cs").touch()
    (tmp_path / "Runtime" / "Gone.cs.meta").touch()
    written = unity_meta.write_missing(tmp_path)
    assert [path.name for path in written] == ["Runtime.meta", "A.cs.meta"]
    assert not (tmp_path / "Runtime" / "Gone.cs.meta").exists()
    assert written[1].read_text(encoding="utf-8") == unity_meta.text_of(tmp_path / "Runtime" / "A.cs", tmp_path)
    (tmp_path / "Runtime" / "A.cs").rename(tmp_path / "Runtime" / "B.cs")
    written[1].rename(tmp_path / "Runtime" / "B.cs.meta")
    kept = guid_of(tmp_path / "Runtime" / "B.cs")
    assert unity_meta.write_missing(tmp_path) == []
    assert guid_of(tmp_path / "Runtime" / "B.cs") == kept


def test_an_asset_of_an_unknown_kind_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "thing.xyz").touch()
    with pytest.raises(unity_meta.MetaError, match=r"thing\.xyz"):
        unity_meta.write_missing(tmp_path)


def test_the_manifest_names_what_is_there() -> None:
    manifest = json.loads((PACKAGE / "package.json").read_text(encoding="utf-8"))
    assert re.fullmatch(r"\d+\.\d+\.\d+", manifest["version"])
    assert f"## {manifest['version']}" in (PACKAGE / "CHANGELOG.md").read_text(encoding="utf-8")
    assert manifest["unity"] == "2022.3"
    # MeshCollider and GameObjectRecorder: parts of Unity that a project may have switched off.
    assert manifest["dependencies"].keys() >= {"com.unity.modules.physics", "com.unity.modules.animation"}
    found = {(PACKAGE / sample["path"]).name for sample in manifest["samples"]}
    assert found == {path.name for path in (PACKAGE / "Samples~").iterdir()}
    for name in ("README.md", "LICENSE.md", "Documentation~/index.md"):
        assert (PACKAGE / name).stat().st_size > 0


def test_assembly_definitions_refer_to_each_other_by_names_that_are_there() -> None:
    definitions = [json.loads(path.read_text(encoding="utf-8")) for path in PACKAGE.rglob("*.asmdef")]
    names = {each["name"] for each in definitions}
    assert names >= {"Omote.Core", "Omote.Runtime", "Omote.Editor"}
    others = {"Omote.Vrm10": {"VRM10"}, "Omote.Vrm0": {"VRM"}}  # of UniVRM, where it is installed
    for each in definitions:
        assert set(each["references"]) <= names | others.get(each["name"], set()), each["name"]
        # Without the package that it needs, an assembly is left out.
        defined = {one["define"] for one in each["versionDefines"]} if each["name"] in others else set()
        assert set(each["defineConstraints"]) == defined
    core = next(each for each in definitions if each["name"] == "Omote.Core")
    assert core["noEngineReferences"]


def test_the_licence_is_the_projects() -> None:
    assert (PACKAGE / "LICENSE.md").read_bytes() == (PACKAGE.parent / "LICENSE").read_bytes()


def test_the_shader_has_the_properties_that_the_receiver_sets() -> None:
    shader = (PACKAGE / "Runtime/Shaders/Portrait.shader").read_text(encoding="utf-8")
    receiver = "".join(path.read_text(encoding="utf-8") for path in PACKAGE.glob("Runtime/Component/OmoteReceiver*.cs"))
    for name in ("_MainTex", "_OmotePremultiplied"):
        assert f"{name} (" in shader
        assert f'"{name}"' in receiver
    assert shader.count("{") == shader.count("}")


def test_the_shader_serves_each_pipeline_where_its_package_is() -> None:
    shader = (PACKAGE / "Runtime/Shaders/Portrait.shader").read_text(encoding="utf-8")
    parts = shader.split("    SubShader\n")[1:]
    needed = [re.findall(r'"(com\.unity\.render-pipelines\.[a-z-]+)": "14\.0"', part) for part in parts]
    assert needed == [
        ["com.unity.render-pipelines.universal"],
        ["com.unity.render-pipelines.high-definition"],
        [],  # the built-in pipeline
    ]
    for part in parts:
        assert "Blend One OneMinusSrcAlpha" in part and "ZWrite Off" in part
        assert set(re.findall(r"Packages/(com\.[a-z.-]+)/", part)) <= {*needed[parts.index(part)], _CORE}


_CORE = "com.unity.render-pipelines.core"
_REFERENCE = re.compile(r"\{fileID: (\d+)(?:, guid: ([0-9a-f]{32}), type: \d)?\}")
_BUILT_IN = "0000000000000000e000000000000000"


@pytest.mark.parametrize("name", ["Portrait.mat", "Portrait.prefab", "Portrait.unity"])
def test_the_scene_refers_to_what_is_there(name: str) -> None:
    text = (PACKAGE / "Samples~/Scene" / name).read_text(encoding="utf-8")
    assert text.startswith("%YAML 1.1\n%TAG !u! tag:unity3d.com,2011:\n")
    guids = {guid_of(asset): asset for asset in assets()}
    here = set(re.findall(r"^--- !u!\d+ &(\d+)$", text, re.MULTILINE))
    for object_id, guid in _REFERENCE.findall(text):
        if guid:
            assert guid == _BUILT_IN or guid in guids, guid
        else:
            assert object_id == "0" or object_id in here, object_id


def test_the_scenes_fields_are_those_of_the_components() -> None:
    """A field that a component does not have would be dropped by Unity without a word."""
    prefab = (PACKAGE / "Samples~/Scene/Portrait.prefab").read_text(encoding="utf-8")
    sources = "".join(path.read_text(encoding="utf-8") for path in PACKAGE.glob("Runtime/Component/*.cs"))
    fields = set(re.findall(r"^  (_[a-zA-Z]+):", prefab, re.MULTILINE))
    assert len(fields) >= 8
    for field in fields:
        assert re.search(rf"\[SerializeField\] private [\w<>\[\]]+ {field}\b", sources), field
