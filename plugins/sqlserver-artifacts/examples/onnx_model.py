"""MLflow's own example of SQL Server artifacts, whole: an ONNX model, stored, loaded, used.

pip install mlflow 'mlflow-sqlserver-artifacts[pyodbc]' onnx onnxruntime scikit-learn skl2onnx
python onnx_model.py "mssql+pyodbc://user:pass@host:port/db?driver=ODBC+Driver+17+for+SQL+Server"
"""

from __future__ import annotations

import sys

import mlflow
from skl2onnx import to_onnx
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

db_uri = sys.argv[1]
features, labels = load_iris(return_X_y=True)
features = features.astype("float32")
trained = LogisticRegression(max_iter=500).fit(features, labels)
model = to_onnx(trained, features[:1], options={"zipmap": False})

experiment = mlflow.create_experiment("sql_experiment", artifact_location=db_uri)
with mlflow.start_run(experiment_id=experiment):
    logged = mlflow.onnx.log_model(model, name="model")  # stored as BLOBs

loaded = mlflow.pyfunc.load_model(logged.model_uri)
predicted = loaded.predict(features)["label"].ravel()
right = (predicted == labels).mean()
print(f"{logged.model_uri}: {right:.0%} of {len(labels)} predictions are right")
sys.exit(0 if right > 0.9 else 1)  # noqa: PLR2004  # the model that was trained has 0.97
