"""The fan-out's ten upstream calls on an asyncio loop, for asynchronous servers."""

import asyncio
from typing import Optional

import aiohttp

from fan_out import CALLS, GRACE_S, MAX_TEXT_BYTES, WIDTH, answer, failed, text_of, too_long, too_slow, url_of

# A hundred requests in flight; the calls of more wait for a connection.
MAX_CONNECTIONS = 1000


class FanOut:
    """The client of one process. It must be opened on the loop that uses it."""

    def __init__(self) -> None:
        self._session = None  # type: Optional[aiohttp.ClientSession]

    async def open(self) -> None:
        """Makes the client ready."""
        connector = aiohttp.TCPConnector(limit=MAX_CONNECTIONS, limit_per_host=0)
        self._session = aiohttp.ClientSession(connector=connector)

    async def close(self) -> None:
        """Closes all connections."""
        if self._session is not None:
            await self._session.close()

    async def _call(self, delay_s: float) -> str:
        timeout = aiohttp.ClientTimeout(total=delay_s + GRACE_S)
        try:
            async with self._session.get(url_of(delay_s), timeout=timeout, allow_redirects=False) as response:
                body = b""
                async for piece in response.content.iter_any():
                    body += piece
                    if len(body) > MAX_TEXT_BYTES:
                        raise too_long()
                return text_of(response.status, body)
        except asyncio.TimeoutError as error:
            raise too_slow(delay_s) from error
        except (aiohttp.ClientError, OSError) as error:
            raise failed(error) from error

    async def __call__(self, delay_s: float) -> str:
        """The answer to one request."""
        count = CALLS.next()
        # gather passes on the first failure; the other calls end by themselves.
        texts = await asyncio.gather(*(self._call(delay_s) for _ in range(WIDTH)))
        return answer(count, list(texts))
