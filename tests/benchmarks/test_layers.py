"""Where the network's time goes, summed up."""

from __future__ import annotations

from layers import shares


def test_shares_are_of_the_whole_largest_first_and_small_ones_together() -> None:
    spent = {"MVN": 2.0, "Convolution": 7.9, "Reshape": 0.05, "Constant": 0.05}
    assert shares(spent) == {"Convolution": 0.79, "MVN": 0.2, "other": 0.01}
    assert list(shares(spent)) == ["Convolution", "MVN", "other"]


def test_nothing_small_needs_no_rest() -> None:
    assert shares({"Convolution": 3.0, "FullyConnected": 1.0}) == {"Convolution": 0.75, "FullyConnected": 0.25}
