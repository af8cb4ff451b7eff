import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from granum.measure.quantiles import weighted_quantiles

sizes = hnp.arrays(np.float64, st.integers(1, 30), elements=st.integers(1, 50))


@given(sizes, st.floats(0, 1))
def test_equal_weights_give_the_hazen_quantiles_of_numpy(values, share):
    ours = weighted_quantiles(values, np.full(len(values), 0.25), [share])[0]
    np.testing.assert_allclose(ours, np.quantile(values, share, method="hazen"))


@given(sizes, st.data())
def test_quantiles_rise_and_stay_between_smallest_and_largest(values, data):
    weights = data.draw(hnp.arrays(np.float64, len(values), elements=st.floats(0.01, 100)))
    found = weighted_quantiles(values, weights, np.linspace(0, 1, 11))
    assert (np.diff(found) >= 0).all()
    assert found[0] >= values.min()
    assert found[-1] <= values.max()
