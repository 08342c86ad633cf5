"""Keep the built loader and its types as the release that VERSION names: `make release-sdk`."""

from pathlib import Path

from listen_sdk import VERSION

HERE = Path(__file__).parent
STATIC = HERE.parent / "static"
SOURCES = {".js": STATIC / "build/sdk/listen.js", ".d.ts": STATIC / "js/sdk/listen.d.ts"}


def release(folder: Path) -> None:
    """Copy both into `folder`. A release that is there with other content stays: SystemExit."""
    for suffix, source in SOURCES.items():
        target, content = folder / f"{VERSION}{suffix}", source.read_bytes()
        if target.exists() and target.read_bytes() != content:
            raise SystemExit(
                f"{VERSION} is released, and pages pin it. "
                "Raise VERSION in listen_sdk/__init__.py, then release again."
            )
        target.write_bytes(content)


if __name__ == "__main__":
    release(HERE / "releases")
