"""The Python API as a notebook uses it: in a real kernel, where an event loop is running."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOK = ROOT / "examples" / "python_api.ipynb"


def code_cells() -> list[str]:
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def test_the_page_and_the_notebook_hold_the_same_cells() -> None:
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, flags=re.S)
    assert [block.rstrip("\n") for block in blocks] == code_cells()


def test_the_notebook_runs_in_a_real_kernel(tmp_path: Path) -> None:
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    pytest.importorskip("torch")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = nbclient.NotebookClient(
        notebook, timeout=300, resources={"metadata": {"path": tmp_path}}
    )
    client.execute()
    outputs = ["".join(o.get("text", "") for o in c.get("outputs", ())) for c in notebook.cells]
    shown = "\n".join(outputs)
    assert "best policy: iteration" in shown
    assert " -> " in shown, "corrections are read"
    assert "explorer: " in shown
    progress = [o for c in notebook.cells for o in c.get("outputs", ()) if "data" in o]
    assert any("rollouts on train: 8/8" in o["data"]["text/plain"] for o in progress)
    assert (tmp_path / "runs" / "python" / "result.json").exists()
