"""How is an uploaded file read? In a separate process with limits, whose crash harms nothing else.

``readers`` starts and watches, ``server`` and ``tasks`` are the process that reads, ``processes`` and ``wire`` are
between; ``limits`` says how much memory and time there is. ``sources`` and ``uploads`` are the doors for tables and
pictures, ``long_tables`` and ``loose_images`` for what is to be predicted, ``plain_files`` for exports.
"""
