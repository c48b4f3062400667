"""The pages. The only rooms, with app.py, that know Streamlit."""
