"""A model on its way out: as ONNX, as NumPy, as plain PyTorch. Only this room uses onnx."""
