"""What does a person see? The pages, drawn with Streamlit; ``shell`` finds the page that the address names."""
