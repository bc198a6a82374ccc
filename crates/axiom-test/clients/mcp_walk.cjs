// Walks through everything an agent does with ten tasks, by the stock TypeScript SDKs; prints a line for each step that held.
const assert = require("node:assert/strict");
const { execFileSync } = require("node:child_process");
const { readFileSync, existsSync } = require("node:fs");
const { setTimeout: sleep } = require("node:timers/promises");

const { AXIOM_HOME: HOME, AXIOM } = process.env;
const [SDK, DOOR, MODE] = process.argv.slice(2);
const CLIENT = { name: "walk", version: "1" };
const TOOLS = ["answer", "events", "interrupt", "list", "read", "send", "spawn", "stop", "wait"];
// Says what it hears, until it is told to leave.
const LINE =
  'echo "ready $AXIOM_INDEX of $AXIOM_COUNT"; while read line; do [ "$line" = leave ] && exit 7; echo "heard $line"; done';

const V1 = "@modelcontextprotocol/sdk/client";
const V2 = "@modelcontextprotocol/client";
const { Client, StreamableHTTPClientTransport } =
  SDK === "v1"
    ? { ...require(`${V1}/index.js`), ...require(`${V1}/streamableHttp.js`) }
    : require(V2);
const PlainWebSocket = globalThis.WebSocket;
const { StdioClientTransport } = require(SDK === "v1" ? `${V1}/stdio.js` : `${V2}/stdio`);

function transport() {
  if (DOOR === "stdio") return new StdioClientTransport({ command: AXIOM, args: ["mcp"], env: process.env });
  execFileSync(AXIOM, ["ps"]); // whoever waits starts the server
  const { url } = JSON.parse(readFileSync(`${HOME}/run/server.json`));
  const headers = { Authorization: `Bearer ${readFileSync(`${HOME}/token`, "utf8").trim()}` };
  if (DOOR === "http") return new StreamableHTTPClientTransport(new URL(`${url}/mcp`), { requestInit: { headers } });
  // The SDK's transport is made for pages, which can say nothing in a head: Node's own WebSocket can.
  globalThis.WebSocket = class extends PlainWebSocket {
    constructor(address, protocols) {
      super(address, { protocols: [protocols].flat(), headers });
    }
  };
  const { WebSocketClientTransport } = require(`${V1}/websocket.js`);
  return new WebSocketClientTransport(new URL(`${url.replace("http:", "ws:")}/mcp/ws`));
}

async function connected() {
  const modes = { auto: "auto", legacy: "legacy", pinned: { pin: "2026-07-28" } };
  const client = new Client(CLIENT, SDK === "v1" ? {} : { versionNegotiation: { mode: modes[MODE] } });
  client.onerror = () => {};
  await client.connect(transport());
  return client;
}

async function call(client, tool, given, options = {}) {
  const asked = { name: `axiom_${tool}`, arguments: given };
  options = { timeout: 60_000, ...options };
  return SDK === "v1" ? client.callTool(asked, undefined, options) : client.callTool(asked, options);
}

function textOf(result) {
  assert.ok(!result.isError, JSON.stringify(result));
  assert.equal(result.content.length, 1, JSON.stringify(result));
  return result.content[0].text;
}

async function facts(client, tool, given) {
  const result = await call(client, tool, given);
  const told = JSON.parse(textOf(result));
  assert.deepEqual(result.structuredContent, told);
  return told;
}

async function output(client, tool, given, options) {
  const result = await call(client, tool, given, options);
  assert.equal(result.structuredContent, undefined);
  return textOf(result);
}

function cursorOf(text, task) {
  return new RegExp(`^\\[axiom task=${task.slice(0, 8)}.* next=([0-9:]+)\\]$`, "m").exec(text)[1];
}

// A wait that is under way: the task it waits for has said a word in its progress.
async function begun(client, wait) {
  const stop = new AbortController();
  let last = -1;
  let hear;
  const heard = new Promise((resolve) => (hear = resolve));
  const onprogress = ({ progress, message }) => {
    assert.ok(progress > last, `${progress} after ${last}`);
    assert.ok([...message].length <= 160 && !message.includes("\n"), message);
    last = progress;
    if (message.includes("] heard")) hear();
  };
  const ended = output(client, "wait", wait, { onprogress, signal: stop.signal }).then(
    (text) => ({ text }),
    (error) => ({ error }),
  );
  await facts(client, "send", { task_id: wait.task_ids[0], text: "news" });
  await heard;
  return { ended, stop };
}

// Who watches a task's output is told that there is more, and reads it.
async function updated(client, task) {
  const uri = `axiom://tasks/${task}/output`;
  let wake = () => {};
  let news = 0;
  const hear = ({ params }) => {
    assert.equal(params.uri, uri);
    news += 1;
    wake();
  };
  const name = "notifications/resources/updated";
  client.setNotificationHandler(SDK === "v1" ? require("@modelcontextprotocol/sdk/types.js").ResourceUpdatedNotificationSchema : name, hear);
  const isOlder = SDK === "v1" || MODE === "legacy";
  const watched = isOlder ? await client.subscribeResource({ uri }) : await client.listen({ resourceSubscriptions: [uri] });
  await facts(client, "send", { task_id: task, text: "three" });
  for (let text = "", seen = 0; !text.includes("heard three"); seen++) {
    while (news <= seen) await new Promise((resolve) => (wake = resolve));
    text = (await client.readResource({ uri }, isOlder ? {} : { cacheMode: "bypass" })).contents[0].text;
  }
  if (isOlder) await client.unsubscribeResource({ uri });
  else await watched.close();
  console.log("was told of more output");
}

async function beforeTheKill(client) {
  const version = SDK === "v1" ? client.transport.protocolVersion : client.getNegotiatedProtocolVersion();
  // The older SDK's WebSocket does not keep what was agreed upon.
  console.log("speaks", version ?? "2025-11-25");
  const names = (await client.listTools()).tools.map((tool) => tool.name);
  for (const name of TOOLS) assert.ok(names.includes(`axiom_${name}`), names);
  assert.match(client.getInstructions(), /axiom_wait/);
  const spawned = await facts(client, "spawn", { shell: LINE, count: 10, name: "ten", tags: ["walk"] });
  const tasks = spawned.tasks.map((task) => task.id);
  assert.equal(new Set(tasks).size, 10);
  console.log("spawned ten");
  const ready = await output(client, "wait", { task_ids: tasks, mode: "all", until: "match", match: "^ready" });
  assert.ok(ready.startsWith("[axiom wait=done tasks=10/10"), ready);
  for (let index = 0; index < 10; index++) assert.ok(ready.includes(`\nready ${index} of 10`), ready);
  await facts(client, "send", { task_id: tasks[3], text: "one" });
  const waited = await output(client, "wait", { task_ids: tasks, mode: "any", until: "match", match: "^heard" });
  assert.ok(waited.startsWith("[axiom wait=done tasks=1/10"), waited);
  console.log("waited for any: one of ten");
  const cursor = cursorOf(waited, tasks[3]);
  await facts(client, "send", { task_id: tasks[3], text: "two" });
  const cursors = { [tasks[3]]: cursor };
  await output(client, "wait", { task_ids: [tasks[3]], until: "match", match: "^heard", cursors });
  const read = await output(client, "read", { task_id: tasks[3], cursor });
  assert.match(read, /heard two/);
  assert.doesNotMatch(read, /heard one|ready/);
  console.log("read only what is new");
  await updated(client, tasks[3]);
  const { ended, stop } = await begun(client, { task_ids: tasks.slice(0, 2), mode: "all" });
  console.log("heard of progress");
  stop.abort("enough");
  assert.ok((await ended).error);
  const { tasks: running } = await facts(client, "list", { status: "running", tags: ["walk"] });
  assert.deepEqual(running.map((task) => task.id), tasks);
  console.log("cancelled a wait: ten run on");
  const interrupted = await facts(client, "interrupt", { task_id: tasks[0], grace_ms: 20_000 });
  assert.deepEqual(interrupted.exit, { signal: 2 });
  console.log("interrupted one");
  const refused = await call(client, "read", { task_id: "zzzzzzzz" });
  assert.ok(refused.isError && refused.content[0].text.includes("code=task_not_found"));
  console.log("was told what is wrong");
  return tasks;
}

async function afterTheKill(client, tasks, ended) {
  ended ??= output(client, "wait", { task_ids: tasks.slice(1) }).then((text) => ({ text }));
  await facts(client, "send", { task_id: tasks[1], text: "leave" });
  const { text, error } = await ended;
  assert.equal(error, undefined);
  assert.ok(text.startsWith("[axiom wait=done tasks=1/9"), text);
  assert.match(text, /status=failed exit=7 why=exit/);
  console.log("waited on, and read what was lost by nobody");
  for (const task of tasks.slice(2)) {
    const { status } = await facts(client, "stop", { task_id: task, grace_ms: 0 });
    assert.ok(["stopped", "failed"].includes(status), status);
  }
  console.log("stopped eight");
  await client.close();
}

async function killServer() {
  const { pid } = JSON.parse(readFileSync(`${HOME}/run/server.json`));
  process.kill(pid, "SIGKILL");
  // Nothing here tells of another's child's death but a look.
  const isAlive = () => existsSync(`/proc/${pid}`) && !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  while (isAlive()) await sleep(5);
  console.log("killed the server in the middle of a wait");
}

async function main() {
  let client = await connected();
  const tasks = await beforeTheKill(client);
  const { ended, stop } = await begun(client, { task_ids: tasks.slice(1) });
  // The SDK tells that a stream broke, and goes on waiting for what would have come by it.
  client.onerror = () => stop.abort("the stream broke");
  await killServer();
  // Through the front, nothing is to be noticed.
  if (DOOR === "stdio") return afterTheKill(client, tasks, ended);
  assert.ok((await ended).error, "the wait goes down with its server");
  await client.close();
  client = await connected();
  return afterTheKill(client, tasks, undefined);
}

const late = setTimeout(() => {
  console.error("the walk is late");
  process.exit(1);
}, 120_000);
main().then(
  () => clearTimeout(late),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
