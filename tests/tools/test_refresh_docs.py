"""What is generated in the documentation is what freezelint prints now."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[2] / "tools" / "refresh_docs.py"


@pytest.mark.skipif(not TOOL.exists(), reason="a source distribution has no tools")
def test_the_readme_and_the_index_of_the_rules_are_up_to_date() -> None:
    result = subprocess.run([sys.executable, str(TOOL), "--check"], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (0, ""), result.stderr
