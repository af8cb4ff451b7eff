from __future__ import annotations

import pytest

from granum.errors import SettingError
from granum.plate import parse_image_name

KNOWN = {
    # name: (plate, well, field, time, unit, channel)
    "VID123_B3_1_00d04h30m.tif": ("VID123", "B03", "1", 4.5, "h", ""),
    "VID12_H12_4.tif": ("VID12", "H12", "4", None, "", ""),
    "A1-1-Ph.tif": ("", "A01", "1", None, "", "Ph"),
    "run/TimePoint_3/exp_B03_s1_w2.TIF": ("exp", "B03", "1", 3.0, "", "2"),
    "exp_AF48_s12_w212345678-1234-1234-1234-1234567890AB.tif": ("exp", "AF48", "12", None, "", "2"),
    "r02c03f01p01-ch1sk1fk1fl1.tiff": ("", "B03", "1", 1.0, "", "1"),
    "r16c24f09p03rc2-ch4sk12fk1fl1.tiff": ("", "P24", "9", 12.0, "", "4"),
    "002003-4-001001001.tif": ("", "B03", "4", None, "", ""),
    "008012003.flex": ("", "H12", "3", None, "", ""),
    "sbs_A01_ch1.tif": ("", "A01", "", None, "", "ch1"),
    "Greiner_C01_T0002F003L01A01Z01C04.tif": ("Greiner", "C01", "3", 2.0, "", "4"),
    "exp_w1DAPI_s2_t3.TIF": ("", "", "2", 3.0, "", "DAPI"),
    "B03_f1_t012_hoechst.tif": ("", "B03", "1", 12.0, "", "hoechst"),
    "well_B3_f2.ome.tif": ("", "B03", "2", None, "", ""),
    "B - 03(fld 1 wv DAPI - DAPI).tif": ("", "B03", "1", None, "", "DAPI - DAPI"),
    "MFGTMP_120628160001_A01f00d0.TIF": ("MFGTMP_120628160001", "A01", "0", None, "", "0"),
    "Channel1-01-A-01.tif": ("", "A01", "", None, "", "1"),
    "WellB03_PointB03_0001_ChannelDAPI_Seq0012.nd2": ("", "B03", "1", None, "", "DAPI"),
    "x--W00012--P00001--Z00000--T00003--dapi.tif": ("x", "", "1", 3.0, "", "dapi"),
    "plate1_B03_t30min_ch2.tif": ("plate1", "B03", "", 0.5, "h", "ch2"),
    "day1_C4_f2_PI.tif": ("", "C04", "2", 24.0, "h", "PI"),
    "exp_B03_F01_T02_C01.tif": ("", "B03", "1", 2.0, "", "C01"),
    "F3_f1_t012_dapi.tif": ("", "F03", "1", 12.0, "", "dapi"),
    "B3.tif": ("", "B03", "", None, "", ""),
    "b03_f1.tif": ("", "B03", "1", None, "", ""),
    "HeLa_24h_B02_ch2.tif": ("", "B02", "", 24.0, "h", "ch2"),
}


@pytest.mark.parametrize("file", KNOWN)
def test_names_of_instruments_and_people_are_read(file):
    name = parse_image_name(file)
    assert (name.plate, name.well, name.field, name.time, name.time_unit, name.channel) == KNOWN[file]


@pytest.mark.parametrize(
    "file",
    [
        "d0-c3-005.jpg", "x20-mid_d1-b3-006.jpg", "x20-mid_d1-c1-008.jpg", "x10-low_F1_10X_60_003.jpg", "Scratch7.jpg",
        "x4-high_M4-N100-B35-0018.jpg", "x4-mid_4X_35_T001.jpg", "Ag221_175kX_0156.jpg", "Pd_1.01a.jpg", "gold_8nm.png",
        "A549_DAPI.tif", "T24_GFP.tif", "C2C12_phase_t4h.tif", "K562.tif", "img_T01_F01_C01.tif", "image_C01.tif",
        "", "/",
        "field1_brightfield_8bit.png", "sample A1 100nm.tif", "img_000012.tif", "r40c60f01p01-ch1sk1fk1fl1.tiff",
        "AG1_f1.tif",
    ],
)  # fmt: skip
def test_a_wrong_well_is_worse_than_none(file):
    assert parse_image_name(file).well == ""


def test_a_date_in_the_name_is_kept_as_hours():
    first, second = (parse_image_name(f"a_B3_1_2021y03m04d_{h}h30m.tif") for h in ("10", "22"))
    assert first.time_unit == "date"
    assert second.time - first.time == 12


def test_a_pattern_reads_what_it_names_and_nothing_else():
    name = parse_image_name("x/B3_f02_t0d12h30m_dapi.tif", pattern="{well}_f{field}_t{time}_*")
    assert (name.well, name.field, name.time, name.time_unit, name.channel) == ("B03", "2", 12.5, "h", "")
    assert parse_image_name("B03_f1_hoechst.tif", pattern="{well}_t{time}.tif").well == ""
    assert parse_image_name("p7/2-11.png", pattern="{plate}/{row}-{column}").well == "B11"
    assert parse_image_name("p7/2-11.png", pattern="{plate}/{row}-{column}").plate == "p7"
    assert parse_image_name("AG7.png", pattern="{well}").well == ""


@pytest.mark.parametrize("pattern", ["", "*.tif", "{wel}", "{well}_{well}", "{well", "{row}", "{well}_{row}_{column}"])
def test_a_pattern_that_cannot_be_used_is_refused_with_the_reason(pattern):
    with pytest.raises(SettingError, match="names"):
        parse_image_name("B03.tif", pattern=pattern)
