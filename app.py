"""Entry point: ``streamlit run app.py``."""


def main() -> None:
    """Show the page that the address names."""
    from lrapp.ui.shell import show

    show()


# Streamlit's server imports this file once, for ``app``, and runs it as the main script for each drawing of a page. A
# worker process imports it again under a third name, and must neither serve nor draw.
if __name__ == "__main__":
    main()
elif __name__ == "app":
    import streamlit as st

    from lrapp.ui import serving

    app = st.App(__file__, middleware=serving.middleware(), lifespan=serving.lifespan)
