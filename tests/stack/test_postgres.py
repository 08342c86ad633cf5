"""The embedded PostgreSQL, really started, by processes that end in every way."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import environ
import psutil
import psycopg
import pytest

from anyreach.stack import postgres

USER_OF_THE_SERVER = """
import sys
from pathlib import Path
from anyreach.stack import postgres
print(postgres.embedded_url(Path(sys.argv[1])), flush=True)
sys.stdin.read()
"""


class Session:
    """A process that uses the embedded server until it is told to end, or killed."""

    def __init__(self, data: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", USER_OF_THE_SERVER, str(data)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.url = self.process.stdout.readline().strip()

    def end(self) -> str:
        """End it as Python programs end; return what it said on stderr."""
        return self.process.communicate(timeout=30)[1]

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def data() -> Iterator[Path]:
    """A folder open to root's server too, with a short path: pytest's own are neither."""
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder) / "a space" / "postgres"


@pytest.fixture
def use(data: Path) -> Iterator[Callable[[Path], Session]]:
    sessions: list[Session] = []

    def use(data: Path) -> Session:
        sessions.append(Session(data))
        return sessions[-1]

    yield use
    for session in sessions:
        if not session.process.stdin.closed:
            session.end()


def answers(url: str) -> bool:
    try:
        with psycopg.connect(url) as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)
    except psycopg.OperationalError:
        return False


def test_django_and_psycopg_understand_the_url(use, data):
    url = use(data).url
    assert answers(url)
    options = environ.Env.db_url_config(url)
    assert options["OPTIONS"]["host"] == str(data)
    assert options["NAME"] == "postgres"


def test_its_log_quotes_no_values(use, data):
    # As Django's, it writes the values into the statement.
    with psycopg.connect(
        use(data).url, autocommit=True, cursor_factory=psycopg.ClientCursor
    ) as connection:
        connection.execute("CREATE TABLE turn (text TEXT UNIQUE CHECK (text <> 'said'))")
        connection.execute("INSERT INTO turn VALUES ('dialled')")
        for text in ("said", "dialled"):
            with pytest.raises(psycopg.IntegrityError, match=text):
                connection.execute("INSERT INTO turn VALUES (%s)", [text])
    log = (data / "log").read_text()
    assert "violates check constraint" in log
    assert "duplicate key" in log
    assert not re.search("said|dialled", log)


def test_server_outlives_its_first_user_and_ends_with_its_last(use, data):
    first, second = use(data), use(data)
    first.end()
    assert answers(second.url)
    second.end()
    assert not answers(second.url)
    assert not (data / "postmaster.pid").exists()


def test_data_is_there_again_after_a_restart(use, data):
    first = use(data)
    with psycopg.connect(first.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS number")
    first.end()
    with psycopg.connect(use(data).url) as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (42,)


def test_killed_user_does_not_keep_the_server_for_ever(use, data):
    use(data).kill()
    next_one = use(data)
    assert answers(next_one.url)
    next_one.end()
    assert not answers(next_one.url)


def test_killed_server_comes_back(use, data):
    session = use(data)
    server = psutil.Process(int((data / "postmaster.pid").read_text().split()[0]))
    session.kill()
    server.kill()
    server.wait(10)
    assert answers(use(data).url)


def test_pid_that_another_program_has_now_is_not_taken_for_the_server(use, data):
    use(data).end()
    (data / "postmaster.pid").write_text(f"{os.getpid()}\n{data}\n")
    assert answers(use(data).url)


def test_two_first_starts_at_once_make_one_server(data):
    both = [
        subprocess.Popen(
            [sys.executable, "-c", USER_OF_THE_SERVER, str(data)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    urls = {each.stdout.readline().strip() for each in both}
    assert len(urls) == 1
    assert answers(urls.pop())
    for each in both:
        each.communicate(timeout=30)


def test_folder_whose_path_is_too_long_for_a_socket(use, data):
    deep = data.parent / ("long" * 30) / "postgres"
    session = use(deep)
    assert answers(session.url)
    socket = Path(environ.Env.db_url_config(session.url)["OPTIONS"]["host"])
    assert not socket.is_relative_to(deep)
    session.end()
    assert not socket.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's server runs as another user")
def test_closed_folder_stays_closed_and_the_data_goes_elsewhere(use, data):
    data.parent.mkdir()
    data.parent.chmod(0o700)
    session = use(data)
    assert answers(session.url)
    said = session.end()
    assert f"to whom {data.parent} is closed" in said
    assert data.parent.stat().st_mode & 0o777 == 0o700
    assert not data.exists()
    shutil.rmtree(re.search(r"its files are in (.+)\.$", said, re.MULTILINE)[1])


def test_failure_is_one_sentence_that_names_the_log(data):
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("9.0\n")
    with pytest.raises(postgres.PostgresFailed, match=r"^The embedded PostgreSQL failed: .*log"):
        postgres.embedded_url(data)
