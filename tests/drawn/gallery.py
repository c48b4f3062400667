"""A page with one of every chart, for the browser."""

import sys
from pathlib import Path

import streamlit as st

# In place of this folder, whose ``charts`` is another.
sys.path[0] = str(Path(__file__).parents[1])

if __name__ == "__main__":
    from charts.every import CHARTS

    from lrapp.ui.parts import saving
    from lrapp.ui.style import STYLE

    st.set_page_config(layout="wide")
    st.html(STYLE)
    for name, figure in CHARTS.items():
        saving.saveable(figure.spec, figure.frame, figure.name, name)
