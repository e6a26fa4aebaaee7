"""Triton, python backend: a prompt to five pieces of text, one response each; with the fault `raise` an error after
the second."""

import fraud
import numpy as np
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def initialize(self, args):
        self.name = args["model_name"]

    def execute(self, requests):
        for request in requests:
            self.tell(request.get_response_sender())
        return None

    def tell(self, sender):
        fails = fraud.fault_of(self.name) == "raise"
        for number in range(5):
            if fails and number == 2:
                error = pb_utils.TritonError("the model failed")
                sender.send(pb_utils.InferenceResponse(error=error))
                break
            text = np.array([f"piece {number} ".encode()], dtype=np.object_)
            sender.send(pb_utils.InferenceResponse([pb_utils.Tensor("text_output", text)]))
        sender.send(flags=pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL)
