"""Writes import-linter's contracts for the plugins that are there: who may import what."""

from __future__ import annotations

import sys
from pathlib import Path

from discover import distributions, plugins

# What only a plugin's client.py may import: drivers and vendors' SDKs.
SDKS = (
    "azure",
    "boto3",
    "botocore",
    "elasticsearch",
    "huggingface_hub",
    "kubernetes",
    "mssql_python",
    "oss2",
    "psycopg",
    "psycopg2",
    "pymssql",
    "pymysql",
    "pyodbc",
)


def contracts() -> str:
    """Return the configuration as text."""
    modules = [item.module for item in distributions()]
    own = [item.module for item in plugins()]
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
                *SDKS,
            ],
        ),
    ]
    if len(own) > 1:
        parts.append(
            _contract("plugins", "Plugins never import each other", "independence", modules=own)
        )
    for item in plugins():
        package = item.folder / "src" / item.module
        sources = [
            f"{item.module}.{path.stem}"
            for path in sorted(package.glob("*.py"))
            if path.stem not in {"__init__", "client"}
        ]
        parts.append(
            _contract(
                item.module,
                f"Only {item.module}.client imports an SDK",
                "forbidden",
                source_modules=sources,
                forbidden_modules=list(SDKS),
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
