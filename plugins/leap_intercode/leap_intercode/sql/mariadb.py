"""A MariaDB server of LEAP's own: unprivileged, in a folder of its own, reached by a socket."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

from leap_core import ConfigError, EnvironmentFailure
from leap_intercode.sql.answer import Answer, Store
from leap_intercode.sql.server import MysqlStore

READER = "leap_reader"
_START_SECONDS = 60.0
_PLACES = "/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"


class MariadbStore(Store):
    """The databases of a dump on a server that is started when it is needed and ends with LEAP."""

    def __init__(self, dump: Path) -> None:
        self.dump = dump
        self._server: subprocess.Popen[bytes] | None = None
        self._owner = 0
        self._store: MysqlStore | None = None

    def __reduce__(self) -> tuple[object, ...]:
        if self._store is not None:
            return (MysqlStore, (self._store.url,))  # the same server, from another process
        return (MariadbStore, (self.dump,))

    def run(self, database: str, statement: str, seconds: float) -> Answer:
        """Run a statement as a user that can only read."""
        return self._started().run(database.lower(), statement, seconds)

    def facts(self) -> dict[str, Any]:
        """Return the server's version."""
        return {**self._started().facts(), "store": "mariadb"}

    def close(self) -> None:
        """End the server."""
        if self._store is not None:
            self._store.close()
        if self._server is not None and self._owner == os.getpid():
            assert self._server.stdin is not None
            self._server.stdin.close()
            self._server.wait()
        self._server = self._store = None

    def _started(self) -> MysqlStore:
        if self._store is None:
            programs = {
                name: _program(name) for name in ("mariadbd", "mariadb-install-db", "mariadb")
            }
            folder = Path(tempfile.mkdtemp(prefix="leap-mariadb-"))
            try:
                self._store = self._start(folder, programs)
            except BaseException:
                self.close()
                shutil.rmtree(folder, ignore_errors=True)
                raise
        return self._store

    def _start(self, folder: Path, programs: dict[str, str]) -> MysqlStore:
        as_nobody = os.geteuid() == 0
        if as_nobody:
            shutil.chown(folder, "nobody")
        who: dict[str, Any] = {"user": "nobody"} if as_nobody else {}
        socket = folder / "socket"
        common = ["--no-defaults", f"--datadir={folder}/data"]
        made = subprocess.run(
            [programs["mariadb-install-db"], *common, "--auth-root-authentication-method=normal",
             "--skip-test-db"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, **who,
        )  # fmt: skip
        if made.returncode:
            told = made.stdout.decode(errors="replace").strip().splitlines()[-1:]
            raise EnvironmentFailure(f"mariadb-install-db failed: {' '.join(told)}")
        command = [
            programs["mariadbd"], *common, f"--socket={socket}", f"--pid-file={folder}/pid",
            "--skip-networking", "--lower-case-table-names=1", "--innodb-flush-log-at-trx-commit=0",
            "--character-set-server=utf8mb4", "--collation-server=utf8mb4_general_ci",
            "--max-allowed-packet=16M", "--secure-file-priv=/dev/null", "--local-infile=0",
            "--innodb-buffer-pool-size=64M",
        ]  # fmt: skip
        path = os.pathsep.join(part for part in sys.path if part)
        self._owner = os.getpid()
        self._server = subprocess.Popen(
            [sys.executable, "-m", "leap_intercode.sql.keeper", str(folder),
             *(["--as-nobody"] if as_nobody else []), *command],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={"PYTHONPATH": path, "PATH": _PLACES, "LANG": "C.UTF-8"}, start_new_session=True,
        )  # fmt: skip
        client = [programs["mariadb"], "--no-defaults", f"--socket={socket}", "-uroot"]
        self._wait(client)
        self._load(client)
        return MysqlStore(f"mariadb://{READER}@localhost/?socket={quote(str(socket))}")

    def _wait(self, client: list[str]) -> None:
        deadline = time.monotonic() + _START_SECONDS
        quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        while subprocess.run([*client, "-e", "SELECT 1"], check=False, **quiet).returncode:
            if (
                time.monotonic() > deadline
                or self._server is None
                or self._server.poll() is not None
            ):
                raise EnvironmentFailure("the MariaDB server does not start")
            time.sleep(0.1)

    def _load(self, client: list[str]) -> None:
        """Load the dump, then leave a user that can only read, and a server that is read-only."""
        with self.dump.open("rb") as dump:
            done = subprocess.run(client, stdin=dump, capture_output=True, check=False)
        if done.returncode:
            raise EnvironmentFailure(
                f"'{self.dump}' does not load: {done.stderr.decode(errors='replace').strip()[:200]}"
            )
        listed = subprocess.run(
            [*client, "-N", "-e", "SHOW DATABASES"], capture_output=True, check=True
        ).stdout.decode()
        own = ("information_schema", "mysql", "performance_schema", "sys")
        grants = [
            f"GRANT SELECT, SHOW VIEW ON `{name}`.* TO '{READER}'@'localhost'"
            for name in listed.split()
            if name not in own
        ]
        script = [
            "DELETE FROM mysql.global_priv WHERE User NOT IN ('root', 'mariadb.sys')",
            "FLUSH PRIVILEGES",
            f"CREATE USER '{READER}'@'localhost'",
            *grants,
            f"ALTER USER 'root'@'localhost' IDENTIFIED BY '{os.urandom(24).hex()}'",
            "SET GLOBAL read_only = 1",
        ]
        subprocess.run(client, input="; ".join(script).encode(), check=True, capture_output=True)


def _program(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path=_PLACES)
    if found is None:
        raise ConfigError(
            f"'store: mariadb' starts a server by itself, but there is no {name} here "
            "(Debian, Ubuntu: apt install mariadb-server); or use store: sqlite"
        )
    return found
