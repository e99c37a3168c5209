"""What a process does to itself: detach, change its owner, name itself, end."""

from __future__ import annotations

import atexit
import contextlib
import grp
import os
import pwd
import socket
import sys
import threading
import traceback

# The system's own: gevent's, where it has taken the place of `os.fork`, watches children, which
# are the supervisor's.
from os import fork
from typing import NoReturn

__all__ = [
    "become",
    "can_write",
    "daemonize",
    "end",
    "fork",
    "gid_of",
    "inherited_sockets",
    "notify_systemd",
    "set_title",
    "uid_of",
]

# systemd passes sockets from this descriptor on (sd_listen_fds(3)).
_FIRST_SYSTEMD_DESCRIPTOR = 3


def uid_of(user: int | str | None) -> int:
    """A user's number; our own for none."""
    if user is None:
        return os.geteuid()
    if isinstance(user, int) or user.isdigit():
        return int(user)
    try:
        return pwd.getpwnam(user).pw_uid
    except KeyError:
        raise ValueError(f"user: there is no user {user!r}") from None


def gid_of(group: int | str | None) -> int:
    """A group's number; our own for none."""
    if group is None:
        return os.getegid()
    if isinstance(group, int) or group.isdigit():
        return int(group)
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        raise ValueError(f"group: there is no group {group!r}") from None


def become(uid: int, gid: int, initgroups: bool) -> None:
    """Changes the owner of this process, where it is another. The group goes first:
    the user that it becomes may not change it."""
    if gid:
        name = None
        if initgroups:
            with contextlib.suppress(KeyError):
                name = pwd.getpwuid(uid).pw_name
        if name is not None:
            os.initgroups(name, gid)
        if gid != os.getegid():
            os.setgid(gid)
    if uid and uid != os.geteuid():
        os.setuid(uid)


def can_write(path: str) -> bool:
    """Whether this process could write the file, or make it; it is left as it is."""
    if os.path.exists(path):
        return os.access(path, os.W_OK) and not os.path.isdir(path)
    return os.access(os.path.dirname(path) or ".", os.W_OK | os.X_OK)


def daemonize(keep_output: bool) -> None:
    """Detaches from the terminal. A program that was started again by USR2 is
    detached already."""
    if "GUNICORN_FD" in os.environ:
        return
    for step in range(2):
        sys.stdout.flush()
        sys.stderr.flush()
        if fork() != 0:
            os._exit(0)
        if step == 0:
            os.setsid()
    os.umask(0o022)
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        # Where output went to a file, it may be wanted there.
        if descriptor == 0 or not keep_output or os.isatty(descriptor):
            os.dup2(null, descriptor)
    if null > 2:
        os.close(null)


def set_title(text: str) -> None:
    """Shows in `ps`, where the optional package setproctitle is installed."""
    try:
        from setproctitle import setproctitle
    except ImportError:
        return
    setproctitle(f"tonnage: {text}")


def inherited_sockets() -> tuple[list[int], bool]:
    """Listening sockets that were handed over, and whether systemd did it.

    By systemd's ``LISTEN_FDS``, or by the process that USR2 made start this one. The
    variables are taken away, since children must not believe that they are meant.
    """
    pid, count = os.environ.get("LISTEN_PID", ""), os.environ.get("LISTEN_FDS", "")
    if pid == str(os.getpid()) and count.isdigit() and int(count) > 0:
        for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"):
            os.environ.pop(name, None)
        return [_FIRST_SYSTEMD_DESCRIPTOR + number for number in range(int(count))], True
    handed = os.environ.pop("GUNICORN_FD", "")
    return [int(number) for number in handed.split(",") if number.isdigit()], False


def notify_systemd(text: str) -> None:
    """Tells a service manager that waits for it (sd_notify(3)); nobody else."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with (
        contextlib.suppress(OSError),
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as manager,
    ):
        manager.sendto(text.encode(), address)


def end(code: int) -> NoReturn:
    """Ends a forked process as the interpreter would, without going back into the
    frames that forked it: threads are waited for, exit functions run, output flushed."""
    try:
        for step in (threading._shutdown, atexit._run_exitfuncs):  # type: ignore[attr-defined]
            try:
                step()
            except SystemExit:
                pass
            except BaseException:
                traceback.print_exc()
        for stream in (sys.stdout, sys.stderr):
            # Closed by a program that wanted no output, or a pipe without a reader.
            with contextlib.suppress(Exception):
                stream.flush()
    finally:
        os._exit(code)
