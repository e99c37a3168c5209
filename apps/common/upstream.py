"""Where the upstream service is, for the workloads that have one."""

import os


def upstream_url() -> str:
    """The upstream's URL without a slash at its end."""
    url = os.environ.get("UPSTREAM_URL")
    if not url:
        raise RuntimeError("the environment variable UPSTREAM_URL is not set; it names the upstream service")
    return url.rstrip("/")
