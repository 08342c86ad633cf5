"""make soak: what CI does in two minutes, for half an hour or for as many minutes as one says."""

import os
import sys

import pytest

os.environ["SOAK_MINUTES"] = sys.argv[1] if len(sys.argv) > 1 else "30"
sys.exit(pytest.main(["-q", "-s", "tests/e2e/test_soak.py", *sys.argv[2:]]))
