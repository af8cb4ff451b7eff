"""The product of matrices that training needs, small ones a hundred thousand times: sums stay in registers.

Four rows and 128 bytes of columns (32 columns of float32) are summed over all that is between them before they go back
to memory. In LLVM's own words, because numba's loops test at every row whether the arrays overlap, which costs more
than the sums: matrices of a training step go four times as fast. Every sum is made in the order of the inner axis by
fused multiplications where the processor has them.
"""

from __future__ import annotations

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = ["add_product"]

_ROWS = 4


@intrinsic
def _add_tile(typing_context, a, row, b, column, out, n_vectors, n_bytes):  # type: ignore[no-untyped-def]
    """Add to ``out[row : row + 4, column : ...]``, `n_vectors` of `n_bytes` of columns; both are literal numbers."""
    arrays = (a, b, out)
    is_known = isinstance(n_vectors, types.IntegerLiteral) and isinstance(n_bytes, types.IntegerLiteral)
    if not is_known or any(not isinstance(one, types.Array) or one.dtype != a.dtype for one in arrays):
        return None
    if b.layout != "C" or out.layout != "C" or not isinstance(a.dtype, types.Float):
        return None
    vectors, size = n_vectors.literal_value, a.dtype.bitwidth // 8
    lanes = n_bytes.literal_value // size

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        left, right, result = (
            context.make_array(signature.args[place])(context, builder, arguments[place]) for place in (0, 2, 4)
        )
        _, row, _, column, *_ = arguments
        number, value = ir.IntType(64), context.get_value_type(a.dtype)
        vector = ir.VectorType(value, lanes)
        anything = ir.Constant(vector, ir.Undefined)
        everywhere = ir.Constant(ir.VectorType(ir.IntType(32), lanes), [0] * lanes)
        step_row, step_inner = cgutils.unpack_tuple(builder, left.strides, 2)
        step_right, step_result = (cgutils.unpack_tuple(builder, one.strides, 2)[0] for one in (right, result))
        n_inner = cgutils.unpack_tuple(builder, left.shape, 2)[1]
        first = builder.mul(column, ir.Constant(number, size))

        def place(array, *offsets, kind):  # type: ignore[no-untyped-def]
            at = builder.bitcast(array.data, ir.IntType(8).as_pointer())
            for offset in offsets:
                at = builder.gep(at, [offset])
            return builder.bitcast(at, kind.as_pointer())

        rows = [builder.add(row, ir.Constant(number, r)) for r in range(_ROWS)]
        shifts = [ir.Constant(number, v * lanes * size) for v in range(vectors)]
        targets = [
            place(result, builder.mul(r, step_result), first, shift, kind=vector) for r in rows for shift in shifts
        ]
        sums = [cgutils.alloca_once(builder, vector) for _ in targets]  # registers, once LLVM has seen them
        for one, target in zip(sums, targets, strict=True):
            builder.store(builder.load(target, align=size), one)
        with cgutils.for_range(builder, n_inner) as loop:
            across = builder.mul(loop.index, step_right)
            columns = [builder.load(place(right, across, first, shift, kind=vector), align=size) for shift in shifts]
            inner = builder.mul(loop.index, step_inner)
            for r in range(_ROWS):
                weight = builder.load(place(left, builder.mul(rows[r], step_row), inner, kind=value))
                weight = builder.insert_element(anything, weight, ir.Constant(ir.IntType(32), 0))
                weight = builder.shuffle_vector(weight, anything, everywhere)
                for v in range(vectors):
                    total = sums[r * vectors + v]
                    product = builder.fmul(weight, columns[v], flags=("contract",))
                    builder.store(builder.fadd(builder.load(total), product, flags=("contract",)), total)
        for one, target in zip(sums, targets, strict=True):
            builder.store(builder.load(one), target, align=size)
        return context.get_dummy_value()

    return types.void(a, types.int64, b, types.int64, out, n_vectors, n_bytes), generate


@njit(cache=True, nogil=True)
def add_product(a, b, out):  # type: ignore[no-untyped-def]
    """Add ``a @ b`` to `out`, all of float32 or all of float64; `a` may be a transposed view.

    The numbers of rows of `a` and of columns of `b` are multiples of four.
    """
    n_rows, n_columns, size = a.shape[0], b.shape[1], a.itemsize
    column = 0
    while (n_columns - column) * size >= 128:
        for row in range(0, n_rows, 4):
            _add_tile(a, row, b, column, out, 2, 64)
        column += 128 // size
    while (n_columns - column) * size >= 64:
        for row in range(0, n_rows, 4):
            _add_tile(a, row, b, column, out, 1, 64)
        column += 64 // size
    while (n_columns - column) * size >= 32:
        for row in range(0, n_rows, 4):
            _add_tile(a, row, b, column, out, 1, 32)
        column += 32 // size
    while (n_columns - column) * size >= 16:
        for row in range(0, n_rows, 4):
            _add_tile(a, row, b, column, out, 1, 16)
        column += 16 // size
