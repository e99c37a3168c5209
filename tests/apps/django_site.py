"""The suite's routes (see test_frameworks.py) in Django: one module that is a project.

``django_app`` and ``django_asgi_app`` serve it.
"""

import os
import time
from collections.abc import Iterator

import django
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path

if not settings.configured:
    settings.configure(
        ALLOWED_HOSTS=["*"],
        DATA_UPLOAD_MAX_MEMORY_SIZE=None,
        DEBUG=False,
        MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
        ROOT_URLCONF=__name__,
        SECRET_KEY="only for tests",
    )
    django.setup()


def hello(request: HttpRequest) -> HttpResponse:
    return HttpResponse("Hello, World!", content_type="text/plain")


def echo(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.body, content_type="application/octet-stream")


def query(request: HttpRequest) -> HttpResponse:
    return JsonResponse(request.GET.dict())


def name(request: HttpRequest, name: str) -> HttpResponse:
    return JsonResponse({"name": name})


def header(request: HttpRequest) -> HttpResponse:
    return HttpResponse(
        request.headers["X-Given"], content_type="text/plain", headers={"X-Taken": "yes"}
    )


def cookies(request: HttpRequest) -> HttpResponse:
    response = HttpResponse("set", content_type="text/plain")
    response.set_cookie("a", "1")
    response.set_cookie("b", "2")
    return response


def stream(request: HttpRequest) -> StreamingHttpResponse:
    def parts() -> Iterator[str]:
        yield from ("one\n", "two\n", "three\n")

    return StreamingHttpResponse(parts(), content_type="text/plain")


def empty(request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=204)


def error(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("asked for")


def pid(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(os.getpid()), content_type="text/plain")


def slow(request: HttpRequest) -> HttpResponse:
    time.sleep(float(request.GET["seconds"]))
    return HttpResponse("slept", content_type="text/plain")


urlpatterns = [
    path("", hello),
    path("echo", echo),
    path("query", query),
    path("path/<str:name>", name),
    path("header", header),
    path("cookies", cookies),
    path("stream", stream),
    path("empty", empty),
    path("error", error),
    path("pid", pid),
    path("slow", slow),
]
