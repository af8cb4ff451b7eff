import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from granum.errors import SettingError, ShapeError
from granum.measure import size_distribution


@pytest.fixture(scope="module")
def sample():
    return np.exp(np.random.default_rng(1).normal(3, 0.3, 4000))


def test_log_normal_truth_lies_in_every_interval(sample):
    found = size_distribution(sample, unit="nm", level=0.99)
    median, s = math.exp(3), 0.3
    truth = {
        "d_1_0": median * math.exp(s * s / 2),
        "d_3_2": median * math.exp(2.5 * s * s),
        "d_4_3": median * math.exp(3.5 * s * s),
    }
    for name, value in truth.items():
        low, high = getattr(found, f"{name}_interval")
        assert low < value < high
        assert low < getattr(found, name) < high
    z = 1.2815515655
    for percentiles, middle in ((found.number, median), (found.volume, median * math.exp(3 * s * s))):
        for name, shift in (("d10", -z), ("d50", 0), ("d90", z)):
            low, high = getattr(percentiles, f"{name}_interval")
            assert low < middle * math.exp(shift * s) < high
    assert found.gsd == pytest.approx(math.exp(s), rel=0.02)
    assert found.number.span == pytest.approx(2 * math.sinh(z * s), rel=0.05)


def test_means_follow_their_definitions(sample):
    found = size_distribution(sample)
    assert found.number.mean == pytest.approx(sample.mean())
    assert found.d_1_0 == pytest.approx(sample.mean())
    assert found.d_3_2 == pytest.approx((sample**3).sum() / (sample**2).sum())
    assert found.d_4_3 == pytest.approx((sample**4).sum() / (sample**3).sum())
    assert found.volume.mean == pytest.approx(found.d_4_3)
    assert found.sd == pytest.approx(sample.std(ddof=1))
    assert found.geometric_mean == pytest.approx(math.exp(np.log(sample).mean()))
    assert found.number.d90 == pytest.approx(np.quantile(sample, 0.9, method="hazen"))


@given(st.floats(1e-3, 1e6))
def test_a_change_of_unit_scales_lengths_and_leaves_ratios(factor):
    sizes = np.array([1.0, 2, 2.5, 3, 4, 4.5, 5, 7, 9, 12, 30])
    small, large = size_distribution(sizes, n_resamples=100), size_distribution(sizes * factor, n_resamples=100)
    assert large.d_4_3 == pytest.approx(small.d_4_3 * factor)
    assert large.d_4_3_interval == pytest.approx(tuple(factor * x for x in small.d_4_3_interval))
    assert large.volume.span == pytest.approx(small.volume.span)
    assert large.gsd == pytest.approx(small.gsd)


def test_whole_weights_count_as_copies():
    sizes, weights = np.array([3.0, 5, 8, 13]), np.array([4, 1, 2, 3])
    weighted, copied = size_distribution(sizes, weights), size_distribution(np.repeat(sizes, weights))
    for name in ("d_1_0", "d_3_2", "d_4_3", "geometric_mean", "gsd"):
        assert getattr(weighted, name) == pytest.approx(getattr(copied, name))


def test_weight_zero_leaves_an_object_out():
    with_it = size_distribution([2.0, 3, 4, 900], [1, 1, 1, 0])
    assert with_it == size_distribution([2.0, 3, 4])


@pytest.mark.parametrize("sizes", [[], [5.0], [5.0, 5.0], [4.0, 5.0], [5.0] * 40])
def test_few_or_equal_objects_say_why_something_is_missing(sizes):
    found = size_distribution(sizes)
    text = json.dumps(found.to_json(), allow_nan=False)
    assert json.loads(text)["n"] == len(sizes)
    for name in ("sd", "gsd", "lognormal", "adequacy", "d_3_2"):
        assert (getattr(found, name) is None) == (name in found.missing), name
    assert (found.d_4_3_interval is None) == ("intervals" in found.missing)


def test_the_seed_decides_the_intervals(sample):
    first = size_distribution(sample[:200], seed=3)
    assert first == size_distribution(sample[:200], seed=3)
    assert first.d_4_3_interval != size_distribution(sample[:200], seed=4).d_4_3_interval


@pytest.mark.parametrize(
    ("sizes", "weights", "message"),
    [
        ([1.0, 0.0], None, "row 1 is 0"),
        ([1.0, np.nan], None, "row 1 is nan"),
        ([1.0, 2.0], [1.0, -1.0], "weights: row 1 is -1"),
        ([1.0, 2.0], [1.0], "equally long"),
    ],
)
def test_sizes_that_are_none_are_refused(sizes, weights, message):
    with pytest.raises(ShapeError, match=message):
        size_distribution(sizes, weights)


@pytest.mark.parametrize("settings", [{"level": 1.0}, {"relative_error": 0.0}])
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(SettingError, match=next(iter(settings))):
        size_distribution([1.0, 2.0], **settings)
