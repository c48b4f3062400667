"""How does the learning rate move? Step numbers -> learning rates, with numpy only.

``schedules`` holds the policies (fixed, CLR, SGDR, one-cycle, warm-up), ``lr_range`` reads the range to use off the
curve of a range test.
"""
