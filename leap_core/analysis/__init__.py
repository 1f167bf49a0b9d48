"""Questions asked of runs and configurations: audit, estimate, describe, score."""
