"""LR Lab: train neural networks in the browser, with learning rates that move.

Where is what? Each line is a package, with what it is for; it imports only from those above it. This list is the one
map of the house: the tests read the walls from it, and hold the README's table against it.

- ``errors``: sentences that a user can act on
- ``phrasing``: numbers and names in sentences
- ``escaping``: text from a file that stays text where Markdown is read
- ``memory``: how much memory this machine still has
- ``files``: files that are there whole or not at all, and disks that fail
- ``pacing``: how often progress is told
- ``progress``: how far something is that a person waits for, and whether it is still wanted
- ``policies/``: step numbers -> learning rates; range test curves -> the range to use; numpy only
- ``tables/``: the bytes of a file -> a table, and a table -> CSV or Arrow
- ``settings/``: what a run is made of, validated, with ranges and help; JSON in and out
- ``images/``: files of pictures -> arrays of bytes
- ``runs/``: the folder of a run, its events, its notes, settings as a link
- ``formats/``: how a table's columns are written, kept with a model, and whether a new file matches
- ``sandbox/``: files from strangers, read by a process of its own with limits on memory and time
- ``preparation/``: a table or pictures + settings -> the arrays that a network is trained on
- ``networks/``: settings -> a network: its layers, shapes, cost and initial weights
- ``training/``: network + arrays + rates -> events and weights; range test; check of gradients
- ``evaluation/``: a trained network -> scores, explanations, a diagnosis
- ``prediction/``: a saved model + new rows or pictures -> predictions
- ``export/``: a finished run -> files for other programs, a script, a report
- ``access/``: whose a run is, and who may do what with it
- ``execution/``: who does the work: the queue, the worker process, loggers
- ``experiments/``: many runs: comparisons, random search, runs side by side
- ``charts/``: frames -> Altair charts
- ``cli/``: the app without a browser
- ``ui/``: the pages
"""
