from __future__ import annotations

import math

import pytest

from granum.plate import assay_quality


def test_z_prime_and_ssmd_by_hand():
    found = assay_quality([10, 11, 12, 9, 8, 10], [1, 2, 3, 2, 1, 3], plate="p", measure="viability", time=24)
    up, down = math.sqrt(10 / 5), math.sqrt(4 / 5)
    assert found.z_prime == pytest.approx(1 - 3 * (up + down) / 8)
    assert found.ssmd == pytest.approx(8 / math.sqrt(up**2 + down**2))
    assert (found.n_positive, found.n_negative, found.note) == (6, 6, "")
    assert (found.plate, found.measure, found.time) == ("p", "viability", 24)


@pytest.mark.parametrize(
    ("positive", "negative", "z_prime", "ssmd", "says"),
    [
        ([], [1, 2], None, None, "0 positive control wells"),
        ([1, 2], [1], None, None, "1 negative control wells"),
        ([1, None, math.nan], [1, 2], None, None, "1 positive"),
        ([1, 2], [2, 1], None, 0.0, "same mean"),
        ([0.1] * 7, [0.3] * 7, 1.0, None, "No control scatters"),
        ([1, 2, 3], [7, 8, 9], 0.0, -6 / math.sqrt(2), "too few"),
    ],
)
def test_few_or_equal_wells_have_a_note(positive, negative, z_prime, ssmd, says):
    found = assay_quality(positive, negative)
    assert found.z_prime == z_prime if z_prime is None else found.z_prime == pytest.approx(z_prime)
    assert found.ssmd == ssmd if ssmd is None else found.ssmd == pytest.approx(ssmd)
    assert says in found.note
