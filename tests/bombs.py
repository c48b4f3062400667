"""Small files that want much memory, or the wrong thing, from whoever reads them."""

import gzip
import io
import random
import struct
import zipfile
import zlib

_TYPES = (
    '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>'
)
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"


def packed(parts: dict[str, bytes | str]) -> bytes:
    """A zip archive of these files."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return target.getvalue()


def xlsx(rows: str, strings: str = "") -> bytes:
    """A workbook with one sheet, whose rows are given as XML."""
    shared = f'<Relationship Id="rId2" Type="{_RELATIONS}/sharedStrings" Target="sharedStrings.xml"/>'
    parts: dict[str, bytes | str] = {
        "[Content_Types].xml": _TYPES,
        "_rels/.rels": (
            f'<Relationships xmlns="{_PACKAGE}"><Relationship Id="rId1" Type="{_RELATIONS}/officeDocument" '
            'Target="xl/workbook.xml"/></Relationships>'
        ),
        "xl/workbook.xml": (
            f'<workbook xmlns="{_MAIN}" xmlns:r="{_RELATIONS}"><sheets>'
            '<sheet name="One" sheetId="1" r:id="rId1"/></sheets></workbook>'
        ),
        "xl/_rels/workbook.xml.rels": (
            f'<Relationships xmlns="{_PACKAGE}"><Relationship Id="rId1" Type="{_RELATIONS}/worksheet" '
            f'Target="worksheets/sheet1.xml"/>{shared if strings else ""}</Relationships>'
        ),
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{_MAIN}"><sheetData>{rows}</sheetData></worksheet>',
    }
    if strings:
        parts["xl/sharedStrings.xml"] = f'<sst xmlns="{_MAIN}">{strings}</sst>'
    return packed(parts)


def two_corners(first: str = 't="n" r="A1"', last: str = 't="n" r="XFD1048576"') -> bytes:
    """Two cells in opposite corners of a sheet: 17 billion cells for who allocates what lies between."""
    return xlsx(f'<row r="1"><c {first}><v>1</v></c></row><row r="1048576"><c {last}><v>1</v></c></row>')


def single_quotes() -> bytes:
    """The same in other quotes."""
    return two_corners("r='A1'", "r='XFD1048576'")


def cut_corners() -> bytes:
    """The same with the second cell where blocks of a megabyte meet, so that nobody sees it who looks at each."""
    first = '<row r="1"><c r="A1"><v>1</v></c></row>'
    last = '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    before = f'<worksheet xmlns="{_MAIN}"><sheetData>{first}<!---->{last[: last.index("XFD") + 4]}'
    return xlsx(f"{first}<!--{' ' * ((1 << 20) - len(before))}-->{last}")


def one_string_everywhere(letters: int = 50_000, cells: int = 20_000) -> bytes:
    """One long shared string, in many cells."""
    rows = "".join(f'<row r="{n}"><c r="A{n}" t="s"><v>0</v></c></row>' for n in range(1, cells + 1))
    return xlsx(rows, f"<si><t>{'x' * letters}</t></si>")


def repeated_ods(rows: int = 100_000, columns: int = 1_000) -> bytes:
    """An .ods of a few hundred bytes whose one cell is said to be repeated."""
    content = (
        '<?xml version="1.0"?><office:document-content '
        'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
        'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
        'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:spreadsheet>'
        f'<table:table table:name="One"><table:table-row table:number-rows-repeated="{rows}">'
        f'<table:table-cell office:value-type="string" table:number-columns-repeated="{columns}">'
        "<text:p>abc</text:p></table:table-cell></table:table-row></table:table>"
        "</office:spreadsheet></office:body></office:document-content>"
    )
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    manifest = (
        '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
        f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{kind}"/></manifest:manifest>'
    )
    return packed({"mimetype": kind, "content.xml": content, "META-INF/manifest.xml": manifest})


def long_gzip(megabytes: int = 1_000) -> bytes:
    """Text that packs a thousandfold."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = b"1,2,3,4,5,6,7\n" * 74_899
    blocks = [squeeze.compress(block) for _ in range(megabytes)]
    return b"".join([*blocks, squeeze.flush()])


def long_zip(megabytes: int = 900) -> bytes:
    """The same in a zip."""
    target = io.BytesIO()
    block = b"1,2,3,4,5,6,7\n" * 74_899
    with (
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive,
        archive.open("long.csv", "w", force_zip64=True) as entry,
    ):
        for _ in range(megabytes):
            entry.write(block)
    return target.getvalue()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int) -> bytes:
    """A white picture of any size in few bytes."""
    squeeze = zlib.compressobj(9)
    line = b"\0" + b"\xff" * (3 * width)
    data = b"".join(squeeze.compress(line) for _ in range(height)) + squeeze.flush()
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def large_pictures(side: int = 7_000, each: int = 2) -> bytes:
    """A zip with two classes of pictures, which have 150 MB each when they are unpacked."""
    picture = png(side, side)
    return packed({f"{label}/{n}.png": picture for label in "ab" for n in range(each)})


def picture_bomb(megabytes: int = 255) -> bytes:
    """A zip of pictures that are nothing but zeros, a quarter of a gigabyte each."""
    return packed({f"{label}/{n}.png": bytes(megabytes << 20) for label in "ab" for n in range(2)})


def mutated(data: bytes, seed: int) -> bytes:
    """A file with a few bytes changed, cut out, doubled or moved."""
    chance = random.Random(seed)
    changed = bytearray(data)
    for _ in range(chance.randint(1, 8)):
        place = chance.randrange(len(changed))
        length = chance.randint(1, max(1, min(40, len(changed) - place)))
        match chance.randrange(4):
            case 0:
                changed[place] = chance.randrange(256)
            case 1:
                del changed[place : place + length]
            case 2:
                changed[place:place] = changed[place : place + length]
            case _:
                changed[place : place + length] = chance.randbytes(length)
        if not changed:
            return b"\0"
    return bytes(changed)


def small_files() -> dict[str, bytes]:
    """A small honest file of each kind, to be mutated."""
    lines = [f"{n},{n * 0.37:.2f},{'abc'[n % 3]}" for n in range(40)]
    text = ("x,y,z\n" + "\n".join(lines) + "\n").encode()
    rows = "".join(
        f'<row r="{n + 1}"><c r="A{n + 1}"><v>{n}</v></c><c r="B{n + 1}" t="s"><v>{n % 2}</v></c></row>'
        for n in range(40)
    )
    return {
        "a.csv": text,
        "a.csv.gz": gzip.compress(text, mtime=0),
        "a.zip": packed({"a.csv": text}),
        "a.xlsx": xlsx(rows, "<si><t>yes</t></si><si><t>no</t></si>"),
        "a.ods": repeated_ods(20, 3),
    }
