"""A secret for each browser, in a signed cookie, so that what was made has an owner; no accounts.

The cookie holds a random secret, signed with a key that lies in the home folder. Folders hold only what a one-way
function makes of the secret: who reads them, or downloads a run, cannot make the cookie of it. A browser whose first
tabs open at the same moment gets a cookie for each of them, under different names, so that none is lost: all of them
are the same visitor, who is called by the oldest.
"""

import hashlib
import logging
import os
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from filelock import FileLock
from itsdangerous import BadSignature, TimestampSigner

from lrapp.access import rights
from lrapp.errors import UserError

log = logging.getLogger(__name__)

KEY_FILE = "visitors.key"
YEAR = 365 * 86_400
_KEY_BYTES = 32
# Visitors who come back within the year keep their cookie for another one.
_RENEWED_AFTER = timedelta(days=30)
_NAME = re.compile(r"lrapp-([0-9a-f]{8})-[0-9a-f]{8}")
# Cookies are shared by all ports of a host, so that those of another server's key are left alone; but keys change
# where the home folder is emptied at every restart, and headers must stay short.
_MOST_COOKIES = 8

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


@dataclass(frozen=True)
class Visitor:
    """A visitor, by one cookie.

    Args:
        id: What folders hold; says nothing of the cookie.
        since: When the cookie was signed.
    """

    id: str
    since: datetime


@cache
def key(home: Path) -> bytes:
    """Return the key that signs this server's cookies; made when there is none yet, readable for its user only.

    Raises:
        UserError: If the disk is full or may not be written.
    """
    # Imported here, because the server imports this module before it answers for the first time.
    from lrapp.files import disk_errors, whole

    path = home / KEY_FILE
    with disk_errors():
        home.mkdir(parents=True, exist_ok=True)
        # Two servers may start over one home.
        with FileLock(home / f".{KEY_FILE}.lock"):
            if not path.exists():
                with (
                    whole(path) as beside,
                    os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file,
                ):
                    file.write(secrets.token_bytes(_KEY_BYTES))
        made = path.read_bytes()
    if len(made) < _KEY_BYTES:
        raise UserError(f"The key {path} is damaged: delete it, and every visitor starts anew.")
    return made


def _signer(secret: bytes) -> TimestampSigner:
    return TimestampSigner(secret, salt="lrapp visitor", digest_method=hashlib.sha256)


def _mark(secret: bytes) -> str:
    """A key's own part of the names of its cookies."""
    return hashlib.sha256(b"lrapp cookie name" + secret).hexdigest()[:8]


def new_cookie(secret: bytes) -> tuple[str, str]:
    """Return name and value of a cookie for a browser that has none."""
    name = f"lrapp-{_mark(secret)}-{secrets.token_hex(4)}"
    return name, _signer(secret).sign(secrets.token_hex(16)).decode()


def visitor(secret: bytes, value: str) -> Visitor | None:
    """Return the visitor of a cookie's value; None where it is forged, foreign or too old."""
    try:
        unsigned, since = _signer(secret).unsign(value, max_age=YEAR, return_timestamp=True)
    except BadSignature:
        return None
    return Visitor(hashlib.sha256(b"lrapp visitor" + unsigned).hexdigest()[:32], since)


def known(secret: bytes, cookies: Mapping[str, str]) -> tuple[Visitor, ...]:
    """Return the visitors of all cookies of a browser, the oldest first."""
    found = (visitor(secret, value) for name, value in cookies.items() if _ours(secret, name))
    return tuple(sorted(filter(None, found), key=lambda one: (one.since, one.id)))


def _ours(secret: bytes, name: str) -> bool:
    match = _NAME.fullmatch(name)
    return match is not None and match[1] == _mark(secret)


def changes(secret: bytes, cookies: Mapping[str, str], attributes: str) -> list[str]:
    """Return the Set-Cookie lines with which to answer a browser.

    Args:
        attributes: What follows a cookie's value and lifetime: its path and so on.
    """
    lines, there = [], False
    names = [name for name in cookies if _NAME.fullmatch(name)]
    for name in names:
        if not _ours(secret, name):
            if len(names) > _MOST_COOKIES:
                lines.append(f"{name}=; Max-Age=0; {attributes}")
            continue
        who = visitor(secret, cookies[name])
        if who is None:
            lines.append(f"{name}=; Max-Age=0; {attributes}")
            continue
        there = True
        if datetime.now(UTC) - who.since > _RENEWED_AFTER:
            unsigned = _signer(secret).unsign(cookies[name])
            lines.append(f"{name}={_signer(secret).sign(unsigned).decode()}; Max-Age={YEAR}; {attributes}")
    if not there:
        name, value = new_cookie(secret)
        lines.append(f"{name}={value}; Max-Age={YEAR}; {attributes}")
    return lines


class Cookies:
    """ASGI middleware that gives every browser its cookie with the page itself, before the page connects.

    Args:
        path: Of the page, as the browser knows it; other applications on the host do not get it.
    """

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]], path: str = "/") -> None:
        self._app = app
        self._path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and answer with the cookies that are due."""
        lines = self._due(scope) if scope["type"] == "http" and rights.private() else []
        if not lines:
            await self._app(scope, receive, send)
            return

        async def with_cookies(message: Message) -> None:
            if message["type"] == "http.response.start":
                # Proxies must not cache one browser's cookie.
                headers = [pair for pair in message.get("headers", []) if pair[0].lower() != b"cache-control"]
                headers += [(b"cache-control", b"no-store")]
                headers += [(b"set-cookie", line.encode("latin-1")) for line in lines]
                message = {**message, "headers": headers}
            await send(message)

        await self._app(scope, receive, with_cookies)

    def _due(self, scope: Scope) -> list[str]:
        from lrapp.runs.store import Store

        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if scope["method"] != "GET" or not _wants_page(scope["path"], headers):
            return []
        forwarded = (headers.get(b"x-forwarded-proto") or str(scope.get("scheme"))).split(",")[0].strip()
        attributes = f"Path={self._path}; HttpOnly; SameSite=Lax{'; Secure' if forwarded == 'https' else ''}"
        try:
            return changes(key(Store.default().home), _parsed(headers.get(b"cookie", "")), attributes)
        except UserError as error:
            log.warning("%s", error)  # then a visitor is known only within the tab
            return []


def _wants_page(path: str, headers: Mapping[bytes, str]) -> bool:
    """Whether it is the page itself; or what a page asks for first when its server comes back, with a new key."""
    return (
        headers.get(b"sec-fetch-dest") in ("document", "iframe")
        or "text/html" in headers.get(b"accept", "")
        or path.endswith("/_stcore/host-config")
    )


def _parsed(header: str) -> dict[str, str]:
    pairs = (part.strip().partition("=") for part in header.split(";"))
    return {name: value for name, _, value in pairs}
