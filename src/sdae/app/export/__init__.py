"""Export of models as ONNX, NumPy and plain PyTorch. Only this package uses onnx."""
