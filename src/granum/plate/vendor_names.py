"""Names of images as the instruments write them. Each says by its shape what it is, so nothing has to be guessed."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["VENDOR_NAMES", "VendorName"]


class VendorName(NamedTuple):
    """One convention: groups plate, well (or row and column as numbers, or letter and column), field, time, channel."""

    name: str
    expression: re.Pattern[str]


def _expression(text: str, flags: int = 0) -> re.Pattern[str]:
    return re.compile(text, flags | re.ASCII)


_W = r"(?P<well>[A-Z]{1,2}[0-9]{1,2})"

# tried in this order against the name without its ending; all must fit to the end
VENDOR_NAMES = (
    # Opera Phenix, Operetta CLS (Harmony): r02c03f01p01-ch1sk1fk1fl1; Operetta before: r02c03f01p01rc1-ch1sk1fk1fl1
    VendorName(
        "harmony",
        _expression(
            r"(?P<row>r\d{1,2})(?P<col>c\d{1,2})f(?P<field>\d{1,3})(?:p\d{1,3})?(?:rc\d+)?"
            r"(?:-?ch?(?P<channel>\d{1,2}))?(?:sk(?P<time>\d+))?(?:fk\d+)?(?:fl\d+)?",
            re.IGNORECASE,
        ),
    ),
    # Columbus: 002003-4-001001001. The nine digits are plane, time and channel, in an order that differs: not read
    VendorName("columbus", _expression(r"(?P<row>0\d{2})(?P<col>0\d{2})-(?P<field>\d{1,3})-\d{9}")),
    # Opera: 002003000.flex
    VendorName("opera", _expression(r"(?P<row>0\d{2})(?P<col>0\d{2})(?P<field>\d{3})(?=\.flex)", re.IGNORECASE)),
    # Yokogawa CV7000, CV8000: AssayPlate_C01_T0001F001L01A01Z01C01
    VendorName(
        "yokogawa",
        _expression(rf"(?:(?P<plate>.+)_)?{_W}_T(?P<time>\d{{4}})F(?P<field>\d{{3}})L\d+A\d+Z\d+C(?P<channel>\d{{2}})"),
    ),
    # Incucyte exports: VID123_B3_1_00d04h00m, plate_phase_B3_1_2021y03m04d_10h00m, with the time or without it
    VendorName(
        "incucyte",
        _expression(rf"(?P<plate>.+)_{_W}_(?P<field>\d{{1,3}})_(?P<clock>\d+d\d+h\d+m|\d{{4}}y\d\dm\d\dd_\d\dh\d\dm)"),
    ),
    VendorName("incucyte", _expression(rf"(?P<plate>VID\d+)_{_W}_(?P<field>\d{{1,3}})(?:_(?P<channel>[A-Za-z]\w*))?")),
    # Incucyte archives: A1-1-Ph, B12-3-C1
    VendorName("incucyte", _expression(rf"{_W}-(?P<field>\d{{1,2}})-(?P<channel>Ph|C[1-9])")),
    # ImageXpress: exp_B03_s1_w2<GUID>, one site or one wavelength leave out s or w
    VendorName(
        "imagexpress",
        _expression(
            rf"(?:(?P<plate>.+)_)?{_W}(?:_s(?P<field>\d+))?_w(?P<channel>\d+)(?:_?[0-9A-Fa-f-]{{36}})?(?:_z\d+)?(?:_t(?P<time>\d+))?"
        ),
    ),
    VendorName("imagexpress", _expression(rf"(?:(?P<plate>.+)_)?{_W}_s(?P<field>\d+)(?:_?[0-9A-Fa-f-]{{36}})?")),
    # InCell: B - 03(fld 1 wv DAPI - DAPI), with z and time points
    VendorName(
        "incell",
        _expression(
            r"(?:(?P<plate>.+)_)?(?P<letter>[A-Z]{1,2}) - (?P<col>\d{1,2})\(fld (?P<field>\d+)"
            r"(?: wv (?P<channel>[^)]*?))?(?: z \d+)?(?: time (?P<time>\d+)[^)]*)?\)"
        ),
    ),
    # ArrayScan, CellInsight: MFGTMP_120628160001_A01f00d0
    VendorName("arrayscan", _expression(rf"(?:(?P<plate>.+)_)?{_W}f(?P<field>\d{{2,3}})d(?P<channel>\d)")),
    # CellProfiler's example plates: Channel1-01-A-01(-00)
    VendorName(
        "cellprofiler",
        _expression(r"Channel(?P<channel>\d)-\d+-(?P<letter>[A-P])-(?P<col>\d{2})(?:-(?P<field>\d{2}))?"),
    ),
    # Nikon JOBS: WellB03_PointB03_0001_ChannelDAPI_Seq0012
    VendorName(
        "nikon",
        _expression(rf"(?:(?P<plate>.+)_)?Well{_W}_Point[A-Z]{{1,2}}\d+_(?P<field>\d+)(?:_Channel(?P<channel>.+?))?(?:_Seq\d+.*)?"),
    ),
    # ScanR: well as number is not enough to know the plate: --W00012--P00001--Z00000--T00003--DAPI has no well here
    VendorName(
        "scanr", _expression(r"(?P<plate>.*)--W\d{5}--P(?P<field>\d{5})--Z\d{5}--T(?P<time>\d{5})--(?P<channel>.+)")
    ),
    # MetaMorph: exp_w1DAPI_s2_t3: a stage position is no well
    VendorName(
        "metamorph",
        _expression(r".+?(?:_w\d(?P<channel>[^_]*))?_s(?P<field>\d+)(?:_t(?P<time>\d+))?", re.IGNORECASE),
    ),
    VendorName("metamorph", _expression(r".+?_w\d(?P<channel>[^_]*)_t(?P<time>\d+)", re.IGNORECASE)),
)  # fmt: skip
