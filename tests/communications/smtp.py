"""Mail servers on loopback: the demo's own sink, and one that answers badly on purpose."""

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from aiosmtpd.controller import Controller

from communications import sink

GOOD = {
    "banner": "220 here",
    "EHLO": "250 here",
    "MAIL": "250 go on",
    "RCPT": "250 go on",
    "DATA": "354 go on",
    ".": "250 taken",
    "QUIT": "221 goodbye",
}
DROP = ""  # in place of a reply: the connection is cut
HANG = "..."  # in place of a reply: silence


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


@contextmanager
def mail_sink(folder: Path) -> Iterator[int]:
    """The demo's sink, keeping into `folder`; its port."""
    server = Controller(sink.Keeper(folder), hostname="127.0.0.1", port=free_port())
    server.start()
    try:
        yield server.port
    finally:
        server.stop()


class BadServer:
    """A server that says what it was told to, and counts the texts it was given."""

    def __init__(self, replies: Mapping[str, str]) -> None:
        self.replies = {**GOOD, **replies}
        self.texts: list[bytes] = []
        self.closing = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as lines:
                self.talk(connection, lines)

    def talk(self, connection: socket.socket, lines) -> None:
        if not self.reply(connection, "banner"):
            return
        for line in lines:
            verb = line.split()[0].decode().upper()
            if not self.reply(connection, verb):
                return
            if verb == "DATA" and self.replies[verb].startswith("354"):
                text = b""
                for part in lines:
                    if part == b".\r\n":
                        break
                    text += part
                self.texts.append(text)
                if not self.reply(connection, "."):
                    return

    def reply(self, connection: socket.socket, moment: str) -> bool:
        words = self.replies[moment]
        if words == HANG:
            self.closing.wait(60)
        if words in (DROP, HANG):
            return False
        connection.sendall(f"{words}\r\n".encode())
        return True

    def close(self) -> None:
        self.closing.set()
        # Wakes the thread from `accept`, which closing alone does not.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(5)


@contextmanager
def bad_server(**replies: str) -> Iterator[BadServer]:
    """`bad_server(MAIL=DROP)`; the reply to the finished text is `text=`."""
    if "text" in replies:
        replies["."] = replies.pop("text")
    server = BadServer(replies)
    try:
        yield server
    finally:
        server.close()
