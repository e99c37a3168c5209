"""A gunicorn.conf.py with every hook set. Each writes down that it was called, by whom, and
what its arguments look like; ``test_hooks.py`` compares that between servers."""

import json
import os

workers = 1
raw_env = ["FROM_CONFIG=yes"]
proc_name = "hooked"

_MASTER = os.getpid()


def _note(hook, *shapes):
    line = json.dumps({"hook": hook, "pid": os.getpid(), "master": _MASTER, "shapes": shapes})
    # One write of less than a page: lines of several processes do not mix.
    with open(os.environ["HOOK_LOG"], "a") as file:
        file.write(line + "\n")


def _server(server):
    server.log.debug("looked at by a hook")
    return {
        "pid": server.pid == _MASTER,
        "follows": server.master_pid == os.getppid(),
        "is_followed": server.reexec_pid != 0,
        "num_workers": server.num_workers,
        "worker_age": server.worker_age,
        "names": [server.proc_name, server.master_name],
        "timeout": server.timeout,
        "address": [type(part).__name__ for part in server.address[0]],
        "cfg": [server.cfg.workers, server.cfg.proc_name],
        "app": callable(server.app.wsgi),
        "listeners": len(server.LISTENERS),
        "workers": sorted(worker.age for worker in server.WORKERS.values()),
        "pids": all(pid == worker.pid for pid, worker in server.WORKERS.items()),
    }


def _worker(worker):
    worker.log.debug("looked at by a hook")
    return {
        "age": worker.age,
        "pid": worker.pid if worker.pid == "[booting]" else worker.pid == os.getpid(),
        "text": str(worker) == f"<Worker {worker.pid}>",
        "ppid": worker.ppid == _MASTER,
        "flags": [worker.booted, worker.aborted, worker.alive],
        # Beyond two it is chance: which of several workers answers how many.
        "nr": min(worker.nr, 2),
        "timeout": worker.timeout,
        "cfg": [worker.cfg.workers, worker.cfg.env],
        "app": callable(worker.app.wsgi),
        "sockets": len(worker.sockets),
    }


def _call(thing, name):
    """What a method gives, or that there is none."""
    return getattr(thing, name, lambda: "missing")()


def _request(req):
    return {
        "line": [req.method, req.uri, req.path, req.query, req.fragment, list(req.version)],
        "scheme": req.scheme,
        "headers": sorted(map(list, req.headers)),
        "remote_addr": [type(part).__name__ for part in req.remote_addr],
        "peer_addr": [type(part).__name__ for part in req.peer_addr],
        "trailers": getattr(req, "trailers", "missing"),
        "proxy_protocol_info": getattr(req, "proxy_protocol_info", "missing"),
        "should_close": _call(req, "should_close"),
    }


def _response(resp):
    return {
        "status": resp.status,
        "status_code": getattr(resp, "status_code", "missing"),
        "headers": sorted(map(list, resp.headers)),
        "sent": [resp.headers_sent, resp.sent, resp.response_length],
        "is_chunked": _call(resp, "is_chunked"),
    }


def on_starting(server):
    _note("on_starting", _server(server))


def on_reload(server):
    _note("on_reload", _server(server))


def when_ready(server):
    _note("when_ready", _server(server))


def pre_fork(server, worker):
    _note("pre_fork", _server(server), _worker(worker))


def post_fork(server, worker):
    _note("post_fork", worker.age, _worker(worker))


def post_worker_init(worker):
    _note("post_worker_init", _worker(worker), callable(worker.wsgi))


def worker_int(worker):
    _note("worker_int", _worker(worker))


def worker_abort(worker):
    _note("worker_abort", _worker(worker))


def pre_exec(server):
    _note("pre_exec", server.pid == _MASTER, os.getppid() == _MASTER)


def pre_request(worker, req):
    _note("pre_request", _worker(worker), _request(req))


def post_request(worker, req, environ, resp):
    _note("post_request", _worker(worker), _request(req), environ["RAW_URI"], _response(resp))


def child_exit(server, worker):
    _note("child_exit", worker.age)


def worker_exit(server, worker):
    _note("worker_exit", _worker(worker))


def nworkers_changed(server, new_value, old_value):
    _note("nworkers_changed", new_value, old_value, server.num_workers)


def on_exit(server):
    _note("on_exit", server.pid == _MASTER)


def ssl_context(config, default_ssl_context_factory):
    _note("ssl_context")
    return default_ssl_context_factory()
