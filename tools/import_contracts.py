"""Writes import-linter's contracts for the plugins that are there: who may import what."""

from __future__ import annotations

import sys
from pathlib import Path

from discover import ROOT, distributions, plugins


def contracts(root: Path = ROOT) -> str:
    """Return the configuration as text.

    Which SDKs only `client.py` may import stands in each plugin's `[tool.mlflow-plugin]`; all of
    them together are what the shared library must not know.
    """
    modules = [item.module for item in distributions(root)]
    own = [item.module for item in plugins(root)]
    sdks = sorted({sdk for item in plugins(root) for sdk in item.own.get("sdks", [])})
    shared = [module for module in modules if module not in own]
    parts = [
        "[importlinter]",
        f"root_packages ={_listed(modules)}",
        "include_external_packages = True",
        _contract(
            "core",
            "The shared library imports no plugin and no SDK",
            "forbidden",
            source_modules=["mlflow_plugin_core"],
            forbidden_modules=[
                *own,
                *(module for module in shared if module != "mlflow_plugin_core"),
                *sdks,
            ],
        ),
    ]
    if len(own) > 1:
        parts.append(
            _contract("plugins", "Plugins never import each other", "independence", modules=own)
        )
    for item in plugins(root):
        if not item.own.get("sdks"):
            continue
        package = item.folder / "src" / item.module
        sources = [
            f"{item.module}.{path.stem}"
            for path in sorted(package.glob("*.py"))
            if path.stem not in {"__init__", "client"} and not path.stem.startswith("client_")
        ]
        parts.append(
            _contract(
                item.module,
                f"Only {item.module}'s client modules import an SDK",
                "forbidden",
                source_modules=sources,
                forbidden_modules=list(item.own["sdks"]),
                allow_indirect_imports=["True"],
            )
        )
    return "\n".join(parts) + "\n"


def _contract(identifier: str, name: str, kind: str, **options: list[str]) -> str:
    lines = [f"\n[importlinter:contract:{identifier}]", f"name = {name}", f"type = {kind}"]
    for key, values in options.items():
        single = key == "allow_indirect_imports"
        lines.append(f"{key} = {values[0]}" if single else f"{key} ={_listed(values)}")
    return "\n".join(lines)


def _listed(values: list[str]) -> str:
    return "".join(f"\n    {value}" for value in values)


def main() -> None:
    """Write the contracts to the file that the first argument names."""
    target = Path(sys.argv[1])
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(contracts(), encoding="utf-8")


if __name__ == "__main__":
    main()
