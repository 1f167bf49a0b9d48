"""The four file systems of InterCode-Bash as tables, as they are after upstream's first reset.

Paths, permissions, ages and hashes are what upstream's set-up scripts leave behind: lines of theirs
that fail define the tree as much as those that work, and empty folders are gone. What is in the
files is not here: `leap_intercode.official_files` takes it from the official data, and tasks print,
count, search and hash these files, so that it must have these hashes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from leap_intercode.tree import Entry, Tree, folders_first

AGES = {"fs_1": 25.57, "fs_2": 5.6, "fs_3": 5.6, "fs_4": 5.6}
"""Days before an episode begins, of the files that no line of a script dates otherwise."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A file of a tree.

    Attributes:
        digest: the first 16 hexadecimal digits of its content's SHA-256; "" for an archive, which
            holds dates and so differs from build to build.
        days: its age; None for the age of its tree.
    """

    path: str
    digest: str
    mode: int = 0o644
    days: float | None = None


def tree_of(name: str, contents: Mapping[str, bytes]) -> Tree:
    """A file system, with what is in its files by path."""
    usual = AGES[name]
    files = [
        Entry(f.path, "file", contents[f.path], f.mode, usual if f.days is None else f.days)
        for f in FILE_SYSTEMS[name]
    ]
    number = name.removeprefix("fs_")
    names = (("file_system_version", number), ("script", f"setup_nl2b_fs_{number}.sh"))
    return Tree(name, folders_first(files, usual), names)


FILE_SYSTEMS: Mapping[str, tuple[Listed, ...]] = {
    "fs_1": (
        Listed("/.gitignore", "5479a1cafa260c77"),
        Listed("/index.html", "d5ffc14cf48fa41f"),
        Listed("/testbed/FooBar.html", "6bfccbd82ec34dad"),
        Listed("/testbed/Hello.java", "e5cef74ace0994bc"),
        Listed("/testbed/Hello1.java", "e5cef74ace0994bc"),
        Listed("/testbed/NewClass.java", "06a8acd66d56f156"),
        Listed("/testbed/dir1/AnotherHello.java", "e5cef74ace0994bc"),
        Listed("/testbed/dir1/info.php", "9c187470da5b287b"),
        Listed("/testbed/dir1/subdir1/jsonfile1.json", "c091964bddadd34c"),
        Listed("/testbed/dir1/subdir1/pythonscript4.py", "0a5743cb87b61400", 0o755),
        Listed("/testbed/dir1/subdir1/shellscript1.sh", "a8147408c9a3c4df", 0o755),
        Listed("/testbed/dir1/subdir1/subsubdir1/pythonscript1.py", "b14624d8ffa96dea", 0o755),
        Listed("/testbed/dir1/subdir1/subsubdir1/shellscript4.sh", "8f92899458d04113", 0o755),
        Listed("/testbed/dir1/subdir1/textfile4.txt", "81a55271f918fa30"),
        Listed("/testbed/dir1/textfile1.txt", "c98c24b677eff448"),
        Listed("/testbed/dir2/shellscript2.sh", "3940b4cd167f691d", 0o755),
        Listed("/testbed/dir2/subdir1/javafile1.java", "36aac0dac3fc3d97"),
        Listed("/testbed/dir2/subdir1/textfile2.txt", "298817db2a1e26c9"),
        Listed("/testbed/dir2/subdir2/pythonscript2.py", "f75acf574bd3b60d", 0o755),
        Listed("/testbed/dir2/subdir2/shellscript5.sh", "467c30d3b3e2e9aa", 0o755),
        Listed("/testbed/dir2/subdir2/textfile5.txt", "7f8ba5b65807cfe7"),
        Listed("/testbed/dir3/subdir1/pythonscript3.py", "577d35bbf528fd62", 0o755),
        Listed("/testbed/dir3/subdir1/subsubdir1/FooBar/file.txt", "2945a47e9c7e2a7b"),
        Listed("/testbed/dir3/subdir1/subsubdir1/file.txt", "b272c3a3ce49e16c"),
        Listed("/testbed/dir3/subdir1/subsubdir1/shellscript3.sh", "9368468e507d4722", 0o755),
        Listed("/testbed/dir3/subdir1/subsubdir1/textfile3.txt", "96178d993a9bd9c2"),
        Listed("/testbed/dir3/subdir1/subsubdir1/tmp/tmp.txt", "b272c3a3ce49e16c", 0o644, 365.0),
        Listed("/testbed/dir3/subdir2/csvfile1.csv", "159edabff21ed522"),
        Listed("/testbed/dir3/textfile6.txt", "37fe50d79101dc10"),
        Listed("/testbed/hello.c", "c271a08ba5d7c451"),
        Listed("/testbed/hello.php", "ff0880fc4d87d1b7"),
        Listed("/testbed/recent.txt", "e3b0c44298fc1c14", 0o644, 0.0),
        Listed("/testbed/textfile7.txt", "872ae49dcb350037"),
    ),
    "fs_2": (
        Listed("/.gitignore", "5479a1cafa260c77"),
        Listed("/.placeholder", "e3b0c44298fc1c14"),
        Listed("/system/.DS_Store", "e3b0c44298fc1c14"),
        Listed("/system/MANIFEST", "53625f548b357262"),
        Listed("/system/a.out", "13f6d9c233eb2f72", 0o644, 60.0),
        Listed("/system/folder1/a.out", "13f6d9c233eb2f72"),
        Listed("/system/folder1/data.csv", "d12591547209159a"),
        Listed("/system/folder1/doc1.doc", "6fe446cc814186cb"),
        Listed("/system/folder1/doc2.doc", "36b46ad165d6aa13"),
        Listed("/system/folder1/keep.txt", "d6fe761f15540a4a"),
        Listed("/system/folder1/log1.log", "7f051097e44eb722"),
        Listed("/system/folder1/new.sh", "12d3810b459466fa"),
        Listed("/system/folder1/old2.txt", "e3b0c44298fc1c14", 0o644, 91.0),
        Listed("/system/folder1/recent.txt", "e3b0c44298fc1c14", 0o644, 0.0),
        Listed("/system/folder1/script1.sh", "189d4db6ddcdba7f"),
        Listed("/system/folder1/text2.txt", "de70624dd6dea07f"),
        Listed("/system/folder1/text3.txt", "2be4b2787471dabf"),
        Listed("/system/folder1/text4.txt", "bb98ccf490eb0b7b"),
        Listed("/system/folder2/special text3.txt", "e3ea65dc8e3c6b47"),
        Listed("/system/folder2/special_text1.txt", "660c0873494579f3"),
        Listed("/system/folder2/special_text2.txt", "dcd542deab3bf1fd"),
        Listed("/system/folder2/text1.txt", "baf15e22abaae0c7"),
        Listed("/system/folder2.tar.gz", ""),
        Listed("/system/folder3/backup_dbg/sql1.sql", "a35e7f27d5c925c1", 0o644, 91.0),
        Listed("/system/folder3/backup_dbg/text1_dbg.txt", "a12d76eb98acec87"),
        Listed("/system/folder3/special text4.txt", "a290f0d2be3e0ec9"),
        Listed("/system/folder3/temp/empty.txt", "e3b0c44298fc1c14"),
        Listed("/system/folder3/temp/temp1/text1.txt", "7c162a0fc5dd06e0"),
        Listed("/system/html1.html", "b03bcc07d41334be"),
        Listed("/system/temp/keep.txt", "e3b0c44298fc1c14", 0o644, 91.08),
        Listed("/system/text1.txt", "0ba904eae8773b70"),
        Listed("/system/text3.txt", "a4f64974702387f2"),
    ),
    "fs_3": (
        Listed("/.gitignore", "5479a1cafa260c77"),
        Listed("/backup/file.txt", "ee4216e6d0628e37"),
        Listed("/workspace/.hidden.txt", "8c698a68fc0f2b6d"),
        Listed("/workspace/archive.tar.gz", ""),
        Listed("/workspace/dir1/.hidden1.txt", "d56c3b67ee023f27"),
        Listed("/workspace/dir1/a.txt", "50ff2eb97609508b"),
        Listed("/workspace/dir1/all.txt", "e3b0c44298fc1c14", 0o777),
        Listed("/workspace/dir1/file.c", "e5a00aa9991ac8a5"),
        Listed("/workspace/dir1/file.txt", "ad7facb2586fc6e9"),
        Listed("/workspace/dir1/hello.c", "90abe72f70977cdd"),
        Listed("/workspace/dir1/hello.txt", "c8a31cb076b21999"),
        Listed("/workspace/dir1/long.txt", "7c162a0fc5dd06e0"),
        Listed("/workspace/dir1/new1.sh", "12d3810b459466fa", 0o755),
        Listed("/workspace/dir1/readonly.txt", "e3b0c44298fc1c14", 0o400),
        Listed("/workspace/dir1/script1.sh", "189d4db6ddcdba7f", 0o755),
        Listed("/workspace/dir1/sum.c", "e8e587d6c498a2d4"),
        Listed("/workspace/dir1/terminate.txt", "e4b148aa6ca6fba6"),
        Listed("/workspace/dir2/csvfile1.csv", "3c9b95b69cc25903"),
        Listed("/workspace/dir2/foo.txt", "de70624dd6dea07f"),
        Listed("/workspace/dir2/hello.txt", "c8a31cb076b21999"),
        Listed("/workspace/dir2/mysql/sql1.sql", "a35e7f27d5c925c1"),
        Listed("/workspace/files.txt", "18e07f258fcaca88"),
        Listed("/workspace/new.sh", "12d3810b459466fa", 0o755),
        Listed("/workspace/old2.txt", "e3b0c44298fc1c14", 0o644, 120.0),
        Listed("/workspace/recent1.txt", "e3b0c44298fc1c14", 0o644, 0.0),
        Listed("/workspace/results.txt", "4fdbc8054ac7cc27"),
    ),
    "fs_4": (Listed("/.gitignore", "5479a1cafa260c77"),),
}
"""Files by the name of their system."""
