"""The site: Sphinx reads Markdown, tools/collect_docs.py has collected the plugins' pages."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

import mlflow  # noqa: F401  # first: it loads the plugins, which a module of theirs must not begin

from collect_docs import REPOSITORY

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "MLflow plugins"
author = "The MLflow plugins contributors"
project_copyright = f"{author}. Apache License 2.0"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
# Pieces that other pages include, and what Sphinx wrote.
exclude_patterns = ["_build", "collected/_*.md"]

myst_heading_anchors = 3
# `[text](repo:path)` leads to a file of the repository.
myst_url_schemes = {
    "http": None,
    "https": None,
    "mailto": None,
    "repo": f"{REPOSITORY}/blob/main/{{{{path}}}}",
}

# A name between single backticks, as in Markdown.
default_role = "code"
autodoc_default_options = {
    "members": True,
    "member-order": "bysource",
    # Names that a module only passes on are documented where they come from.
    "ignore-module-all": True,
    # pydantic's, not for users of a settings class.
    "exclude-members": "model_config, model_post_init, settings_customise_sources",
}
add_module_names = False
autodoc_typehints_format = "short"
napoleon_numpy_docstring = False
# Fields of named tuples are members already.
napoleon_use_ivar = True

# Whatever is not named here has to be found; the build reads no other site to link to.
nitpick_ignore_regex = [
    # Python's own types, with their module and, from `if TYPE_CHECKING`, without.
    (
        "py:class",
        r"(collections|concurrent|contextlib|logging|os|pathlib|typing)(\.\w+)+|Future|Path|ThreadPoolExecutor",
    ),
    # MLflow's documentation is a site of its own.
    ("py:(class|exc)", r"mlflow\.\S+|MlflowException"),
    # So is pydantic's.
    (
        "py:class",
        r"(Pydantic)?BaseSettings(Source)?|CliSettingsSource|DotenvType|EnvPrefixTarget|PathType",
    ),
    # Click's too; and what the object stores share is described in the code, not on the site.
    ("py:class", r"click\.\w+|ObjectStore"),
    # Type variables are no objects.
    ("py:class", "[A-Z]"),
]

html_theme = "furo"
html_title = project
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sphinx = False
# The pages are collected from elsewhere, and changed: this would show no file of the repository.
html_copy_source = False
# Dashes alone: the two quotes of an empty string are no quotation marks.
smartquotes_action = "D"
html_theme_options = {
    "footer_icons": [
        {"name": "Repository", "url": REPOSITORY, "html": "Repository", "class": "repository"}
    ]
}


def show_code(
    _app: Sphinx, what: str, _name: str, _object: object, _options: object, lines: list[str]
) -> None:
    """Make the indented examples in the docstrings of modules literal."""
    if what != "module":
        return
    shown: list[str] = []
    in_code = False
    for line in lines:
        if line.startswith("    ") and not in_code:
            shown += ["::", ""]
        in_code = line.startswith("    ") or (in_code and not line)
        shown.append(line)
    lines[:] = shown


def setup(app: Sphinx) -> None:
    """Add what the settings above cannot say."""
    app.connect("autodoc-process-docstring", show_code)
