"""A study as a whole: its account for a paper, and what has changed since it was recorded."""
