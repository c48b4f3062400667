"""What is the network given? A table or pictures + settings -> arrays, and the preprocessor fitted on training rows."""
