"""Training in this process or launched (torch): dataset, losses, microbatches, trainer."""
