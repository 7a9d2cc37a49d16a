"""Writes the `.meta` files that Unity wants beside every asset of the package: `python tests/unity/unity_meta.py`.

A GUID is how scenes refer to an asset, so one that is there is never written again, and moves with the asset when that
is renamed. A new one is the md5 of the asset's path in the package: whoever makes it gets the same.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "unity_plugin"

_TAIL = "  externalObjects: {}\n  userData: \n  assetBundleName: \n  assetBundleVariant: \n"
_SCRIPT = (
    "MonoImporter:\n  externalObjects: {}\n  serializedVersion: 2\n  defaultReferences: []\n  executionOrder: 0\n"
    "  icon: {instanceID: 0}\n  userData: \n  assetBundleName: \n  assetBundleVariant: \n"
)
_SHADER = (
    "ShaderImporter:\n  externalObjects: {}\n  defaultTextures: []\n  nonModifiableTextures: []\n"
    "  preprocessorOverride: 0\n  userData: \n  assetBundleName: \n  assetBundleVariant: \n"
)
_FOLDER = "folderAsset: yes\nDefaultImporter:\n" + _TAIL
_IMPORTERS = {
    ".cs": _SCRIPT,
    ".shader": _SHADER,
    ".asmdef": "AssemblyDefinitionImporter:\n" + _TAIL,
    ".asmref": "AssemblyDefinitionReferenceImporter:\n" + _TAIL,
    ".mat": "NativeFormatImporter:\n  externalObjects: {}\n  mainObjectFileID: 2100000\n"
    "  userData: \n  assetBundleName: \n  assetBundleVariant: \n",
    ".prefab": "PrefabImporter:\n" + _TAIL,
    ".unity": "DefaultImporter:\n" + _TAIL,
    ".md": "TextScriptImporter:\n" + _TAIL,
    ".xml": "TextScriptImporter:\n" + _TAIL,
}
_MANIFEST = "PackageManifestImporter:\n" + _TAIL
_GUID = re.compile(r"^guid: ([0-9a-f]{32})$", re.MULTILINE)


class MetaError(ValueError):
    """An asset for which nobody has said how Unity imports it."""


def assets(package: Path = PACKAGE) -> Iterator[Path]:
    """Every file and folder that Unity imports: none that begins with a dot or ends with a tilde, nothing in those.

    What lies in a sample is imported where a user copies it, with the `.meta` that it has here.
    """
    for path in sorted(package.iterdir()):
        if path.name == "Samples~":
            for sample in sorted(path.iterdir()):
                yield from assets(sample)
        if path.name.startswith(".") or path.name.endswith("~") or path.suffix == ".meta":
            continue
        yield path
        if path.is_dir():
            yield from assets(path)


def meta_of(asset: Path) -> Path:
    return asset.with_name(asset.name + ".meta")


def guid_of(asset: Path) -> str:
    """The GUID that its `.meta` gives it; "" where it has none."""
    meta = meta_of(asset)
    found = _GUID.search(meta.read_text(encoding="utf-8")) if meta.exists() else None
    return found[1] if found else ""


def orphans(package: Path = PACKAGE) -> list[Path]:
    """Metas whose asset is gone."""
    wanted = {meta_of(asset) for asset in assets(package)}
    return [path for path in package.rglob("*.meta") if path not in wanted]


def text_of(asset: Path, package: Path = PACKAGE) -> str:
    """What a new `.meta` of this asset says; MetaError where its kind is not known."""
    name = asset.relative_to(package).as_posix()
    guid = hashlib.md5(f"com.omote.unity/{name}".encode(), usedforsecurity=False).hexdigest()
    return f"fileFormatVersion: 2\nguid: {guid}\n{_importer(asset, name)}"


def _importer(asset: Path, name: str) -> str:
    if asset.is_dir():
        return _FOLDER
    if name == "package.json":
        return _MANIFEST
    if asset.suffix not in _IMPORTERS:
        raise MetaError(f"{name} needs an importer: {', '.join(_IMPORTERS)} and package.json are known; add its own")
    return _IMPORTERS[asset.suffix]


def write_missing(package: Path = PACKAGE) -> list[Path]:
    """Writes the metas that are missing and removes those without an asset; the ones written."""
    for orphan in orphans(package):
        orphan.unlink()
    new = [asset for asset in assets(package) if not meta_of(asset).exists()]
    for asset in new:
        meta_of(asset).write_text(text_of(asset, package), encoding="utf-8", newline="\n")
    return [meta_of(asset) for asset in new]


if __name__ == "__main__":
    for written in write_missing():
        print(written.relative_to(PACKAGE.parent))
