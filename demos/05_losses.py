# %% [markdown]
# # 5 Losses
#
# A loss turns "how wrong is the model?" into one number, and its slope says in which direction to move.
# You will work out the two losses of the lecture by hand, see their slopes, and see why a classifier is not trained with the mean squared error.
