"""Counts requests for Prometheus, for frameworks that have no exporter as Flask
has one. The counter bears the name that Flask's exporter gives it, so that one
look at `/metrics` fits every stack.
"""

import os
from typing import Tuple

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Counter
from prometheus_client import generate_latest, multiprocess

REQUESTS = Counter("flask_http_request_total", "Requests answered", ["method", "status"])


def count(method: str, status: int) -> None:
    """Counts one request that was answered."""
    REQUESTS.labels(method, str(status)).inc()


def exposition() -> Tuple[str, bytes]:
    """Media type and text of `/metrics`; sums over all worker processes where
    PROMETHEUS_MULTIPROC_DIR is set."""
    registry = REGISTRY
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)
    return CONTENT_TYPE_LATEST, generate_latest(registry)
