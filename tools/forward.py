"""Forwards connections of containers to loopback ports of this machine. Usage: forward.py ADDRESS PORT...

Docker Desktop does this itself, and has no such address here; then there is nothing to do.
"""

import asyncio
import sys


async def pump(reader, writer):
    """Copies one direction until it ends."""
    try:
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def forward(address, port):
    """Copies both directions of every connection to the same port on loopback."""

    async def connected(reader, writer):
        try:
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            # The client sees the same refusal as on this machine.
            writer.close()
            return
        await asyncio.gather(pump(reader, inner_writer), pump(inner_reader, writer))

    server = await asyncio.start_server(connected, address, port)
    await server.serve_forever()


async def main(address, *ports):
    """Forwards until it is interrupted."""
    await asyncio.gather(*(forward(address, int(port)) for port in ports))


if __name__ == "__main__":
    try:
        asyncio.run(main(*sys.argv[1:]))
    except OSError as error:
        print(f"not forwarded: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        pass
