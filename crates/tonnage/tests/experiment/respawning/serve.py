import http.server
import json
import os
import signal
import sys

BYTES = 200_000_000  # more than the test's limit
EVERY = 40  # requests


class Handler(http.server.BaseHTTPRequestHandler):
    served = 0

    def do_GET(self):
        Handler.served += 1
        if Handler.served > EVERY:
            hoard = bytearray(BYTES)
            for at in range(0, BYTES, 4096):
                hoard[at] = 1
        status, kind, body = 200, "text/plain", "Hello, World!"
        if self.path == "/json":
            kind, body = "application/json", '{"message":"Hello, World!"}'
        elif self.path != "/":
            status, kind, body = 404, "application/json", json.dumps({"error": {"code": 404}})
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        pass


def main():
    server = http.server.HTTPServer((sys.argv[1], int(sys.argv[2])), Handler)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    while True:
        worker = os.fork()
        if worker == 0:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            # The kernel may else take the master where no worker is large at the moment.
            with open("/proc/self/oom_score_adj", "w") as score:
                score.write("1000")
            server.serve_forever()
        print("booting worker", worker, flush=True)
        os.waitpid(worker, 0)


main()
