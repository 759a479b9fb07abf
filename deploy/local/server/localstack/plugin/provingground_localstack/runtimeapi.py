"""The Lambda runtime API for one process: where it asks for work and says what came out.

Documented at https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html (read 24 November 2026).
"""

import queue
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MAX_RESPONSE = 6 << 20  # bytes, of a synchronous answer


@dataclass
class Event:
    """What happened in the process. Kinds: ready, response, error, init-error, exit."""

    kind: str
    request_id: str = ""
    body: bytes = b""


class RuntimeAPI:
    """Serves one process on a port of 127.0.0.1. What happens goes into events, in its order."""

    def __init__(self):
        self.work = queue.Queue()  # of (headers, payload); None: there will be no more
        self.events = queue.Queue()
        self.asked = threading.Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # the process was killed while it waited
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    @property
    def address(self):
        return f"127.0.0.1:{self.server.server_address[1]}"

    def close(self):
        self.work.put(None)
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def _handler(api):
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def do_GET(self):
                if not self.path.endswith("/runtime/invocation/next"):
                    return self._answer(404)
                if not api.asked.is_set():
                    api.asked.set()
                    api.events.put(Event("ready"))
                item = api.work.get()
                if item is None:
                    return self._answer(410)
                headers, payload = item
                self._answer(200, payload, headers)

            def do_POST(self):
                what = self.path.split("/")  # …/invocation/<id>/response or error, …/init/error
                body = self._body()
                if body is None:
                    api.events.put(Event("error", what[-2], TOO_LARGE))
                    self.close_connection = True
                    return self._answer(413)
                if what[-2:] == ["init", "error"]:
                    api.events.put(Event("init-error", body=body))
                elif what[-1] in ("response", "error"):
                    # An answer that breaks off while it is streamed says so at its end or in its head.
                    failed = what[-1] == "error" or self.headers.get("Lambda-Runtime-Function-Error-Type")
                    api.events.put(Event("error" if failed else "response", what[-2], body))
                self._answer(202, b'{"status":"OK"}')

            def _answer(self, status, body=b"", headers=None):
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def _body(self):
                """The whole body, or None for one over the limit."""
                length = self.headers.get("Content-Length")
                if length is not None:
                    return self.rfile.read(int(length)) if int(length) <= MAX_RESPONSE else None
                whole = b""
                while size := int(self.rfile.readline().split(b";")[0], 16):
                    if len(whole) + size > MAX_RESPONSE:
                        return None
                    whole += self.rfile.read(size)
                    self.rfile.readline()
                while self.rfile.readline().strip():  # trailers
                    pass
                return whole

        return Handler


TOO_LARGE = b'{"errorType":"Function.ResponseSizeTooLarge","errorMessage":"the response is larger than 6 MiB"}'
