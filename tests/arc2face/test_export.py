"""Exported graphs compute what the modules do, for any identity and batch, and open without torch."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from omote.engine.arc2face import networks, opening
from omote.engine.arc2face.export import export, open_eager
from omote.engine.arc2face.networks import (
    BANK,
    BOUNDS_DB,
    DECODER,
    EXPRESSION,
    GRAPHS,
    UNET,
    ExportedModel,
    ExportedModelError,
    above_error_db,
)
from omote.engine.arc2face.processors import Bank, Reading, denoise
from omote.engine.arc2face.schedulers import few_step_plans
from omote.engine.runtime.dispatch import open_session
from omote.engine.runtime.half_precision import half_precision_model
from omote.engine.runtime.session import Array, Build, Feeds, RuntimeUnavailable
from tests.arc2face import tiny

ARC = tiny.arc()
OPENVINO = Build("openvino", "f32")
SAME = 1e-4  # sums of float32 in another order, through a few dozen layers, of outputs about 1


@pytest.fixture(scope="module")
def model(exported: Path) -> ExportedModel:
    return ExportedModel.read(exported)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Comparisons are cached for this test only."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def faces(model: ExportedModel, batch: int, seed: int) -> dict[str, Array]:
    """Inputs of the UNet that differ from the reference's."""
    rng = np.random.default_rng(seed)
    shapes = model.graph(UNET, batch).shapes
    feeds = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    return {**feeds, "t": rng.integers(0, 1000, batch).astype(np.float32)}


def eager(feeds: Feeds) -> Array:
    tensors = {name: torch.from_numpy(array) for name, array in feeds.items()}
    parts = [tuple(tensor for name, tensor in tensors.items() if name.startswith(part)) for part in BANK]
    bank = Bank(*parts) if parts[0] else None
    with torch.no_grad():
        reading = Reading(tensors["expression"], tensors["scale"], bank)
        return np.asarray(denoise(ARC.unet, tensors["x"], tensors["t"], tensors["tokens"], reading).numpy())


@pytest.mark.parametrize("runtime", ["openvino-f32", "onnxruntime"])
@pytest.mark.parametrize("batch", [1, 4])
def test_one_session_draws_two_people_as_the_module_does(model: ExportedModel, runtime: str, batch: int) -> None:
    session = model.session(UNET, Build.named(runtime), batch)
    for seed in (1, 2):
        feeds = faces(model, batch, seed)
        np.testing.assert_allclose(session.run(feeds)["eps"], eager(feeds), atol=SAME)


@pytest.mark.parametrize("name", [UNET, DECODER])
def test_pytorch_runs_the_modules_with_the_inputs_of_their_graphs(model: ExportedModel, name: str) -> None:
    feeds = faces(model, 1, 3) if name == UNET else {"latents": faces(model, 1, 3)["x"]}
    expected = model.session(name, OPENVINO).run(feeds)
    session = open_eager(tiny.arc(), name, model.graph(name), Build("pytorch", "f32", threads=1), "cpu")
    for _ in range(2):  # the second time what stands is not sent again
        for key, found in session.run(feeds).items():
            assert np.abs(found.astype(float) - expected[key].astype(float)).max() <= (SAME if name == UNET else 1)
    with pytest.raises(RuntimeUnavailable, match="PyTorch needs a GPU for f16"):
        open_eager(tiny.arc(), name, model.graph(name), Build("pytorch", "f16"), "cpu")


def test_a_row_taken_out_by_its_bias_is_not_read(model: ExportedModel) -> None:
    session, feeds = model.session(UNET, OPENVINO), faces(model, 1, seed=3)
    for value in (-np.inf, -1e4):
        out = {name: np.full_like(array, value) if name.startswith("bias_") else array for name, array in feeds.items()}
        other = {name: array + 1 if name.startswith(("key_", "value_")) else array for name, array in out.items()}
        np.testing.assert_allclose(session.run(out)["eps"], np.array(session.run(other)["eps"]), atol=SAME)


def test_decoder_and_expression_give_what_the_pipeline_has(model: ExportedModel) -> None:
    latents = torch.randn(1, 4, tiny.SIDE, tiny.SIDE, generator=torch.Generator().manual_seed(4))
    levels = model.session(DECODER, OPENVINO).run({"latents": latents.numpy()})["pixels"]
    wanted = ((ARC.tiny.decode(latents).sample + 1.0) * 127.5).round().clamp(0.0, 255.0).permute(0, 2, 3, 1).numpy()
    assert (levels.shape, levels.dtype.name) == (wanted.shape, "uint8")
    off = np.abs(levels - wanted)
    assert off.max() <= 1 and (off > 0).mean() < 1e-3  # a half may round to either side
    vector = np.random.default_rng(5).standard_normal((1, 55)).astype(np.float32)
    found = model.session(EXPRESSION, OPENVINO).run({"vectors": vector})["tokens"]
    np.testing.assert_allclose(found, ARC.adapter(torch.from_numpy(vector)).numpy(), atol=SAME)


def test_plans_go_with_the_graphs_and_no_path_of_this_machine(model: ExportedModel) -> None:
    assert set(model.graphs[UNET].files) == {"unet.onnx", "unet.onnx.data"}
    for graph in model.graphs.values():
        written = (model.folder / graph.file).read_bytes()
        assert b"omote/engine" not in written and b"stack_trace" not in written
    assert ExportedModel.read(model.folder).plans == few_step_plans("lcm")


@pytest.mark.slow
def test_without_a_bank_there_are_no_inputs_for_one(tmp_path: Path) -> None:
    plain = export(ARC, replace(tiny.RECIPE, bank=()), tmp_path / "plain")
    feeds = faces(plain, 2, seed=7)
    assert list(feeds) == ["x", "t", "tokens", "expression", "scale"]
    found = plain.session(UNET, OPENVINO, 2).run(feeds)["eps"]
    np.testing.assert_allclose(found, eager(feeds), atol=SAME)


def test_a_bank_of_another_network_and_other_precisions_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"bank has 2 blocks, the weights have \d+: make the character again"):
        export(ARC, replace(tiny.RECIPE, bank=tiny.ROWS[:2]), tmp_path)
    half = replace(tiny.arc(), unet=tiny.unet().half())
    with pytest.raises(ValueError, match=r"must be in f32 on the CPU, got torch.float16 on cpu"):
        export(half, tiny.RECIPE, tmp_path)


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
    db = above_error_db(half, eager(feeds))
    assert 40.0 < db < 90.0  # at 90 nothing was rounded


class Off:
    """A session whose outputs are changed."""

    def __init__(self, session: Any, name: str, change: Callable[[Array], Array]) -> None:
        self.session, self.name, self.change = session, name, change

    def run(self, feeds: Feeds) -> Any:
        return {name: self.change(made) for name, made in self.session.run(feeds).items()}


def test_a_session_that_computes_something_else_is_refused_with_numbers(
    model: ExportedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = open_session(model.graph(UNET), OPENVINO)
    assert model.measured_db(session, UNET) > BOUNDS_DB["f32"]
    bent = Off(session, session.name, lambda made: made * np.float32(1.01))
    monkeypatch.setattr(networks, "open_session", lambda graph, build: bent)
    message = r"eps differently from the reference: (39|40)\.\d dB .* expected 60 dB"
    for _ in range(2):  # measured, then remembered
        with pytest.raises(RuntimeUnavailable, match=message):
            model.session(UNET, OPENVINO)
    right = np.ones((1, 2), np.float32)
    assert above_error_db(np.array([[np.nan, 1.0]]), right) == -np.inf == above_error_db(np.ones((2, 2)), right)


def test_where_bf16_computes_something_else_auto_ends_with_f32(
    model: ExportedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On processors with bf16 OpenVINO's usual precision is refused: with plain random weights it keeps 15.8 dB."""

    def coarse(made: Array) -> Array:
        noise = np.random.default_rng(0).standard_normal(made.shape).astype(np.float32)
        return made if made.dtype == np.uint8 else made + np.float32(0.16) * made.std() * noise

    def opened(graph: Any, build: Build) -> Any:
        session = open_session(graph, OPENVINO)
        return Off(session, "openvino cpu bf16", coarse) if build.name == "openvino" else session

    monkeypatch.setattr(networks, "open_session", opened)
    monkeypatch.setattr(networks, "gpu_names", lambda: ())
    found, refusals = networks.first_networks(model, networks.candidates())
    assert found.name == "openvino cpu f32"
    assert len(refusals) == 1 and "computes eps differently from the reference: 15." in refusals[0]


def test_a_folder_that_lacks_a_file_or_has_another_is_refused_with_the_cure(
    model: ExportedModel, tmp_path: Path
) -> None:
    with pytest.raises(ExportedModelError, match=r"holds no exported model .*omote compile --again"):
        ExportedModel.read(tmp_path)
    shutil.copytree(model.folder, tmp_path, dirs_exist_ok=True)
    assert ExportedModel.read(tmp_path).graphs == model.graphs
    described, whole = json.loads((tmp_path / "model.json").read_text()), (tmp_path / "unet.onnx.data").read_bytes()

    def graph(**changes: object) -> dict[str, object]:
        return {**described, "graphs": {**described["graphs"], UNET: {**described["graphs"][UNET], **changes}}}

    wrong: list[object] = [
        {**described, "format": "omote exported 0"},
        {**described, "graphs": {}},
        {**described, "recipe": {}},
        {**described, "plans": {"1": 3}},
        graph(output_type="int8"),
        graph(output_shape=[0]),
        graph(files=["../unet.onnx"]),
        [],
    ]
    for bad in wrong:
        (tmp_path / "model.json").write_text(json.dumps(bad))
        with pytest.raises(ExportedModelError):
            ExportedModel.read(tmp_path)
    (tmp_path / "model.json").write_text(json.dumps(described))
    (tmp_path / "unet.onnx.data").write_bytes(whole[:99] + bytes([whole[99] ^ 1]) + whole[100:])
    with pytest.raises(ExportedModelError, match=r"unet\.onnx has changed since it was written"):
        ExportedModel.read(tmp_path)


def test_an_export_that_fails_leaves_nothing_and_removes_what_earlier_ones_left(tmp_path: Path) -> None:
    old, young = tmp_path / ".partial-1-1", tmp_path / ".partial-2-2"
    for folder in (old, young):
        folder.mkdir()
    os.utime(old, (0, 0))

    def opener(error: Exception) -> Any:
        def fail() -> Any:
            raise error

        return fail

    with pytest.raises(RuntimeUnavailable, match=r"no space left on device.*free some space"):
        opening.exported(tiny.RECIPE, opener(OSError("no space left on device")), tmp_path)
    with pytest.raises(RuntimeUnavailable, match="the published weights cannot be exported: two blocks"):
        opening.exported(tiny.RECIPE, opener(ValueError("two blocks")), tmp_path)
    assert list(tmp_path.iterdir()) == [young]  # which another process is writing


@pytest.mark.slow
def test_a_damaged_model_is_exported_anew_in_its_place_with_the_same_bytes(
    model: ExportedModel, tmp_path: Path
) -> None:
    place = Path(shutil.copytree(model.folder, tmp_path / tiny.RECIPE.digest))
    (place / "unet.onnx.data").write_bytes(b"cut off")
    found = opening.exported(tiny.RECIPE, tiny.arc, tmp_path)
    assert found.folder == place and found.graphs == ExportedModel.read(place).graphs
    assert {name: found.graphs[name].sha256 for name in GRAPHS} == {name: model.graphs[name].sha256 for name in GRAPHS}
    assert [one for one in tmp_path.iterdir() if one.name != "cache"] == [place]


def test_each_difference_in_the_recipe_is_another_folder() -> None:
    others = [
        replace(tiny.RECIPE, model="n" * 64), replace(tiny.RECIPE, sampler="tcd"), replace(tiny.RECIPE, size=128),
        replace(tiny.RECIPE, bank=()),
    ]  # fmt: skip
    assert len({recipe.digest for recipe in (tiny.RECIPE, *others)}) == 5


def test_auto_takes_the_first_that_opens_and_reports_the_others(model: ExportedModel) -> None:
    on_gpu = networks.candidates(gpus=["some GPU"])
    on_cpu = ["openvino", "openvino-f32"]
    assert [build.name for build in on_gpu] == ["tensorrt-rtx-f16", "tensorrt-f16", "pytorch-compile-f16", *on_cpu]
    assert [build.name for build in networks.candidates(gpus=[])] == on_cpu
    refused, taken = Build("abacus"), OPENVINO
    opened, refusals = networks.first_networks(model, (refused, taken))
    assert opened.name == "openvino cpu f32"
    assert len(refusals) == 1 and refusals[0].startswith("abacus: abacus reads no exported graph")
    with pytest.raises(RuntimeUnavailable, match="abacus reads no exported graph"):
        networks.first_networks(model, (refused,))
