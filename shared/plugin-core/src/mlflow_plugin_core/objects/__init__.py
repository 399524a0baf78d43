"""Artifact stores on object services: buckets, keys, parts, and presigned requests.

A plugin writes an `ObjectClient` (thin: one request a verb) and gets a whole `BlobStore` from
`mlflow_plugin_core.objects.store.ObjectStore`. Nothing here is imported while MLflow starts, except
by a plugin whose repository takes `mlflow_plugin_core.objects.presigned`.
"""

from __future__ import annotations
