"""Pictures: the computation graph, the step player, the network diagram and charts, all in one palette."""
