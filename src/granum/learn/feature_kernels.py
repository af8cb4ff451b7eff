"""Kernels of the feature bank: every value is summed in one fixed order, so that a window gives the bytes of the whole.

All planes of a tile have one shape, its frame of neighbours included; `margin` counts the outer rows and columns that
a kernel leaves out because its neighbours end there. Kernels run along rows without branches, so that the compiler
uses wide registers, and without `fastmath`, so that the wide body and the rest of a row round alike. They hold no
lock: tiles are computed in threads.
"""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = [
    "add_deviations",
    "add_planes",
    "copy_levels",
    "differ",
    "eigenvalues",
    "enlarge",
    "entropies",
    "gradient_magnitude",
    "gradient_products",
    "line_responses",
    "local_extremes",
    "memberships",
    "pick",
    "roots",
    "second_derivatives",
    "smooth",
    "turned_derivative",
]

_HALF = np.float32(0.5)
_QUARTER = np.float32(0.25)
_ZERO = np.float32(0)
_ONE = np.float32(1)
_TWO = np.float32(2)
# of sums of levels around 1, in units of the intensity scale: a constant must not look like noise
_ROUNDING = np.float32(4e-7)
_FLOOR = np.float32(1e-5)


@njit(cache=True, nogil=True)
def smooth(source, target, top, left, margin, weights, line):  # type: ignore[no-untyped-def]
    """Write source convolved with a symmetric kernel along rows and columns to target[top:, left:]."""
    height, width = source.shape
    radius = len(weights) - 1
    n = width - 2 * margin
    m = n + 2 * radius
    first = margin - radius
    buffer = line[:m]
    centre = weights[0]
    for y in range(margin, height - margin):
        middle = source[y][first : first + m]
        above, below, weight = source[y - 1][first : first + m], source[y + 1][first : first + m], weights[1]
        for x in range(m):
            buffer[x] = centre * middle[x] + weight * (above[x] + below[x])
        i = 2
        while i < radius:
            above, below, weight = source[y - i][first : first + m], source[y + i][first : first + m], weights[i]
            further, deeper = source[y - i - 1][first : first + m], source[y + i + 1][first : first + m]
            next_weight = weights[i + 1]
            for x in range(m):
                buffer[x] = (buffer[x] + weight * (above[x] + below[x])) + next_weight * (further[x] + deeper[x])
            i += 2
        if i == radius:
            above, below, weight = source[y - i][first : first + m], source[y + i][first : first + m], weights[i]
            for x in range(m):
                buffer[x] += weight * (above[x] + below[x])
        row = target[top + y - margin][left : left + n]
        middle, above, below = buffer[radius : radius + n], buffer[radius - 1 : radius - 1 + n], buffer[radius + 1 :]
        weight = weights[1]
        for x in range(n):
            row[x] = centre * middle[x] + weight * (above[x] + below[x])
        i = 2
        while i < radius:
            above, below, weight = buffer[radius - i : radius - i + n], buffer[radius + i :], weights[i]
            further, deeper, next_weight = buffer[radius - i - 1 :], buffer[radius + i + 1 :], weights[i + 1]
            for x in range(n):
                row[x] = (row[x] + weight * (above[x] + below[x])) + next_weight * (further[x] + deeper[x])
            i += 2
        if i == radius:
            above, below, weight = buffer[radius - i :], buffer[radius + i :], weights[i]
            for x in range(n):
                row[x] += weight * (above[x] + below[x])


@njit(cache=True, nogil=True)
def copy_levels(source, target, top, left, margin):  # type: ignore[no-untyped-def]
    """Write the inside of `source` to target[top:, left:]."""
    height, width = source.shape
    n = width - 2 * margin
    for y in range(margin, height - margin):
        target[top + y - margin][left : left + n] = source[y][margin : margin + n]


@njit(cache=True, nogil=True)
def differ(first, second, target, top, left, margin):  # type: ignore[no-untyped-def]
    """Write first - second."""
    height, width = first.shape
    n = width - 2 * margin
    for y in range(margin, height - margin):
        a, b = first[y][margin : margin + n], second[y][margin : margin + n]
        row = target[top + y - margin][left : left + n]
        for x in range(n):
            row[x] = a[x] - b[x]


@njit(cache=True, nogil=True)
def roots(source, target, top, left, margin):  # type: ignore[no-untyped-def]
    """Write the square roots."""
    height, width = source.shape
    n = width - 2 * margin
    for y in range(margin, height - margin):
        a, row = source[y][margin : margin + n], target[top + y - margin][left : left + n]
        for x in range(n):
            row[x] = np.sqrt(a[x])


@njit(cache=True, nogil=True)
def gradient_magnitude(levels, target, top, left, margin, scale):  # type: ignore[no-untyped-def]
    """Write the length of the gradient (central differences) times `scale`."""
    height, width = levels.shape
    n = width - 2 * margin
    factor = _HALF * scale
    for y in range(margin, height - margin):
        north, south = levels[y - 1][margin : margin + n], levels[y + 1][margin : margin + n]
        west, east = levels[y][margin - 1 : margin - 1 + n], levels[y][margin + 1 : margin + 1 + n]
        row = target[top + y - margin][left : left + n]
        for x in range(n):
            down, right = factor * (south[x] - north[x]), factor * (east[x] - west[x])
            row[x] = np.sqrt(down * down + right * right)


@njit(cache=True, nogil=True)
def gradient_products(levels, yy, yx, xx, margin, scale):  # type: ignore[no-untyped-def]
    """Fill the three products of the gradient (central differences times `scale`)."""
    height, width = levels.shape
    n = width - 2 * margin
    factor = _HALF * scale
    for y in range(margin, height - margin):
        north, south = levels[y - 1][margin : margin + n], levels[y + 1][margin : margin + n]
        west, east = levels[y][margin - 1 : margin - 1 + n], levels[y][margin + 1 : margin + 1 + n]
        a, b, c = yy[y][margin : margin + n], yx[y][margin : margin + n], xx[y][margin : margin + n]
        for x in range(n):
            down, right = factor * (south[x] - north[x]), factor * (east[x] - west[x])
            a[x] = down * down
            b[x] = down * right
            c[x] = right * right


@njit(cache=True, nogil=True)
def second_derivatives(levels, yy, yx, xx, margin, scale):  # type: ignore[no-untyped-def]
    """Fill the second derivatives (differences of the eight neighbours) times `scale` squared."""
    height, width = levels.shape
    n = width - 2 * margin
    factor = scale * scale
    quarter = _QUARTER * factor
    for y in range(margin, height - margin):
        above, middle, below = levels[y - 1], levels[y], levels[y + 1]
        north, centre, south = above[margin : margin + n], middle[margin : margin + n], below[margin : margin + n]
        west, east = middle[margin - 1 : margin - 1 + n], middle[margin + 1 : margin + 1 + n]
        north_west, north_east = above[margin - 1 : margin - 1 + n], above[margin + 1 : margin + 1 + n]
        south_west, south_east = below[margin - 1 : margin - 1 + n], below[margin + 1 : margin + 1 + n]
        a, b, c = yy[y][margin : margin + n], yx[y][margin : margin + n], xx[y][margin : margin + n]
        for x in range(n):
            # differences of differences: a constant gives 0, whatever its level
            a[x] = factor * ((south[x] - centre[x]) - (centre[x] - north[x]))
            c[x] = factor * ((east[x] - centre[x]) - (centre[x] - west[x]))
            b[x] = quarter * ((south_east[x] - south_west[x]) - (north_east[x] - north_west[x]))


@njit(cache=True, nogil=True)
def add_planes(first, second, target, top, left, margin):  # type: ignore[no-untyped-def]
    """Write first + second."""
    height, width = first.shape
    n = width - 2 * margin
    for y in range(margin, height - margin):
        a, b = first[y][margin : margin + n], second[y][margin : margin + n]
        row = target[top + y - margin][left : left + n]
        for x in range(n):
            row[x] = a[x] + b[x]


@njit(cache=True, nogil=True)
def eigenvalues(yy, yx, xx, largest, smallest, top, left, margin, rooted):  # type: ignore[no-untyped-def]
    """Write both eigenvalues of symmetric tensors; their square roots when `rooted`."""
    height, width = yy.shape
    n = width - 2 * margin
    for y in range(margin, height - margin):
        a, b, c = yy[y][margin : margin + n], yx[y][margin : margin + n], xx[y][margin : margin + n]
        high, low = largest[top + y - margin][left : left + n], smallest[top + y - margin][left : left + n]
        if rooted:
            for x in range(n):
                mean, half = _HALF * (a[x] + c[x]), _HALF * (a[x] - c[x])
                spread = np.sqrt(half * half + b[x] * b[x])
                high[x] = np.sqrt(mean + spread)
                low[x] = np.sqrt(max(mean - spread, _ZERO))
        else:
            for x in range(n):
                mean, half = _HALF * (a[x] + c[x]), _HALF * (a[x] - c[x])
                spread = np.sqrt(half * half + b[x] * b[x])
                high[x] = mean + spread
                low[x] = mean - spread


@njit(cache=True, nogil=True)
def add_deviations(levels, smoothed, variances, target, margin):  # type: ignore[no-untyped-def]
    """Fill the squared deviations from the smoothed levels, plus the variance inside each pixel of a reduced image."""
    height, width = levels.shape
    n = width - 2 * margin
    for y in range(margin, height - margin):
        a, b = levels[y][margin : margin + n], smoothed[y][margin : margin + n]
        row = target[y][margin : margin + n]
        for x in range(n):
            rest = a[x] - b[x]
            row[x] = rest * rest
        if variances.size > 0:
            inner = variances[y][margin : margin + n]
            for x in range(n):
                row[x] += inner[x]


@njit(cache=True, nogil=True, error_model="numpy")  # no branch for division by 0
def memberships(levels, smoothed, deviations, dark, bright, margin):  # type: ignore[no-untyped-def]
    """Fill how much each pixel is a dark or a bright one of its neighbourhood (-1 or +1 deviation and beyond = 1)."""
    height, width = levels.shape
    n = width - 2 * margin
    for y in range(margin, height - margin):
        a, b, d = levels[y][margin : margin + n], smoothed[y][margin : margin + n], deviations[y][margin : margin + n]
        low, high = dark[y][margin : margin + n], bright[y][margin : margin + n]
        for x in range(n):
            rest, size = a[x] - b[x], _ONE + abs(b[x])
            rounding, deviation = _ROUNDING * size, max(d[x], _FLOOR * size)
            low[x] = min(max(-rest - rounding, _ZERO) / deviation, _ONE)
            high[x] = min(max(rest - rounding, _ZERO) / deviation, _ONE)


@njit(cache=True, nogil=True)
def entropies(dark, bright, target, top, left, margin):  # type: ignore[no-untyped-def]
    """Write the quadratic entropy 1 - sum(share^2) of the shares dark, middle and bright."""
    height, width = dark.shape
    n = width - 2 * margin
    for y in range(margin, height - margin):
        low, high = dark[y][margin : margin + n], bright[y][margin : margin + n]
        row = target[top + y - margin][left : left + n]
        for x in range(n):
            rest = (_ONE - low[x]) - high[x]
            row[x] = ((_ONE - rest * rest) - low[x] * low[x]) - high[x] * high[x]


@njit(cache=True, nogil=True)
def local_extremes(source, lowest, highest, top, left, margin, radius, line):  # type: ignore[no-untyped-def]
    """Write the smallest and the largest value of the square of 2 radius + 1 pixels."""
    height, width = source.shape
    n = width - 2 * margin
    first = margin - radius
    m = n + 2 * radius
    low, high = line[:m], line[width : width + m]
    for y in range(margin, height - margin):
        middle = source[y][first : first + m]
        for x in range(m):
            low[x] = middle[x]
            high[x] = middle[x]
        for i in range(1, radius + 1):
            above, below = source[y - i][first : first + m], source[y + i][first : first + m]
            for x in range(m):
                low[x] = min(low[x], min(above[x], below[x]))
                high[x] = max(high[x], max(above[x], below[x]))
        small, large = lowest[top + y - margin][left : left + n], highest[top + y - margin][left : left + n]
        for x in range(n):
            small[x] = low[x]
            large[x] = high[x]
        for i in range(1, 2 * radius + 1):
            next_low, next_high = low[i : i + n], high[i : i + n]
            for x in range(n):
                small[x] = min(small[x], next_low[x])
                large[x] = max(large[x], next_high[x])


@njit(cache=True, nogil=True)
def turned_derivative(yy, yx, xx, target, margin, down, right):  # type: ignore[no-untyped-def]
    """Fill the second derivative across lines that run along (down, right), a unit vector."""
    height, width = yy.shape
    n = width - 2 * margin
    first, second, third = right * right, -_TWO * down * right, down * down
    for y in range(margin, height - margin):
        a, b, c = yy[y][margin : margin + n], yx[y][margin : margin + n], xx[y][margin : margin + n]
        row = target[y][margin : margin + n]
        for x in range(n):
            row[x] = (first * a[x] + second * b[x]) + third * c[x]


@njit(cache=True, nogil=True)
def line_responses(derivative, bright, dark, top, left, margin, steps, begin):  # type: ignore[no-untyped-def]
    """Keep the largest response of bright and of dark lines: means of `derivative` at the centre and +-3 steps."""
    height, width = derivative.shape
    n = width - 2 * margin
    share = _ONE / np.float32(7)
    for y in range(margin, height - margin):
        centre = derivative[y][margin : margin + n]
        y1, y2, y3 = steps[0, 0], steps[1, 0], steps[2, 0]
        x1, x2, x3 = steps[0, 1], steps[1, 1], steps[2, 1]
        a1 = derivative[y + y1][margin + x1 : margin + x1 + n]
        b1 = derivative[y - y1][margin - x1 : margin - x1 + n]
        a2 = derivative[y + y2][margin + x2 : margin + x2 + n]
        b2 = derivative[y - y2][margin - x2 : margin - x2 + n]
        a3 = derivative[y + y3][margin + x3 : margin + x3 + n]
        b3 = derivative[y - y3][margin - x3 : margin - x3 + n]
        up, low = bright[top + y - margin][left : left + n], dark[top + y - margin][left : left + n]
        if begin:
            for x in range(n):
                mean = share * (((centre[x] + (a1[x] + b1[x])) + (a2[x] + b2[x])) + (a3[x] + b3[x]))
                up[x] = -mean
                low[x] = mean
        else:
            for x in range(n):
                mean = share * (((centre[x] + (a1[x] + b1[x])) + (a2[x] + b2[x])) + (a3[x] + b3[x]))
                up[x] = max(up[x], -mean)
                low[x] = max(low[x], mean)


@njit(cache=True, nogil=True, error_model="numpy")  # no branch for division by 0
def _enlarge_row(line, row, first, factor):  # type: ignore[no-untyped-def]
    """Write a row by linear interpolation; whole groups of `factor` pixels at once where there is a loop for them."""
    width, period = len(row), 2 * factor
    share = _ONE / np.float32(period)
    x = 0
    while x < width:
        place = first + 2 * x
        j = place // period
        rest = place - j * period
        groups = (width - x) // factor if rest == 1 else 0
        begin, end = line[j : j + groups], line[j + 1 : j + 1 + groups]
        if groups > 0 and factor == 2:
            part = row[x : x + 2 * groups]
            for i in range(groups):
                start, slope = begin[i], end[i] - begin[i]
                part[2 * i] = start + share * slope
                part[2 * i + 1] = start + (np.float32(3) * share) * slope
        elif groups > 0 and factor == 4:
            part = row[x : x + 4 * groups]
            for i in range(groups):
                start, slope = begin[i], end[i] - begin[i]
                part[4 * i] = start + share * slope
                part[4 * i + 1] = start + (np.float32(3) * share) * slope
                part[4 * i + 2] = start + (np.float32(5) * share) * slope
                part[4 * i + 3] = start + (np.float32(7) * share) * slope
        else:
            groups = 0
            start = line[j]
            slope = line[j + 1] - start
            n = min(width - x, (period - rest + 1) // 2)
            for i in range(n):
                row[x + i] = start + (np.float32(rest + 2 * i) * share) * slope
            x += n
        x += groups * factor


@njit(cache=True, nogil=True, error_model="numpy")  # no branch for division by 0
def enlarge(small, target, top, left, height, width, first_y, first_x, factor, line):  # type: ignore[no-untyped-def]
    """Write `small`, a part of an image reduced by `factor`, to target[top:, left:] by bilinear interpolation.

    `first_y` and `first_x` are twice the distance of the first target pixel from the centre of the first pixel of
    `small`, in pixels of the target: weights depend on the place modulo `factor` only, and are exact.
    """
    n_small = small.shape[1]
    share = _ONE / np.float32(2 * factor)
    for y in range(height):
        place = first_y + 2 * y
        j = place // (2 * factor)
        weight = np.float32(place - j * 2 * factor) * share
        upper, lower = small[j], small[j + 1]
        for x in range(n_small):
            line[x] = upper[x] + weight * (lower[x] - upper[x])
        _enlarge_row(line, target[top + y][left : left + width], first_x, factor)


@njit(cache=True, nogil=True)
def pick(small, places, weights, factor, target, order):  # type: ignore[no-untyped-def]
    """Write single pixels to target[order], by the arithmetic of `enlarge`."""
    for i in range(len(places)):
        y, x = places[i]
        if factor == 1:
            target[order[i]] = small[y, x]
        else:
            start = small[y, x] + weights[i, 0] * (small[y + 1, x] - small[y, x])
            end = small[y, x + 1] + weights[i, 0] * (small[y + 1, x + 1] - small[y, x + 1])
            target[order[i]] = start + weights[i, 1] * (end - start)
