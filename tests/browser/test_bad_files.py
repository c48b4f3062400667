"""Bad tables and damaged runs: each ends in one plain sentence, or works, and the page goes on."""

import os
import random
import re
import struct
import zlib
from collections.abc import Iterator

import pytest
from drawn.charts import wait_for_charts
from playwright.sync_api import Browser, Page, expect

from browser.driving import (
    App,
    answer,
    choose,
    field,
    idle,
    no_defect,
    open_app,
    set_number,
    state,
    tab,
    train,
    train_button,
    upload,
)
from browser.listed_runs import cells, drawn, open_runs, tick, titles
from lrapp.runs.store import Run

_NUMBERS = [(round(random.Random(n).random(), 3), n % 7, "ab"[n % 2]) for n in range(60)]
GOOD = "x,y,z\n" + "".join(f"{x},{y},{z}\n" for x, y, z in _NUMBERS)
ONE_COLUMN = b"x\n" + b"".join(b"%d\n" % (n % 5) for n in range(50))
_KEYS = "x,y,z\n" + "".join(f"{x},{y},k{n}\n" for n, (x, y, _) in enumerate(_NUMBERS))
_WIDE = ",".join(f"c{n}" for n in range(3000)) + ",z\n"
_WIDE += "".join("1," * 1500 + f"{n % 9}," * 1500 + f"{'ab'[n % 2]}\n" for n in range(30))


def _png() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 2, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 14)) + chunk(b"IEND", b"")


# What is uploaded, and whether it must work (True), must end in a sentence (False), or may do either (None).
FILES: dict[str, tuple[bytes, bool | None]] = {
    "empty": (b"", False),
    "blanks": (b"  \n \n\n", False),
    "header only": (b"x,y,z\n", False),
    "one column": (ONE_COLUMN, None),
    "one row": (b"x,y,z\n1,2,a\n", False),
    "html": (b"<!DOCTYPE html><html><body><h1>Not found</h1><p>a, b</p></body></html>", False),
    "json": (b'[{"x": 1, "y": 2}, {"x": 3, "y": 4}]', False),
    "png": (_png(), False),
    "utf-16": (GOOD.encode("utf-16"), True),
    "utf-16 without a mark": (GOOD.encode("utf-16-le"), True),
    "bom": (b"\xef\xbb\xbf" + GOOD.encode(), True),
    "cp1252": (GOOD.replace("x,y,z", "größe,y,z").encode("cp1252"), True),
    "nul bytes": (GOOD.replace(",1,", ",\0,").encode(), None),
    "only nul bytes": (b"\0" * 400, False),
    "ragged": (GOOD.replace("\n0.", "\n0.5,7,a,8,9,10\n0.", 3).encode(), True),
    "stray quotes": (GOOD.replace("a\n", '"a\n', 2).encode(), None),
    "quoted newline": (GOOD.replace("a\n", '"a\nb"\n', 20).encode(), True),
    "decimal commas": (GOOD.replace(",", ";").replace(".", ",").encode(), True),
    "repeated and empty names": (GOOD.replace("x,y,z", "x,x,").encode(), True),
    "constant target": (GOOD.replace("x,y,z", "x,y,q").replace(",b\n", ",a\n").encode(), None),
    "missing target": (("x,y,z\n" + "".join(f"{x},{y},\n" for x, y, _ in _NUMBERS)).encode(), None),
    "a class with one member": (GOOD.replace(",b\n", ",c\n", 1).encode(), None),
    "a class for every row": (_KEYS.encode(), None),
    "10^30 integers": (GOOD.replace(",3,", f",{10**30},").encode(), True),
    "infinities": (GOOD.replace(",3,", ",inf,").replace(",4,", ",-inf,").encode(), True),
    "1e308": (GOOD.replace(",3,", ",1e308,").replace(",4,", ",-1e308,").encode(), True),
    "3,000 columns": (_WIDE.encode(), None),
}  # fmt: skip


@pytest.fixture(scope="module")
def visit(browser: Browser, app: App) -> Iterator[Page]:
    """One tab for all files, as for a person who tries again and again."""
    with tab(browser) as page:
        open_app(page, app.url)
        yield page


def _verdict(page: Page) -> tuple[bool, list[str]]:
    """Whether Train can be pressed, and what the page says; where they differ, it may still be drawing itself."""
    start = train_button(page)
    for _ in range(20):
        ready, said = start.is_enabled(), _errors(page)
        if ready is not bool(said):
            break
        page.wait_for_timeout(500)
    return ready, said


def _errors(page: Page) -> list[str]:
    """The sentences that the page shows as errors."""
    main = page.get_by_test_id("stMainBlockContainer")
    return [
        alert.inner_text()
        for alert in main.get_by_role("alert").all()
        if "play_circle" not in alert.inner_text()
    ]


@pytest.mark.parametrize("name", FILES)
def test_a_bad_file_ends_in_a_sentence_or_works(visit: Page, name: str) -> None:
    data, works = FILES[name]
    upload(visit, f"{name}.csv", data)
    expect(field(visit, "combobox", "Table")).to_have_value(f"Your file: {name}.csv")
    idle(visit)
    answer(visit)
    no_defect(visit)
    ready, said = _verdict(visit)
    assert ready is not bool(said), (
        f"The button {'can' if ready else 'cannot'} be pressed, the page says {said}"
    )
    if works is not None:
        assert ready is works, said
    for sentence in said:
        text = sentence.replace("error\n", "").replace("warning\n", "").strip()
        assert re.search(r"[.!]$", text), text
        assert not re.search(r"\b\w+Error\b|\bException\b|\bnan\b|\bNone\b|0x[0-9a-f]+", text), text


def test_a_table_with_nothing_to_learn_from_says_so(page: Page) -> None:
    upload(page, "alone.csv", ONE_COLUMN)
    expect(field(page, "combobox", "Table")).to_have_value("Your file: alone.csv")
    expect(page.get_by_role("alert").filter(has_text="the table needs a").first).to_be_visible()
    expect(train_button(page)).to_be_disabled()


def test_the_page_still_trains_afterwards(visit: Page) -> None:
    choose(visit, "Table", "Sample: Penguins")
    set_number(visit, "Epochs", 5)
    train(visit)
    state(visit, "Done").wait_for()
    wait_for_charts(visit)


def test_a_table_with_everything_wrong_at_once_trains(page: Page) -> None:
    lines = [
        f"{10**30 if x > 0.9 else x};{'' if y == 3 else 'inf' if y == 4 else y};{z}" for x, y, z in _NUMBERS
    ]
    text = "größe;größe;\n" + "\n".join(lines).replace(".", ",") + '\n"0,5;1;a\n'
    upload(page, "everything.csv", text.encode("utf-16"))
    expect(field(page, "combobox", "Table")).to_have_value("Your file: everything.csv")
    idle(page)
    answer(page)
    set_number(page, "Epochs", 3)
    train(page)
    state(page, "Done").wait_for()
    wait_for_charts(page)
    no_defect(page)


def test_a_damaged_run_is_a_sentence_and_the_others_stay(
    browser: Browser, own_app: App, runs: dict[str, Run]
) -> None:
    (runs["slow"].folder / "run.json").write_text("{")
    (runs["ugly"].folder / "status.json").unlink()
    os.utime(runs["ugly"].folder, (0, 0))
    (runs["oldest"].folder / "about.json").write_bytes(b"\xff\xfe")
    with tab(browser) as page:
        grid = open_runs(page, own_app)
        assert cells(grid, 1)[0] == "newest"
        assert cells(grid, titles(grid).index("State")) == ["Done", "Damaged", "Done", "Done"]
        troubles = cells(grid, titles(grid).index("Trouble"))
        assert troubles[0] == ""
        assert "status.json is missing" in troubles[1]
        assert "its run.json cannot be read" in troubles[2]
        assert "about.json" in troubles[3]
        for row, sentence in ((1, "status.json is missing"), (2, "its run.json cannot be read")):
            tick(page, row)
            page.get_by_test_id("stAlertContainer").get_by_text(sentence).wait_for()
            no_defect(page)
            tick(page, row)
        # Compared with a whole one, they are named and left out.
        for row in (0, 1, 2, 3):
            tick(page, row)
        expect(page.get_by_text("is left out")).to_have_count(2)
        drawn(page, 4, 2)
        for row in (0, 3):
            tick(page, row)
        page.get_by_role("button", name="Delete 2 runs").click()
        idle(page)
        page.get_by_role("button", name="Delete them").click()
        page.get_by_text("2 runs were deleted.").wait_for()
        idle(page)
        page.get_by_role("button", name="Undo").click()
        page.get_by_text("2 runs were deleted.").wait_for(state="hidden")
        assert (runs["ugly"].folder / "run.json").exists()


def test_damaged_scores_and_an_address_of_no_run_are_sentences(
    browser: Browser, own_app: App, runs: dict[str, Run]
) -> None:
    runs["newest"].scores_path.write_bytes(b"\xff\xfe{")
    with tab(browser) as page:
        open_runs(page, own_app, f"?run={runs['newest'].id}")
        page.get_by_text("The scores of this run are damaged").wait_for()
        wait_for_charts(page)
        no_defect(page)
        grid = open_runs(page, own_app, "?run=../../etc/passwd")
        page.get_by_text("There is no such run here.").wait_for()
        assert len(cells(grid, 1)) == len(runs)
