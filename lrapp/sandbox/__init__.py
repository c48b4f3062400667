"""How is a file from a stranger read? In a process of its own, with limits, that may die alone.

``readers`` asks and watches, ``server`` and ``tasks`` are the process that reads, ``processes`` and ``wire`` lie
between; ``limits`` says how much memory and time there is. ``sources`` and ``uploads`` are the doors for tables and
pictures, ``long_tables`` and ``loose_images`` for what is to be predicted, ``plain_files`` for exports.
"""
