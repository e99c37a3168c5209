"""What all Japronto apps share, and the program that serves one of them.

    python service.py MODULE HOST PORT WORKERS

Japronto is server and framework in one; its last release needs CPython 3.6, and
so these files are written for it.
"""

import importlib
import sys
from urllib.parse import parse_qsl

from japronto import Application
from japronto.router import RouteNotFoundException

from answers import Refusal


def new_app() -> Application:
    """A Japronto app without routes."""
    app = Application()
    app.add_error_handler(Refusal, refuse)
    app.add_error_handler(RouteNotFoundException, refuse_path)
    return app


def ready(request):
    """Says that the app is up."""
    return request.Response(text="ready")


def first(request, name):
    """The first value of `name` in the query; `request.query` has the last."""
    pairs = parse_qsl(request.query_string or "", keep_blank_values=True)
    return next((value for key, value in pairs if key == name), None)


def refuse(request, refusal):
    """The JSON that stands for an error."""
    return request.Response(
        code=refusal.status, text=refusal.text(), mime_type="application/json"
    )


def refuse_path(request, _error):
    """The answer to a path, or a method, that no route takes."""
    return refuse(request, Refusal(404, "there is nothing at this path"))


def main() -> None:
    """Serves the app of one workload."""
    module, host, port, workers = sys.argv[1:]
    app = importlib.import_module(module).app
    app.run(host=host, port=int(port), worker_num=int(workers))


if __name__ == "__main__":
    main()
