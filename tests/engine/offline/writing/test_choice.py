"""Which writer makes a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from omote.engine.offline.animation import RenderError
from omote.engine.offline.writers.gltf import GltfWriter
from omote.engine.offline.writers.images import ApngWriter, ContactSheetWriter, GifWriter
from omote.engine.offline.writers.suffixes import SUFFIXES, writer_for
from omote.engine.offline.writers.tables import ParamsWriter, TakeWriter
from omote.engine.offline.writers.usd import UsdWriter

KINDS = {
    "x.apng": ApngWriter,
    "x.PNG": ContactSheetWriter,
    "x.csv": TakeWriter,
    "x.params.csv": ParamsWriter,
    "X.Params.CSV": ParamsWriter,
    "x.glb": GltfWriter,
    "x.usda": UsdWriter,
    "x.usdc": UsdWriter,
}


@pytest.mark.parametrize("name", KINDS)
def test_the_suffix_says_who_writes(name: str) -> None:
    writer = writer_for(Path(name))
    assert type(writer) is KINDS[name] and writer.path == Path(name)


def test_a_gif_has_the_background_at_its_edge() -> None:
    assert writer_for(Path("x.gif"), (1, 2, 3)) == GifWriter(Path("x.gif"), (1, 2, 3))


@pytest.mark.parametrize("name", ["x.mp4", "x.webm", "x.mov"])
def test_videos_have_a_writer(name: str) -> None:
    assert writer_for(Path(name)).path == Path(name)


@pytest.mark.parametrize(
    ("name", "near"), [("x.mp5", ".mp4"), ("x.web", ".webm"), ("x.gltf", ".glb"), ("x.usd", ".usd"), ("x.giff", ".gif")]
)
def test_another_suffix_names_the_nearest_and_all(name: str, near: str) -> None:
    with pytest.raises(RenderError) as error:
        writer_for(Path(name))
    assert f'did you mean "{near}' in str(error.value)
    assert all(suffix in str(error.value) for suffix in SUFFIXES)


def test_a_suffix_like_none_names_all() -> None:
    with pytest.raises(RenderError, match=r'x\.zzz: nothing is written as "\.zzz"; there are \.mp4, ') as error:
        writer_for(Path("x.zzz"))
    assert "a folder of PNGs" in str(error.value)
