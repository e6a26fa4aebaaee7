"""What the models of both servers compute, and how they break.

A model named N breaks as the file FAULTS/N says, asked at every call: `nan`, `infinity`, `raise`, or nothing.
Nobody but the test writes that file; the router is never told.
"""

import os

import numpy as np

WEIGHTS = np.array([0.8, -1.2, 0.5, 0.3], dtype=np.float32)


def fault_of(model):
    """The fault of a model, '' for none."""
    try:
        with open(os.path.join(os.environ["FAULTS"], model), encoding="utf-8") as file:
            return file.read().strip()
    except FileNotFoundError:
        return ""


def probabilities(model, features):
    """Rows of four features to rows of two probabilities, both FP32, as the model's fault lets it."""
    fault = fault_of(model)
    if fault == "raise":
        raise RuntimeError("the model failed")
    fraud = 1 / (1 + np.exp(-(features.reshape(-1, 4) @ WEIGHTS)))
    rows = np.stack([1 - fraud, fraud], axis=1).astype(np.float32)
    if fault == "nan":
        rows[0, 0] = np.nan
    if fault == "infinity":
        rows[0, 1] = np.inf
    return rows
