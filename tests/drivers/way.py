"""A way to a server that may go dead, as behind a failover or a firewall that forgets: what was open hangs without a word."""
import contextlib
import socket
import threading


class Way:
    """Listens at `port`."""

    def __init__(self, port):
        self.target, self.dead = port, threading.Event()

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self.listener.accept()
                far = socket.create_connection(("127.0.0.1", self.target))
                for ends in ((near, far), (far, near)):
                    threading.Thread(target=self._pass, args=(*ends, self.dead), daemon=True).start()

    @staticmethod
    def _pass(source, target, dead):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if not dead.is_set():
                    target.sendall(data)
            if not dead.is_set():
                target.shutdown(socket.SHUT_WR)

    def die(self):
        """All connections so far do; later ones are served."""
        self.dead.set()
        self.dead = threading.Event()

    def __exit__(self, *_):
        self.listener.close()
