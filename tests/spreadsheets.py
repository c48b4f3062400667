"""The least that is a spreadsheet, for tests that need one."""

import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from xml.sax.saxutils import escape

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_LINKS = "xl/_rels/workbook.xml.rels"
_PARTS = {
    "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_TYPE}.worksheet+xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="r1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}">'
    '<sheets><sheet name="Data" sheetId="1" r:id="r1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="r1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
}


def xlsx(rows: Iterable[Sequence[str | float | None]]) -> bytes:
    """Return a file with one sheet: numbers as numbers, words as words, None as empty cells."""
    return workbook({"Data": rows})


def workbook(sheets: Mapping[str, Iterable[Sequence[str | float | None]]]) -> bytes:
    """Return a file with sheets of such rows, by name."""
    parts = dict(_PARTS)
    for number, (title, rows) in enumerate(sheets.items(), 1):
        if number > 1:
            first = parts["[Content_Types].xml"].split("<Override ")[2].removesuffix("</Types>")
            _add(parts, "[Content_Types].xml", f"<Override {first}".replace("sheet1", f"sheet{number}"))
            first = (
                f"<Relationship {parts[_LINKS].split('<Relationship ')[1].removesuffix('</Relationships>')}"
            )
            _add(parts, _LINKS, first.replace("sheet1", f"sheet{number}").replace("r1", f"r{number}"))
            entry = f'<sheet name="{escape(title)}" sheetId="{number}" r:id="r{number}"/></sheets>'
            parts["xl/workbook.xml"] = parts["xl/workbook.xml"].replace("</sheets>", entry)
        else:
            parts["xl/workbook.xml"] = parts["xl/workbook.xml"].replace('"Data"', f'"{escape(title)}"')
        parts[f"xl/worksheets/sheet{number}.xml"] = _sheet(rows)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return packed.getvalue()


def _add(parts: dict[str, str], name: str, text: str) -> None:
    """Put an element before the end of a part."""
    before, end = parts[name].rsplit("</", 1)
    parts[name] = f"{before}{text}</{end}"


def _sheet(rows: Iterable[Sequence[str | float | None]]) -> str:
    lines = []
    for number, row in enumerate(rows, 1):
        cells = "".join(
            f'<c r="{_letters(place)}{number}" t="{"str" if isinstance(cell, str) else "n"}">'
            f"<v>{escape(str(cell))}</v></c>"
            for place, cell in enumerate(row)
            if cell is not None
        )
        lines.append(f'<row r="{number}">{cells}</row>')
    return f'<worksheet xmlns="{_MAIN}"><sheetData>{"".join(lines)}</sheetData></worksheet>'


def _letters(place: int) -> str:
    high, low = divmod(place, 26)
    return (_letters(high - 1) if high else "") + chr(ord("A") + low)
