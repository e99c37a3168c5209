"""The `hello` workload: the least that a service can do."""

from fastapi.responses import PlainTextResponse

from service import new_app

app = new_app()


@app.get("/", response_class=PlainTextResponse)
async def text() -> str:
    """Fixed text."""
    return "Hello, World!"


@app.get("/json")
async def as_json() -> dict[str, str]:
    """JSON, made anew each time the way FastAPI does."""
    return {"message": "Hello, World!"}
