"""Whose is it, and who may? A visitor's signed cookie, who has uploaded what, and the table of rights."""
