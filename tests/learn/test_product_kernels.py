import numpy as np
import pytest

from granum.learn.product_kernels import add_product


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("is_transposed", [False, True])
@pytest.mark.parametrize(
    ("n_rows", "n_inner", "n_columns"), [(4, 1, 4), (4, 0, 4), (8, 3, 60), (128, 88, 28), (88, 128, 8), (12, 7, 100)]
)
def test_the_product_is_added_whatever_the_shape(dtype, is_transposed, n_rows, n_inner, n_columns):
    random = np.random.default_rng(0)
    a = random.normal(size=(n_rows, n_inner)).astype(dtype)
    b = random.normal(size=(n_inner, n_columns)).astype(dtype)
    room = random.normal(size=(n_rows + 8, n_columns)).astype(dtype)
    before, out = room.copy(), room[4:-4]
    expected = out + a.astype(np.float64) @ b
    add_product(np.ascontiguousarray(a.T).T if is_transposed else a, b, out)
    np.testing.assert_allclose(out, expected, atol=1e-4 if dtype is np.float32 else 1e-12)
    for beside in (slice(4), slice(-4, None)):
        np.testing.assert_array_equal(room[beside], before[beside])


def test_a_column_is_the_same_in_the_widest_and_the_narrowest_tile():
    random = np.random.default_rng(0)
    a, b = (random.normal(size=shape).astype(np.float32) for shape in ((8, 50), (50, 60)))
    wide, narrow = np.zeros((8, 60), np.float32), np.zeros((8, 60), np.float32)
    add_product(a, b, wide)
    for column in range(0, 60, 4):
        part = np.zeros((8, 4), np.float32)
        add_product(a, np.ascontiguousarray(b[:, column : column + 4]), part)
        narrow[:, column : column + 4] = part
    np.testing.assert_array_equal(wide, narrow)
