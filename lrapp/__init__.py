"""LR Lab: train neural networks in the browser, with learning rates that move.

Where is what? Each line is a package and its purpose; it imports only from those above it. This list is the one
map: the tests read the allowed imports from it, and compare the README's table with it.

- ``errors``: sentences that a user can act on
- ``phrasing``: numbers and names in sentences
- ``palette``: the colours of charts, light and dark, and the one of a run
- ``escaping``: text from a file that stays plain text in Markdown
- ``free_memory``: how much memory this machine still has
- ``files``: files that are written whole or not at all, and disks that fail
- ``pacing``: how often progress is reported
- ``progress``: the progress of what a person waits for, and the request to cancel it
- ``policies/``: step numbers -> learning rates; range test curves -> the range to use; numpy only
- ``tables/``: the bytes of a file -> a table, and a table -> CSV or Arrow
- ``settings/``: what a run is made of, validated, with ranges and help; JSON in and out
- ``images/``: files of pictures -> arrays of bytes
- ``runs/``: the folder of a run, its events, its notes, settings as a link
- ``column_formats/``: how a table's columns are written, kept with a model, and whether a new file matches
- ``sandbox/``: uploaded files, read by a separate process with limits on memory and time
- ``preparation/``: a table or pictures + settings -> the arrays that a network is trained on
- ``networks/``: settings -> a network: its layers, shapes, cost and initial weights
- ``training/``: network + arrays + rates -> events and weights; range test; check of gradients
- ``evaluation/``: a trained network -> scores, explanations, a diagnosis
- ``prediction/``: a saved model + new rows or pictures -> predictions
- ``export/``: a finished run -> files for other programs, a script, a report
- ``access/``: who owns a run, and who may do what with it
- ``execution/``: who does the work: the queue, the worker process, loggers
- ``experiments/``: many runs: comparisons, random search, runs side by side
- ``charts/``: frames -> Altair charts
- ``cli/``: the app without a browser
- ``ui/``: the pages
"""
