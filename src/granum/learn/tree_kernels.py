"""Sums of the leaf values of many trees for blocks of 256 pixels.

Neighbouring pixels have similar features, so a node whose threshold lies outside the range of its feature within the
block is decided for all pixels at once; only the others are compared pixel by pixel.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from granum.learn.block_kernels import BLOCK, softmax_block, store_block

__all__ = ["fill_trees_by_bits", "fill_trees_by_walks"]


@intrinsic
def _lowest_bit(typing_context, value):  # type: ignore[no-untyped-def]
    """Return the number of the lowest bit that is set."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return (value(value), generate) if isinstance(value, types.Integer) else None


@njit(cache=True, nogil=True)
def _load(planes, rows, first, block, low, high):  # type: ignore[no-untyped-def]
    """Fill a block with features as they are (NaN is 0; missing pixels repeat the first) and the range of each."""
    n = min(BLOCK, planes.shape[1] - first)
    for j in range(len(rows)):
        source, target = planes[rows[j]][first : first + n], block[j]
        for p in range(n):
            value = source[p]
            target[p] = value if value == value else np.float32(0)
        for p in range(n, BLOCK):
            target[p] = target[0]
        lowest = highest = target[0]
        for p in range(BLOCK):
            lowest = min(lowest, target[p])
            highest = max(highest, target[p])
        low[j], high[j] = lowest, highest
    return n


@njit(cache=True, nogil=True)
def _finish(total, base, share, is_mean, slots, n, start, powers, out):  # type: ignore[no-untyped-def]
    """Turn sums into probabilities and write those of the block."""
    n_rows = len(slots)
    if is_mean:
        for p in range(BLOCK):
            whole = np.float32(0)
            for k in range(n_rows):
                whole += total[k, p]
            for k in range(n_rows):
                total[k, p] = total[k, p] / whole
    else:
        for k in range(n_rows):
            for p in range(BLOCK):
                total[k, p] = (total[k, p] + base[k]) * share
        softmax_block(total, n_rows, powers)
    store_block(total, slots, start, out)


@njit(cache=True, nogil=True)
def fill_trees_by_bits(  # type: ignore[no-untyped-def]
    planes, rows, node_start, leaf_start, feature, threshold, masks, values, adds_to, base, share, is_mean,
    slots, first, last, out,
):  # fmt: skip
    """Write the probabilities of some blocks; trees of at most 64 leaves, `masks` and `values` of `bit_vectors`."""
    n_values = values.shape[1]
    block = np.empty((len(rows), BLOCK), np.float32)
    low, high = np.empty(len(rows), np.float32), np.empty(len(rows), np.float32)
    total = np.empty((len(slots), BLOCK), np.float32)
    powers = np.empty(BLOCK, np.int32)
    bits = np.empty(BLOCK, masks.dtype)
    nothing = ~(bits[0] ^ bits[0])
    open_nodes = np.empty(64, np.int64)
    for b in range(first, last):
        n = _load(planes, rows, b * BLOCK, block, low, high)
        total[:] = 0
        for tree in range(len(adds_to)):
            begin, end = node_start[tree], node_start[tree + 1]
            leaf, row = leaf_start[tree], adds_to[tree]
            together = nothing
            n_open = 0
            for node in range(begin, end):
                j, edge = feature[node], threshold[node]
                if low[j] > edge:
                    together &= masks[node]
                elif high[j] > edge:
                    open_nodes[n_open] = node
                    n_open += 1
            kept = 0
            for i in range(n_open):  # nodes whose left side is out for all pixels already change nothing
                node = open_nodes[i]
                if together & ~masks[node]:
                    open_nodes[kept] = node
                    kept += 1
            if kept == 0:
                found = leaf + np.int64(_lowest_bit(together))
                for k in range(n_values):
                    target, add = total[row + k], values[found, k]
                    for p in range(BLOCK):
                        target[p] += add
                continue
            for p in range(BLOCK):
                bits[p] = together
            i = 0
            while i + 1 < kept:
                one, two = open_nodes[i], open_nodes[i + 1]
                x, y = block[feature[one]], block[feature[two]]
                edge, edge_y = threshold[one], threshold[two]
                mask, mask_y = masks[one], masks[two]
                for p in range(BLOCK):
                    bits[p] &= (mask if x[p] > edge else nothing) & (mask_y if y[p] > edge_y else nothing)
                i += 2
            if i < kept:
                one = open_nodes[i]
                x, edge, mask = block[feature[one]], threshold[one], masks[one]
                for p in range(BLOCK):
                    bits[p] &= mask if x[p] > edge else nothing
            if n_values == 1:
                target = total[row]
                for p in range(BLOCK):
                    target[p] += values[leaf + np.int64(_lowest_bit(bits[p])), 0]
            else:
                for p in range(BLOCK):
                    found = leaf + np.int64(_lowest_bit(bits[p]))
                    for k in range(n_values):
                        total[row + k, p] += values[found, k]
        _finish(total, base, share, is_mean, slots, n, b * BLOCK, powers, out)


@njit(cache=True, nogil=True)
def fill_trees_by_walks(  # type: ignore[no-untyped-def]
    planes, rows, node_start, leaf_start, feature, threshold, left, right, values, adds_to, base, share, is_mean,
    slots, first, last, out,
):  # fmt: skip
    """Write the probabilities of some blocks; trees of any size, from root to leaf."""
    n_values = values.shape[1]
    block = np.empty((len(rows), BLOCK), np.float32)
    low, high = np.empty(len(rows), np.float32), np.empty(len(rows), np.float32)
    total = np.empty((len(slots), BLOCK), np.float32)
    powers = np.empty(BLOCK, np.int32)
    for b in range(first, last):
        n = _load(planes, rows, b * BLOCK, block, low, high)
        total[:] = 0
        for tree in range(len(adds_to)):
            begin, row = node_start[tree], adds_to[tree]
            root = np.int32(0) if node_start[tree + 1] > begin else np.int32(-1)
            while root >= 0:  # down as far as all pixels go together
                j, edge = feature[begin + root], threshold[begin + root]
                if high[j] <= edge:
                    root = left[begin + root]
                elif low[j] > edge:
                    root = right[begin + root]
                else:
                    break
            for p in range(BLOCK):
                node = root
                while node >= 0:
                    at = begin + node
                    node = left[at] if block[feature[at], p] <= threshold[at] else right[at]
                found = leaf_start[tree] - 1 - node
                for k in range(n_values):
                    total[row + k, p] += values[found, k]
        _finish(total, base, share, is_mean, slots, n, b * BLOCK, powers, out)
