"""The official files: pinned addresses and checksums."""

from __future__ import annotations

from leap_core import PinnedFile

_REPOSITORY = "https://raw.githubusercontent.com/princeton-nlp/intercode"


def _file(commit: str, path: str, name: str, size: int, sha256: str) -> PinnedFile:
    """A file of upstream's repository, and what it is called here."""
    return PinnedFile(name, f"{_REPOSITORY}/{commit}/{path}", size, sha256)


_EARLY = "69922e2f331b36a7d94b5da4a7ed10289e6c4c94"
FILES = (
    _file(
        _EARLY,
        "data/nl2bash/nl2bash_fs_1.json",
        "nl2bash_fs_1.json",
        13_588,
        "60f88e1aacc7ebba535093f9890c5c33203f4e5f32958e0e94fbe90ec4f01c82",
    ),
    _file(
        "c2f8b82c0ad94d30844d58490b7d7b3b13a50789",
        "data/nl2bash/nl2bash_fs_2.json",
        "nl2bash_fs_2.json",
        11_158,
        "8f4ce24e535fab782fda607e37db2ae1d6c5f99993c638d1ac0a7e0b542f633e",
    ),
    _file(
        "7c311cce135bd306ff47549def69f3fb0944d35d",
        "data/bash/nl2bash/nl2bash_fs_3.json",
        "nl2bash_fs_3.json",
        11_264,
        "a2d4ec8bc7ad69a4e2fb3eb84033994cf65ee9cfb355e3e63099df67a339b2e1",
    ),
    _file(
        _EARLY,
        "data/nl2bash/nl2bash_fs_4.json",
        "nl2bash_fs_4.json",
        4_028,
        "ce41b89450f87765a02a51df259ca0c1762e8249185c022adb089147e2c16200",
    ),
    _file(
        "6945762813e0521a3963aa799201ce99b677984b",
        "data/sql/spider/ic_spider_dev.json",
        "ic_spider_dev.json",
        1_001_475,
        "68c9ecb0692c80770f46c724cc073ea76be4f301a294caa532c050546948128e",
    ),
    _file(
        _EARLY,
        "data/spider/spider_dev.sql",
        "ic_spider_dbs.sql",
        412_090,
        "61f6e8000cb5bb696f123fa55e111acdcd8da7eca64f452a36fd1a6e5fb1781a",
    ),
    _file(
        _EARLY,
        "docker/bash_scripts/setup_nl2b_fs_1.sh",
        "setup_nl2b_fs_1.sh",
        4_018,
        "02b9a2206d809a9fca03b755e61b94618248a400fd3132ac61d32b6f3009dd3f",
    ),
    _file(
        _EARLY,
        "docker/bash_scripts/setup_nl2b_fs_2.sh",
        "setup_nl2b_fs_2.sh",
        3_280,
        "05c3109c4e9999e661d66c6d74137f0238b88017ec9cf884abdda0499e94ff1d",
    ),
    _file(
        _EARLY,
        "docker/bash_scripts/setup_nl2b_fs_3.sh",
        "setup_nl2b_fs_3.sh",
        3_055,
        "5e8d9f832f272c31dfb73567e75d33efb970d4e4bf9a8e691582d4fa09422d09",
    ),
    _file(
        _EARLY,
        "docker/bash_scripts/setup_nl2b_fs_4.sh",
        "setup_nl2b_fs_4.sh",
        60,
        "c5fb550aa1578fe2454e8ab06221165df90311231cb71d3d9b0ce036a8235274",
    ),
    _file(
        _EARLY,
        "docker/docker.gitignore",
        "docker.gitignore",
        100,
        "5479a1cafa260c77e836e8601ba9a345d39df777dc9cb07d6a93f0ac29b69166",
    ),
)
"""The tasks of both environments, the set-up scripts of the file systems, the databases (MySQL)."""
