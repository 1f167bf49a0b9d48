"""What a run did, for people: a closing table, markdown, and one self-contained HTML page."""
