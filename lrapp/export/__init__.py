"""What does a person leave with? A finished run -> SavedModel, ONNX, LiteRT, a script, a report, one download."""
