"""What the server does around the pages: a cookie for each browser, and an orderly end."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import streamlit as st
from starlette.middleware import Middleware

from lrapp.access.visitors import Cookies


def middleware() -> list[Middleware]:
    """Return the middleware that every request passes."""
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return [Middleware(Cookies, path=f"/{base}")]


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """End the worker with the server, as a signal ends Python before it would say that it exits."""
    yield
    # The pages are imported with the first visit, not before the server answers.
    if "lrapp.ui.parts.resources" in sys.modules:
        from lrapp.ui.parts import resources

        resources.close()
