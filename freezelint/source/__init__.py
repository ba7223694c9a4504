"""Python text → Timeline → findings. Nothing that is read is ever imported or run."""
