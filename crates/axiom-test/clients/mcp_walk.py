"""Walks through everything an agent does with ten tasks, by the stock Python SDK; prints a line for each step that held."""
import asyncio, contextlib, json, os, re, select, signal, subprocess, sys
import httpx2
from mcp import Client, MCPError, StdioServerParameters, types
from mcp.client.streamable_http import streamable_http_client

HOME, AXIOM = os.environ["AXIOM_HOME"], os.environ["AXIOM"]
DOOR, MODE = sys.argv[1:]
TOOLS = ["answer", "events", "interrupt", "list", "read", "send", "spawn", "stop", "wait"]
# Says what it hears, until it is told to leave.
LINE = 'echo "ready $AXIOM_INDEX of $AXIOM_COUNT"; while read line; do [ "$line" = leave ] && exit 7; echo "heard $line"; done'

updates = asyncio.Queue()

async def heard(message):
    """What comes without being an answer."""
    if isinstance(message, types.ResourceUpdatedNotification):
        updates.put_nowait(str(message.params.uri))

@contextlib.asynccontextmanager
async def connected():
    if DOOR == "stdio":
        async with Client(StdioServerParameters(command=AXIOM, args=["mcp"], env=dict(os.environ)), mode=MODE, message_handler=heard) as client:
            yield client
        return
    subprocess.run([AXIOM, "ps"], check=True, stdout=subprocess.DEVNULL)  # whoever waits starts the server
    with open(f"{HOME}/run/server.json") as note, open(f"{HOME}/token") as token:
        url, headers = json.load(note)["url"] + "/mcp", {"Authorization": "Bearer " + token.read().strip()}
    # Nothing is heard for as long as nothing happens.
    async with httpx2.AsyncClient(headers=headers, timeout=httpx2.Timeout(10, read=60)) as http:
        async with Client(streamable_http_client(url, http_client=http), mode=MODE, message_handler=heard) as client:
            yield client

def text_of(result):
    assert not result.is_error, result
    assert len(result.content) == 1, result
    return result.content[0].text

async def facts(client, tool, **arguments):
    result = await client.call_tool("axiom_" + tool, arguments)
    told = json.loads(text_of(result))
    assert result.structured_content == told, result
    return told

async def output(client, tool, progress=None, **arguments):
    result = await client.call_tool("axiom_" + tool, arguments, progress_callback=progress)
    assert result.structured_content is None, result
    return text_of(result)

def cursor_of(text, task):
    return re.search(rf"^\[axiom task={task[:8]}.* next=([0-9:]+)\]$", text, re.M)[1]

async def begun(client, **wait):
    """A wait that is under way: the task it waits for has said a word in its progress."""
    heard, counts = asyncio.Event(), []
    async def progress(count, total, message):
        counts.append(count)
        assert counts == sorted(set(counts)), counts
        assert len(message) <= 160 and "\n" not in message, message
        if "] heard" in message:
            heard.set()
    waiting = asyncio.create_task(output(client, "wait", progress, **wait))
    await asyncio.sleep(0)
    await facts(client, "send", task_id=wait["task_ids"][0], text="news")
    await asyncio.wait_for(heard.wait(), 60)
    return waiting

async def updated(client, task):
    """Who watches a task's output is told that there is more, and reads it."""
    uri = f"axiom://tasks/{task}/output"
    async with contextlib.AsyncExitStack() as stack:
        if MODE == "legacy":
            await client.subscribe_resource(uri)
        else:
            watched = await stack.enter_async_context(client.listen(resource_subscriptions=[uri]))
            async def follow():
                async for event in watched:
                    updates.put_nowait(str(event.uri))
            follower = asyncio.create_task(follow())
            stack.callback(follower.cancel)
        await facts(client, "send", task_id=task, text="three")
        text = ""
        while "heard three" not in text:
            assert await asyncio.wait_for(updates.get(), 60) == uri
            text = (await client.read_resource(uri, cache_mode="bypass")).contents[0].text
        if MODE == "legacy":
            await client.unsubscribe_resource(uri)
    print("was told of more output")

async def before_the_kill(client):
    print("speaks", client.protocol_version)
    names = {tool.name for tool in (await client.list_tools()).tools}
    assert names >= {"axiom_" + name for name in TOOLS}, names
    assert "axiom_wait" in client.instructions
    told = await facts(client, "spawn", shell=LINE, count=10, name="ten", tags=["walk"])
    tasks = [task["id"] for task in told["tasks"]]
    assert len(set(tasks)) == 10, told
    print("spawned ten")
    ready = await output(client, "wait", task_ids=tasks, mode="all", until="match", match="^ready")
    assert ready.startswith("[axiom wait=done tasks=10/10"), ready
    assert all(f"\nready {index} of 10" in ready for index in range(10)), ready
    await facts(client, "send", task_id=tasks[3], text="one")
    waited = await output(client, "wait", task_ids=tasks, mode="any", until="match", match="^heard")
    assert waited.startswith("[axiom wait=done tasks=1/10") and f"task={tasks[3][:8]}" in waited, waited
    print("waited for any: one of ten")
    cursor = cursor_of(waited, tasks[3])
    await facts(client, "send", task_id=tasks[3], text="two")
    await output(client, "wait", task_ids=[tasks[3]], until="match", match="^heard", cursors={tasks[3]: cursor})
    read = await output(client, "read", task_id=tasks[3], cursor=cursor)
    assert "heard two" in read and "heard one" not in read and "ready" not in read, read
    print("read only what is new")
    await updated(client, tasks[3])
    waiting = await begun(client, task_ids=tasks[:2], mode="all")
    print("heard of progress")
    waiting.cancel()
    await asyncio.wait([waiting])
    assert waiting.cancelled()
    told = await facts(client, "list", status="running", tags=["walk"])
    assert [task["id"] for task in told["tasks"]] == tasks, told
    print("cancelled a wait: ten run on")
    told = await facts(client, "interrupt", task_id=tasks[0], grace_ms=20_000)
    assert told["exit"] == {"signal": 2}, told
    print("interrupted one")
    refused = await client.call_tool("axiom_read", {"task_id": "zzzzzzzz"})
    assert refused.is_error and "code=task_not_found" in refused.content[0].text, refused
    print("was told what is wrong")
    return tasks

async def after_the_kill(client, tasks, waiting):
    if waiting is None:
        waiting = asyncio.create_task(output(client, "wait", task_ids=tasks[1:]))
    await facts(client, "send", task_id=tasks[1], text="leave")
    waited = await waiting
    assert waited.startswith("[axiom wait=done tasks=1/9") and "status=failed exit=7 why=exit" in waited, waited
    print("waited on, and read what was lost by nobody")
    for task in tasks[2:]:
        told = await facts(client, "stop", task_id=task, grace_ms=0)
        assert told["status"] in ("stopped", "failed"), told
    print("stopped eight")

def kill_server():
    with open(f"{HOME}/run/server.json") as note:
        pid = json.load(note)["pid"]
    death = os.pidfd_open(pid)
    os.kill(pid, signal.SIGKILL)
    assert select.select([death], [], [], 60)[0], "the server did not die"
    print("killed the server in the middle of a wait")

async def main():
    async with contextlib.AsyncExitStack() as stack:
        client = await stack.enter_async_context(connected())
        tasks = await before_the_kill(client)
        waiting = await begun(client, task_ids=tasks[1:])
        await asyncio.to_thread(kill_server)
        if DOOR == "stdio":  # nothing is to be noticed
            await after_the_kill(client, tasks, waiting)
            return
        try:
            raise AssertionError(await waiting)
        except (MCPError, httpx2.HTTPError):
            pass
        with contextlib.suppress(MCPError, httpx2.HTTPError):  # the goodbye to a server that is no more
            await stack.aclose()
    async with connected() as client:
        await after_the_kill(client, tasks, None)

asyncio.run(asyncio.wait_for(main(), 120))
