"""KServe with one model class behind both of its protocols.

Arguments: --http_port N, and the names of the models behind --models.
"""

import argparse

import fraud
import numpy as np
from kserve import InferOutput, InferRequest, InferResponse, Model, ModelServer


class Fraud(Model):
    def __init__(self, name):
        super().__init__(name, return_response_headers=False)
        self.load()

    def load(self):
        self.ready = True
        return True

    async def predict(self, payload, headers=None, response_headers=None):
        if isinstance(payload, InferRequest):
            features = next(i for i in payload.inputs if i.name == "features").as_numpy()
            rows = fraud.probabilities(self.name, features)
            output = InferOutput(name="probabilities", shape=list(rows.shape), datatype="FP32")
            output.set_data_from_numpy(rows, binary_data=payload.use_binary_outputs)
            return InferResponse(
                response_id=payload.id,
                model_name=self.name,
                infer_outputs=[output],
                use_binary_outputs=payload.use_binary_outputs,
            )
        features = np.array(payload["instances"], dtype=np.float32)
        return {"predictions": fraud.probabilities(self.name, features).tolist()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--http_port", type=int, required=True)
    parser.add_argument("--models", nargs="+", required=True)
    args, _ = parser.parse_known_args()
    server = ModelServer(http_port=args.http_port, enable_grpc=False, enable_latency_logging=False)
    server.start([Fraud(name) for name in args.models])
