"""FastAPI's least, and an upload that is waited for."""

from fastapi import Request
from fastapi_hello import app
from starlette.requests import ClientDisconnect

__all__ = ["app"]


@app.post("/upload")
async def upload(request: Request):
    try:
        return len(await request.body())
    except ClientDisconnect:
        # What else would it be: nobody is there to be told.
        return None
