"""Exported graphs compute what the modules do, for any person and batch, in halves too, and are found without torch."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from omote.engine.diffusion.arc2face.bank import Bank
from omote.engine.diffusion.arc2face.export import export
from omote.engine.hardware import ResultCache
from omote.engine.photoreal import exporting, graph_parity
from omote.engine.photoreal.exported_model import DECODER, GRAPHS, UNET, ExportedModel, ExportedModelError
from omote.engine.photoreal.recipe import Recipe
from omote.engine.runtime.dispatch import open_session
from omote.engine.runtime.half_precision import half_precision_model
from omote.engine.runtime.session import Array, Build, Feeds, RuntimeUnavailable
from tests.engine.arc2face import tiny

ARC = tiny.arc()
OPENVINO = Build("openvino", "f32")
SAME = 1e-4  # sums of float32 in another order, through a few dozen layers, of outputs about 1


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> ExportedModel:
    return export(ARC, tiny.RECIPE, tmp_path_factory.mktemp("exported"))


def faces(model: ExportedModel, batch: int, seed: int) -> dict[str, Array]:
    """What the UNet is fed of other people in other states: nothing of it is the reference's."""
    rng = np.random.default_rng(seed)
    shapes = model.graph(UNET, batch).shapes
    feeds = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    return {**feeds, "t": rng.integers(0, 1000, batch).astype(np.float32)}


def eager(feeds: Feeds) -> Array:
    tensors = {name: torch.from_numpy(array) for name, array in feeds.items()}
    rows = [
        tuple(tensors[f"{kind}_{k:02}"] for k in range(len(tiny.SHAPE.blocks))) for kind in ("key", "value", "bias")
    ]
    with torch.no_grad():
        plain = [tensors[name] for name in ("x", "t", "tokens", "expression", "scale")]
        return np.asarray(ARC.unet(*plain, Bank(*rows)).numpy())


@pytest.mark.parametrize("runtime", ["openvino-f32", "onnxruntime"])
@pytest.mark.parametrize("batch", [1, 4])
def test_one_session_draws_two_people_as_the_module_does(model: ExportedModel, runtime: str, batch: int) -> None:
    session = model.unet(Build.named(runtime), batch)
    for seed in (1, 2):
        feeds = faces(model, batch, seed)
        np.testing.assert_allclose(session.run(feeds)["eps"], eager(feeds), atol=SAME)


def test_a_row_taken_out_by_its_bias_is_not_read(model: ExportedModel) -> None:
    session, feeds = model.unet(OPENVINO), faces(model, 1, seed=3)
    out = {name: np.full_like(array, -np.inf) if name.startswith("bias_") else array for name, array in feeds.items()}
    other = {name: array + 1 if name.startswith(("key_", "value_")) else array for name, array in out.items()}
    np.testing.assert_allclose(session.run(out)["eps"], np.array(session.run(other)["eps"]), atol=SAME)
    np.testing.assert_allclose(session.run(out)["eps"], eager(out), atol=SAME)


def test_the_decoder_gives_the_picture_that_the_pipeline_shows(model: ExportedModel) -> None:
    latents = torch.randn(1, 4, tiny.SIDE, tiny.SIDE, generator=torch.Generator().manual_seed(4))
    levels = model.decoder(OPENVINO).run({"latents": latents.numpy()})["pixels"]
    wanted = ARC.picture(latents, tiny=True)
    assert (levels.shape, levels.dtype.name) == (wanted.shape, "uint8")
    off = np.abs(levels.astype(int) - wanted)
    assert off.max() <= 1 and (off > 0).mean() < 1e-3  # a half may round to either side


def test_the_expression_gives_the_adapters_tokens(model: ExportedModel) -> None:
    vector = np.random.default_rng(5).standard_normal((1, 55)).astype(np.float32)
    wanted = ARC.adapter(torch.from_numpy(vector)).numpy()
    np.testing.assert_allclose(model.expression().run({"vector": vector})["tokens"], wanted, atol=SAME)


def test_weights_lie_beside_the_unet_and_nothing_says_where_it_was_made(model: ExportedModel) -> None:
    assert set(model.graphs[UNET].sizes) == {"unet.onnx", "unet.onnx.data"}
    for graph in model.graphs.values():
        assert b"omote/engine" not in (model.folder / graph.file).read_bytes()
        assert b"stack_trace" not in (model.folder / graph.file).read_bytes()


def test_without_a_bank_there_are_no_inputs_for_one(tmp_path: Path) -> None:
    plain = export(ARC, replace(tiny.RECIPE, bank=(), biased=False), tmp_path)
    feeds = faces(plain, 2, seed=7)
    assert list(feeds) == ["x", "t", "tokens", "expression", "scale"]
    with torch.no_grad():
        wanted = ARC.unet(*(torch.from_numpy(array) for array in feeds.values())).numpy()
    found = plain.unet(OPENVINO, 2).run(feeds)["eps"]
    np.testing.assert_allclose(found, wanted, atol=SAME)


def test_a_bank_of_another_network_is_refused_with_the_cure(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"bank is of 2 blocks, and the weights have \d+: make the character again"):
        export(ARC, replace(tiny.RECIPE, bank=tiny.ROWS[:2]), tmp_path)


def test_noise_in_half_precision_stays_40_db_above_its_error(model: ExportedModel) -> None:
    """Measured 61 dB. ONNX Runtime rounds to half wherever a tensor is handed on; a GPU sums in single as it does."""
    onnxruntime = pytest.importorskip("onnxruntime")
    feeds = faces(model, 2, seed=6)
    with half_precision_model(model.graph(UNET, 2)) as network:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL  # would drop the rounding
        session = onnxruntime.InferenceSession(str(network), options, providers=["CPUExecutionProvider"])
        half = session.run(None, feeds)[0]
    db = graph_parity.above_error_db(half, eager(feeds))
    assert 40.0 < db < 90.0  # at 90 nothing was rounded


def test_engines_are_compiled_for_a_gpu_that_is_not_here(model: ExportedModel) -> None:
    pytest.importorskip("tensorrt_rtx", reason="TensorRT-RTX is made for x86-64 alone")
    from omote.engine.runtime import tensorrt_rtx

    for name in (UNET, DECODER):
        engine = tensorrt_rtx.engine_of(model.graph(name, 2 if name == UNET else 1), ("sm89",))
        assert "malformed" not in (tensorrt_rtx.engine_objection(engine) or "")


def test_a_session_that_computes_something_else_is_refused_with_numbers(model: ExportedModel, tmp_path: Path) -> None:
    session = open_session(model.graph(UNET), OPENVINO)
    assert (
        graph_parity.require(session, model, UNET, OPENVINO, kept=ResultCache(tmp_path)) > graph_parity.BOUNDS_DB["f32"]
    )

    class Bent:
        name = session.name

        def run(self, feeds: Feeds) -> Any:
            return {"eps": session.run(feeds)["eps"] * np.float32(1.01)}

    with pytest.raises(RuntimeUnavailable, match=r"another eps than the reference: 4\d\.\d dB .* wanted 60 dB"):
        graph_parity.require(Bent(), model, UNET, OPENVINO, kept=ResultCache(tmp_path / "other"))


def test_what_is_not_finite_or_of_another_shape_is_infinitely_far() -> None:
    right = np.ones((1, 2), np.float32)
    assert graph_parity.above_error_db(np.array([[np.nan, 1.0]]), right) == -np.inf
    assert graph_parity.above_error_db(np.ones((2, 2)), right) == -np.inf


def test_a_folder_that_lacks_a_file_or_has_another_is_refused_with_the_cure(
    model: ExportedModel, tmp_path: Path
) -> None:
    with pytest.raises(ExportedModelError, match=r"holds no exported model .*omote compile --again"):
        ExportedModel.read(tmp_path)
    for path in model.folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    assert ExportedModel.read(tmp_path).graphs == model.graphs
    told = json.loads((tmp_path / "model.json").read_text())
    wrong: list[object] = [{**told, "format": "omote exported 0"}, {**told, "graphs": {}}, {**told, "recipe": {}}, []]
    for bad in wrong:
        (tmp_path / "model.json").write_text(json.dumps(bad))
        with pytest.raises(ExportedModelError):
            ExportedModel.read(tmp_path)
    (tmp_path / "model.json").write_text(json.dumps(told))
    whole = (tmp_path / "reference.safetensors").read_bytes()
    for content in (b"", whole[:-1]):
        (tmp_path / "reference.safetensors").write_bytes(content)
        with pytest.raises(ExportedModelError, match=r"reference\.safetensors is damaged"):
            ExportedModel.read(tmp_path)
    (tmp_path / "reference.safetensors").unlink()
    with pytest.raises(ExportedModelError, match=r"reference\.safetensors"):
        ExportedModel.read(tmp_path)
    (tmp_path / "reference.safetensors").write_bytes(whole)
    whole = (tmp_path / "unet.onnx.data").read_bytes()
    (tmp_path / "unet.onnx.data").write_bytes(whole[:99] + bytes([whole[99] ^ 1]) + whole[100:])
    with pytest.raises(ExportedModelError, match=r"unet\.onnx holds other bytes than were written"):
        ExportedModel.read(tmp_path)
    (tmp_path / "unet.onnx.data").write_bytes(b"cut off")
    with pytest.raises(ExportedModelError, match=r"unet\.onnx\.data has 7 bytes, wanted"):
        ExportedModel.read(tmp_path)


@pytest.fixture
def made(model: ExportedModel, tmp_path: Path) -> Iterator[Path]:
    """A cache in which the model already lies."""
    shutil.copytree(model.folder, tmp_path / tiny.RECIPE.digest)
    yield tmp_path


def test_a_second_start_finds_it_without_torch(made: Path) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from omote.engine.photoreal.exporting import exported; from omote.engine.photoreal.recipe import Recipe\n"
        "from omote.engine.runtime.build import Build\n"
        f"model = exported({tiny.RECIPE!r}, lambda: 1 / 0, Path({str(made)!r}))\n"
        "networks = model.networks(Build('openvino', 'f32'), 2)\n"
        "assert networks.batch == 2 and 'torch' not in sys.modules, 'torch' in sys.modules\n"
        "print(networks.size, networks.name)"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, env=os.environ)
    assert ran.stdout.strip() == f"{tiny.SIZE} openvino cpu f32", ran.stderr


def test_what_was_cut_off_is_swept_when_the_next_one_exports(tmp_path: Path) -> None:
    old, young = tmp_path / ".partial-1-1", tmp_path / ".partial-2-2"
    for folder in (old, young):
        folder.mkdir()
    os.utime(old, (0, 0))
    with pytest.raises(ZeroDivisionError):
        exporting.exported(tiny.RECIPE, lambda: 1 / 0, tmp_path)  # type: ignore[arg-type, return-value]
    assert list(tmp_path.iterdir()) == [young]  # which another process is writing


def test_a_damaged_model_is_exported_anew_in_its_place_with_the_same_bytes(model: ExportedModel, made: Path) -> None:
    place = made / tiny.RECIPE.digest
    (place / "unet.onnx.data").write_bytes(b"cut off")
    found = exporting.exported(tiny.RECIPE, tiny.arc, made)
    assert found.folder == place and found.graphs == ExportedModel.read(place).graphs
    assert {name: found.graphs[name].sha256 for name in GRAPHS} == {name: model.graphs[name].sha256 for name in GRAPHS}
    assert list(made.iterdir()) == [place]


def test_a_model_that_cannot_be_put_in_its_place_is_told_with_the_cure(tmp_path: Path) -> None:
    (tmp_path / "partial").mkdir()
    (tmp_path / "place").write_bytes(b"a file where a folder should be")
    with pytest.raises(RuntimeUnavailable, match=r"cannot be kept in .*make room"):
        exporting._settle(tmp_path / "partial", tmp_path / "place")


def test_what_another_process_made_first_stays(tmp_path: Path) -> None:
    for name in ("first", "second"):
        partial = tmp_path / name
        partial.mkdir()
        (partial / "made").write_text(name)
        exporting._settle(partial, tmp_path / "place")
    assert (tmp_path / "place" / "made").read_text() == "first"


def test_an_export_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def opener() -> Any:
        raise OSError("no space left on device")

    with pytest.raises(RuntimeUnavailable, match=r"no space left on device.*make room"):
        exporting.exported(tiny.RECIPE, opener, tmp_path / "cache")
    assert not any((tmp_path / "cache").iterdir())


def test_each_difference_in_the_recipe_is_another_folder() -> None:
    others = [
        replace(tiny.RECIPE, model="n" * 64), replace(tiny.RECIPE, sampler="tcd"), replace(tiny.RECIPE, size=128),
        replace(tiny.RECIPE, bank=()), replace(tiny.RECIPE, biased=False),
    ]  # fmt: skip
    assert len({recipe.digest for recipe in (tiny.RECIPE, *others)}) == 6
    assert Recipe.read({**vars(tiny.RECIPE), "bank": list(tiny.RECIPE.bank)}) == tiny.RECIPE


def test_auto_takes_the_first_that_opens_and_says_why_others_do_not(model: ExportedModel) -> None:
    on_gpu = exporting.candidates(["some GPU"])
    assert [build.name for build in on_gpu] == [
        "tensorrt-rtx-f16", "tensorrt-f16", "pytorch-compile-f16", "openvino",
    ]  # fmt: skip
    assert [build.name for build in exporting.candidates([])] == ["openvino"]
    refused, taken = Build("abacus"), OPENVINO
    networks, refusals = exporting.first_networks(model, (refused, taken))
    assert networks.name == "openvino cpu f32"
    assert len(refusals) == 1 and refusals[0].startswith("abacus: abacus reads no exported graph")
    with pytest.raises(RuntimeUnavailable, match="abacus reads no exported graph"):
        exporting.first_networks(model, (refused,))
