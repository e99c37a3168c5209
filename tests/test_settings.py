"""Where settings come from, what is said of bad ones, and the command line around it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Serve
from loading import PROGRAM
from serving import APPS, environment


def _run(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tonnage", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=APPS,
        env=environment(**env),
    )


def test_the_order_of_sources(serve: Serve, tmp_path: Path) -> None:
    config = tmp_path / "some.conf.py"
    config.write_text("workers = 2\nthreads = 3\nkeepalive = 7\n")
    server = serve(
        *("-c", str(config), "--keep-alive", "9"),
        env={"WEB_CONCURRENCY": "4", "GUNICORN_CMD_ARGS": "--threads 5 --keep-alive 8"},
    )
    assert len(server.wait_for_workers(2)) == 2
    done = _run(
        *("serve", "-c", str(config), "--keep-alive", "9", "--print-config", "wsgi_app:app"),
        WEB_CONCURRENCY="4",
        GUNICORN_CMD_ARGS="--threads 5 --keep-alive 8",
    )
    assert done.returncode == 0, done.stderr
    values = {
        name.strip(): value.strip()
        for name, _, value in (line.partition("=") for line in done.stdout.splitlines())
    }
    assert (values["workers"], values["threads"], values["keepalive"]) == ("2", "5", "9")


def test_the_environment(serve: Serve) -> None:
    assert len(serve(env={"WEB_CONCURRENCY": "3"}).wait_for_workers(3)) == 3
    done = _run("serve", "--print-config", "wsgi_app:app", PORT="8765")
    assert "0.0.0.0:8765" in done.stdout
    done = _run("serve", "wsgi_app:app", WEB_CONCURRENCY="many")
    assert done.returncode == 1
    assert "WEB_CONCURRENCY" in done.stderr


def test_a_default_configuration_file(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "gunicorn.conf.py").write_text(
        "import multiprocessing\nworkers = min(2, multiprocessing.cpu_count() * 2)\n"
        "wsgi_app = 'wsgi_app:app'\n"
    )
    server = serve(app=None, cwd=tmp_path)
    assert len(server.wait_for_workers(2)) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("workers = 'many'", "workers"),
        ("workers = -1", "workers"),
        ("def post_fork(worker):\n    pass", "post_fork"),
        ("worker_class = 'tornado'", "worker_class"),
        ("raise RuntimeError('broken file')", "broken file"),
    ],
)
def test_a_configuration_that_cannot_be(tmp_path: Path, text: str, message: str) -> None:
    config = tmp_path / "bad.conf.py"
    config.write_text(text + "\n")
    done = _run("serve", "-c", str(config), "wsgi_app:app")
    assert done.returncode == 1
    assert message in done.stderr
    assert "bad.conf.py" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--wrokers 2", "--workers"),
        ("--no-such-flag", "--no-such-flag"),
        ("--workers many", "workers"),
        ("--workers -1", "workers"),
        ("--graceful-timeout 1.5s", "graceful_timeout"),
        ("--log-level loud", "loglevel"),
        ("--worker-class tornado", "worker_class"),
        ("--forwarded-allow-ips nobody", "forwarded_allow_ips"),
    ],
)
def test_a_command_line_that_cannot_be(arguments: str, message: str) -> None:
    given = _run("serve", *arguments.split(), "wsgi_app:app")
    inherited = _run("serve", "wsgi_app:app", GUNICORN_CMD_ARGS=arguments)
    for done in (given, inherited):
        assert done.returncode == 2, done.stderr
        assert message in done.stderr
        assert "Traceback" not in done.stderr


def test_bad_usage() -> None:
    done = _run("serve")
    assert done.returncode == 1
    assert "No application module specified" in done.stderr
    done = _run("serve", "-c", "nothing.py", "wsgi_app:app")
    assert done.returncode == 1
    assert "nothing.py" in done.stderr
    assert _run("serve", "--help").returncode == 0


def test_check_config(tmp_path: Path) -> None:
    assert _run("serve", "--check-config", "wsgi_app:app").returncode == 0
    done = _run("serve", "--check-config", "--statsd-host", "localhost:8125", "wsgi_app:app")
    assert "statsd_host" in done.stdout + done.stderr
    # Any name is the file's own affair, and looks like a mistake all the same.
    config = tmp_path / "misspelt.conf.py"
    config.write_text("wrokers = 2\n")
    done = _run("serve", "--check-config", "-c", str(config), "wsgi_app:app")
    assert done.returncode == 1
    assert "did you mean `workers`?" in done.stderr
    done = _run("serve", "--check-config", "broken_app:app")
    assert done.returncode == 1
    assert "Error while loading the application" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("-b", "127.0.0.1:abc"), 2, "`bind` from the command line"),
        (("--log-config", "nofile"), 1, "\nError: log config 'nofile' not found"),
        (("--logger-class", "foo.Bar"), 1, "logger_class"),
        (("--pid", "/nonexistent/x.pid"), 1, "/nonexistent"),
        (("--error-logfile", "/nonexistent/e.log"), 1, "\nError: '/nonexistent/e.log' isn't"),
    ],
)
def test_what_does_not_start_is_found_by_check_config(
    arguments: tuple[str, ...], code: int, message: str
) -> None:
    for check in ((), ("--check-config",)):
        done = _run("serve", *check, *arguments, "wsgi_app:app")
        assert done.returncode == code, done.stderr
        assert message in done.stderr
        assert "Traceback" not in done.stderr


def test_check_config_leaves_files_as_they_are(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("e.log", "a.log", "x.pid")]
    flags = ("--error-logfile", "--access-logfile", "--pid")
    given = [word for pair in zip(flags, map(str, paths), strict=True) for word in pair]
    done = _run("serve", "--check-config", *given, "wsgi_app:app")
    assert done.returncode == 0, done.stderr
    assert not any(path.exists() for path in paths)


def test_a_port_that_is_none_is_told_with_its_origin() -> None:
    done = _run("serve", "wsgi_app:app", PORT="abc")
    assert done.returncode == 1
    assert "`bind` from the environment variable PORT" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("wsgi_app:factory",), "write 'wsgi_app:factory()'"),
        (("-k", "gthread", "asgi_app:app"), "say `--interface asgi`"),
        (("--interface", "wsgi", "asgi_app:app"), "say `--interface asgi`"),
        (("--interface", "asgi", "wsgi_app:app"), "say `--interface wsgi`"),
        (("-k", "uvicorn.workers.UvicornWorker", "wsgi_app:app"), "say `--interface wsgi`"),
    ],
)
def test_an_application_that_cannot_answer(
    serve: Serve, arguments: tuple[str, ...], message: str
) -> None:
    done = _run("serve", "--check-config", *arguments)
    assert done.returncode == 1
    assert message in done.stderr
    *flags, app = arguments
    # It is served all the same: what parameters say may be wrong.
    server = serve(*flags, app=app, ready=False)
    server.wait_for_log(message)


def test_the_other_verbs_are_there() -> None:
    done = _run("--version")
    if "this build has only `serve`" in done.stderr:
        pytest.skip("the wheel is built without them; `cargo xtask conformance --release` has them")
    assert done.returncode == 0
    assert done.stdout.startswith("tonnage ")
    assert "--connections" in _run("load", "--help").stdout
    script = Path(sys.executable).with_name("tonnage")
    again = subprocess.run([script, "--version"], capture_output=True, text=True, timeout=60)
    assert again.stdout == done.stdout


def test_the_program_that_cargo_builds_runs_this_package() -> None:
    def run(workers: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(PROGRAM), "serve", "--print-config", "--workers", workers, "wsgi_app:app"],
            capture_output=True,
            text=True,
            timeout=60,
            cwd=APPS,
            env=environment(VIRTUAL_ENV=sys.prefix),
        )

    done = run("3")
    assert re.search(r"^workers += 3$", done.stdout, re.MULTILINE), done.stdout + done.stderr
    done = run("many")
    assert done.returncode == 2, done.stderr


def test_chdir_and_pythonpath(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "library").mkdir()
    (tmp_path / "elsewhere" / "there.py").write_text(
        "import helper\nimport os\n\n\ndef app(environ, start_response):\n"
        "    start_response('200 OK', [])\n    return [f'{helper.TEXT} {os.getcwd()}'.encode()]\n"
    )
    (tmp_path / "library" / "helper.py").write_text("TEXT = 'found'\n")
    server = serve(
        *("--chdir", str(tmp_path / "elsewhere"), "--pythonpath", str(tmp_path / "library")),
        app="there:app",
    )
    assert server.ask("/").body == f"found {tmp_path / 'elsewhere'}".encode()


def test_factories(serve: Serve) -> None:
    assert serve(app="wsgi_app:factory('ab', times=3)").ask("/").body == b"ababab"
