"""Files with secrets in them."""

import json
import os
from pathlib import Path


def write_private_json(path: Path, content: object) -> None:
    """Write JSON that only we may read, whole or not at all."""
    partial = path.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(content, file, indent=2)
    partial.replace(path)
