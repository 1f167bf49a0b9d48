"""The student: how its prompt is laid out, how its reply is read, what turns prompts into replies."""
