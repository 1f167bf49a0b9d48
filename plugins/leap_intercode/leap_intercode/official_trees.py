# ruff: noqa: E501 - contents are written as they are
"""The four file systems of InterCode-Bash, as they are after upstream's first reset.

Paths, permissions, ages and contents are what upstream's set-up scripts leave behind: lines of
theirs that fail define the tree as much as those that work, and empty folders are gone. Ages are
in days before an episode begins. Tasks print, count, search and hash these files, so that their
contents must be upstream's to the byte: they are InterCode's (MIT, copyright 2023 Princeton Natural
Language Processing); nothing else of its files is here.
"""

from __future__ import annotations

import base64

from leap_intercode.tree import Entry, Tree, folders_first

_IGNORED = (
    "# Folders\nbin\nboot\ndev\netc\nhome\nlib\nmedia\nopt\nproc\nroot\nrun\nsbin\nsrv\nsys\nusr\nvar\n"
    "\n# Files\n.dockerenv"
)


def _tree(number: int, days: float, files: list[tuple[object, ...]]) -> Tree:
    """`files`: (path, content[, mode[, days]]); other files are `days` old."""
    entries = [Entry("/.gitignore", "file", _IGNORED.encode(), days=days)]
    for path, content, *rest in files:
        data = content if isinstance(content, bytes) else str(content).encode()
        mode = rest[0] if rest else 0o644
        age = rest[1] if len(rest) > 1 else days
        entries.append(Entry(str(path), "file", data, int(str(mode)), float(str(age))))
    names = (
        ("file_system_version", str(number)),
        ("script", f"setup_nl2b_fs_{number}.sh"),
    )
    return Tree(f"fs_{number}", folders_first(entries, days), names)


_FS_1 = _tree(
    1,
    25.57,
    [
        (
            "/index.html",
            "<html><head><title>Test</title></head><body><h1>Hello, world!</h1></body></html>\n",
        ),
        (
            "/testbed/FooBar.html",
            "<html><head><title>Test</title></head><body><h1>Hello, FooBar!</h1></body></html>\n",
        ),
        (
            "/testbed/Hello.java",
            'public class Hello { public static void main(String[] args) { System.out.println(\\"Hello world!\\"); }}\n',
        ),
        (
            "/testbed/Hello1.java",
            'public class Hello { public static void main(String[] args) { System.out.println(\\"Hello world!\\"); }}\n',
        ),
        (
            "/testbed/NewClass.java",
            'public class NewClass { public static void main(String[] args) { System.out.println(\\"This is a new Java file!\\"); }}\n',
        ),
        (
            "/testbed/hello.c",
            '#include <stdio.h>\nint main() {\n  printf(\\"Hello, world!\\");\n  return 0;\n}\n',
        ),
        ("/testbed/hello.php", '<?php echo "Hello, world!"; ?>\n'),
        ("/testbed/recent.txt", "", 0o644, 0.0),
        ("/testbed/textfile7.txt", "Text file 7 with some random contents in it\n"),
        (
            "/testbed/dir1/AnotherHello.java",
            'public class Hello { public static void main(String[] args) { System.out.println(\\"Hello world!\\"); }}\n',
        ),
        ("/testbed/dir1/info.php", "<?php phpinfo(); ?>\n"),
        ("/testbed/dir1/textfile1.txt", "Hello, World!\n"),
        (
            "/testbed/dir1/subdir1/jsonfile1.json",
            '{\n  "key1": "value1",\n  "key2": "value2",\n  "key3": "value3"\n}\n',
        ),
        (
            "/testbed/dir1/subdir1/pythonscript4.py",
            '#!/usr/bin/env python3\nprint("Python script 4")\n',
            0o755,
        ),
        ("/testbed/dir1/subdir1/shellscript1.sh", '#!/bin/sh\necho "Shell script 1"\n', 0o755),
        ("/testbed/dir1/subdir1/textfile4.txt", "Text file 4\\nGene 1\n"),
        (
            "/testbed/dir1/subdir1/subsubdir1/pythonscript1.py",
            '#!/usr/bin/env python3\nprint("Python script 1")\n',
            0o755,
        ),
        (
            "/testbed/dir1/subdir1/subsubdir1/shellscript4.sh",
            '#!/bin/sh\necho "Shell script 4"\n',
            0o755,
        ),
        ("/testbed/dir2/shellscript2.sh", '#!/bin/sh\necho "Shell script 2"\n', 0o755),
        (
            "/testbed/dir2/subdir1/javafile1.java",
            'public class FirstClass { public static void main(String[] args) { System.out.println(\\"This is Java file 1!\\"); }}\n',
        ),
        ("/testbed/dir2/subdir1/textfile2.txt", "text file\nAnother text file\n"),
        (
            "/testbed/dir2/subdir2/pythonscript2.py",
            '#!/usr/bin/env python3\nprint("Python script 2")\n',
            0o755,
        ),
        ("/testbed/dir2/subdir2/shellscript5.sh", '#!/bin/sh\necho "Shell script 5"\n', 0o755),
        ("/testbed/dir2/subdir2/textfile5.txt", "Text file 5Gene 2\n"),
        ("/testbed/dir3/textfile6.txt", "Text file 6\n"),
        (
            "/testbed/dir3/subdir1/pythonscript3.py",
            '#!/usr/bin/env python3\nprint("Python script 3")\n',
            0o755,
        ),
        ("/testbed/dir3/subdir1/subsubdir1/file.txt", "Text file in tmp\n"),
        (
            "/testbed/dir3/subdir1/subsubdir1/shellscript3.sh",
            '#!/bin/sh\necho "Shell script 3"\n',
            0o755,
        ),
        ("/testbed/dir3/subdir1/subsubdir1/textfile3.txt", "text file\nYet another text file\n"),
        ("/testbed/dir3/subdir1/subsubdir1/FooBar/file.txt", "A sample file with FooBar\n"),
        ("/testbed/dir3/subdir1/subsubdir1/tmp/tmp.txt", "Text file in tmp\n", 0o644, 365.0),
        (
            "/testbed/dir3/subdir2/csvfile1.csv",
            "column1,column2,column3\nvalue1,value2,value3\nvalue4,value5,value6\n",
        ),
    ],
)
_FS_2 = _tree(
    2,
    5.6,
    [
        ("/.placeholder", ""),
        ("/system/.DS_Store", ""),
        ("/system/MANIFEST", "text1.txt\ntext3.txt\n"),
        (
            "/system/a.out",
            base64.b64decode("f0VMRgEBAQAAAAAAAAAAAAIAAwABAAAAAAAAAIAECACABAgK"),
            0o644,
            60.0,
        ),
        (
            "/system/folder2.tar.gz",
            base64.b64decode(
                "H4sIAAAAAAAAA+3X0W6DIBQGYK73FKcvsKKAvsjuF6MYSawswLL27SdtdzG21RvL0vh/Nxg1EXLyH9CffNCHfW/HTrtyz+6Bz2qlzuMsHc/XhRKcF1UtRMl4UUqhGKm7zCbx7kPjiJizNtx6b+n5g/Lf6+/fdGua8TXoYyiew3GVJccCV1L+XX8hkvqrWtSM+BofX7Lx+r8MmnozavowYaBr+WlqDvrpv6cGGfyef4r5F9nyL4s0/9V8C/nPIOY/DMZ16AKbdGP/L/Plv/yx/0uO/OcQ8+91ayc0gE1K8r/quf/Lcv6rJP9y/gFE/nO4nP+dD9Rbe2kBZoonAk+dcboN1p126AEAAAAAAAAAAAAAAA/lE4H27+8AKAAA"
            ),
        ),
        (
            "/system/html1.html",
            "<html>\n<head>\n<title>HTML File 1</title>\n</head>\n<body>\n<h1>HTML File 1</h1>\n<p>This is the first HTML file</p>\n</body>\n</html>\n",
        ),
        ("/system/text1.txt", "Hello world!\n"),
        ("/system/text3.txt", "Foo!\n The first line in this file is foo\n"),
        (
            "/system/folder1/a.out",
            base64.b64decode("f0VMRgEBAQAAAAAAAAAAAAIAAwABAAAAAAAAAIAECACABAgK"),
        ),
        ("/system/folder1/data.csv", "1,2,3,4,5,6,7,8,9,10\n"),
        ("/system/folder1/doc1.doc", "This is a doc file\n"),
        ("/system/folder1/doc2.doc", "This is another doc file\n"),
        ("/system/folder1/keep.txt", "Keep this file\n"),
        ("/system/folder1/log1.log", "This is a log file\n"),
        ("/system/folder1/new.sh", "#!/bin/bash\n\n# New script file\n"),
        ("/system/folder1/old2.txt", "", 0o644, 91.0),
        ("/system/folder1/recent.txt", "", 0o644, 0.0),
        ("/system/folder1/script1.sh", "#!/bin/bash\n\n# This is a script file\n"),
        ("/system/folder1/text2.txt", "Another hello world file\n"),
        ("/system/folder1/text3.txt", "- e Hello!\\nAnother hello world file\n"),
        ("/system/folder1/text4.txt", "Hello!\nAnother hello world file\n"),
        ("/system/folder2/special text3.txt", "The third file with special name\n"),
        ("/system/folder2/special_text1.txt", "The file with special name\n"),
        ("/system/folder2/special_text2.txt", "The second file with special name\n"),
        ("/system/folder2/text1.txt", "The first foo file in this directory!\n"),
        ("/system/folder3/special text4.txt", "The fourth file with special name\n"),
        (
            "/system/folder3/backup_dbg/sql1.sql",
            "CREATE TABLE Persons (\nPersonID int,\nLastName varchar(255),\nFirstName varchar(255),\nAddress varchar(255),\nCity varchar(255)\n);\n",
            0o644,
            91.0,
        ),
        ("/system/folder3/backup_dbg/text1_dbg.txt", "The first line\n\n\n"),
        ("/system/folder3/temp/empty.txt", ""),
        (
            "/system/folder3/temp/temp1/text1.txt",
            "The first line\nThe second line\nThe third line\nThe fourth line;\nThe fifth line\n",
        ),
        ("/system/temp/keep.txt", "", 0o644, 91.08),
    ],
)
_FS_3 = _tree(
    3,
    5.6,
    [
        ("/backup/file.txt", "new file\n\n"),
        ("/workspace/.hidden.txt", "This is another hidden file\n"),
        (
            "/workspace/archive.tar.gz",
            base64.b64decode(
                "H4sIAAAAAAAAA+3PQQ6CMBCF4a49RU8gLYOw9ihESiA2jik1cHyJS2NwQ2JM/m/zFvMWb2ZN1+neXkLRjaksetVjXrLZlVvVVfXK1Xs6J974kzjn60Zk7XlppDTW7Tvjs8eU22StSaqbb3+7/6nzTfMQkh1CjGpnTbGz/RjD4dfDAAAAAAAAAAAAAAAAAACbniHS0KgAKAAA"
            ),
        ),
        ("/workspace/files.txt", "/workspace/dir2/foo.txt\n"),
        ("/workspace/new.sh", "#!/bin/bash\n\n# New script file\n", 0o755),
        ("/workspace/old2.txt", "", 0o644, 120.0),
        ("/workspace/recent1.txt", "", 0o644, 0.0),
        ("/workspace/results.txt", "/workspace/dir1\n"),
        ("/workspace/dir1/.hidden1.txt", "This is a hidden file\n"),
        ("/workspace/dir1/a.txt", "The first line\n\n\n\n\n\n\n\n\n\n\n"),
        ("/workspace/dir1/all.txt", "", 0o777),
        ("/workspace/dir1/file.c", "\0" * 2048),
        ("/workspace/dir1/file.txt", "\0" * 4096),
        (
            "/workspace/dir1/hello.c",
            '#include <stdio.h>\n\nint main() {\n\tprintf("Hello, World!");\n\treturn 0;\n}\n',
        ),
        ("/workspace/dir1/hello.txt", "hello!\n"),
        (
            "/workspace/dir1/long.txt",
            "The first line\nThe second line\nThe third line\nThe fourth line;\nThe fifth line\n",
        ),
        ("/workspace/dir1/new1.sh", "#!/bin/bash\n\n# New script file\n", 0o755),
        ("/workspace/dir1/readonly.txt", "", 0o400),
        ("/workspace/dir1/script1.sh", "#!/bin/bash\n\n# This is a script file\n", 0o755),
        (
            "/workspace/dir1/sum.c",
            '#include <stdio.h>\n\nint main() {\n\tint a, b, sum;\n\tprintf("Enter two numbers to add\\n");\n\tscanf("%d%d", &a, &b);\n\tsum = a + b;\n\tprintf("Sum of entered numbers = %d\\n",sum);\n\treturn 0;\n}\n',
        ),
        (
            "/workspace/dir1/terminate.txt",
            "The first line\nThe second line\nThe third line\nThe fourth line;\nThe fifth line\nTERMINATEThe sixth line--\n",
        ),
        (
            "/workspace/dir2/csvfile1.csv",
            "column1,column2,column3\nvalue1,value2,value3\nvalue4,value5,value6\nvalue7,values8,values9\n",
        ),
        ("/workspace/dir2/foo.txt", "Another hello world file\n"),
        ("/workspace/dir2/hello.txt", "hello!\n"),
        (
            "/workspace/dir2/mysql/sql1.sql",
            "CREATE TABLE Persons (\nPersonID int,\nLastName varchar(255),\nFirstName varchar(255),\nAddress varchar(255),\nCity varchar(255)\n);\n",
        ),
    ],
)
_FS_4 = _tree(
    4,
    5.6,
    [],
)

FILE_SYSTEMS = {tree.name: tree for tree in (_FS_1, _FS_2, _FS_3, _FS_4)}
"""By name: fs_1 … fs_4."""
