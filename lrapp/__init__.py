"""LR Lab: train neural networks in the browser, with learning rates that move.

The rooms, from the ground up (each imports only rooms above it in this list; a test reads the imports):

- ``errors``        sentences that a user can act on
- ``escaping``      text from a file that stays text where Markdown is read
- ``files``, ``pacing``   files that are there whole or not at all; how often progress is told
- ``phrasing``      numbers in sentences
- ``events``        what a run says while it runs
- ``policies``, ``suggestions``   step numbers -> learning rates; range test curves -> rates
- ``reading/``, ``tables``, ``table_files``   the bytes of a file -> ``Table`` -> a file that gives it back
- ``settings`` and its parts      everything a run is made of
- ``search_space``, ``search``      ranges and a seed -> the settings of each trial of a random search
- ``setting_checks``  settings that cannot do what they promise
- ``layer_table``, ``shapes``, ``estimates``, ``overview``, ``outlook``, ``picture_look``   what can be told before
  training: layers as rows, their shapes and groups, cost, columns, rows and inputs, examples of pictures
- ``units``, ``written``, ``format_match``, ``model_formats``   how a model's columns were written, and how a file does
- ``cells``, ``clipping``, ``preprocessing``, ``splitting``, ``fitting``, ``targets``, ``prepare``
  ``Table`` + settings -> arrays and the fitted preprocessor
- ``picture_pixels``, ``images``, ``picture_folders``, ``image_files``, ``picture_inputs``, ``prepare_images``,
  ``picture_results``   pictures + settings -> arrays of bytes; what a network took for something else
- ``layers``, ``group_rates``, ``models``, ``transfer``   settings -> network, and what it knows before it trains
- ``loop``, ``checkpoints``, ``training``, ``range_test``   network + arrays + rates -> events
- ``gradient_report``, ``gradient_check``   whether gradients are right, and what the precision of training loses
- ``evaluation``, ``insight`` and theirs   what a model is worth
- ``runs``, ``about``, ``sharing``   the run folder, what a person says of it, settings as a link
- ``execution/``   an uploaded file -> its table or pictures, in a process of its own that may die
- ``saved``, ``prediction``, ``predicting``, ``one_row``, ``picture_prediction`` and theirs   a saved model + new rows
  -> predictions
- ``runs``, ``about``, ``sharing``   the run folder, what a person says of it, settings as a link
- ``rights``, ``visitors``, ``uploaders``   who may do what; a cookie for each browser; who has shown which file
- ``warming``   kinds of workers, and what one does ahead of need
- ``study_files``, ``studies``, ``comparing``, ``run_table``, ``run_differences``, ``search_results``   policies and
  trials; runs beside one another
- ``loggers``, ``worker``   a run's events told elsewhere; one run, from settings to model
- ``execution/``, ``jobs``, ``bundle``   the worker process and whose turn it is; the queue; the download
- ``recipes``, ``picture_recipes``, ``code_data``, ``code_pictures``, ``code_training``, ``codegen``   a finished run ->
  readable code that does it again
- ``portable``, the rooms that end in ``_export``, ``readmes``, ``exporter``, ``export_formats/`` (a room for each),
  ``exports``   a finished run -> what a person takes away
- ``charts`` and its neighbours   frames -> Altair charts
- ``format_options``, ``predict_command``   predicting from a terminal
- ``ui/``           the pages
"""
