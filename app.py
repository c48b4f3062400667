"""Entry point: ``streamlit run app.py``."""


def main() -> None:
    """Show the page that the address names."""
    from lrapp.ui.shell import show

    show()


# A worker process imports this file again under another name, and must not draw a page.
if __name__ == "__main__":
    main()
