"""Each metric gives what can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from omote.engine.training.evaluation import identity, quality, steadiness

Rgb = NDArray[np.uint8]


def flat(level: int, side: int = 32) -> Rgb:
    return np.full((side, side, 3), level, np.uint8)


def textured(seed: int = 0, side: int = 32) -> Rgb:
    return np.random.default_rng(seed).integers(40, 216, (side, side, 3), np.uint8)


def blurred(rgb: Rgb) -> Rgb:
    """The mean of each pixel and its three neighbours to the right and below."""
    levels = rgb.astype(np.float64)
    return np.asarray((levels + np.roll(levels, 1, 0) + np.roll(levels, 1, 1) + np.roll(levels, (1, 1), (0, 1))) / 4)


def test_psnr_of_an_error_of_a_fifth_is_fourteen_decibels() -> None:
    assert quality.psnr_db(flat(151), flat(100)) == pytest.approx(20.0 * np.log10(5.0), abs=1e-6)
    assert quality.psnr_db(flat(100), flat(100)) == pytest.approx(120.0)


def test_psnr_of_noise_is_its_variance() -> None:
    truth = np.full((128, 128, 3), 128, np.uint8)
    noisy = np.clip(truth + np.random.default_rng(1).normal(0.0, 12.0, truth.shape).round(), 0, 255).astype(np.uint8)
    # Rounding adds a twelfth of a squared level; 49,152 samples leave 0.03 dB of chance.
    assert quality.psnr_db(noisy, truth) == pytest.approx(10.0 * np.log10(255.0**2 / (144.0 + 1 / 12)), abs=0.1)


def test_psnr_under_a_mask_does_not_see_what_is_outside() -> None:
    truth, ours = flat(0), flat(0)
    ours[:16], ours[16:] = 51, 240
    mask = np.zeros((32, 32), bool)
    mask[:16] = True
    assert quality.psnr_db(ours, truth, mask) == pytest.approx(20.0 * np.log10(5.0), abs=1e-6)


def test_a_transparent_picture_is_grey_whatever_its_colour() -> None:
    rgba = np.zeros((4, 4, 4), np.uint8)
    rgba[..., 0] = 255
    np.testing.assert_array_equal(quality.over_grey(rgba), 128)
    rgba[..., 3] = 255
    np.testing.assert_array_equal(quality.over_grey(rgba)[0, 0], (255, 0, 0))


def test_ssim_of_the_same_picture_is_one() -> None:
    assert quality.ssim(textured(), textured()) == pytest.approx(1.0)


def test_ssim_of_two_flat_greys_is_the_formula_for_their_levels() -> None:
    c1 = (0.01 * 255) ** 2
    wanted = (2 * 100 * 150 + c1) / (100**2 + 150**2 + c1)
    assert quality.ssim(flat(100), flat(150)) == pytest.approx(wanted, abs=1e-6)


def test_ssim_is_what_a_slow_window_by_window_sum_gives() -> None:
    ours, truth = textured(1, 14), textured(2, 14)
    a, b = (picture @ np.array([0.299, 0.587, 0.114]) for picture in (ours, truth))
    y, x = np.mgrid[-5:6, -5:6]
    window = np.exp(-(x**2 + y**2) / (2 * 1.5**2))
    window /= window.sum()
    c1, c2, values = (0.01 * 255) ** 2, (0.03 * 255) ** 2, []
    for top in range(4):
        for left in range(4):
            p, q = (part[top : top + 11, left : left + 11] for part in (a, b))
            mean_p, mean_q = (window * p).sum(), (window * q).sum()
            var_p, var_q = (window * (p - mean_p) ** 2).sum(), (window * (q - mean_q) ** 2).sum()
            shared = (window * (p - mean_p) * (q - mean_q)).sum()
            likeness = (2 * mean_p * mean_q + c1) * (2 * shared + c2)
            values.append(likeness / ((mean_p**2 + mean_q**2 + c1) * (var_p + var_q + c2)))
    assert quality.ssim(ours, truth) == pytest.approx(np.mean(values), abs=1e-9)


def test_ssim_falls_with_blur_and_with_a_shift() -> None:
    truth = textured()
    assert quality.ssim(blurred(truth).astype(np.uint8), truth) < 0.8
    assert quality.ssim(np.roll(truth, 1, 0), truth) < 0.3


def test_alpha_error_is_the_mean_difference_as_a_part_of_one() -> None:
    ours, truth = np.zeros((2, 2, 4), np.uint8), np.zeros((2, 2, 4), np.uint8)
    ours[0, 0, 3] = 51
    assert quality.alpha_error(ours, truth) == pytest.approx(0.2 / 4)


def test_sharpness_of_a_ramp_is_its_slope() -> None:
    ramp = np.broadcast_to(np.arange(0, 96, 3, dtype=np.uint8)[None, :, None], (32, 32, 3))
    assert quality.sharpness(ramp) == pytest.approx(3.0)
    mask = np.zeros((32, 32), bool)
    assert quality.sharpness(np.where(np.arange(32)[:, None, None] < 16, ramp, 0), ~mask) < 3.0
    mask[:10] = True
    assert quality.sharpness(np.where(np.arange(32)[:, None, None] < 16, ramp, 0), mask) == pytest.approx(3.0)


def test_a_blurred_picture_is_less_sharp() -> None:
    assert quality.sharpness(blurred(textured()).astype(np.uint8)) < 0.75 * quality.sharpness(textured())


def test_pictures_are_still_from_the_last_that_changed() -> None:
    same = np.stack([textured()] * 5)
    assert steadiness.still_from(same) == 0
    settling = same.copy()
    settling[0, 0, 0, 0] ^= 1
    settling[1, 0, 0, 0] ^= 2
    assert steadiness.still_from(settling) == 2
    restless = same.copy()
    restless[4, 5, 5, 0] ^= 1
    assert steadiness.still_from(restless) is None


def test_noise_is_the_deviation_over_time_inside_the_mask() -> None:
    pictures = np.full((4, 8, 8, 3), 100, np.uint8)
    pictures[1::2, :4] += 6  # half of the time 6 levels up: a deviation of 3
    mask = np.zeros((8, 8), bool)
    mask[:4] = True
    assert steadiness.noise(pictures, mask) == pytest.approx(3.0)
    assert steadiness.noise(pictures) == pytest.approx(1.5)


def test_motion_and_flicker_tell_what_moves_from_what_only_we_move() -> None:
    truth = np.stack([flat(10 * k) for k in range(5)])
    assert steadiness.motion(truth) == pytest.approx(10.0)
    assert steadiness.flicker(truth, truth) == 0.0
    assert steadiness.flicker(truth + 7, truth) == 0.0  # another brightness does not flicker
    restless = truth.copy()
    restless[1::2] += 4  # up by 4, down by 4
    assert steadiness.flicker(restless, truth) == pytest.approx(4.0)


def test_flicker_counts_a_movement_that_is_left_out() -> None:
    truth = np.stack([flat(10 * k) for k in range(5)])
    assert steadiness.flicker(np.stack([flat(0)] * 5), truth) == pytest.approx(10.0)


def test_auc_is_one_where_all_same_pairs_are_nearer_and_half_where_nothing_is_known() -> None:
    near, far = np.array([0.1, 0.2]), np.array([0.5, 0.6, 0.7])
    assert identity.auc(near, far) == 1.0
    assert identity.auc(far, near) == 0.0
    assert identity.auc(far, far) == 0.5
    assert identity.auc(np.array([0.1, 0.6]), np.array([0.5, 0.6])) == pytest.approx((1.0 + 1.0 + 0.0 + 0.5) / 4)
    assert np.isnan(identity.auc(near, np.zeros(0)))


def test_separation_pairs_within_people_between_them_and_with_others() -> None:
    first, second = np.array([[0.0, 0.0], [3.0, 4.0]]), np.array([[0.0, 10.0], [0.0, 10.0]])
    found = identity.separation([first, second])
    assert found.same == pytest.approx((5.0 + 0.0) / 2)
    assert found.different == pytest.approx((10.0 + 10.0 + np.hypot(3, 6) * 2) / 4)
    assert found.auc == 1.0
    alone = identity.separation([first])
    assert alone.same == 5.0
    assert np.isnan(alone.different)
    assert np.isnan(alone.auc)
    beside = identity.separation([first], [second[:1]])
    assert beside.different == pytest.approx((10.0 + np.hypot(3, 6)) / 2)
