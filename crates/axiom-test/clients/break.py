"""Says what no client should, each on a connection of its own; prints with which code it was put out."""
import asyncio, json, os
import websockets

HOME = os.environ["AXIOM_HOME"]
with open(f"{HOME}/run/server.json") as note, open(f"{HOME}/token") as token:
    URL = json.load(note)["url"].replace("http:", "ws:") + "/api/v1/live"
    HEADERS = {"Authorization": "Bearer " + token.read().strip()}

async def unmasked(live):
    live.transport.write(b"\x81\x02{}")

SAID = {
    "unmasked": unmasked,
    "binary": lambda live: live.send(b"{}"),
    "no text": lambda live: live.send(b"\xff\xfe", text=True),
    "nonsense": lambda live: asyncio.gather(*(live.send("{") for _ in range(65))),
    "large": lambda live: live.send(" " * (8 << 20)),
    "goodbye": lambda live: live.close(),
}

async def main():
    for what, say in SAID.items():
        live = await websockets.connect(URL, additional_headers=HEADERS)
        await live.recv()
        try:
            await say(live)
            while True:
                await live.recv()
        except websockets.ConnectionClosed as closed:
            print(what, closed.rcvd.code, flush=True)

asyncio.run(main())
