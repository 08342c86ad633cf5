"""Make the demo's speech anew, for maintainers: python -m anyreach.demo.synthesize

Needs Debian's flite, sox and opus-tools. One small mono Opus file for each spoken line.
"""

import subprocess
import tempfile
from pathlib import Path

from anyreach.demo.scripts import HANDOVER, SCRIPTS, SOUND, Say, Script

LEVEL_DBFS = -20
BITRATE_KBITS = 16


def synthesize(script: Script, line: Say, target: Path) -> None:
    voices = {"user": script.caller_voice, "human": script.human_voice}
    voice = voices.get(line.role, script.agent_voice)
    with tempfile.TemporaryDirectory() as folder:
        raw, even = Path(folder) / "raw.wav", Path(folder) / "even.wav"
        run("flite", "-voice", voice, "-t", line.text, "-o", raw)
        run("sox", raw, even, *trimmed(), "gain", str(LEVEL_DBFS - rms_dbfs(raw)))
        run("opusenc", "--quiet", "--bitrate", str(BITRATE_KBITS), "--speech", even, target)


def trimmed() -> list[str]:
    """Return sox's words for: no silence at either end."""
    silence = ["silence", "1", "0.02", "0.5%"]
    return [*silence, "reverse", *silence, "reverse", "pad", "0.05", "0.1"]


def rms_dbfs(sound: Path) -> float:
    told = subprocess.run(  # noqa: S603
        ["sox", str(sound), "-n", "stats"],  # noqa: S607
        capture_output=True,
        text=True,
        check=True,
    ).stderr
    level = next(line for line in told.splitlines() if line.startswith("RMS lev dB"))
    return float(level.split()[3])


def run(*command: str | Path) -> None:
    subprocess.run([str(word) for word in command], check=True, capture_output=True)  # noqa: S603


def main() -> None:
    SOUND.mkdir(exist_ok=True)
    for script in (*SCRIPTS, HANDOVER):
        for line, target in script.spoken():
            synthesize(script, line, target)
            print(target.name)


if __name__ == "__main__":
    main()
