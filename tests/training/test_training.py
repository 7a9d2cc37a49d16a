"""A tiny network learns, resumes to the byte and leaves as ONNX what it is in torch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from omote.engine.diffusion.denoiser import (  # noqa: E402
    ANCHOR,
    PREVIOUS,
    REFERENCE,
    Bank,
    Condition,
    Denoiser,
    Shape,
    premultiplied,
)
from omote.engine.diffusion.sampler import premultiplied as premultiplied_numpy  # noqa: E402
from omote.engine.diffusion.shipped import network as shipped_network  # noqa: E402
from omote.engine.runtime.network import Inputs  # noqa: E402
from omote.engine.training import export, loss  # noqa: E402
from omote.engine.training import pack as packs  # noqa: E402
from omote.engine.training.batches import Chooser  # noqa: E402
from omote.engine.training.train import Plan, Trainer  # noqa: E402

TINY = Shape(
    *(32, 16, 4, 8),
    cond=32,
    widths=(16, 32),
    blocks=(1, 1),
    attends=(1,),
    token=16,
    bank=16,
    remembers=1,
)
PEOPLE, EACH = 6, 5


def write_pack(folder: Path, held_out: np.ndarray) -> Path:
    """Five pictures of each of six people, the last two a clip: coloured discs that the label moves."""
    count = PEOPLE * EACH
    folder.mkdir()
    rng = np.random.default_rng(0)
    face = rng.standard_normal((count, 64)).astype(np.float32)
    person = np.repeat(np.arange(PEOPLE, dtype=np.int32), EACH)
    y, x = np.mgrid[:32, :32]
    picture = np.zeros((count, 32, 32, 4), np.uint8)
    geometry = np.zeros((count, 10, 16, 16), np.float16)
    for k in range(count):
        disc = np.hypot(x - 16 - 4 * np.tanh(face[k, 0]), y - 16) < 9
        picture[k, disc] = (200, 60 + 30 * person[k], 40, 255)
        geometry[k, 6] = disc[::2, ::2]
    np.save(folder / "picture.npy", picture)
    np.save(folder / "geometry.npy", geometry)
    np.save(folder / "uv.npy", rng.uniform(-1, 1, (count, 16, 16, 2)).astype(np.float16))
    lift = rng.uniform(-1, 1, (count, 256, 128, 3)).astype(np.float16)
    np.save(folder / "lift.npy", np.abs(lift))
    np.savez(
        folder / "rows.npz",
        person=person,
        kind=np.tile(np.array([0, 1, 1, 3, 3], np.int8), PEOPLE),
        face=face,
        light=np.zeros((count, 27), np.float32),
        weights=np.zeros((count, 52), np.float32),
        head_rotation=np.zeros((count, 3), np.float32),
        is_held_out=held_out,
        shape=np.zeros((PEOPLE, 100), np.float32),
        seed=np.arange(PEOPLE),
        attributes=np.full((PEOPLE, 3), 0.5, np.float32),
    )
    return folder


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """A run on five people known by a reference, a sixth held out, and on all six by heart."""
    (tmp_path / "run").mkdir()
    number = np.arange(PEOPLE * EACH)
    faces = write_pack(tmp_path / "pack", number >= (PEOPLE - 1) * EACH)
    cast = write_pack(tmp_path / "cast", number % EACH == 2)
    return Plan(faces, tmp_path / "run", steps=60, cast=cast, people=4, warmup=5)


def test_a_tiny_network_learns_what_the_label_says(plan: Plan) -> None:
    trainer = Trainer(plan, TINY)
    losses = [trainer.advance() for _ in range(40)]
    assert np.mean(losses[-10:]) < 0.7 * np.mean(losses[:5])


def test_a_run_that_is_resumed_goes_on_as_if_it_had_not_stopped(plan: Plan) -> None:
    whole = Trainer(plan, TINY)
    straight = [whole.advance() for _ in range(6)]
    first = Trainer(plan, TINY)
    broken = [first.advance() for _ in range(3)]
    first.save()
    second = Trainer(plan, TINY)
    second.resume()
    assert second.step == 3
    broken += [second.advance() for _ in range(3)]
    assert broken == straight


def test_another_seed_gives_another_run(plan: Plan) -> None:
    assert Trainer(plan, TINY).advance() != Trainer(replace(plan, seed=1), TINY).advance()


def test_the_exported_network_computes_what_torch_does(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    from omote.engine.runtime.build import Build
    from omote.engine.runtime.onnxruntime import OnnxRuntimeNetwork
    from omote.engine.weights import networks

    torch.manual_seed(0)
    denoiser = Denoiser(TINY).eval()
    for parameter in denoiser.parameters():  # layers that begin at zero would hide a wrong graph
        torch.nn.init.normal_(parameter, std=0.05)
    export.export_network(denoiser, tmp_path / "tiny.onnx")
    inputs = export.example_inputs(TINY, seed=3)
    bank = Bank(inputs[8], ((REFERENCE, inputs[8].shape[1]),), torch.tensor([[1.0, 0.0, 0.0]]))
    with torch.no_grad():
        wanted = denoiser(inputs[0], inputs[1], Condition(*inputs[2:8]), bank)[0].numpy()
    file = replace(networks()[-1], file=str(tmp_path / "tiny.onnx"))
    network = OnnxRuntimeNetwork(file, Build("onnxruntime", "f32", TINY.size))
    found = network.run(Inputs(*(part.numpy() for part in inputs)))
    scale = float(np.abs(wanted).max())
    assert scale > 0.01
    np.testing.assert_allclose(found, wanted, atol=2e-3 * scale + 1e-4)  # half-precision weights


def test_what_is_not_present_is_not_read() -> None:
    torch.manual_seed(0)
    denoiser = Denoiser(TINY).eval()
    for parameter in denoiser.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    inputs = export.example_inputs(TINY, seed=3)
    before = inputs[8].flip(1)
    kinds = ((REFERENCE, inputs[8].shape[1]), (PREVIOUS, before.shape[1]))

    def drawn(scale: float, has_previous: float) -> np.ndarray:
        bank = Bank(torch.cat([inputs[8], scale * before], 1), kinds, torch.tensor([[1.0, 0.0, has_previous]]))
        with torch.no_grad():
            return np.asarray(denoiser(inputs[0], inputs[1], Condition(*inputs[2:8]), bank)[0])

    assert (drawn(1.0, 0.0) == drawn(3.0, 0.0)).all()
    assert (drawn(1.0, 1.0) != drawn(3.0, 1.0)).any()


def test_a_shipped_network_is_read_back_to_the_weights_it_was_made_of(tmp_path: Path) -> None:
    torch.manual_seed(0)
    denoiser = Denoiser(TINY)
    for parameter in denoiser.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    export.export_network(denoiser, tmp_path / "tiny.onnx")
    found = shipped_network(tmp_path / "tiny.onnx")
    for name, wanted in denoiser.state_dict().items():
        if name.startswith("remember."):
            continue  # what a picture gives to a bank is not exported
        if name.endswith(".kind"):
            wanted[[ANCHOR, PREVIOUS]] = 0.0  # which are not exported
        np.testing.assert_allclose(found[f"denoiser.{name}"], wanted, atol=2e-4, err_msg=name)


def test_a_person_who_is_held_out_is_never_chosen(plan: Plan) -> None:
    chooser = Chooser(packs.read(plan.pack))
    rng = np.random.default_rng(0)
    for _ in range(40):
        choice = chooser.choose(5, rng)
        rows = np.concatenate([choice.first, choice.second, choice.reference])
        assert rows.max() < (PEOPLE - 1) * EACH
        assert (choice.first // EACH == choice.reference // EACH).all()
        assert (choice.reference != choice.first).all() and (choice.reference != choice.second).all()
        assert (choice.reference % EACH < 3).all()  # a clip has no lifted texels
        if choice.is_clip:
            assert (choice.second == choice.first + 1).all()


def test_colour_under_full_transparency_costs_nothing() -> None:
    truth = torch.zeros(1, 4, 32, 32)
    truth[:, 3] = -1.0
    wild = truth.clone()
    wild[:, :3] = 0.9
    geometry = torch.zeros(1, 10, 16, 16)
    assert float(loss.picture_loss(wild, truth, geometry)) == pytest.approx(0.0, abs=1e-6)
    wild[:, 3] = 0.0
    assert float(loss.picture_loss(wild, truth, geometry)) > 0.3


def test_eyes_and_mouth_weigh_more_than_shoulders() -> None:
    from omote.engine.face.head import open_head
    from omote.engine.face.maps import MapMaker
    from omote.engine.nouns import FlameParams

    head = open_head()
    maps = MapMaker(head.shaped(np.zeros(head.shape_size, np.float32))).draw(FlameParams.neutral())
    weight = loss.attention_weight(torch.from_numpy(maps.geometry)[None])[0, 0].numpy()
    eyes = np.argwhere(maps.geometry[7] > 0) * 2
    assert weight[tuple(eyes.T)].min() > 4.0
    assert weight[-10:].max() < 1.5


def test_torch_and_numpy_premultiply_alike() -> None:
    picture = np.random.default_rng(0).uniform(-1.2, 1.2, (2, 4, 5, 5)).astype(np.float32)
    np.testing.assert_allclose(
        premultiplied(torch.from_numpy(picture)).numpy(), premultiplied_numpy(picture), atol=1e-6
    )


def test_weights_that_travelled_come_back_nearly_whole(plan: Plan, tmp_path: Path) -> None:
    from omote.engine.training import parts

    trainer = Trainer(plan, TINY)
    for _ in range(3):
        trainer.advance()
    state = trainer.model.state_dict()
    files = parts.write(state, tmp_path / "out")
    assert all(file.stat().st_size < 2**24 for file in files)
    back = parts.read(tmp_path / "out")
    assert back.keys() == state.keys()
    for name, value in state.items():  # half precision, or a 127th of the channel's greatest
        torch.testing.assert_close(back[name], value, rtol=2e-3, atol=float(value.abs().max()) / 200 + 1e-6)
    Trainer(plan, TINY).begin_from(back)


def test_parts_of_an_earlier_larger_model_are_gone_when_new_ones_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from omote.engine.training import parts

    monkeypatch.setattr(parts, "MAX_BYTES", 10)  # each tensor in a file of its own
    parts.write({name: torch.ones(8) for name in ("a", "b", "c")}, tmp_path)
    parts.write({"c": torch.zeros(8)}, tmp_path)
    assert parts.read(tmp_path).keys() == {"c"}
    assert not parts.read(tmp_path)["c"].any()


def test_a_pack_with_a_row_that_we_do_not_know_is_read(plan: Plan) -> None:
    from omote.engine.training import pack

    with np.load(plan.pack / "rows.npz") as rows:
        kept = {name: rows[name] for name in rows.files}
    np.savez(plan.pack / "rows.npz", unknown=np.zeros(1), **kept)
    assert pack.read(plan.pack).people == PEOPLE
