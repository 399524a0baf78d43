"""The suite of artifact repositories: MLflow's own local repository is the measure of all answers."""

from __future__ import annotations
