"""The denoiser copies, relights and paints as its layers say, whatever the order and number of its references."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from omote.engine.face.correspondence import GEOMETRY, GRID
from omote.engine.face.light import irradiance, studio_light, tone_mapped
from omote.engine.model import compositing
from omote.engine.model.compositing import CopySource
from omote.engine.model.denoiser import (
    STATE,
    WEIGHTS,
    Denoiser,
    FlatDenoiser,
    Layers,
    References,
    WantedView,
    compose,
    cropped,
    denoiser_in,
    log_gain,
    log_irradiance,
    own_place,
    sets_of,
    sharp,
    without_specks,
)
from omote.engine.model.networks import denoiser_shapes
from omote.engine.runtime.session import RuntimeUnavailable

SMALL: dict[str, Any] = {
    "widths": (16, 32, 32, 32),
    "blocks": (1, 1, 1, 1),
    "features": (16, 16),
    "identity_width": 16,
    "fine_width": 16,
    "candidate_width": 8,
}


def denoiser(sizes: dict[str, Any] = SMALL) -> Denoiser:
    """A small one whose every weight takes part, as after training."""
    torch.manual_seed(0)
    net: Denoiser = Denoiser(**sizes).eval().requires_grad_(False)
    for parameter in net.parameters():
        parameter.add_(0.05 * torch.randn(parameter.shape))
    return net


def scene(net: Denoiser, count: int) -> tuple[WantedView, References]:
    torch.manual_seed(1)
    wanted = WantedView(torch.rand(1, GEOMETRY, GRID, GRID), torch.rand(1, 64), torch.rand(1, 27), torch.eye(2)[:1])
    picture, geometry = torch.rand(1, count, 8, GRID, GRID), torch.rand(1, count, GEOMETRY, GRID, GRID)
    own = own_place(torch.zeros(GRID, GRID, 2)).permute(1, 2, 0)
    place = own + 0.1 * torch.rand(1, count, 1, 1, 2)
    trust = torch.rand(1, count, 4, GRID, GRID)
    fine, coarse, identity = net.encode(picture, geometry)
    return wanted, References(picture, (fine, coarse), identity, place, trust, torch.ones(1, count))


def picked(references: References, rows: list[int]) -> References:
    fine, coarse = references.features
    return References(
        references.picture[:, rows],
        (fine[:, rows], coarse[:, rows]),
        references.identity[:, rows],
        references.place[:, rows],
        references.trust[:, rows],
        references.present[:, rows],
    )


def drawn(net: Denoiser, wanted: WantedView, references: References) -> Layers:
    torch.manual_seed(2)
    layers: Layers = net(torch.randn(1, 4, STATE, STATE), torch.ones(1), wanted, references)
    return layers


def test_a_gain_of_one_cell_that_no_other_has_is_left_out() -> None:
    gain = torch.full((1, 3, 8, 8), 0.8)
    gain[..., 4:] = 1.2
    expected = gain.clone()
    gain[0, :, 3, 1] = 0.2
    gain[0, 1, 0, 0] = 3.0
    torch.testing.assert_close(without_specks(gain), expected)


def test_the_order_of_references_changes_nothing() -> None:
    net = denoiser()
    wanted, references = scene(net, 3)
    a, b = drawn(net, wanted, references), drawn(net, wanted, picked(references, [2, 0, 1]))
    torch.testing.assert_close(a.share[:, [2, 0, 1]], b.share, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(a.paint, b.paint, atol=1e-5, rtol=1e-4)


def test_an_absent_reference_is_as_none() -> None:
    net = denoiser()
    wanted, references = scene(net, 3)
    absent = references._replace(present=torch.tensor([[1.0, 0.0, 1.0]]))
    a, b = drawn(net, wanted, absent), drawn(net, wanted, picked(references, [0, 2]))
    torch.testing.assert_close(a.share[:, [0, 2]], b.share, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(a.cut, b.cut, atol=1e-5, rtol=1e-4)
    assert float(a.share[:, 1].max()) < 1e-6


@pytest.mark.parametrize("present", [0.0, 1e-6])
def test_a_reference_begins_as_none_however_well_it_fits(present: float) -> None:
    """After training attention is sharp: some features are hundreds of times as likely as others."""
    net = denoiser()
    for name, parameter in net.named_parameters():
        if name.endswith("query.weight"):
            parameter.mul_(1000.0)
    wanted, references = scene(net, 3)
    faint = references._replace(present=torch.tensor([[1.0, present, 0.7]]))
    a, b = drawn(net, wanted, faint), drawn(net, wanted, picked(faint, [0, 2]))
    for name in ("gain", "shade", "under", "paint", "cut"):
        assert torch.allclose(getattr(a, name), getattr(b, name), atol=1e-4), name


def test_every_set_of_references_counts_as_much_as_its_last_one_adds() -> None:
    sets = sets_of(torch.tensor([[1.0, 0.05, 0.15, 0.0], [1.0, 0.05, 0.05, 0.4]]))
    assert torch.allclose(sets.share, torch.tensor([[0.25, 0.25, 0.5, 0.0], [0.375, 0.125, 0.125, 0.375]]))
    is_in = sets.outside == 0.0
    assert is_in[0, :3].tolist() == [[True, False, False, False], [True, True, True, False], [True, False, True, False]]
    assert is_in[1].tolist() == [[True, False, False, True], [True] * 4, [True] * 4, [True, False, False, True]]


def test_several_characters_are_drawn_as_each_alone() -> None:
    net = denoiser()
    wanted, references = scene(net, 2)
    r = references
    twice = References(
        torch.cat([r.picture] * 2),
        (torch.cat([r.features[0]] * 2), torch.cat([r.features[1]] * 2)),
        *(torch.cat([part] * 2) for part in (r.identity, r.place, r.trust, r.present)),
    )
    both = drawn(net, WantedView(*(torch.cat([part] * 2) for part in wanted)), twice)
    for one, two in zip(drawn(net, wanted, references), both, strict=True):
        torch.testing.assert_close(one, two[1:], atol=2e-5, rtol=1e-4)


def test_features_cannot_grow_from_level_to_level() -> None:
    """They reached 200,000, more than a half holds, and drowned the skips."""
    net = denoiser()
    wanted, references = scene(net, 1)
    before = drawn(net, wanted, references)
    for name, parameter in net.named_parameters():
        parts = name.split(".")
        if parts[0] in ("down", "up") and parts[2] == "0":  # the convolutions before the norms
            parameter.mul_(1000.0)
    for one, two in zip(before, drawn(net, wanted, references), strict=True):
        torch.testing.assert_close(one, two, atol=1e-3, rtol=1e-3)


def test_a_new_denoiser_copies_its_reference() -> None:
    torch.manual_seed(0)
    net = Denoiser(**SMALL).eval()
    wanted, references = scene(net, 1)
    own = own_place(torch.zeros(GRID, GRID, 2)).permute(1, 2, 0)[None, None]
    pictures = torch.rand(1, 1, 4, STATE, STATE)
    pictures[:, :, :3] *= pictures[:, :, 3:]
    with torch.no_grad():
        layers = drawn(net, wanted, references._replace(place=own, trust=torch.ones_like(references.trust)))
        unlit = layers._replace(gain=torch.ones_like(layers.gain))
        paint = 0.5 * (unlit.paint + 0.5)  # half of each layer of paint
        painted = 0.1 * paint  # a tenth of paint everywhere, where training begins
        expected = 0.9 * pictures[:, 0] + painted
        inner = (..., slice(2, -2), slice(2, -2))  # at the border places are not known between cells
        torch.testing.assert_close(compose(unlit, pictures)[inner], expected[inner], atol=1e-4, rtol=1e-4)


def test_light_and_normals_give_the_irradiance_of_the_library() -> None:
    rng = np.random.default_rng(0)
    normal = rng.normal(size=(5, 7, 3)).astype(np.float32)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    light = studio_light()
    ours = log_irradiance(torch.from_numpy(light)[None], torch.from_numpy(normal).permute(2, 0, 1)[None])
    expected = np.log(irradiance(light, normal))
    np.testing.assert_allclose(ours[0].permute(1, 2, 0).numpy(), expected, atol=1e-4)


@pytest.mark.parametrize("change", [-0.7, -0.2, 0.2, 0.7])
def test_copied_levels_change_along_the_tone_curve(change: float) -> None:
    light = np.geomspace(1e-4, 20.0, 4000)
    level = np.linspace(0.05, 0.9, 18)
    linear = np.interp(level, tone_mapped(light), light)
    expected = tone_mapped(linear * np.exp(change))
    given = torch.from_numpy(level).float()[None, None, None]
    gain = log_gain(given, torch.full_like(given, change), torch.tensor([[1.0, 0.0]]))
    np.testing.assert_allclose((given * gain.exp())[0, 0, 0].numpy(), expected, atol=0.02)


def test_levels_stay_exactly_where_light_stays() -> None:
    level = torch.rand(1, 2, 3, 50)
    for style in torch.eye(2):
        assert (log_gain(level, torch.zeros_like(level), style[None]) == 0.0).all()


def test_drawn_colours_follow_light_by_one_slope() -> None:
    level = torch.rand(1, 1, 3, 50)
    change = torch.linspace(-1.0, 1.0, 50).expand_as(level)
    torch.testing.assert_close(log_gain(level, change, torch.tensor([[0.0, 1.0]])), 0.4545 * change)


def test_a_cut_is_a_clamp_whose_gradient_reaches_everywhere() -> None:
    x = torch.tensor([-3.0, -0.25, 0.0, 0.25, 3.0], requires_grad=True)
    cut = sharp(x)
    torch.testing.assert_close(cut, torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0]))
    cut.sum().backward()  # type: ignore[no-untyped-call]
    assert x.grad is not None
    assert (x.grad > 0.0).all()


@pytest.mark.parametrize(("count", "size"), [(1, 256), (3, 256), (2, 512)])
def test_compositing_in_bytes_equals_compositing_in_torch(count: int, size: int) -> None:
    torch.manual_seed(3)

    def smooth(channels: int, side: int, cells: int = 8) -> torch.Tensor:
        return torch.nn.functional.interpolate(torch.rand(1, channels, cells, cells), size=(side, side), mode="bicubic")

    own = own_place(torch.zeros(GRID, GRID, 2))[None, None]
    place = own + 0.1 * (smooth(2 * count, GRID).reshape(1, count, 2, GRID, GRID) - 0.5)
    layers = Layers(
        share=(4.0 * smooth(count, GRID)).softmax(1),
        place=place,
        gain=0.5 + smooth(3, GRID),
        shade=smooth(3, GRID).clamp(0.0, 1.0),
        under=smooth(4, GRID).clamp(0.0, 1.0),
        paint=smooth(4, STATE).clamp(0.0, 1.0),
        cut=4.0 * (smooth(3, STATE) - 0.6),
    )
    opaque = (smooth(count, size, 16) * 2.0 - 0.5).clamp(0.0, 1.0)[0, :, None]
    pictures = torch.cat(
        [smooth(3 * count, size, 32).clamp(0.0, 1.0).reshape(count, 3, size, size) * opaque, opaque], 1
    )
    levels = (pictures * 255.0 + 0.5).to(torch.uint8)
    with torch.no_grad():
        expected = compose(layers, levels[None].float() / 255.0)[0].permute(1, 2, 0).numpy() * 255.0
    arrays = compositing.DrawnLayers(*(part[0].numpy() for part in layers))
    ours = compositing.compose(
        arrays, [CopySource.of(np.ascontiguousarray(one.permute(1, 2, 0).numpy())) for one in levels]
    )
    opacity = ours[..., 3:].astype(np.float64)
    faded = np.concatenate([ours[..., :3] * (opacity / 255.0), opacity], 2)
    # Five roundings to a level, and places to 1/32 of a pixel.
    assert np.abs(faded - expected).max() < 8.0
    assert np.abs(faded - expected).mean() < 0.8


def test_a_part_is_composed_as_it_is_in_the_whole_picture() -> None:
    net = denoiser()
    wanted, references = scene(net, 2)
    layers, pictures = drawn(net, wanted, references), torch.rand(1, 2, 4, 2 * STATE, 2 * STATE)
    whole = compose(layers, pictures)
    part = compose(cropped(layers, 20, 40, 18), pictures, 18 * 4)
    torch.testing.assert_close(part[..., 8:-8, 8:-8], whole[..., 88:144, 168:224], atol=1e-5, rtol=1e-4)


def test_the_weights_of_a_folder_draw_the_same(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = Denoiser().eval()
    net.save_pretrained(tmp_path / WEIGHTS)
    inputs = [torch.rand(shape) for shape in denoiser_shapes(1).values()]
    with torch.no_grad():
        wanted, found = FlatDenoiser(net)(*inputs), denoiser_in(tmp_path)(*inputs)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), atol=1e-5)


def test_a_folder_without_weights_for_pytorch_is_refused_with_the_cure(tmp_path: Path) -> None:
    with pytest.raises(RuntimeUnavailable, match=r"cannot read the denoiser's weights .*choose --runtime openvino"):
        denoiser_in(tmp_path)
