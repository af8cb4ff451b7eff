"""Sums of the leaf values of many trees for blocks of 256 pixels.

Small trees are worked out from the leaves up: a node takes what its left or its right child says, pixel by pixel, as
one comparison and one choice of 64 pixels at a time. All nodes are looked at, but no branch depends on a pixel. What
moves are numbers of leaves, one byte each, so a tree must have at most 256. Larger ones are walked from the root down.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from granum.learn.block_kernels import BLOCK, softmax_block, store_block

__all__ = ["fill_trees_by_choices", "fill_trees_by_walks"]

_LANES = 64
_HALF = 128  # pixels that go through the trees at once: 85 features of them are 43 KiB


@intrinsic
def _choose(typing_context, block, x, edge, rooms, left, right, node):  # type: ignore[no-untyped-def]
    """Set ``rooms[node] = rooms[left] if block[x] <= edge else rooms[right]`` for half a block of pixels.

    All are flat, and the places are where rows begin. In LLVM's own words, because numba tests slices for overlap and
    counts their references, which costs more than the choice.
    """

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        block_type, _, _, rooms_type, *_ = signature.args
        features = context.make_array(block_type)(context, builder, arguments[0]).data
        room = context.make_array(rooms_type)(context, builder, arguments[3]).data
        _, x, edge, _, left, right, node = arguments
        floats, bytes_ = ir.VectorType(ir.FloatType(), _LANES), ir.VectorType(ir.IntType(8), _LANES)
        one = builder.insert_element(ir.Constant(floats, ir.Undefined), edge, ir.Constant(ir.IntType(32), 0))
        everywhere = ir.Constant(ir.VectorType(ir.IntType(32), _LANES), [0] * _LANES)
        edges = builder.shuffle_vector(one, ir.Constant(floats, ir.Undefined), everywhere)

        def part(base, place, begin, kind):  # type: ignore[no-untyped-def]
            at = builder.add(place, ir.Constant(ir.IntType(64), begin))
            return builder.bitcast(builder.gep(base, [at]), kind.as_pointer())

        for begin in range(0, _HALF, _LANES):
            goes_left = builder.fcmp_ordered("<=", builder.load(part(features, x, begin, floats), align=4), edges)
            one_side = builder.load(part(room, left, begin, bytes_), align=1)
            other = builder.load(part(room, right, begin, bytes_), align=1)
            builder.store(builder.select(goes_left, one_side, other), part(room, node, begin, bytes_), align=1)
        return context.get_dummy_value()

    place = types.int64
    return types.void(block, place, types.float32, rooms, place, place, place), generate


@njit(cache=True, nogil=True)
def _load(planes, rows, first, block):  # type: ignore[no-untyped-def]
    """Fill a block with features as they are; NaN and missing pixels are 0."""
    n = min(BLOCK, planes.shape[1] - first)
    for j in range(len(rows)):
        source, target = planes[rows[j]][first : first + n], block[j]
        for p in range(n):
            value = source[p]
            target[p] = value if value == value else np.float32(0)
        for p in range(n, BLOCK):
            target[p] = 0


@njit(cache=True, nogil=True)
def _finish(total, base, share, is_mean, slots, start, powers, out):  # type: ignore[no-untyped-def]
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
def _look_up(places, leaves, values, sums):  # type: ignore[no-untyped-def]
    """Add the values (V4, leaves, 4) of the leaf of every pixel to its sums (V4, pixels, 4)."""
    for four in range(len(values)):
        table, target = values[four, leaves:], sums[four]
        for p in range(_HALF):
            leaf = np.uint64(places[p])
            for k in range(4):
                target[p, k] += table[leaf, k]


@njit(cache=True, nogil=True)
def _look_up_one(places, leaves, values, sums):  # type: ignore[no-untyped-def]
    """Add the value of the leaf of every pixel to its sum."""
    table = values[leaves:]
    for p in range(_HALF):
        sums[p] += table[np.uint64(places[p])]


@njit(cache=True, nogil=True)
def fill_trees_by_choices(  # type: ignore[no-untyped-def]
    planes, rows, node_start, leaf_start, feature, threshold, left, right, n_constant, values, adds_to, base, share,
    is_mean, slots, first, last, out,
):  # fmt: skip
    """Write the probabilities of some blocks; `left`, `right`, `n_constant`, `values` of `TreeTables.choices`."""
    n_rows, n_fours = len(slots), len(values)
    block = np.zeros((len(rows), BLOCK), np.float32)
    flat = block.reshape(-1)
    n_nodes = 1
    for tree in range(len(adds_to)):
        n_nodes = max(n_nodes, node_start[tree + 1] - node_start[tree])
    rooms = np.zeros((n_constant + n_nodes, _HALF), np.uint8)
    for leaf in range(n_constant):
        rooms[leaf] = leaf
    room = rooms.reshape(-1)
    total = np.empty((n_rows, BLOCK), np.float32)
    sums = np.empty((n_fours, _HALF, 4), np.float32)
    singles = values.reshape(-1)
    powers = np.empty(BLOCK, np.int32)
    for b in range(first, last):
        _load(planes, rows, b * BLOCK, block)
        total[:] = 0
        for half in range(0, BLOCK, _HALF):
            sums[:] = 0
            for tree in range(len(adds_to)):
                begin, end = node_start[tree], node_start[tree + 1]
                for node in range(end - 1, begin - 1, -1):  # children come after their parents
                    _choose(
                        flat, np.int64(feature[node]) * BLOCK + half, threshold[node], room,
                        np.int64(left[node]) * _HALF, np.int64(right[node]) * _HALF,
                        np.int64(n_constant + node - begin) * _HALF,
                    )  # fmt: skip
                places = rooms[n_constant if end > begin else 0]
                if values.shape[2] == 1:
                    _look_up_one(places, leaf_start[tree], singles, total[adds_to[tree], half : half + _HALF])
                else:
                    _look_up(places, leaf_start[tree], values, sums)
            if values.shape[2] == 4:
                for k in range(n_rows):
                    for p in range(_HALF):
                        total[k, half + p] = sums[k // 4, p, k % 4]
        _finish(total, base, share, is_mean, slots, b * BLOCK, powers, out)


@njit(cache=True, nogil=True)
def fill_trees_by_walks(  # type: ignore[no-untyped-def]
    planes, rows, node_start, leaf_start, feature, threshold, left, right, values, adds_to, base, share, is_mean,
    slots, first, last, out,
):  # fmt: skip
    """Write the probabilities of some blocks; trees of any size, from root to leaf."""
    n_values = values.shape[1]
    block = np.empty((len(rows), BLOCK), np.float32)
    total = np.empty((len(slots), BLOCK), np.float32)
    powers = np.empty(BLOCK, np.int32)
    for b in range(first, last):
        _load(planes, rows, b * BLOCK, block)
        total[:] = 0
        for tree in range(len(adds_to)):
            begin, row = node_start[tree], adds_to[tree]
            root = np.int32(0) if node_start[tree + 1] > begin else np.int32(-1)
            for p in range(BLOCK):
                node = root
                while node >= 0:
                    at = begin + node
                    node = left[at] if block[feature[at], p] <= threshold[at] else right[at]
                found = leaf_start[tree] - 1 - node
                for k in range(n_values):
                    total[row + k, p] += values[found, k]
        _finish(total, base, share, is_mean, slots, b * BLOCK, powers, out)
