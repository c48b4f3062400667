"""What several pages share: fields, cards, saving, waiting, and the server's one store and queue."""
