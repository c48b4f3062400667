"""Readers of source code, for rules that the code must keep."""
