"""Names in zips of pictures."""

import zipfile

import pytest
from pictures import GREEN, RED, zipped

from lrapp.images.folders import entry_name
from lrapp.images.zip_files import every_picture, is_picture_zip, read_zip
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


def test_letters_with_marks_beside_them_become_one() -> None:
    assert entry_name(entry(".\\A\u0308//b.png", says_utf8=True)) == "./Ä//b.png"


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
        assert next(name for name, *_ in every_picture(data, "pets.zip")) == "Ärger/猫.png"


@pytest.mark.parametrize("around", ["", "pets/"])
def test_test_pictures_without_classes_are_left_out_and_no_class(around: str) -> None:
    files = {"train/cats/1.png": RED, "train/dogs/1.png": GREEN, "test/1.png": RED, "test/2.png": GREEN}
    images = read_zip(zipped({around + name: data for name, data in files.items()}), "pets.zip", SMALL)
    assert (images.classes, images.labels.tolist(), images.test_from) == (("cats", "dogs"), [0, 1], None)
    assert any(note.startswith("2 pictures lie in no folder of a class") for note in images.notes)


def test_classes_called_train_and_test_stay_classes_where_train_holds_no_classes() -> None:
    files = {"train/old/1.png": RED, "train/2.png": RED, "test/1.png": GREEN}
    assert read_zip(zipped(files), "vehicles.zip", SMALL).classes == ("test", "train")
    files = {"train/old/1.png": RED, "train/new/2.png": RED, "test/1.png": GREEN, "bus/1.png": GREEN}
    assert read_zip(zipped(files), "vehicles.zip", SMALL).classes == ("bus", "test", "train")
