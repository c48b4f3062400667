"""Cookies that tell a browser again: signed, told apart from forged and foreign ones, given once, kept for a year."""

import asyncio
import os
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from itsdangerous import TimestampSigner

from lrapp.access import visitors
from lrapp.access.visitors import Cookies, Message, Receive, Scope, Send
from lrapp.errors import UserError

ROOT = Path(__file__).parents[2]
KEY, OTHER_KEY = b"k" * 32, b"o" * 32
PLAIN = "Path=/; HttpOnly; SameSite=Lax"


def cookie(line: str) -> tuple[str, str]:
    """Name and value of a Set-Cookie line."""
    name, _, value = line.partition(";")[0].partition("=")
    return name, value


def signed(age_days: float, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A cookie as it was given some days ago."""
    with monkeypatch.context() as then:
        then.setattr(TimestampSigner, "get_timestamp", lambda _: int(time.time() - 86_400 * age_days))
        return dict([visitors.new_cookie(KEY)])


def test_the_key_is_made_once_also_by_two_servers_and_is_nobody_elses(tmp_path: Path) -> None:
    code = "import sys, pathlib, lrapp.access.visitors as v; print(v.key(pathlib.Path(sys.argv[1])).hex())"
    command = [sys.executable, "-c", code, str(tmp_path / "home")]
    servers = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) for _ in range(4)]
    keys = {server.communicate(timeout=120)[0] for server in servers}
    assert len(keys) == 1
    path = tmp_path / "home" / visitors.KEY_FILE
    assert keys == {path.read_bytes().hex().encode() + b"\n"}
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in path.parent.glob("*.key.*")] in ([], [f".{visitors.KEY_FILE}.lock"])


def test_a_damaged_key_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / visitors.KEY_FILE).write_bytes(b"short")
    with pytest.raises(UserError, match="delete it"):
        visitors.key(tmp_path)


def test_a_cookie_is_known_again_and_says_nothing_of_itself() -> None:
    name, value = visitors.new_cookie(KEY)
    (who,) = visitors.known(KEY, {name: value})
    assert visitors.known(KEY, {"other": "1", name: value}) == (who,)
    assert value.split(".")[0] not in who.id
    assert who.id not in value
    assert len(who.id) == 32
    other = dict([visitors.new_cookie(KEY)])
    assert visitors.known(KEY, other)[0].id != who.id


def test_a_forged_cookie_is_nobodys_and_gives_way_to_a_new_one(subtests: pytest.Subtests) -> None:
    for forged in ["", "x", "a.b.c", "{told}.{when}.", "{other}.{when}.{sign}", "{told}.x.{sign}"]:
        with subtests.test(forged):
            name, value = visitors.new_cookie(KEY)
            told, when, sign = value.split(".")
            made_up = forged.format(told=told, when=when, sign=sign, other="0" * 32)
            assert visitors.known(KEY, {name: made_up}) == ()
            gone, fresh = visitors.changes(KEY, {name: made_up}, PLAIN)
            assert gone == f"{name}=; Max-Age=0; {PLAIN}"
            assert visitors.known(KEY, dict([cookie(fresh)]))


def test_one_of_another_server_is_nobodys_and_left_alone_unless_there_are_many() -> None:
    foreign = dict(visitors.new_cookie(OTHER_KEY) for _ in range(3))
    assert visitors.known(KEY, foreign) == ()
    (fresh,) = visitors.changes(KEY, foreign, PLAIN)
    assert cookie(fresh)[0] not in foreign
    many = dict(visitors.new_cookie(OTHER_KEY) for _ in range(9))
    lines = visitors.changes(KEY, many, PLAIN)
    assert {cookie(line)[0] for line in lines if "Max-Age=0" in line} == set(many)
    assert len(lines) == 10


def test_a_visitor_keeps_the_cookie_for_a_year_from_the_last_visit(monkeypatch: pytest.MonkeyPatch) -> None:
    young, month, old = (signed(days, monkeypatch) for days in (1, 31, 366))
    assert visitors.changes(KEY, young, PLAIN) == []
    (renewed,) = visitors.changes(KEY, month, PLAIN)
    assert "Max-Age=31536000" in renewed
    before, after = visitors.known(KEY, month), visitors.known(KEY, dict([cookie(renewed)]))
    assert [one.id for one in before] == [one.id for one in after]
    assert after[0].since > before[0].since
    assert visitors.known(KEY, old) == ()
    assert len(visitors.changes(KEY, old, PLAIN)) == 2


def test_two_tabs_that_open_at_once_are_one_visitor(monkeypatch: pytest.MonkeyPatch) -> None:
    # Both were answered before either cookie was there; the browser keeps both.
    first, second = signed(0.5, monkeypatch), signed(0.4, monkeypatch)
    alone, both = visitors.known(KEY, first), visitors.known(KEY, second | first)
    assert len(both) == 2
    assert both[0] == alone[0], "what is made from now on is kept under the older one"
    assert visitors.changes(KEY, first | second, PLAIN) == []


def answered(
    path: str = "/", method: str = "GET", base: str = "/", scheme: str = "http", **headers: str
) -> dict[str, list[str]]:
    """Headers with which a request is answered."""

    async def page(scope: Scope, receive: Receive, send: Send) -> None:
        told = [(b"Cache-Control", b"no-cache"), (b"content-type", b"text/html")]
        await send({"type": "http.response.start", "status": 200, "headers": told})
        await send({"type": "http.response.body", "body": b"page"})

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request"}

    raw = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    scope: dict[str, Any] = {"type": "http", "method": method, "path": path, "scheme": scheme, "headers": raw}
    asyncio.run(Cookies(page, base)(scope, receive, send))
    found: dict[str, list[str]] = {}
    for name, value in sent[0]["headers"]:
        found.setdefault(name.decode().lower(), []).append(value.decode())
    assert sent[1]["body"] == b"page"
    return found


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LRAPP_RUNS", "own")


@pytest.mark.usefixtures("own")
def test_the_page_comes_with_a_cookie_that_only_the_server_reads() -> None:
    answer = answered(accept="text/html,*/*")
    (line,) = answer["set-cookie"]
    assert line.endswith("; Max-Age=31536000; Path=/; HttpOnly; SameSite=Lax")
    assert answer["cache-control"] == ["no-store"], "nobody between may hand one browser's cookie to another"
    name, value = cookie(line)
    again = answered(accept="text/html", cookie=f"a=1; {name}={value}; broken")
    assert "set-cookie" not in again
    assert again["cache-control"] == ["no-cache"]


@pytest.mark.usefixtures("own")
def test_https_and_a_path_of_its_own_are_kept_to() -> None:
    for secure in ({"scheme": "https"}, {"x_forwarded_proto": "https"}, {"x_forwarded_proto": "https, http"}):
        (line,) = answered(sec_fetch_dest="document", base="/lab", **secure)["set-cookie"]
        assert line.endswith("; Path=/lab; HttpOnly; SameSite=Lax; Secure")
    (line,) = answered(sec_fetch_dest="document", scheme="https", x_forwarded_proto="http")["set-cookie"]
    assert "Secure" not in line


@pytest.mark.usefixtures("own")
def test_only_the_page_itself_brings_one() -> None:
    assert "set-cookie" not in answered("/static/js/index.js", accept="*/*", sec_fetch_dest="script")
    assert "set-cookie" not in answered(method="POST", accept="text/html")
    # What a page asks for when its server has come back, perhaps with a new key.
    assert "set-cookie" in answered("/lab/_stcore/host-config", accept="application/json")


def test_without_the_variable_nobody_gets_one(tmp_path: Path) -> None:
    assert "set-cookie" not in answered(accept="text/html")
    assert not (tmp_path / "home").exists()


@pytest.mark.usefixtures("own")
def test_where_no_key_can_be_kept_the_page_comes_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("in the way")
    assert "set-cookie" not in answered(accept="text/html")
