"""The store that options name, with the official databases."""

from __future__ import annotations

from pathlib import Path

from leap_core import ConfigError
from leap_intercode.official import find_file
from leap_intercode.sql.answer import Store
from leap_intercode.sql.dump import read_dump
from leap_intercode.sql.mariadb import MariadbStore
from leap_intercode.sql.server import MysqlStore
from leap_intercode.sql.sqlite import SqliteStore

STORES = ("sqlite", "mariadb")
DUMP_FILES = ("ic_spider_dbs.sql", "spider_dev.sql")
TASK_FILES = ("ic_spider_dev.json",)


def chosen_store(name: str, url: str | None, data_dir: Path | None) -> Store:
    """Return the store "sqlite" or "mariadb" with the official databases, or the server at `url`.

    Raises:
        ConfigError: both a server of one's own and `store: mariadb` are asked for.
        DataError: the databases' file is missing or cannot be read.
    """
    if url and name == "mariadb":
        raise ConfigError("the options 'url' and 'store: mariadb' exclude each other")
    if url:
        return MysqlStore(url)
    path = find_file(data_dir, DUMP_FILES)
    return MariadbStore(path) if name == "mariadb" else SqliteStore(read_dump(path))
