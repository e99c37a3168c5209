"""The `relay` workload: `GET /<path>` gives the JSON that the upstream has at
`/api/<path>`, and whole answers are kept for ten seconds.

As in the original, each process has a cache of its own (flask-caching's
SimpleCache), and nothing holds back the threads that miss it at the same time:
with 2 workers × 2 threads up to four calls of the upstream are made whenever an
answer expires. That is the finding of the relay-cache study and must stay.
"""

from urllib.parse import unquote

from flask import Response, request
from flask_caching import Cache

from answers import JSON
from relaying import CACHE_S, CALLS, CALLS_HEADER, MAX_CACHED, nothing
from relaying_threads import call
from service import new_app

app = new_app(__name__)
# A path belongs to the upstream as it was sent.
app.url_map.merge_slashes = False
cache = Cache(
    app,
    config={
        "CACHE_TYPE": "SimpleCache",
        "CACHE_DEFAULT_TIMEOUT": CACHE_S,
        "CACHE_THRESHOLD": MAX_CACHED,
    },
)


def cache_key(*_args: object, **_kwargs: object) -> str:
    """The path with its query. The length keeps apart a question mark that belongs
    to the path and one that ends it."""
    query = request.query_string.decode("latin-1")
    return f"{len(request.path)} {request.path}?{query}"


@app.before_request
def refuse_slashes() -> None:
    """Werkzeug takes several slashes at the beginning for one, and so do some
    servers; those may tell what was sent."""
    sent = request.environ["PATH_INFO"], unquote(request.environ.get("REQUEST_URI", ""))
    if any(path.startswith("//") for path in sent):
        raise nothing()


# Errors never get there: they leave the view as exceptions.
@app.get("/<path:path>")
@cache.cached(timeout=CACHE_S, make_cache_key=cache_key)
def relay(path: str) -> Response:
    """The upstream's answer, or the one that is kept."""
    return Response(call(path, request.query_string.decode("latin-1")), mimetype=JSON)


@app.after_request
def tell_calls(response: Response) -> Response:
    """Each answer tells the calls of this process so far."""
    response.headers[CALLS_HEADER] = str(CALLS.made)
    return response
