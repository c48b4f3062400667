"""How does a run leave the app? A finished run -> SavedModel, ONNX, LiteRT, a script, a report, one download."""
