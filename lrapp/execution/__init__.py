"""Who does the work: the process that trains, the order in which runs come to it, and processes that read files.

- ``worker_process``  the process that trains, and what the queue asks of any worker
- ``turns``     in which order runs are taken
- ``limits``    how much memory and time a reading may take, and what keeps it to that
- ``server``    the process that waits for files to read, and reads each in a process of its own; imports no page
- ``tasks``     what such a process can be asked to do
- ``wire``, ``processes``   how the two talk, and the process as whoever asks sees it
- ``readers``   asks, from any other process: takes turns, watches, says in a sentence how a reading ended
- ``uploads``   an uploaded file -> its table or pictures; what was read is kept, what was refused is remembered
- ``long_tables``, ``loose_pictures``   what is to be predicted, portion by portion
- ``sources``   the data that settings name, uploaded or not
- ``desk``      the page's side: readings that go on while the page is drawn
"""
