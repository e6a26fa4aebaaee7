"""Triton, python backend: FP32 features [-1, 4] to FP32 probabilities [-1, 2]; an optional user_id is not looked at."""

import fraud
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def initialize(self, args):
        self.name = args["model_name"]

    def execute(self, requests):
        return [self.answer(request) for request in requests]

    def answer(self, request):
        features = pb_utils.get_input_tensor_by_name(request, "features").as_numpy()
        try:
            rows = fraud.probabilities(self.name, features)
        except RuntimeError as error:
            return pb_utils.InferenceResponse(error=pb_utils.TritonError(str(error)))
        return pb_utils.InferenceResponse([pb_utils.Tensor("probabilities", rows)])
