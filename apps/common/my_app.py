"""What the two gRPC servers share: the service's definition, compiled at the start
from `apps/grpc/myapp.proto`, the meaning of its requests, and gRPC's status for
each error.
"""

import argparse
import os
import sys
from pathlib import Path
from typing import Any, List, Tuple

import grpc
from grpc_reflection.v1alpha import reflection

import matrices
from answers import Refusal, number

sys.path.append(str(Path(__file__).resolve().parent.parent / "grpc"))
# Needs grpcio-tools; no generated code has to be kept in step with its library.
protos, services = grpc.protos_and_services("myapp.proto")

READY = "ready"
# The original waited 10 s where its HTTP twins waited 1 s, and so could not be
# compared with them; its delay stays as a factor.
DEFAULT_DELAY_VARIABLE = "IO_BOUND_DEFAULT_DELAY"

STATUS = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    412: grpc.StatusCode.FAILED_PRECONDITION,
    502: grpc.StatusCode.UNAVAILABLE,
    504: grpc.StatusCode.DEADLINE_EXCEEDED,
}

OPTIONS: List[Tuple[str, Any]] = [
    # gRPC shares a port that is in use with whoever has it; a second server must
    # fail instead of taking a part of the first one's calls.
    ("grpc.so_reuseport", 0),
]
# Calls beyond it are refused instead of queued.
MAX_CONCURRENT_CALLS = 10000


def rounds(request: Any) -> int:
    """How much work a `cpu_bound` request asks for."""
    return matrices.num_of(str(request.num) if request.num else None)


def delay(request: Any) -> float:
    """How many seconds each upstream call of an `io_bound` request shall take."""
    from fan_out import DEFAULT_DELAY_S, MAX_DELAY_S

    text = str(request.num) if request.num else os.environ.get(DEFAULT_DELAY_VARIABLE)
    return number("num", text, float, DEFAULT_DELAY_S, 0, MAX_DELAY_S)


def has_upstream() -> bool:
    """Whether `io_bound` can be served: the matmul workload has no upstream."""
    return bool(os.environ.get("UPSTREAM_URL"))


def no_upstream() -> Refusal:
    """The answer to `io_bound` where it cannot be served."""
    return Refusal(412, "this server was started without an upstream service")


def status_of(refusal: Refusal) -> grpc.StatusCode:
    """gRPC's status for an error."""
    return STATUS.get(refusal.status, grpc.StatusCode.INTERNAL)


def listen(server: Any, address: str) -> None:
    """Registers reflection and opens the port."""
    name = protos.DESCRIPTOR.services_by_name["MyApp"].full_name
    reflection.enable_server_reflection((name, reflection.SERVICE_NAME), server)
    if server.add_insecure_port(address) == 0:
        raise SystemExit("cannot listen on {}".format(address))


def arguments(description: str) -> argparse.ArgumentParser:
    """The arguments that both servers take."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--address", required=True, metavar="HOST:PORT")
    return parser
