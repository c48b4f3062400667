"""How does one run look? Live curves, results, the range test, what to take along."""
