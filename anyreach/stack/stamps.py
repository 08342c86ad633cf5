"""Steps that are done once, until what they are made from changes. Python's own library only."""

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path


def digest(inputs: Iterable[Path], *words: str) -> str:
    """Return a hash over the words, and the names and contents of files; a folder is all in it."""
    hashed = hashlib.sha256("\0".join(words).encode())
    for path in inputs:
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file():
                content = file.read_bytes()
                hashed.update(f"\0{file.relative_to(path.parent)}\0{len(content)}\0".encode())
                hashed.update(content)
    return hashed.hexdigest()


def once(stamp: Path, *, made: Path, made_from: str, step: Callable[[], None]) -> None:
    """Do `step` unless `made` is there and `stamp` says that it was made from the same.

    The stamp is written last: a step that was interrupted is done again.
    """
    if made.exists() and stamp.exists() and stamp.read_text() == made_from:
        return
    stamp.unlink(missing_ok=True)
    step()
    stamp.parent.mkdir(parents=True, exist_ok=True)
    partial = stamp.with_suffix(".partial")
    partial.write_text(made_from)
    partial.replace(stamp)
