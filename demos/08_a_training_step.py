# %% [markdown]
# # 8 A training step, from start to finish
#
# One network with two inputs and two hidden neurons, one learning task, and every number of its first step: forward, loss, backward, update.
# Then the same step is repeated until the network has learned, and the same code learns from real data.
