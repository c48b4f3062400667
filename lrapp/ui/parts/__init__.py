"""What several pages share: fields, steps, saving, waiting, and the server's one store and queue."""
