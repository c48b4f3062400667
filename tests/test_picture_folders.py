"""Names in zips of pictures."""

import zipfile

import pytest
from pictures import RED, zipped

from lrapp.image_files import every_picture, is_picture_zip, read_zip
from lrapp.picture_folders import entry_name, plain_name
from lrapp.settings import PictureSettings

SMALL = PictureSettings(size=8)


def entry(name: str, *, says_utf8: bool) -> zipfile.ZipInfo:
    """What Python finds in a zip where a program wrote a name as UTF-8."""
    found = zipfile.ZipInfo(name if says_utf8 else name.encode().decode("cp437"))
    found.flag_bits = 0x800 if says_utf8 else 0
    return found


@pytest.mark.parametrize("says_utf8", [True, False])
@pytest.mark.parametrize("name", ["cat/1.png", "Ärger/1.png", "猫/ねこ.png", "Katze 😺/1.png"])
def test_names_in_utf8_are_read_also_where_the_zip_does_not_say_so(name: str, says_utf8: bool) -> None:
    assert entry_name(entry(name, says_utf8=says_utf8)) == name


def test_names_in_the_letters_of_dos_stay_as_they_are() -> None:
    assert entry_name(zipfile.ZipInfo("Ärger/Größe.png")) == "Ärger/Größe.png"


def test_letters_with_marks_beside_them_become_one_and_what_leads_nowhere_goes() -> None:
    assert plain_name(entry(".\\A\u0308//b.png", says_utf8=True)) == "Ä/b.png"


def test_classes_with_names_in_utf8_that_is_not_declared() -> None:
    said = zipped({"Ärger/猫.png": RED, "b/1.png": RED})
    silent = bytearray(said)
    for mark, place in ((b"PK\x03\x04", 7), (b"PK\x01\x02", 9)):
        start = said.index(mark)
        assert silent[start + place] == 0x08
        silent[start + place] = 0
    for data in (said, bytes(silent)):
        assert is_picture_zip(data)
        assert read_zip(data, "pets.zip", SMALL).names == ("b/1.png", "Ärger/猫.png")
        assert next(name for name, _ in every_picture(data, "pets.zip")) == "Ärger/猫.png"
