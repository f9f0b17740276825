"""rnnfast's models as ONNX graphs, written in operators that ONNX Runtime has."""
