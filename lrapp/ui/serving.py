"""What the server does around the pages: their style, a cookie for each browser, and an orderly start and end."""

import sys
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

import streamlit as st
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware

from lrapp.access.visitors import Cookies
from lrapp.execution import ahead
from lrapp.ui.style import STYLE

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
# What would be answered with a packed page, or with none because the browser has one, of an older version perhaps.
_SHORTENS = (b"accept-encoding", b"if-none-match", b"if-modified-since")
_END = b"</body>"


class Styled:
    """ASGI middleware that sends the page's style with the page itself, so that no text is seen without it.

    It stands at the end of the page, after Streamlit's own styles.

    Args:
        app: What answers.
    """

    def __init__(self, app: Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]) -> None:
        self._app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Pass a request on, and complete the page where that is the answer."""
        accepts = dict(scope.get("headers", ())).get(b"accept", b"")
        if scope["type"] != "http" or scope["method"] != "GET" or b"text/html" not in accepts:
            await self._app(scope, receive, send)
            return
        plain = [pair for pair in scope["headers"] if pair[0] not in _SHORTENS]
        start: Message = {}
        body = b""

        async def with_style(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=list(message["headers"]))
                page = headers.get("content-type", "").startswith("text/html") and message["status"] == 200
                if (
                    page and "content-disposition" not in headers
                ):  # a report that is downloaded is none of ours
                    for name in ("content-length", "etag", "last-modified"):
                        del headers[name]
                    start = {**message, "headers": headers.raw}
                    return
            if start:
                body += message["body"]
                if message.get("more_body"):
                    return
                body = body.replace(_END, STYLE.encode() + _END, 1)
                start["headers"] += [(b"content-length", f"{len(body)}".encode())]
                await send(start)
                message = {**message, "body": body}
            await send(message)

        await self._app({**scope, "headers": plain, "extensions": {}}, receive, with_style)


def middleware() -> list[Middleware]:
    """Return the middleware that every request passes."""
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return [Middleware(Cookies, path=f"/{base}"), Middleware(Styled)]


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """Begin to import the pages, and end the worker with the server, as a signal ends Python before it could tell."""
    ahead.import_ahead("lrapp.ui.shell")  # the server answers meanwhile
    yield
    if "lrapp.ui.parts.resources" in sys.modules:
        from lrapp.ui.parts import resources

        resources.close()
