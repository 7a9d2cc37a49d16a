"""The published folder loads whole; whatever is not as it must be is told by its file and key, and runs nothing."""

from __future__ import annotations

import json
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from omote.engine.diffusion.arc2face.clip import unconditional_tokens
from omote.engine.diffusion.arc2face.loading import load_text_encoder, load_tiny_decoder, load_unet, load_vae
from omote.engine.diffusion.arc2face.tensors import read_tensors
from omote.engine.storage import cache_folder
from tests.engine.arc2face.published import as_of_2022

torch.set_num_threads(1)

WEIGHTS = "diffusion_pytorch_model.safetensors"
Change = Callable[[dict[str, Tensor]], object]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's cache folder, empty."""
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    return cache_folder() / "converted"


def changed(source: Path, target: Path, change: Change) -> Path:
    """A copy of a model's folder whose weights are not what they were."""
    target.mkdir()
    shutil.copy(source / "config.json", target)
    state = load_file(source / WEIGHTS)
    change(state)
    save_file(state, target / WEIGHTS)
    return target


def test_every_model_holds_exactly_what_its_file_does(published: Path) -> None:
    for name, load in (("arc2face", load_unet), ("vae", load_vae)):
        model, file = load(published / name), load_file(published / name / WEIGHTS)
        found = {as_of_2022(key): value for key, value in model.state_dict().items()}
        assert found.keys() == file.keys()
        assert all(torch.equal(found[key], file[key]) for key in file)
        assert not model.training and not any(value.requires_grad for value in model.parameters())


def test_precision_is_the_files_unless_asked_otherwise(published: Path, tmp_path: Path) -> None:
    def halve(state: dict[str, Tensor]) -> None:
        state.update({name: value.half() for name, value in state.items()})

    half = changed(published / "taesd", tmp_path / "half", halve)
    assert {value.dtype for value in load_tiny_decoder(half).parameters()} == {torch.float16}
    assert {value.dtype for value in load_tiny_decoder(half, dtype=torch.float32).parameters()} == {torch.float32}


def test_changing_a_loaded_model_leaves_its_file_alone(published: Path) -> None:
    path = published / "arc2face" / WEIGHTS
    before = path.read_bytes()
    with torch.no_grad():
        load_unet(path.parent).conv_in.weight.add_(1.0)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda state: state.pop("conv_in.bias"), "lacks 1 of 686 tensors of a UNet, the first is conv_in.bias"),
        (lambda state: state.update(more=torch.zeros(1)), "has 1 tensors that no UNet has, the first is more"),
        (
            lambda state: state.update({"conv_in.bias": torch.zeros(3)}),
            r"conv_in.bias as torch.float32 \[3\]; .* \[16\]",
        ),
        (
            lambda state: state.update({"conv_in.bias": torch.zeros(16, dtype=torch.int64)}),
            "conv_in.bias as torch.int64",
        ),
    ],
)
def test_a_file_that_does_not_fit_is_refused_by_its_first_key(
    published: Path, tmp_path: Path, change: Change, says: str
) -> None:
    folder = changed(published / "arc2face", tmp_path / "changed", change)
    with pytest.raises(ValueError, match=says) as error:
        load_unet(folder)
    assert str(folder / WEIGHTS) in str(error.value)


def test_a_config_that_is_not_built_names_its_file(published: Path, tmp_path: Path) -> None:
    config = json.loads((published / "arc2face" / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "class_embed_type": "timestep"}))
    with pytest.raises(ValueError, match="class_embed_type") as error:
        load_unet(tmp_path)
    assert str(tmp_path / "config.json") in str(error.value)


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff\xfe", b"[" * 100_000])
def test_a_config_that_is_no_object_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"config\.json must hold"):
        load_vae(tmp_path)


def test_missing_files_are_named(published: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"config\.json"):
        load_unet(tmp_path)
    shutil.copy(published / "arc2face" / "config.json", tmp_path)
    with pytest.raises(FileNotFoundError, match=r"put diffusion_pytorch_model\.safetensors or .*\.bin there"):
        load_unet(tmp_path)


def test_half_a_file_is_refused(published: Path, tmp_path: Path) -> None:
    shutil.copy(published / "taesd" / "config.json", tmp_path)
    whole = (published / "taesd" / WEIGHTS).read_bytes()
    (tmp_path / WEIGHTS).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="safetensors"):
        load_tiny_decoder(tmp_path)


def test_position_ids_of_older_transformers_are_no_surprise(published: Path, tmp_path: Path) -> None:
    shutil.copy(published / "encoder" / "config.json", tmp_path)
    state = torch.load(published / "encoder" / "pytorch_model.bin", weights_only=True)
    state["text_model.embeddings.position_ids"] = torch.arange(77)[None]
    torch.save(state, tmp_path / "pytorch_model.bin")
    wanted = unconditional_tokens(load_text_encoder(published / "encoder"))
    assert torch.equal(unconditional_tokens(load_text_encoder(tmp_path)), wanted)


def test_a_pickle_is_converted_once_and_then_read_from_the_cache(published: Path, cache: Path) -> None:
    path = published / "exp_adapter" / "exp_adapter.bin"
    first = read_tensors(path)
    (kept,) = cache.iterdir()
    assert kept.suffix == ".safetensors"
    written = kept.stat().st_mtime_ns
    second = read_tensors(path)
    assert kept.stat().st_mtime_ns == written
    assert first.keys() == second.keys() == load_file(kept).keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert {"image_proj.proj.0.weight", "ip_adapter.1.to_k_ip.weight"} <= first.keys()


@pytest.mark.parametrize("where", [-1, 4], ids=["numbers", "header"])
def test_a_kept_file_that_was_changed_is_made_anew(published: Path, cache: Path, where: int) -> None:
    path = published / "exp_adapter" / "exp_adapter.bin"
    wanted = read_tensors(path)
    (kept,) = cache.iterdir()
    right = kept.read_bytes()
    wrong = bytearray(right)
    wrong[where] ^= 0x40
    kept.write_bytes(wrong)
    found = read_tensors(path)
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)
    assert kept.read_bytes() == right


def test_a_cache_that_cannot_be_written_costs_only_time(
    published: Path, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache.parent.mkdir(parents=True)
    cache.write_bytes(b"a file where a folder should be")
    assert read_tensors(published / "exp_adapter" / "exp_adapter.bin")
    assert "cannot keep" in caplog.text


class Runs:
    """A pickle of this makes a file when it is opened."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("in_zip", [True, False], ids=["zip", "bare"])
def test_a_pickle_that_would_run_code_is_refused_and_runs_nothing(tmp_path: Path, cache: Path, in_zip: bool) -> None:
    path, trace = tmp_path / "pytorch_model.bin", tmp_path / "it ran"
    harmful = {"weight": Runs(trace)}
    if in_zip:
        torch.save(harmful, path)
    else:
        path.write_bytes(pickle.dumps(harmful, protocol=2))
    with pytest.raises(ValueError, match="must be a file of tensors alone"):
        read_tensors(path)
    assert not trace.exists() and not cache.exists()


def _endless() -> dict[str, object]:
    found: dict[str, object] = {}
    found["again"] = found
    return found


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"epoch": 3}, "got int at epoch"),
        (torch.zeros(1), "got Tensor at its top"),
        ({1: torch.zeros(1)}, "got dict at its top"),
        (_endless(), "got dict at again.again.again"),
        ({"a": torch.zeros(2, 2).to_sparse()}, "torch.sparse_coo at a"),
        ({"a": torch.zeros(1).expand(1_000_000, 1_000_000)}, "claims 4000000000000 bytes of numbers"),
    ],
)
def test_a_pickle_of_anything_but_weights_is_refused(tmp_path: Path, content: object, says: str) -> None:
    torch.save(content, tmp_path / "weights.bin")
    with pytest.raises(ValueError, match=says):
        read_tensors(tmp_path / "weights.bin")


def test_a_pickle_of_before_2020_loads(tmp_path: Path) -> None:
    torch.save({"a": torch.arange(3.0)}, tmp_path / "old.bin", _use_new_zipfile_serialization=False)
    assert torch.equal(read_tensors(tmp_path / "old.bin")["a"], torch.arange(3.0))


def test_weights_that_share_their_numbers_load_as_two(tmp_path: Path) -> None:
    shared = torch.arange(16.0)
    torch.save({"a": shared, "b": shared}, tmp_path / "tied.bin")
    for _ in range(2):  # once from the pickle, once from what was kept
        found = read_tensors(tmp_path / "tied.bin")
        assert torch.equal(found["a"], shared) and torch.equal(found["b"], shared)


def test_weights_that_share_a_part_of_their_numbers_load_as_two(tmp_path: Path, cache: Path) -> None:
    row = torch.arange(16.0)
    torch.save({"a": row[:10], "b": row[6:]}, tmp_path / "overlap.bin")
    for _ in range(2):  # once from the pickle, once from what was kept
        found = read_tensors(tmp_path / "overlap.bin")
        assert torch.equal(found["a"], row[:10]) and torch.equal(found["b"], row[6:])
    assert len(list(cache.iterdir())) == 1


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and no more", b"\x80\x02."], ids=["empty", "zip", "pickle"])
def test_a_damaged_pickle_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "weights.bin").write_bytes(content)
    with pytest.raises(ValueError, match="must be a file of tensors alone"):
        read_tensors(tmp_path / "weights.bin")
