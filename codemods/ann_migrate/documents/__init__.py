"""Code that lives elsewhere than in Python files: notebooks, Markdown, reStructuredText, doctests."""

from __future__ import annotations

NOTEBOOKS = (".ipynb",)
PAGES = (".md", ".markdown", ".rst")
"""Documents that are only looked at by wish: a migration guide shows old code on purpose."""
