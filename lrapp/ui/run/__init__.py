"""How is one run shown? Live curves, results, the range test, exports."""
