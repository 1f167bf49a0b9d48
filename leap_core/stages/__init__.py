"""The stages of a run over its folder: rollouts, corrections, updates, each resumable."""
