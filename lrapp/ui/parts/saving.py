"""A chart that can be saved, as the picture that is on the page, in SVG or PNG, and its data as CSV; and zoomed.

Both are icons in its corner that come with the pointer or the keyboard; where there is no pointer, they are there.

The browser makes the pictures from what it has drawn, zoom and theme included: that costs the server nothing, where a
package that draws without a browser would be 33 MB to download and 90 MB of memory.
"""

import re
from typing import Any

import pandas as pd
import streamlit as st

from lrapp.tables.csv_writer import to_csv_bytes
from lrapp.ui.parts import resources

# More marks than this are drawn on a canvas, which SVG cannot be made of but which is faster.
_MOST_POINTS = 20_000

_HTML = """
<div class="row">
  <button type="button" data-kind="svg">SVG</button>
  <button type="button" data-kind="png">PNG</button>
</div>
<p role="status"></p>
"""

_CSS = """
.row { display: flex; gap: 0.5rem; }
button {
  flex: 1; font: inherit; font-family: var(--st-font); color: var(--st-text-color); cursor: pointer;
  background: transparent; border: 1px solid var(--st-border-color); border-radius: var(--st-button-radius, 0.5rem);
  padding: 0.4rem 1rem;
}
button:hover, button:focus-visible { color: var(--st-primary-color); border-color: var(--st-primary-color); }
button:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 1px; }
p { margin: 0.4rem 0 0; font-family: var(--st-font); font-size: 0.85rem; color: var(--st-text-color); }
p:empty { display: none; }
"""

_JS = r"""
const SVG = "http://www.w3.org/2000/svg";
const SCALE = 3;  // sharp on paper

// The nearest paper that is not see-through.
function paper(element) {
  for (let at = element; at; at = at.parentElement) {
    const colour = getComputedStyle(at).backgroundColor;
    if (colour !== "transparent" && !/, 0\)$/.test(colour)) return colour;
  }
  return "white";
}

// Colours of the page (currentColor, color-mix) mean nothing in a file: there they are what they are here.
const DYNAMIC = /currentcolor|color-mix/i;
function plain(colour) {
  const found = colour.match(/^color\(srgb ([\d.]+) ([\d.]+) ([\d.]+)\)$/);
  return found ? `rgb(${found.slice(1).map(part => Math.round(255 * part)).join(", ")})` : colour;
}

function text(drawn) {
  const copy = drawn.cloneNode(true);
  const copies = copy.querySelectorAll("*");
  drawn.querySelectorAll("*").forEach((item, place) => {
    for (const name of ["fill", "stroke"]) {
      if (DYNAMIC.test(item.getAttribute(name) || ""))
        copies[place].setAttribute(name, plain(getComputedStyle(item)[name]));
    }
  });
  copy.setAttribute("xmlns", SVG);
  const ground = document.createElementNS(SVG, "rect");
  ground.setAttribute("width", "100%");
  ground.setAttribute("height", "100%");
  ground.setAttribute("fill", paper(drawn));
  copy.insertBefore(ground, copy.firstChild);
  return new XMLSerializer().serializeToString(copy);
}

function surface(width, height, colour) {
  const canvas = document.createElement("canvas");
  canvas.width = Math.ceil(width);
  canvas.height = Math.ceil(height);
  const pen = canvas.getContext("2d");
  pen.fillStyle = colour;
  pen.fillRect(0, 0, canvas.width, canvas.height);
  return [canvas, pen];
}

async function png(drawn) {
  const colour = paper(drawn);
  const size = drawn.getBoundingClientRect();
  let made;
  if (drawn instanceof HTMLCanvasElement) {
    const [canvas, pen] = surface(drawn.width, drawn.height, colour);
    pen.drawImage(drawn, 0, 0);
    made = canvas;
  } else {
    const picture = new Image();
    picture.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(text(drawn));
    await picture.decode();
    const [canvas, pen] = surface(size.width * SCALE, size.height * SCALE, colour);
    pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
    made = canvas;
  }
  return new Promise(done => made.toBlob(done, "image/png"));
}

// The link lies beside the buttons, because a click elsewhere would close the menu.
function save(blob, name, beside) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  beside.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

export default function ({ parentElement, data }) {
  const status = parentElement.querySelector("[role=status]");
  const row = parentElement.querySelector(".row");
  async function press(kind) {
    status.textContent = "";
    const drawn = document.querySelector(`.${data.chart} svg.marks, .${data.chart} canvas.marks`);
    try {
      if (!drawn) throw new Error("nothing is drawn");
      if (kind === "png") save(await png(drawn), `${data.name}.png`, row);
      else if (drawn instanceof HTMLCanvasElement) status.textContent = data.onlyPng;
      else save(new Blob([text(drawn)], { type: "image/svg+xml" }), `${data.name}.svg`, row);
    } catch (error) {
      status.textContent = data.failed;
    }
  }
  for (const button of parentElement.querySelectorAll("button")) button.onclick = () => press(button.dataset.kind);
}
"""

_ZOOM_HTML = """
<div role="group" aria-label="Zoom">
  <button type="button" data-by="-240" aria-label="Zoom in" title="Zoom in (Shift and wheel)">+</button>
  <button type="button" data-by="240" aria-label="Zoom out" title="Zoom out (Shift and wheel)">−</button>
  <button type="button" data-by="0" aria-label="Show all" title="Show all (double click)">⤢</button>
</div>
"""

_ZOOM_CSS = """
div { display: flex; gap: 2px; }
button {
  width: 24px; height: 24px; padding: 0; font: 16px/22px var(--st-font); cursor: pointer; color: var(--st-text-color);
  background: var(--st-background-color); border: 1px solid var(--st-border-color); border-radius: 6px;
}
button:hover, button:focus-visible { color: var(--st-primary-color); border-color: var(--st-primary-color); }
button:focus-visible { outline: 2px solid var(--st-primary-color); }
"""

# What a wheel or a double click in the middle of the chart does: a keyboard has neither.
_ZOOM_JS = """
export default function ({ parentElement, data }) {
  for (const button of parentElement.querySelectorAll("button")) {
    button.onclick = () => {
      const plot = document.querySelector(`.${data.chart} .marks .mark-group.role-scope path.background`);
      if (!plot) return;
      const box = plot.getBoundingClientRect();
      const at = { bubbles: true, cancelable: true, view: window,
        clientX: box.x + box.width / 2, clientY: box.y + box.height / 2 };
      const by = Number(button.dataset.by);
      plot.dispatchEvent(by ? new WheelEvent("wheel", { ...at, deltaY: by, shiftKey: true })
        : new MouseEvent("dblclick", at));
    };
  }
}
"""

_zoom = st.components.v2.component("lrapp.chart_zoom", html=_ZOOM_HTML, css=_ZOOM_CSS, js=_ZOOM_JS)
_pictures = st.components.v2.component("lrapp.chart_pictures", html=_HTML, css=_CSS, js=_JS)


def saveable(
    spec: dict[str, Any],
    points: pd.DataFrame,
    name: str,
    key: str,
    *,
    selection: str | None = None,
    live: bool = False,
) -> list[dict[str, Any]]:
    """Show a chart as ``resources.draw`` does, with a small menu that saves it as SVG, PNG or CSV.

    Args:
        name: Of the files, without an ending.
        live: The chart changes while it is looked at: how it is drawn is left to the browser.

    Returns:
        What is selected; empty without a selection.
    """
    stacked = "stacked-" if "vconcat" in spec else ""
    place = f"chart-{stacked}" + re.sub(r"[^A-Za-z0-9]+", "-", key)
    if not live and len(points) <= _MOST_POINTS:
        spec = spec | {"usermeta": {"embedOptions": {"renderer": "svg"}}}
    with st.container(key=place):
        selected = resources.draw(spec, points, key, selection)
        with st.container(key=f"corner-{place}", horizontal=True, gap="xxsmall"):
            if any(param["name"] == "zoom" for param in spec.get("params", [])):
                _zoom(key=f"zoom.{key}", data={"chart": f"st-key-{place}"}, width="content")
            menu(points, name, key, chart=place)
    return selected


def menu(points: pd.DataFrame, name: str, key: str, chart: str = "") -> None:
    """Show a menu that saves data, and the chart that is drawn of it.

    Args:
        name: Of the files, without an ending.
        chart: Key of the container that the chart is in; empty if there is no chart.
    """
    with st.popover("Save", icon=":material/download:", type="tertiary", key=f"save.{key}"):
        if chart:
            st.caption("As a picture, as it is on the page")
            _pictures(
                key=f"pictures.{key}",
                data={
                    "chart": f"st-key-{chart}",
                    "name": name,
                    "onlyPng": "There are too many points for an SVG; save a PNG instead.",
                    "failed": "The browser could not make the picture; use the toolbar above the chart instead.",
                },
            )
        st.download_button(
            "Data (CSV)",
            data=lambda: to_csv_bytes(points),
            file_name=f"{name}.csv",
            mime="text/csv",
            icon=":material/table:",
            key=f"csv.{key}",
            on_click="ignore",
            width="stretch",
        )
