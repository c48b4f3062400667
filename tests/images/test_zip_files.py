"""Zips of pictures, and how ugly they can be."""

import shutil
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from pictures import BLUE, GREEN, GREY, RED, large_png, packed, plain, zipped

from lrapp.errors import UserError
from lrapp.images import zip_files
from lrapp.images.zip_files import about_zip, is_picture_zip, read_zip
from lrapp.settings import PictureSettings

SMALL = PictureSettings(size=8)
TWO = {"cats/1.png": RED, "cats/2.png": RED, "dogs/1.png": GREEN}


def about(notes: tuple[str, ...], word: str) -> str:
    found = [note for note in notes if word in note]
    assert len(found) == 1, notes
    return found[0]


def test_a_folder_is_a_class() -> None:
    images = read_zip(zipped(TWO), "pets.zip", SMALL)
    assert images.classes == ("cats", "dogs")
    assert images.labels.dtype == np.int32
    assert images.labels.tolist() == [0, 0, 1]
    assert images.names == ("cats/1.png", "cats/2.png", "dogs/1.png")
    assert images.test_from is None
    assert images.pixels.shape == (3, 8, 8, 3)
    assert images.pixels[:, 0, 0].tolist() == [[255, 0, 0], [255, 0, 0], [0, 255, 0]]
    assert images.notes == (
        "Pictures are brought to 8 x 8 pixels: the shorter side fits, and the centre is cut out.",
    )
    assert images.facts == about_zip(zipped(TWO), "pets.zip", SMALL)
    assert images.facts.counts == (2, 1)


def test_a_file_on_the_disk_and_the_order_in_the_zip_change_nothing(tmp_path: Path) -> None:
    path = tmp_path / "pictures.zip"
    path.write_bytes(zipped(TWO, zipfile.ZIP_DEFLATED))
    turned = read_zip(zipped(list(reversed(TWO.items()))), "pets.zip", SMALL)
    np.testing.assert_array_equal(read_zip(path, "pets.zip", SMALL).pixels, turned.pixels)
    assert about_zip(path, "pets.zip", SMALL) == turned.facts
    path.write_bytes(b"")
    with pytest.raises(UserError, match=r"^“pets\.zip” must be a zip archive"):
        read_zip(path, "pets.zip", SMALL)


def test_folders_around_the_classes_are_passed_over(subtests: pytest.Subtests) -> None:
    for around in ["pets/", "a/b/c/", "./pets/", "pets\\"]:
        with subtests.test(around):
            images = read_zip(zipped({around + name: data for name, data in TWO.items()}), "pets.zip", SMALL)
            assert images.classes == ("cats", "dogs")
            assert images.labels.tolist() == [0, 0, 1]


def test_folders_within_a_class_belong_to_it() -> None:
    images = read_zip(
        zipped({"cats/a/1.png": RED, "cats/b/2.png": RED, "dogs/1.png": GREEN}), "pets.zip", SMALL
    )
    assert (images.classes, images.labels.tolist()) == (("cats", "dogs"), [0, 0, 1])


def test_train_and_test(subtests: pytest.Subtests) -> None:
    cases: list[tuple[str, str]] = [
        ("train", "test"),
        ("Training", "Testing"),
        ("train", "val"),
        ("pets/train", "pets/valid"),
    ]
    for train, test in cases:
        with subtests.test(train):
            files = {
                f"{test}/dogs/1.png": GREEN,
                f"{train}/cats/1.png": RED,
                f"{train}/dogs/1.png": GREEN,
                f"{train}/dogs/2.png": GREEN,
            }
            images = read_zip(zipped(files), "pets.zip", SMALL)
            assert images.test_from == 3
            assert images.labels.tolist() == [0, 1, 1, 1]
            assert about(images.notes, "parts of a split")
            facts = about_zip(zipped(files), "pets.zip", SMALL)
            assert (facts.counts, facts.test_counts, facts.test_rows) == ((1, 3), (0, 1), 1)
            assert facts == images.facts


def test_a_validation_folder_beside_a_test_folder_is_for_training() -> None:
    files = {f"{part}/{name}/1.png": RED for part in ("train", "val", "test") for name in ("a", "b")}
    files["extra/a/1.png"] = RED
    files["test/9.png"] = RED
    images = read_zip(zipped(files), "pets.zip", SMALL)
    assert images.test_from == 4
    assert images.labels.tolist() == [0, 0, 1, 1, 0, 1]
    assert images.names is not None
    assert images.names[:2] == ("train/a/1.png", "val/a/1.png")
    assert (
        about(images.notes, "validation")
        == "The pictures in the folder for validation were added to those for training."
    )
    assert "“extra/a/1.png”" in about(images.notes, "beside train and test")
    assert "“test/9.png”" in about(images.notes, "in no folder")


def test_classes_may_be_called_train_and_test() -> None:
    images = read_zip(zipped({"train/1.png": RED, "test/1.png": GREEN, "bus/1.png": BLUE}), "pets.zip", SMALL)
    assert images.classes == ("bus", "test", "train")
    assert images.test_from is None


def test_classes_are_sorted_as_a_person_does_and_keep_their_letters() -> None:
    names = ("10", "9", "Ärger [x](y)", "猫")
    images = read_zip(zipped({f"{name}/1.png": RED for name in names}), "pets.zip", SMALL)
    assert images.classes[:2] == ("9", "10")
    assert set(images.classes) == set(names)


def test_clutter_is_passed_over_in_silence() -> None:
    files = TWO | {
        "__MACOSX/cats/._1.png": b"x",
        "cats/.DS_Store": b"x",
        "cats/Thumbs.db": b"x",
        ".git/cats/1.png": b"x",
        "dogs/desktop.ini": b"x",
        "empty/": b"",
    }
    images = read_zip(zipped(files), "pets.zip", SMALL)
    assert len(images.labels) == 3
    assert len(images.notes) == 1


def test_what_is_left_out_is_counted_and_named() -> None:
    files = TWO | {
        "1.png": RED,
        "cats/readme.txt": b"x",
        "dogs/1.heic": b"x",
        "dogs/cut.png": GREEN[:40],
        "dogs/text.jpg": b"no picture",
        "dogs/none.gif": b"",
        "cats/huge.png": large_png(9_000),
        "birds/1.png": b"x",
        "../dogs/2.png": GREEN,
        "/etc/dogs/3.png": GREEN,
        "C:\\dogs\\4.png": GREEN,
    }
    images = read_zip(zipped(files), "pets.zip", SMALL)
    assert images.labels.tolist() == [0, 0, 1]
    assert images.classes == ("cats", "dogs")
    notes = images.notes
    assert about(notes, "in no folder") == "1 picture lies in no folder of a class and was left out: “1.png”."
    assert about(notes, "no pictures").startswith(
        "2 files are no pictures (PNG, JPEG, GIF, BMP or WebP) and were left out: "
    )
    assert about(notes, "broken").startswith("4 pictures are broken and were left out: “birds/1.png”")
    assert about(notes, "pixels and") == "1 picture has too many pixels and was left out: “cats/huge.png”."
    assert about(notes, "lead") == (
        "3 pictures have names that lead elsewhere and were left out: “../dogs/2.png”, “/etc/dogs/3.png” and "
        "“C:/dogs/4.png”."
    )
    assert about(notes, "none of") == "Left out, because none of their pictures can be read: “birds”."


def test_grey_is_found_out_and_can_be_overruled() -> None:
    grey = zipped({"a/1.png": GREY, "b/1.png": packed(plain((90, 90, 90)))})
    images = read_zip(grey, "pets.zip", SMALL)
    assert images.pixels.shape[-1] == about_zip(grey, "pets.zip", SMALL).channels == 1
    assert images.pixels[:, 0, 0, 0].tolist() == [100, 90]
    assert about(images.notes, "grey") == "The pictures show no colours and are read as grey."
    assert read_zip(grey, "pets.zip", PictureSettings(size=8, color="rgb")).pixels.shape[-1] == 3
    assert read_zip(zipped(TWO), "pets.zip", PictureSettings(size=8, color="grey")).pixels.shape[-1] == 1
    assert about_zip(zipped(TWO), "pets.zip", PictureSettings(size=9)).shape == (9, 9, 3)


def test_what_cannot_be_used_ends_in_a_sentence(subtests: pytest.Subtests) -> None:
    cases: list[tuple[bytes, str]] = [
        (b"", r"^“pets\.zip” must be a zip archive of pictures\."),
        (b"PK\x03\x04 cut off", r"^“pets\.zip” must be a zip archive of pictures\."),
        (zipped(TWO)[:-30], r"^“pets\.zip” must be a zip archive of pictures\."),
        (zipped({}), r"must hold pictures \(PNG, JPEG, GIF, BMP or WebP\) in a folder for each class"),
        (zipped({"a/1.txt": b"x"}), r"This one holds none\.$"),
        (zipped({"1.png": RED, "2.png": RED}), r"Received: no folder and 2 pictures beside\.$"),
        (
            zipped({"cats/1.png": RED}),
            r"at least two of them with pictures\. Received: one folder, “cats”\.$",
        ),
        (
            zipped({"cats/1.png": RED, "dogs/1.png": b"x"}),
            r"can be read\. Received: “cats”\. 1 picture is broken and was left out: “dogs/1.png”\.",
        ),
    ]
    for data, sentence in cases:
        with subtests.test(f"{data!r}"), pytest.raises(UserError, match=sentence):
            read_zip(data, "pets.zip", SMALL)


def test_locked_and_rare_zips_are_told() -> None:
    data = bytearray(zipped({"a/1.png": RED, "b/1.png": RED}))
    head = data.index(b"PK\x01\x02")
    data[head + 8] |= 1
    with pytest.raises(UserError, match=r"^The zip archive is locked with a password\."):
        read_zip(bytes(data), "pets.zip", SMALL)
    data[head + 8] &= ~1
    data[head + 10] = 9  # Deflate64, which Windows uses for large files
    with pytest.raises(UserError, match=r"^The zip archive uses a rare compression\."):
        read_zip(bytes(data), "pets.zip", SMALL)


def test_what_python_unpacks_without_a_limit_is_not_unpacked(subtests: pytest.Subtests) -> None:
    for packing in [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]:
        with subtests.test(f"{packing!r}"):
            bomb = zipped({"a/1.png": b"\0" * 1_000_000, "b/1.png": RED}, packing)
            with pytest.raises(UserError, match=r"^The zip archive uses a rare compression\."):
                read_zip(bomb, "pets.zip", SMALL)
            with pytest.raises(UserError, match=r"^The zip archive uses a rare compression\."):
                list(zip_files.every_picture(bomb, "pets.zip"))


def test_what_a_zip_says_of_its_sizes_is_not_believed() -> None:
    data = bytearray(
        zipped({"a/1.png": RED, "b/1.png": RED, "b/2.png": b"\0" * 100_000}, zipfile.ZIP_DEFLATED)
    )
    last = data.rindex(b"PK\x01\x02")
    data[last + 24 : last + 28] = (10).to_bytes(4, "little")
    images = read_zip(bytes(data), "pets.zip", SMALL)
    assert about(images.notes, "broken") == "1 picture is broken and was left out: “b/2.png”."


def test_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    zeros = zipped({"a/1.png": b"\0" * 2_000_000, "b/1.png": RED, "c/1.png": RED}, zipfile.ZIP_DEFLATED)
    monkeypatch.setattr(zip_files, "MOST_ONE", 1_000_000)
    assert "a/1.png" in about(read_zip(zeros, "pets.zip", SMALL).notes, "too many")
    monkeypatch.setattr(zip_files, "MOST_UNPACKED", 1_000_000)
    with pytest.raises(UserError, match=r"^The pictures may unpack to at most"):
        read_zip(zeros, "pets.zip", SMALL)
    monkeypatch.setattr(zip_files, "MOST_PICTURES", 2)
    with pytest.raises(UserError, match=r"^A zip archive may hold at most 200,000 pictures\. Received: 3\."):
        read_zip(zipped(TWO), "pets.zip", SMALL)
    with pytest.raises(
        UserError, match=r"^A zip archive may hold at most 200,000 pictures\. Received: more\."
    ):
        read_zip(zipped({f"{number}/1.png": RED for number in range(9)}), "pets.zip", SMALL)


def test_memory_is_checked_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zip_files, "available_bytes", lambda: 1_700)
    with pytest.raises(UserError, match=r"^3 pictures of 8 x 8 pixels need about .* choose a smaller size"):
        read_zip(zipped(TWO), "pets.zip", SMALL)
    monkeypatch.setattr(zip_files, "available_bytes", lambda: 1_800)
    assert len(read_zip(zipped(TWO), "pets.zip", SMALL).labels) == 3


def test_pixels_go_into_a_file_that_memory_need_not_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = zipped(TWO | {"cats/0.png": b"broken", "dogs/9.png": packed(plain((9, 99, 199), (30, 20)))})
    theirs = read_zip(data, "pets.zip", SMALL)
    monkeypatch.setattr(zip_files, "available_bytes", lambda: 0)
    ours = read_zip(data, "pets.zip", SMALL, out=tmp_path / "pixels")
    np.testing.assert_array_equal(ours.pixels, theirs.pixels)
    np.testing.assert_array_equal(ours.labels, theirs.labels)
    assert (ours.names, ours.entries, ours.notes) == (theirs.names, theirs.entries, theirs.notes)
    assert (tmp_path / "pixels").stat().st_size == ours.pixels.nbytes == 4 * 8 * 8 * 3


def test_a_disk_without_room_for_the_pixels_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=500))
    with pytest.raises(
        UserError, match=r"^3 pictures of 8 x 8 pixels need about 576 bytes on the disk .* has 500 bytes free"
    ):
        read_zip(zipped(TWO), "pets.zip", SMALL, out=tmp_path / "pixels")
    assert not (tmp_path / "pixels").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk that is always full")
def test_pictures_are_not_called_broken_where_the_disk_is_full(tmp_path: Path) -> None:
    out = tmp_path / "pixels"
    out.symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        read_zip(zipped(TWO), "pets.zip", SMALL, out=out)


def test_progress_is_told() -> None:
    files = {f"{name}/{number}.png": GREY for name in "ab" for number in range(60)}
    told: list[float] = []
    read_zip(zipped(files), "pets.zip", SMALL, lambda what, done: told.append(done))
    assert told == [0.0, 50 / 120, 100 / 120, 1.0]


def test_zips_of_pictures_are_told_from_zips_of_tables() -> None:
    assert is_picture_zip(zipped(TWO))
    assert is_picture_zip(zipped(TWO | {"readme.txt": b"x"}))
    assert not is_picture_zip(zipped({"table.csv": b"a,b\n1,2\n"}))
    assert not is_picture_zip(
        zipped({"[Content_Types].xml": b"x", "xl/workbook.xml": b"x", "xl/media/1.png": RED})
    )
    assert not is_picture_zip(b"a,b\n1,2\n")
    assert not is_picture_zip(b"PK\x03\x04")
    assert not is_picture_zip(RED)


def test_a_picture_beside_the_only_folder_around_the_classes_is_left_out_and_named() -> None:
    files = {f"pets/{name}": data for name, data in TWO.items()} | {"loose.png": RED}
    images = read_zip(zipped(files), "pets.zip", SMALL)
    assert (images.classes, len(images.labels)) == (("cats", "dogs"), 3)
    assert "loose.png" in about(images.notes, "loose")
