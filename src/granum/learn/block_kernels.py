"""What the kernels of all classifiers share: blocks of pixels, sums of products, softmax.

A kernel copies 256 pixels at a time from the feature planes into a buffer of that fixed width, pads what is missing,
and runs along the pixels. The width never changes, so every pixel meets the same instructions in the same order
wherever it stands: results do not depend on chunks, windows or threads.
"""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["BLOCK", "apply_layer", "load_block", "pad_to_four", "softmax_block", "store_block"]

BLOCK = 256
"""Pixels in a block: 72 features of it are 72 KiB and stay in the second-level cache."""
LARGEST = np.float32(32.0)
"""Standardised features are cut off here: what lies so far outside the training data must not decide everything."""
_LOG2_E, _LN2_HIGH, _LN2_LOW = np.float32(1.44269504), np.float32(0.693359375), np.float32(-2.12194440e-4)


def pad_to_four(n: int) -> int:
    """Return the next multiple of four: the kernels take four rows at a time."""
    return (n + 3) // 4 * 4


@njit(cache=True, nogil=True)
def load_block(planes, rows, first, shift, factor, block):  # type: ignore[no-untyped-def]
    """Fill a block with ``(feature - shift) * factor`` of the pixels from `first` on, cut off at 32; NaN becomes 0."""
    n = min(BLOCK, planes.shape[1] - first)
    for j in range(len(rows)):
        # cut first: an index that numba cannot see to be positive is tested pixel by pixel, seven times slower
        source, target = planes[rows[j]][first : first + n], block[j]
        move, stretch = shift[j], factor[j]
        for p in range(n):
            value = (source[p] - move) * stretch
            value = value if value == value else np.float32(0)
            target[p] = min(max(value, -LARGEST), LARGEST)
        for p in range(n, BLOCK):
            target[p] = 0
    return n


@njit(cache=True, nogil=True, fastmath={"contract"})
def apply_layer(block, weights, bias, out):  # type: ignore[no-untyped-def]
    """Set ``out = weights @ block + bias`` for (outputs, inputs) weights, both numbers multiples of four.

    Four rows times four features at a time: 16 fused multiplications for 8 loads and 4 stores, along the pixels.
    """
    n_out, n_in = weights.shape
    for h in range(0, n_out, 4):
        o0, o1, o2, o3 = out[h], out[h + 1], out[h + 2], out[h + 3]
        for p in range(BLOCK):
            o0[p], o1[p], o2[p], o3[p] = bias[h], bias[h + 1], bias[h + 2], bias[h + 3]
        w0, w1, w2, w3 = weights[h], weights[h + 1], weights[h + 2], weights[h + 3]
        for f in range(0, n_in, 4):
            x0, x1, x2, x3 = block[f], block[f + 1], block[f + 2], block[f + 3]
            a00, a01, a02, a03 = w0[f], w0[f + 1], w0[f + 2], w0[f + 3]
            a10, a11, a12, a13 = w1[f], w1[f + 1], w1[f + 2], w1[f + 3]
            a20, a21, a22, a23 = w2[f], w2[f + 1], w2[f + 2], w2[f + 3]
            a30, a31, a32, a33 = w3[f], w3[f + 1], w3[f + 2], w3[f + 3]
            for p in range(BLOCK):
                y0, y1, y2, y3 = x0[p], x1[p], x2[p], x3[p]
                o0[p] = o0[p] + a00 * y0 + a01 * y1 + a02 * y2 + a03 * y3
                o1[p] = o1[p] + a10 * y0 + a11 * y1 + a12 * y2 + a13 * y3
                o2[p] = o2[p] + a20 * y0 + a21 * y1 + a22 * y2 + a23 * y3
                o3[p] = o3[p] + a30 * y0 + a31 * y1 + a32 * y2 + a33 * y3


@njit(cache=True, nogil=True)
def store_block(values, slots, first, out):  # type: ignore[no-untyped-def]
    """Write the first rows of a block of pixels into the rows `slots` of `out`, from the pixel `first` on."""
    n = min(BLOCK, out.shape[1] - first)
    for k in range(len(slots)):
        source, target = values[k], out[slots[k]][first : first + n]
        for p in range(n):
            target[p] = source[p]


@njit(cache=True, nogil=True)
def softmax_block(scores, n_classes, powers):  # type: ignore[no-untyped-def]
    """Turn the first `n_classes` rows of scores into probabilities, in place; `powers` is a row of int32 as room.

    The exponential is 2^n times a polynomial (Cephes' expf, relative error 1e-7), which compilers lay out along pixels.
    """
    largest, total = np.empty(BLOCK, np.float32), np.zeros(BLOCK, np.float32)
    for p in range(BLOCK):
        largest[p] = scores[0, p]
    for k in range(1, n_classes):
        row = scores[k]
        for p in range(BLOCK):
            largest[p] = max(largest[p], row[p])
    scale = powers.view(np.float32)
    for k in range(n_classes):
        row = scores[k]
        for p in range(BLOCK):
            value = max(row[p] - largest[p], np.float32(-87))
            n = np.floor(value * _LOG2_E + np.float32(0.5))
            r = value - n * _LN2_HIGH
            r = r - n * _LN2_LOW
            y = np.float32(1.9875691500e-4) * r + np.float32(1.3981999507e-3)
            y = y * r + np.float32(8.3334519073e-3)
            y = y * r + np.float32(4.1665795894e-2)
            y = y * r + np.float32(1.6666665459e-1)
            y = y * r + np.float32(5.0000001201e-1)
            row[p] = y * r * r + r + np.float32(1)
            powers[p] = (np.int32(n) + np.int32(127)) << np.int32(23)
        for p in range(BLOCK):
            row[p] *= scale[p]
            total[p] += row[p]
    for p in range(BLOCK):
        total[p] = np.float32(1) / total[p]
    for k in range(n_classes):
        row = scores[k]
        for p in range(BLOCK):
            row[p] *= total[p]
