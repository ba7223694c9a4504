"""What a training step of a model costs, layer by layer, under its flags and under others."""
