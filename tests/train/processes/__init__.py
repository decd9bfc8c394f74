"""Training by several processes: real ones, on gloo."""
