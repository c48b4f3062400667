"""How is it drawn? Frames -> Altair charts; nothing else draws."""
