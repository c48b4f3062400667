"""LR Lab: train neural networks in the browser, with learning rates that move.

The rooms, from the ground up (each imports only rooms above it in this list):

- ``errors``      sentences that a user can act on
- ``policies``    step numbers -> learning rates
- ``dialects``, ``columns``, ``unpacking``, ``tables``   the bytes of a file -> ``Table``
- ``settings``    everything a run is made of
- ``prepare``     ``Table`` + settings -> arrays and the fitted preprocessor
- ``models``      settings + shapes -> ``keras.Model``
- ``events``      what a run says while it runs
- ``training``    the loop: model + arrays + learning rates -> events
- ``evaluation``  what the finished model is worth
- ``runs``        the run folder
- ``prediction``  a saved run + a new table -> predictions
- ``jobs``        the queue, the thread and the worker process
- ``charts``      frames -> Altair charts
- ``ui``          the pages
"""
