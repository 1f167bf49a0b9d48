"""Where episodes run: this process, worker processes, or Ray actors."""
