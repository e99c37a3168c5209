"""Answers each request from a task: tasks.py PORT LOOP create_task|eager HANDLER."""

import asyncio
import sys

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\nHello, World!"


async def never_waits(transport):
    transport.write(ANSWER)


async def waits_once(transport):
    await asyncio.sleep(0)
    transport.write(ANSWER)


async def serve(port, way, handler):
    loop = asyncio.get_running_loop()
    # What runs is referenced weakly by asyncio.
    running = set()

    class Protocol(asyncio.Protocol):
        def connection_made(self, transport):
            self.transport = transport

        def data_received(self, data):
            if way == "create_task":
                task = loop.create_task(handler(self.transport))
            else:
                task = asyncio.Task(handler(self.transport), loop=loop, eager_start=True)
            if not task.done():
                running.add(task)
                task.add_done_callback(running.discard)

    server = await loop.create_server(Protocol, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


port, name, way, kind = int(sys.argv[1]), *sys.argv[2:]
if name == "uvloop":
    import uvloop

    new_loop = uvloop.new_event_loop
else:
    new_loop = asyncio.new_event_loop
handler = never_waits if kind == "never waits" else waits_once
with asyncio.Runner(loop_factory=new_loop) as runner:
    runner.run(serve(port, way, handler))
