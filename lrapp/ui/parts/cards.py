"""Scrolls the Train page to the card that an advice is about."""

import secrets

import streamlit as st

from lrapp.evaluation.diagnosis import Card
from lrapp.ui.parts import session

_JS = """
// Drawn again, this must not scroll again.
const seen = (window.lrappCards ??= new Set());

function find(title) {
  const headings = [...document.querySelectorAll("[data-testid=stHeading] :is(h1, h2, h3, h4)")];
  return headings.find(heading => heading.textContent.trim() === title);
}

export default function ({ data }) {
  if (seen.has(data.once)) return;
  seen.add(data.once);
  let tries = 0, shown = 0;
  const look = setInterval(() => {
    const heading = find(data.title);
    // For a second, because what is drawn meanwhile moves the page again.
    if (++tries > 40 || shown > 8) clearInterval(look);
    if (!heading) return;
    shown += 1;
    heading.style.scrollMarginTop = "5rem";
    heading.tabIndex = -1;
    heading.focus({ preventScroll: true });
    heading.scrollIntoView({ block: "start" });
  }, 100);
}
"""

_scroll = st.components.v2.component("lrapp.scroll_to_card", js=_JS)


def scroll_to(card: Card) -> None:
    """Scroll to a card as soon as the page is drawn.

    Args:
        card: Its heading.
    """
    session.state().card = (card, secrets.token_hex(8))


def scroll_if_asked() -> None:
    """Scroll, if a card was asked for."""
    wanted = session.state().card
    if wanted is not None:
        _scroll(data={"title": wanted[0], "once": wanted[1]}, key="scroll_to_card", height=1)
