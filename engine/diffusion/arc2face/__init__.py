"""Arc2Face in PyTorch: modules whose parameters are called as in the published files, and what loads them."""
