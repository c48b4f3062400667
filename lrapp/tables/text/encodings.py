"""Bytes of a text file -> UTF-8 bytes, and the name of the encoding that they were in."""

import codecs
import re
from dataclasses import dataclass

from lrapp.errors import UserError

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SAMPLE = 1 << 16
_LOOKED_AT = 1 << 20
_BLOCK = 1 << 24
_WIDE_ALPHABETS = ("cp932", "euc_jp", "gb18030", "big5", "cp949")
_NARROW_ALPHABETS = ("cp1251", "koi8_r", "cp866", "cp1253", "cp1255", "cp1256", "cp874")
_WESTERN = ("cp1252", "cp850", "cp1250", "iso8859_2", "mac_roman")
_HALF_LETTER = re.compile(rb"(?:[\xc2-\xdf]|[\xe0-\xef][\x80-\xbf]?|[\xf0-\xf4][\x80-\xbf]{0,2})\Z")
_AMID = "The file ends amid a letter, which was left out: it may have been cut off."
_INSIDE = re.compile(r"(?<=[^\W\d_])[^\x00-\x7f](?=[a-z])")
_JOINS_WORDS = "’‘–—…·\xa0\xad"
_CONTROL = bytes(set(range(32)) - set(b"\t\n\r\x0b\x0c\x1a\x1b\x1c\x1d\x1e\x1f\x01\x02")) + b"\x7f"


@dataclass(frozen=True)
class Decoded:
    """Text in UTF-8, without byte-order mark and NUL bytes.

    Args:
        data: The text as valid UTF-8.
        encoding: Python's name of the encoding that was found or asked for.
        notes: Plain sentences on what was changed.
        guess: A sentence on it where nothing in the file names the encoding, else ``""``.
    """

    data: bytes
    encoding: str
    notes: tuple[str, ...] = ()
    guess: str = ""


def decode(data: bytes, encoding: str | None = None) -> Decoded:
    """Find the encoding and turn the text into UTF-8.

    Args:
        data: Bytes of a text file.
        encoding: The user's overrule, a name that Python knows.

    Raises:
        UserError: If the name is unknown, the overrule does not fit, or the bytes are no text.
    """
    notes: list[str] = []
    guess = ""
    if encoding is not None:
        text = _decode_as_told(data, encoding)
        found = codecs.lookup(encoding).name
    else:
        text, found, guess = _decode_as_found(data, notes)
    if text.startswith(codecs.BOM_UTF8):
        text = text[3:]
    if b"\x00" in text and (nul := text.count(0)):
        if nul > len(text) // 4 + 8:
            raise _no_text()
        text = text.replace(b"\x00", b"")
        notes.append(f"{nul:,} NUL byte{'s' if nul > 1 else ''} {_were(nul)} removed from the text.")
    # Searched for by one byte first, which is many times faster.
    if b"\xef" in text and (marks := text.count(codecs.BOM_UTF8)):
        # Files joined from several have the mark of each.
        text = text.replace(codecs.BOM_UTF8, b"")
        notes.append(
            f"{marks:,} byte-order mark{'s' if marks > 1 else ''} inside the text {_were(marks)} removed."
        )
    if text[-3:].rstrip(b"\r\n").endswith(b"\x1a"):
        text = text.rstrip(b"\x1a\r\n")
        notes.append("The mark at the end of the file (Ctrl+Z) was removed.")
    if encoding is None and (mended := _encoded_once(text)) is not None:
        text = mended
        notes.append("Letters had been encoded in UTF-8 twice, so that ö stood as Ã¶, and were set right.")
    _refuse_binary(text)
    return Decoded(data=text, encoding=found, notes=tuple(notes), guess=guess)


def _were(number: int) -> str:
    return "was" if number == 1 else "were"


def _no_text() -> UserError:
    return UserError(
        "The file is not text, so it cannot be a CSV table. Save the table as CSV and upload that."
    )


def _refuse_binary(text: bytes) -> None:
    for start in (0, len(text) // 2):
        sample = text[start : start + _SAMPLE]
        if len(sample) - len(sample.translate(None, _CONTROL)) > len(sample) // 50:
            raise _no_text()


def _decode_as_told(data: bytes, encoding: str) -> bytes:
    try:
        name = codecs.lookup(encoding).name
        text = data.decode(name)
    except (LookupError, ValueError) as error:
        if isinstance(error, UnicodeDecodeError):
            raise UserError(
                f"The file must be readable in the encoding that was chosen. Received: {encoding}, which does not "
                f"fit byte {error.start + 1}. Choose another encoding, or leave it to be detected."
            ) from error
        raise UserError(
            f"The encoding must be one that is known, such as utf-8 or cp1252. Received: {encoding[:40]!r}."
        ) from error
    if not isinstance(text, str):
        raise UserError(f"The encoding must be one for text, such as utf-8. Received: {encoding[:40]!r}.")
    return text.removeprefix("\ufeff").encode("utf-8", errors="replace")


def _decode_as_found(data: bytes, notes: list[str]) -> tuple[bytes, str, str]:
    """The text in UTF-8, the encoding that it was in, and a sentence where that was guessed."""
    for mark, name in _BOMS:
        if data.startswith(mark):
            if name == "utf-8":
                return _as_utf8(data[len(mark) :], notes)
            return _wide(data[len(mark) :], name, notes), name, ""
    if wide := _unmarked_utf16(data):
        return _wide(data, wide, notes), wide, f"The file is in {wide.upper()} without a mark that says so."
    return _as_utf8(data, notes)


def _wide(data: bytes, name: str, notes: list[str]) -> bytes:
    if half := _half_unit(data, 4 if name.startswith("utf-32") else 2, name):
        data = data[:-half]
        notes.append(_AMID)
    text = data.decode(name, errors="replace")
    if bad := text.count("\ufffd"):
        if bad > len(text) // 10 + 1:
            raise _no_text()
        notes.append(f"{bad:,} character{'s' if bad > 1 else ''} could not be decoded and became \ufffd.")
    return text.encode("utf-8", errors="replace")


def _half_unit(data: bytes, size: int, name: str) -> int:
    """Bytes at the end that are the beginning of a letter only, as where a file was cut off."""
    half = len(data) % size
    last = data[len(data) - half - 2 : len(data) - half]
    # The first of two halves of a letter beyond the 65,536th.
    alone = size == 2 and len(last) == 2 and last[1 if name.endswith("le") else 0] & 0xFC == 0xD8
    return half + 2 * alone


def _unmarked_utf16(data: bytes) -> str | None:
    """Western text in UTF-16 has a NUL in nearly every second byte; other scripts still have it at line ends."""
    sample = data[:_SAMPLE]
    if len(sample) < 4:
        return None
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    half = len(sample) // 2
    for own, other, name in ((odd, even, "utf-16-le"), (even, odd, "utf-16-be")):
        if own > 0.1 * half and other <= 0.1 * half and own > 4 * other:
            return name
    return None


def _is_utf8(data: bytes) -> bool:
    if data.isascii():
        return True
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for start in range(0, len(data), _BLOCK):
            decoder.decode(data[start : start + _BLOCK])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _as_utf8(data: bytes, notes: list[str]) -> tuple[bytes, str, str]:
    if _is_utf8(data):
        return data, "utf-8", ""
    # If a file was cut off, its last letter may be incomplete.
    half = _HALF_LETTER.search(data[-3:])
    whole = data[: -len(half[0])] if half else b""
    if not whole.isascii() and _is_utf8(whole):
        notes.append(_AMID)
        return whole, "utf-8", ""
    patched = _mostly_utf8(data, notes)
    if patched is not None:
        return patched, "utf-8", ""
    name = _legacy_encoding(data)
    text = data.decode(name, errors="replace")
    if bad := text.count("\ufffd"):
        notes.append(f"{bad:,} character{'s' if bad > 1 else ''} could not be decoded and became \ufffd.")
    guess = (
        f"The file is not in UTF-8; it was read as {name}. If letters look wrong, choose another encoding, "
        "or save the file in UTF-8."
    )
    return text.encode("utf-8"), name, guess


def _mostly_utf8(data: bytes, notes: list[str]) -> bytes | None:
    """UTF-8 with a few foreign bytes, as when files of two encodings were joined: those bytes are read as cp1252."""
    text = data.decode("utf-8", errors="surrogateescape")
    stray = sum(1 for _ in re.finditer("[\udc80-\udcff]", text))
    whole = sum(1 for _ in re.finditer("[\u0080-\ud7ff\ue000-\U0010ffff]", text))
    if whole <= 2 * stray:
        return None
    text = re.sub(
        "[\udc80-\udcff]+",
        lambda match: match[0].encode("utf-8", "surrogateescape").decode("cp1252", errors="replace"),
        text,
    )
    notes.append(
        f"{stray:,} byte{'s' if stray > 1 else ''} that did not fit UTF-8 {_were(stray)} read as cp1252."
    )
    return text.encode("utf-8")


def _encoded_once(text: bytes) -> bytes | None:
    """The text that was encoded in UTF-8, read as cp1252 and encoded again; None where it was not."""
    if b"\xc3" not in text[:_LOOKED_AT] or text.isascii():
        return None
    try:
        runs = re.findall("[\u0080-\U0010ffff]+", text[:_LOOKED_AT].decode("utf-8", errors="ignore"))
        for run in runs[:-1] or runs:
            run.encode("cp1252").decode("utf-8")
        if len(runs) < 2:
            return None
        return text.decode("utf-8").encode("cp1252").decode("utf-8").encode("utf-8")
    except UnicodeError:
        return None


def _legacy_encoding(data: bytes) -> str:
    """Western text has single accented letters between ASCII ones; runs of high bytes mean another alphabet."""
    lines = re.findall(rb"[^\n\r]*[\x80-\xff][^\n\r]*", data[: 1 << 22]) or re.findall(
        rb"[^\n\r]{0,200}[\x80-\xff][^\n\r]{0,200}", data
    )
    sample = b"\n".join(lines)[:_SAMPLE]
    high = len(re.findall(rb"[\x80-\xff]", sample))
    in_runs = sum(len(run) for run in re.findall(rb"[\x80-\xff]{3,}", sample))
    return (_other_alphabet(sample) if in_runs > high // 2 else None) or _western(sample)


def _other_alphabet(sample: bytes) -> str | None:
    """The likeliest encoding of an alphabet that shares no letter with ours, None where none fits."""
    from charset_normalizer import from_bytes

    # Without digits and delimiters, which would count against alphabets of one-byte letters.
    words = b"\n".join(dict.fromkeys(re.findall(rb"[\x80-\xff]+", sample)))
    found = [
        best
        for text, names in ((sample, _WIDE_ALPHABETS), (words, _NARROW_ALPHABETS))
        if (best := from_bytes(text, cp_isolation=list(names)).best()) is not None
    ]
    best = min(found, key=lambda match: (match.chaos, -match.coherence), default=None)
    return codecs.lookup(best.encoding).name if best else None


def _strange_letters(text: str) -> int:
    return sum(not sign.islower() and sign not in _JOINS_WORDS for sign in _INSIDE.findall(text))


def _western(sample: bytes) -> str:
    """The code page with the fewest signs and capital letters inside of words."""
    strange = {name: _strange_letters(sample.decode(name, errors="replace")) for name in _WESTERN}
    usual, *others = _WESTERN
    best = min(others, key=lambda name: strange[name])
    return best if 3 * strange[best] < strange[usual] else usual
