"""The prize-collecting Steiner tree: fixed costs, no capacities."""
