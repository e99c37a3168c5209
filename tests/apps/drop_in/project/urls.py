"""The admin, and views that show what a server gave them."""

from collections.abc import Iterator

from django.contrib import admin
from django.http import (
    FileResponse,
    HttpRequest,
    HttpResponse,
    JsonResponse,
    StreamingHttpResponse,
)
from django.urls import path
from django.views.decorators.csrf import csrf_exempt


def home(request: HttpRequest) -> HttpResponse:
    visits = request.session["visits"] = request.session.get("visits", 0) + 1
    return HttpResponse(f"visit {visits}")


def meta(request: HttpRequest) -> HttpResponse:
    """Texts as they are, of anything else its kind."""
    shown = {
        name: value
        if isinstance(value, str | bool | int | tuple)
        else type(value).__mro__[-1].__name__
        for name, value in request.META.items()
    }
    return JsonResponse(shown)


def address(request: HttpRequest) -> HttpResponse:
    return JsonResponse(
        {
            "absolute": request.build_absolute_uri("/x?y"),
            "secure": request.is_secure(),
            "path": request.path,
            "full": request.get_full_path(),
        }
    )


@csrf_exempt
def upload(request: HttpRequest) -> HttpResponse:
    files = {name: [file.name, file.size] for name, file in request.FILES.items()}
    return JsonResponse({"fields": request.POST.dict(), "files": files})


@csrf_exempt
def echo(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.body, content_type="application/octet-stream")


def form(request: HttpRequest) -> HttpResponse:
    return HttpResponse("posted")


def stream(request: HttpRequest) -> StreamingHttpResponse:
    def parts() -> Iterator[str]:
        for number in range(100):
            yield f"line {number}\n"

    return StreamingHttpResponse(parts(), content_type="text/plain")


def download(request: HttpRequest) -> FileResponse:
    return FileResponse(open(__file__, "rb"), as_attachment=True, filename="café.py")


def error(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("asked for")


urlpatterns = [
    path("", home),
    path("admin/", admin.site.urls),
    path("meta", meta),
    path("address/<path:rest>", lambda request, rest: address(request)),
    path("upload", upload),
    path("echo", echo),
    path("form", form),
    path("stream", stream),
    path("download/", download),
    path("error", error),
]
