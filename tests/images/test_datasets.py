"""The sets that the app knows: real Fashion-MNIST, the digits, and caches that are not what they should be."""

import gzip
import hashlib
import os
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from lrapp.errors import UserError
from lrapp.images import datasets
from lrapp.images.datasets import FASHION_CLASSES, about, here, read_set

DEBIAN = Path("/usr/share/datasets/fashion-mnist")
FILES = [
    f"{part}-{what}.gz" for what in ("images-idx3-ubyte", "labels-idx1-ubyte") for part in ("train", "t10k")
]
# In CI a missing package is a defect, not a reason to skip.
needs_debian = pytest.mark.skipif(
    not DEBIAN.exists() and not os.environ.get("LRAPP_NEEDS_FASHION_MNIST"),
    reason="Debian's package dataset-fashion-mnist is not installed",
)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keras's cache, empty."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    folder = tmp_path / "keras" / "datasets" / "fashion-mnist"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def _no_debian(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "_DEBIAN", tmp_path / "nowhere")


class Small:
    """A set in Fashion-MNIST's files, with ten pictures for training and five for testing."""

    def __init__(self, folder: Path) -> None:
        rng = np.random.default_rng(0)
        self.pixels: NDArray[np.uint8] = rng.integers(0, 256, (15, 28, 28, 1), np.uint8)
        self.labels: NDArray[np.uint8] = rng.integers(0, 10, 15).astype(np.uint8)
        self.raw = {
            FILES[0]: b"\0\0\x08\x03" + bytes(12) + self.pixels[:10].tobytes(),
            FILES[1]: b"\0\0\x08\x03" + bytes(12) + self.pixels[10:].tobytes(),
            FILES[2]: b"\0\0\x08\x01" + bytes(4) + self.labels[:10].tobytes(),
            FILES[3]: b"\0\0\x08\x01" + bytes(4) + self.labels[10:].tobytes(),
        }
        folder.mkdir(parents=True)
        for file, raw in self.raw.items():
            (folder / file).write_bytes(gzip.compress(raw))


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Small:
    made = Small(tmp_path / "small")
    monkeypatch.setattr(
        datasets, "_FASHION_FILES", {file: hashlib.sha256(raw).hexdigest() for file, raw in made.raw.items()}
    )
    monkeypatch.setattr(datasets, "_FASHION_ROWS", (10, 5))
    return made


@pytest.fixture
def served(
    tmp_path: Path, small: Small, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, bytes | None]]:
    """What a server on this machine answers, by the file's name; None breaks off."""
    answers: dict[str, bytes | None] = {file: (tmp_path / "small" / file).read_bytes() for file in small.raw}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.rpartition("/")[2]
            if name not in answers:
                self.send_error(404)
                return
            data = answers[name]
            self.send_response(200)
            self.send_header("Content-Length", str(len(data or b"") or 1_000))
            self.end_headers()
            self.wfile.write(data or b"cut")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setattr(datasets, "_ADDRESS", f"http://127.0.0.1:{server.server_address[1]}/sets/")
    yield answers
    server.shutdown()
    thread.join()
    server.server_close()


@needs_debian
def test_real_fashion_mnist(cache: Path) -> None:
    told: list[float] = []
    found = read_set("fashion-mnist", lambda what, done: told.append(done))
    assert found.pixels.shape == (70_000, 28, 28, 1)
    assert found.pixels.dtype == np.uint8
    assert found.labels.dtype == np.int32
    assert found.test_from == 60_000
    assert np.bincount(found.labels[:60_000]).tolist() == [6_000] * 10
    assert np.bincount(found.labels[60_000:]).tolist() == [1_000] * 10
    assert [found.classes[label] for label in found.labels[[0, 1, 60_000]]] == [
        "Ankle boot",
        "T-shirt/top",
        "Ankle boot",
    ]
    # As published: mean 0.2860 and deviation 0.3530 of the training pixels.
    assert found.pixels[:60_000].mean() / 255 == pytest.approx(0.2860, abs=1e-4)
    assert hashlib.md5(found.pixels[:60_000].tobytes(), usedforsecurity=False).hexdigest() == (
        "f209073e486d5113ebe2cc431d4df862"
    )
    assert found.notes == ()
    assert found.facts == about("fashion-mnist")
    assert here("fashion-mnist")
    assert told == sorted(told)
    assert (told[0], told[-1]) == (0.0, 1.0)
    assert list(cache.iterdir()) == []


def test_the_digits_are_always_here() -> None:
    found = read_set("digits")
    assert here("digits")
    assert found.facts == about("digits")
    assert found.pixels.dtype == np.uint8
    assert (found.pixels.min(), found.pixels.max()) == (0, 255)
    # The first picture is a nought: bright in the middle of its first row, dark within.
    assert found.labels[0] == 0
    assert found.pixels[0, :, :, 0].tolist()[0] == [0, 0, 80, 207, 143, 16, 0, 0]
    assert found.test_from is None


def test_the_cache_comes_first_then_debians_folder(
    cache: Path, small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets, "_DEBIAN", tmp_path / "debian")
    assert not here("fashion-mnist")
    shutil.copytree(tmp_path / "small", tmp_path / "debian")
    assert here("fashion-mnist")
    found = read_set("fashion-mnist")
    np.testing.assert_array_equal(found.pixels, small.pixels)
    np.testing.assert_array_equal(found.labels, small.labels)
    assert (found.test_from, found.notes) == (10, ())
    for file in small.raw:
        shutil.move(tmp_path / "debian" / file, cache / file)
    assert here("fashion-mnist")
    np.testing.assert_array_equal(read_set("fashion-mnist").pixels, small.pixels)


@pytest.mark.parametrize("how", ["truncated", "other", "longer", "empty", "no gzip", "folder"])
def test_what_is_damaged_is_passed_over_and_told(
    how: str, cache: Path, small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets, "_DEBIAN", tmp_path / "small")
    file = FILES[0]
    whole = (tmp_path / "small" / file).read_bytes()
    data = {
        "truncated": whole[: len(whole) // 2],
        "other": gzip.compress(small.raw[file][:-1] + b"x"),
        "longer": gzip.compress(small.raw[file] + b"x"),
        "empty": b"",
        "no gzip": b"<html>Not found</html>",
        "folder": None,
    }[how]
    if data is None:
        (cache / file).mkdir()
    else:
        (cache / file).write_bytes(data)
    found = read_set("fashion-mnist")
    np.testing.assert_array_equal(found.pixels, small.pixels)
    told = (f"{file} in {cache} is damaged or cut off and was skipped.",)
    assert found.notes == (() if how == "folder" else told)


@pytest.mark.usefixtures("_no_debian")
def test_it_is_downloaded_into_kerass_cache(
    cache: Path, small: Small, served: dict[str, bytes | None]
) -> None:
    told: list[tuple[str, float]] = []
    (cache / FILES[0]).write_bytes(b"cut")
    found = read_set("fashion-mnist", lambda what, done: told.append((what, done)))
    np.testing.assert_array_equal(found.pixels, small.pixels)
    assert found.notes == (f"{FILES[0]} in {cache} is damaged or cut off and was skipped.",)
    assert sorted(path.name for path in cache.iterdir()) == sorted(FILES)
    assert "Downloading Fashion-MNIST" in {what for what, _ in told}
    assert [done for _, done in told] == sorted(done for _, done in told)
    served.clear()
    assert read_set("fashion-mnist").notes == ()


@pytest.mark.usefixtures("_no_debian", "small")
@pytest.mark.parametrize("how", ["gone", "cut", "other", "nobody"])
def test_when_it_cannot_be_had_a_sentence_says_how(
    how: str, cache: Path, served: dict[str, bytes | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    match how:
        case "gone":
            del served[FILES[1]]
        case "cut":
            served[FILES[1]] = None
        case "other":
            served[FILES[1]] = gzip.compress(b"something else")
        case "nobody":
            monkeypatch.setattr(datasets, "_ADDRESS", "http://127.0.0.1:1/")
    with pytest.raises(UserError, match=r"connect to the internet.*dataset-fashion-mnist.*digits"):
        read_set("fashion-mnist")
    whole = [] if how == "nobody" else [FILES[0]]
    assert [path.name for path in cache.iterdir()] == whole, "nothing half done or false stays"


@pytest.mark.usefixtures("_no_debian", "small")
def test_a_cache_that_cannot_be_made_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "file" / "keras"))
    with pytest.raises(UserError, match=r"^Fashion-MNIST is not on this machine"):
        read_set("fashion-mnist")


def test_the_classes_are_in_the_publishers_order() -> None:
    assert FASHION_CLASSES[0] == "T-shirt/top"
    assert FASHION_CLASSES[9] == "Ankle boot"
    assert len(FASHION_CLASSES) == 10


def test_facts_of_pictures() -> None:
    pixels = np.zeros((5, 3, 4, 1), np.uint8)
    found = datasets.Images(pixels, np.array([0, 2, 2, 0, 2], np.int32), ("a", "b", "c"), test_from=3)
    assert found.shape == found.facts.shape == (3, 4, 1)
    assert found.facts.counts == (2, 0, 3)
    assert found.facts.test_counts == (1, 0, 1)
    assert found.facts.test_rows == 2
