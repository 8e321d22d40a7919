"""The chain rule, the optimizers and a training run, explained with their own numbers."""
