// Follows tasks to their end over any number of servers; prints the SHA-256 of what each printed.
const { createHash } = require("node:crypto");
const { readFileSync } = require("node:fs");
const WebSocket = require("ws");

const home = process.env.AXIOM_HOME;
const tasks = process.argv.slice(2);
const hashes = new Map(tasks.map((task) => [task, createHash("sha256")]));
const cursors = new Map();
const ended = new Set();

function take(task, frames) {
  for (let at = 0; at < frames.length; ) {
    const kind = frames.readUInt8(at + 4);
    const size = frames.readUIntLE(at + 5, 3);
    const seq = frames.readBigUInt64LE(at + 8);
    let offset = frames.readBigUInt64LE(at + 16);
    if (kind === 1 || kind === 2) {
      hashes.get(task).update(frames.subarray(at + 32, at + 32 + size));
      offset += BigInt(size);
    }
    cursors.set(task, `1:${offset}:${seq + 1n}`);
    at += 32 + size;
  }
}

function again() {
  console.log("away");
  setTimeout(follow, 100); // the next server may not be there yet
}

function follow() {
  let url, token;
  try {
    url = JSON.parse(readFileSync(`${home}/run/server.json`)).url;
    token = readFileSync(`${home}/token`, "utf8").trim();
  } catch {
    return again();
  }
  // As a browser must: the token stands among the protocols, never in the address.
  const protocols = ["axiom.v1", `axiom.bearer.${token}`];
  const live = new WebSocket(`${url.replace("http:", "ws:")}/api/v1/live`, protocols);
  live.on("open", () => {
    tasks.forEach((task, subscription) => {
      if (ended.has(task)) return;
      const start = cursors.has(task) ? { cursor: cursors.get(task) } : "start";
      live.send(JSON.stringify({ type: "subscribe", subscription, task, start }));
    });
  });
  live.on("message", (data, binary) => {
    if (binary) {
      take(tasks[data.readUInt32LE(0)], data.subarray(4));
      if (cursors.size === tasks.length) console.log("following");
      return;
    }
    const told = JSON.parse(data);
    if (told.type === "refused") throw new Error(told.error.message);
    if (told.type === "ended") ended.add(tasks[told.subscription]);
    if (ended.size === tasks.length) live.close();
  });
  live.on("error", () => {}); // "close" follows
  live.on("close", () => (ended.size === tasks.length ? report() : again()));
}

function report() {
  for (const task of tasks) console.log(task, hashes.get(task).digest("hex"));
}

follow();
