from __future__ import annotations

from pathlib import Path

import pytest

from granum.errors import ReadError
from granum.plate import PlateImage, apply_plate_map, read_plate_map

REAL = Path(__file__).parents[3] / "shared/data/two_stain_plate/sbs_plate_metadata.csv"


@pytest.fixture
def read(tmp_path):
    def read(text, encoding="utf-8", name="map.csv"):
        (tmp_path / name).write_bytes(text.encode(encoding))
        return read_plate_map(tmp_path / name)

    return read


@pytest.mark.skipif(not REAL.exists(), reason="../shared/data/two_stain_plate is not here")
def test_rows_columns_doses_and_controls_of_a_real_map():
    found = read_plate_map(REAL)
    assert len(found.entries) == 96
    assert found.notes == ()
    e01, a12, c05 = (found.find("any", well) for well in ("E01", "A12", "C05"))
    assert (e01.dose, e01.control) == (10, "positive")
    assert (a12.dose, a12.control) == (10, "positive")
    assert (c05.dose, c05.control, c05.extra) == (3, "", {"ImageNumber": "29"})
    assert sum(entry.control == "negative" for entry in found.entries) == 4 * 2 + 4 * 2


def test_what_german_excel_writes(read):
    found = read("\ufeffWell;Treatment;Conc. (µM);Rep\nA1;DMSO;0;1\nA2;Drug;0,5;1\nB1;Drug;1 nM;2\nB2;Drug;1e-3;2\n")
    assert found.dose_unit == "µM"
    assert [(e.well, e.condition, e.dose, e.replicate) for e in found.entries] == [
        ("A01", "DMSO", 0.0, "1"), ("A02", "Drug", 0.5, "1"), ("B01", "Drug", 0.001, "2"), ("B02", "Drug", 0.001, "2"),
    ]  # fmt: skip


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings_of_spreadsheets(read, encoding):
    found = read("well\tcondition\nA1\tKälte\n", encoding)
    assert found.entries[0].condition == "Kälte"
    assert bool(found.notes) == (encoding == "cp1252")


def test_layouts_as_drawn_on_paper(read):
    found = read("Exp 7,,,\n,1,2,3\nA,DMSO,drug,drug\nB,DMSO,,drug\n\ndose (nM)\n,1,2,3\nA,0,10,20\nB,0,,3\n")
    entries = {entry.well: (entry.condition, entry.dose) for entry in found.entries}
    assert entries == {
        "A01": ("DMSO", 0.0), "A02": ("drug", 10.0), "A03": ("drug", 20.0), "B01": ("DMSO", 0.0), "B03": ("drug", 3.0),
    }  # fmt: skip
    assert found.dose_unit == "nM"
    assert found.notes == ("The plate map says nothing of wells inside of it: B02 (1 in all).",)


def test_numbers_in_a_layout_are_doses_only_where_it_says_so(read):
    found = read(",1,2,3\nA,1,2,3\nB,4,5,6\n")
    assert found.entries[0].condition == "1"
    assert found.entries[0].dose is None
    assert "write 'dose' in its corner" in found.notes[0]
    assert read("dose,1,2,3\nA,1,2,3\nB,4,5,6\n").entries[5].dose == 6


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("a,b\n1,2\n", "no column 'well'"),
        ("well,condition\n", "names no well"),
        ("well,condition\nA1,x\nA01,y\n", "A01 stands in line 2 and, otherwise, in line 3"),
        ("well,condition\nI99,x\n", "line 2: 'I99' is no well"),
        ("row,column\nB,0\n", "line 2: 'B 0' is no well"),
        ("well,condition\n,x\n", "line 2 has no well"),
        ("well,dose\nA1,much\n", "line 2: dose 'much' is no number"),
        ("well,dose\nA1,-1\n", "below zero"),
        ('well,dose\nA1,"1,000"\n', "'1,000' is no number"),
        ("well,dose\nA1,1 nM\nA2,1 mg\n", "'mg' after doses in 'nM'"),
        ("well,control\nA1,1\nA2,0\n", "write positive or negative"),
        ("well,control\nA1,perhaps\n", "'perhaps' is not understood"),
        ("well,dose,Conc\nA1,1,2\n", "both the dose"),
        ("well,dose\nA1,1,2\n", "has 3 cells"),
        (",1,2\nA,x,y\nA,x,y\n", "row A stands twice"),
        (",1,2\nA,x,y\nZZ,x,y\n", "'ZZ' is no row"),
        (",1,2\nA,x,y,z\n", "more cells"),
        ("x\x00y", "not a text file"),
    ],
)
def test_what_cannot_be_understood_is_refused_with_the_place(read, text, says):
    with pytest.raises(ReadError, match=r"map\.csv") as error:
        read(text)
    assert says in str(error.value)


def test_a_spreadsheet_is_refused_with_what_to_do(read):
    with pytest.raises(ReadError, match="save it as CSV"):
        read("PK", name="map.xlsx")
    with pytest.raises(ReadError, match="cannot be read"):
        read_plate_map("/nowhere/map.csv")


def test_images_get_what_the_map_says_and_the_rest_is_told(read):
    found = read("plate,well,condition,control,sex\np1,A1,drug,,f\np1,A2,none,neg,m\np1,A2,none,neg,m\n")
    images = [
        PlateImage(f"{w}.tif", w, 0, plate, w) for plate, w in (("p1", "A01"), ("p1", "A03"), ("p2", "A01"), ("", ""))
    ]
    done, notes = apply_plate_map(images, found)
    assert [image.condition for image in done] == ["drug", "", "", ""]
    assert found.entries[1].control == "negative"
    assert found.entries[0].extra == {"sex": "f"}
    assert notes == [
        "Lines of the plate map that only repeat another one: 1.",
        "The plate map says nothing of wells that have images: p1 A03, p2 A01 (2 in all).",
        "Wells of the plate map without an image: p1 A02 (1 in all).",
    ]
    assert apply_plate_map(images[3:], found)[1][-1].startswith("No well of the plate map has an image")


def test_wells_of_several_plates_are_told_with_their_plate(read):
    found = read("plate,well,condition\np1,B02,a\np1,B03,b\np9,B03,b\n")
    images = [PlateImage(f"{p}{w}", f"{p}{w}", 0, p, w) for p in ("p1", "p2", "p3") for w in ("B02", "B03")]
    assert apply_plate_map(images, found)[1] == [
        "The plate map says nothing of wells that have images: p2 B02, p2 B03, p3 B02, p3 B03 (4 in all).",
        "Wells of the plate map without an image: p9 B03 (1 in all).",
    ]
