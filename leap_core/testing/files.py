"""A real HTTP server on this machine that serves files, as release servers do: ranges included.

with FileServer(folder) as server:
    fetch(server.pin("games.zip"), …)
assert server.asked == [("/games.zip", None)]
"""

from __future__ import annotations

import functools
import hashlib
import http.server
import threading
from pathlib import Path
from types import TracebackType

from leap_core.runs.download import PinnedFile


class FileServer:
    """Serves a folder.

    Attributes:
        folder: what is in it is served.
        asked: (path, `Range` header or None) of each request for a file that is there.
        lose: bytes at the end of each answer that are not sent before the connection closes.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[tuple[str, str | None]] = []
        self.lose = 0
        handler = functools.partial(_Handler, self)
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)

    def url(self, name: str) -> str:
        """The address of a file."""
        return f"http://127.0.0.1:{self._server.server_port}/{name}"

    def pin(self, name: str) -> PinnedFile:
        """A file as it is now."""
        content = (self.folder / name).read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        return PinnedFile(Path(name).name, self.url(name), len(content), digest)

    def __enter__(self) -> FileServer:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(http.server.SimpleHTTPRequestHandler):
    def __init__(self, files: FileServer, *arguments: object) -> None:
        self.files = files
        super().__init__(*arguments, directory=str(files.folder))  # type: ignore[arg-type]

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            self.send_error(404)
            return
        wanted = self.headers.get("Range")
        self.files.asked.append((self.path, wanted))
        body = path.read_bytes()
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        self.wfile.write(body[start : len(body) - self.files.lose])

    def log_message(self, *_: object) -> None:
        """Say nothing on the terminal."""
