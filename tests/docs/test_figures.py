"""The figures in the documentation are those of the committed results."""

import subprocess
import sys

from tests.docs.examples import PAGES, ROOT


def test_no_page_has_other_figures_than_the_results() -> None:
    script = ROOT / "benchmarks" / "tables.py"
    run = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_no_page_has_a_place_without_figures() -> None:
    for page in PAGES:
        assert "@@" not in page.read_text()
        assert page.read_text().count("<!-- figures:") == page.read_text().count("<!-- /figures")
