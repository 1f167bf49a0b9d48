"""The student: how its prompt is laid out and its reply read, and what generates replies."""
