"""The suite of model registry stores: MLflow's own SQL store is the measure of all answers."""

from __future__ import annotations
