"""make bench: prints figures, asserts none, each beside a baseline measured in the same run."""

import sys

import pytest

NAMES = ["-o", "python_files=bench_*.py", "-o", "python_functions=bench_*"]

sys.exit(pytest.main(["-q", "-s", *NAMES, "tests/bench", *sys.argv[1:]]))
