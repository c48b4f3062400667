"""What is trained? Settings -> a Keras network; its layers, shapes, cost, learning-rate groups and initial weights."""
