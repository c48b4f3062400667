"""Wrappers around tables, and their limits."""

import gzip
import io
import zipfile

import pytest

from lrapp.errors import UserError
from lrapp.tables.columns.kinds import ColumnKind
from lrapp.tables.file_kinds import unpack
from lrapp.tables.reading import read_csv

CSV = b"a,b\n1,x\n2,y\n"
CELL = '<c r="{place}" t="{kind}"><v>{value}</v></c>'


def zipped(files: dict[str, bytes]) -> bytes:
    """A zip archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def workbook(rows: str) -> bytes:
    """The least that is an xlsx file, with the rows of one sheet given as XML."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    sheet_type = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{sheet_type}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{sheet_type}.worksheet+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships">'
        f'<Relationship Id="r1" Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}">'
        '<sheets><sheet name="Data" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships">'
        f'<Relationship Id="r1" Type="{office}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{rows}</sheetData></worksheet>',
    }
    return zipped({name: text.encode() for name, text in parts.items()})


def row(number: int, *cells: str | float) -> str:
    """One row of a sheet."""
    inner = "".join(
        CELL.format(
            place=f"{'ABCDEF'[place]}{number}", kind="str" if isinstance(cell, str) else "n", value=cell
        )
        for place, cell in enumerate(cells)
    )
    return f'<row r="{number}">{inner}</row>'


SHEET = workbook(
    row(1, "code", "size", "mark") + row(2, "007", 1.5, 1) + row(3, "012", 0.1, 2) + row(4, "099", 3, 5)
)


def test_gzip_and_zip_are_unpacked() -> None:
    assert unpack(gzip.compress(CSV), "a.csv.gz").data == CSV
    found = unpack(zipped({"folder/a.csv": CSV, "__MACOSX/._a.csv": b"x", "readme.md": b"y"}), "a.zip")
    assert (found.data, found.name) == (CSV, "a.csv")
    assert unpack(gzip.compress(zipped({"a.csv": CSV})), "a").data == CSV


def test_several_tables_are_named() -> None:
    with pytest.raises(UserError, match=r"'a\.csv', 'b\.csv'"):
        unpack(zipped({"a.csv": CSV, "b.csv": CSV}), "a.zip")


def test_the_limit_is_kept_while_unpacking() -> None:
    bomb = bytes(3_000_000)
    for packed in (gzip.compress(bomb), zipped({"a.csv": bomb})):
        with pytest.raises(UserError, match="unpacks to more"):
            unpack(packed, "a", limit=1_000_000)
    with pytest.raises(UserError, match="unpacks to more"):
        unpack(workbook(row(1, "x" * 2_000_000)), "a.xlsx", limit=1_000_000)


def test_wrappers_in_wrappers_end() -> None:
    data = CSV
    for _ in range(5):
        data = gzip.compress(data)
    with pytest.raises(UserError, match="archive inside an archive"):
        unpack(data, "a")


# With names of their own: archives hold the second in which they were made, and both processes of a test run must name
# their tests alike.
def test_damaged_wrappers_end_in_a_sentence(subtests: pytest.Subtests) -> None:
    for data in [gzip.compress(CSV)[:-9], zipped({"a.csv": CSV})[:-30], SHEET[:400]]:
        with subtests.test(f"{data!r}"), pytest.raises(UserError, match="damaged"):
            unpack(data, "a")


def test_a_spreadsheet_is_read_whatever_its_name() -> None:
    table = read_csv(SHEET, "a.csv")
    assert table.frame["code"].tolist() == ["007", "012", "099"]
    assert table.frame["size"].tolist() == [1.5, 0.1, 3.0]
    assert table.frame["mark"].tolist() == [1, 2, 5]
    assert table.kinds["code"] is ColumnKind.CATEGORY
    assert table.dialect is None
    assert "The file is a spreadsheet, whatever its name says, and was read as one." in table.notes
    assert read_csv(SHEET, "a.xlsx").notes == ()


def test_lines_above_a_table_in_a_sheet_are_left_out() -> None:
    rows = row(1, "Report") + row(3, "a", "b") + row(4, 1, 2) + row(5, 3, 4) + row(6, 5, 7)
    table = read_csv(workbook(rows), "a.xlsx")
    assert table.frame.to_dict("list") == {"a": [1, 3, 5], "b": [2, 4, 7]}


def test_a_sheet_with_cells_in_far_corners_is_refused() -> None:
    far = '<row r="1048576"><c r="XFD1048576" t="n"><v>1</v></c></row>'
    with pytest.raises(UserError, match="close together"):
        unpack(workbook(row(1, "a") + far), "a.xlsx")


def test_text_that_is_no_table_is_named(subtests: pytest.Subtests) -> None:
    cases: list[tuple[bytes, str]] = [
        (b'<meta charset="utf-8"><table><tr><td>1</td></tr></table>', r"web page \(HTML\)"),
        (b"% about\n\n@RELATION iris\n@ATTRIBUTE size NUMERIC\n@DATA\n1.5\n", "Weka's format ARFF"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 3\n", "Download the table itself"),
    ]
    for data, sentence in cases:
        with subtests.test(f"{data!r}"), pytest.raises(UserError, match=sentence):
            unpack(data, "a.csv")


def test_signs_of_other_formats_in_names_are_no_reason() -> None:
    cases: list[bytes] = [b"<DATE>,<OPEN>\n1,2\n", b"@name,%\nx,1\n", b"% a,b\n1,2\n"]
    for data in cases:
        assert unpack(data, "a.csv").data == data, data


def test_lines_above_and_below_the_table_of_a_sheet_are_left_out() -> None:
    table = row(4, "size", "mark", "kind") + row(5, 1.5, 1, "x") + row(6, 2.5, 2, "y") + row(7, 4.5, 7, "x")
    sheet = workbook(
        row(1, "A report") + row(2, "of 2020") + table + row(9, "Source: x") + row(11, "Printed, too")
    )
    found = read_csv(sheet, "a.xlsx")
    assert found.frame["size"].tolist() == [1.5, 2.5, 4.5]
    assert "2 rows before the table were left out." in found.notes
    assert "2 lines below the table were left out." in found.notes
    assert "3 empty lines were left out." in found.notes


def test_a_document_is_named() -> None:
    with pytest.raises(UserError, match="a Word document"):
        unpack(zipped({"word/document.xml": b"<a/>", "[Content_Types].xml": b"<x/>"}), "a.csv")


@pytest.mark.parametrize("packing", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_python_unpacks_without_a_limit_is_not_unpacked(packing: int) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", packing) as archive:
        archive.writestr("table.csv", CSV)
    with pytest.raises(UserError, match=r"^The zip archive is packed in a rare way\. Pack it again"):
        unpack(out.getvalue(), "table.zip")
