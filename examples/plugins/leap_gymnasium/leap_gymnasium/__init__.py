"""Text environments of Gymnasium, for LEAP."""
