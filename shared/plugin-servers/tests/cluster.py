"""What tests of Kubernetes do over and over, with the client that plugins use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubernetes import client, config, watch

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Cluster", "job"]


def job(
    name: str, *command: str, image: str = "any", pod: dict[str, Any] | None = None, **spec: Any
) -> dict[str, Any]:
    """Describe a Job of one container; what a fake node makes of it stands in the pod's annotations."""
    annotations = spec.pop("annotations", {})
    resources = spec.pop("resources", {})
    container = {
        "name": "main",
        "image": image,
        "imagePullPolicy": "Never",
        "command": list(command),
        "resources": resources,
    }
    template = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 1, **(pod or {})}
    return {
        "metadata": {"name": name},
        "spec": {
            "backoffLimit": 0,
            **spec,
            "template": {
                "metadata": {"annotations": annotations},
                "spec": {**template, "containers": [container]},
            },
        },
    }


class Cluster:
    """One user's client of a cluster."""

    def __init__(self, kubeconfig: Path) -> None:
        self.api = config.new_client_from_config(str(kubeconfig))
        self.batch = client.BatchV1Api(self.api)
        self.core = client.CoreV1Api(self.api)

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        self.api.close()

    def run(self, namespace: str, description: dict[str, Any]) -> str:
        """Submit a Job and wait for its end; returns `Complete` or the reason why it failed."""
        self.batch.create_namespaced_job(namespace, description)
        return self.end(namespace, description["metadata"]["name"])

    def end(self, namespace: str, name: str) -> str:
        watching = watch.Watch()
        for event in watching.stream(
            self.batch.list_namespaced_job,
            namespace,
            field_selector=f"metadata.name={name}",
            timeout_seconds=60,
        ):
            for each in event["object"].status.conditions or []:
                if each.status == "True" and each.type in {"Complete", "Failed"}:
                    watching.stop()
                    return each.type if each.type == "Complete" else each.reason
        raise TimeoutError(str(self.pod(namespace, name).status))

    def pod(self, namespace: str, name: str) -> Any:
        """Return the pod of a Job."""
        selector = f"batch.kubernetes.io/job-name={name}"
        return self.core.list_namespaced_pod(namespace, label_selector=selector).items[0]

    def log(self, namespace: str, name: str) -> str:
        pod = self.pod(namespace, name).metadata.name
        text: str = self.core.read_namespaced_pod_log(pod, namespace)
        return text

    def exit_code(self, namespace: str, name: str) -> tuple[int, str]:
        """Return how the container of a Job ended: its code and Kubernetes' word for it."""
        state = self.pod(namespace, name).status.container_statuses[0].state.terminated
        return state.exit_code, state.reason
