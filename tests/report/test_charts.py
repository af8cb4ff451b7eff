from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from granum.errors import EmptyResultError, SettingError
from granum.report.charts import choose_bins, draw_cumulative, draw_size_histogram, nice_ticks

SVG = "{http://www.w3.org/2000/svg}"


def test_bars_hold_the_share_of_each_class():
    sizes = np.repeat([10.5, 11.5, 12.5], [1, 2, 1])
    root = ElementTree.fromstring(draw_size_histogram(sizes, unit="nm"))
    tips = [bar.find(f"{SVG}title").text for bar in root.iter(f"{SVG}rect") if bar.find(f"{SVG}title") is not None]
    shares = [float(re.search(r": ([\d.]+) % of number", tip)[1]) for tip in tips]
    assert sorted(shares) == [25, 25, 50]
    volumes = [float(re.search(r", ([\d.]+) % of volume", tip)[1]) for tip in tips]
    assert sum(volumes) == pytest.approx(100, abs=0.2)
    assert volumes[-1] > shares[-1]


def test_weights_change_the_shares():
    tips = re.findall(r": ([\d.]+) % of number", draw_size_histogram([10.5, 12.5], [3, 1]))
    assert sorted(map(float, tips)) == [25, 75]


def test_the_axis_is_logarithmic_only_where_sizes_are_wide():
    rng = np.random.default_rng(0)
    assert not choose_bins(rng.normal(100, 10, 500))[1]
    edges, log = choose_bins(rng.lognormal(3, 1, 500))
    assert log
    assert np.allclose(np.diff(np.log(edges)), np.log(edges[1] / edges[0]))


@pytest.mark.parametrize("sizes", [[5.0], [5.0] * 100, [1e-9, 1e-9, 2e-9], [1.0, 1e6], np.geomspace(1, 1e5, 50)])
def test_bins_hold_every_size(sizes):
    edges, _ = choose_bins(sizes)
    assert (np.diff(edges) > 0).all()
    assert np.histogram(sizes, edges)[0].sum() == len(sizes)
    for draw in (draw_size_histogram, draw_cumulative):
        ElementTree.fromstring(draw(sizes))


def test_the_cumulative_curve_ends_at_the_top_and_marks_the_percentiles():
    sizes = np.arange(1.0, 101.0)
    svg = draw_cumulative(sizes, unit="px")
    assert ">D10 10<" in svg
    assert ">D50 50<" in svg
    assert ">D90 90<" in svg
    root = ElementTree.fromstring(svg)
    number = next(path for path in root.iter(f"{SVG}path") if path.get("class") == "number" and "M54 " in path.get("d"))
    last = re.findall(r"V([\d.]+)", number.get("d"))[-1]
    assert float(last) == 32


def test_the_log_normal_curve_peaks_at_the_mode_of_its_bins():
    sizes = np.random.default_rng(1).lognormal(np.log(20), 0.2, 2000)
    root = ElementTree.fromstring(draw_size_histogram(sizes, lognormal=(20, np.exp(0.2))))
    points = [tuple(map(float, pair.split(","))) for pair in root.find(f"{SVG}polyline").get("points").split()]
    x, _ = min(points, key=lambda point: point[1])
    edges, _ = choose_bins(sizes)
    mode = edges[0] + (x - 54) / (560 - 16 - 54) * (edges[-1] - edges[0])
    assert mode == pytest.approx(20 * np.exp(-(0.2**2)), rel=0.03)


def test_axis_titles_are_escaped_and_name_the_unit():
    svg = draw_size_histogram([1.0, 2.0], unit="µm", quantity="<b>size</b>")
    assert "&lt;b&gt;size&lt;/b&gt; (µm)" in svg
    assert "<b>" not in svg


def test_charts_load_nothing_and_are_the_same_every_time():
    sizes = np.random.default_rng(2).lognormal(2, 0.4, 300)
    assert draw_size_histogram(sizes) == draw_size_histogram(sizes)
    assert "href" not in draw_cumulative(sizes)


@pytest.mark.parametrize("sizes", [[], [np.nan], [0.0, -1.0]])
def test_nothing_to_draw_is_said(sizes):
    with pytest.raises(EmptyResultError, match="no object"):
        draw_size_histogram(sizes)


def test_weights_must_fit():
    with pytest.raises(SettingError, match="2 weights for 3 sizes"):
        draw_cumulative([1, 2, 3], [1, 1])


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0, 97), (-3, 5), (1e-7, 3e-7), (8, 14.5)])
def test_ticks_are_round_and_inside(low, high):
    ticks = nice_ticks(low, high)
    assert 2 <= len(ticks) <= 8
    assert low - 1e-9 <= ticks[0] <= ticks[-1] <= high + 1e-9
