// A peer of the bench: node-pty and ws, one JSON message for each chunk, as many web terminals do it.
// `node node-pty-ws.js LOOK SOCKET COMMAND…` is the server; it starts itself again as the client, which tells what it saw.
'use strict';

const { spawn } = require('node:child_process');
const http = require('node:http');
const { WebSocket, WebSocketServer } = require('ws');

const now = () => Number(process.hrtime.bigint());

function serve(look, socket, command) {
  const pty = require('node-pty');
  const server = http.createServer();
  new WebSocketServer({ server }).on('connection', (viewer) => {
    const child = pty.spawn(command[0], command.slice(1), { cols: 120, rows: 40 });
    child.onData((data) => viewer.send(JSON.stringify({ type: 'data', data })));
    child.onExit(() => { viewer.close(); server.close(); });
  });
  server.listen(socket, () => {
    spawn(process.execPath, [__filename, look, socket], { stdio: ['ignore', 'inherit', 'inherit'] });
  });
}

function view(look, socket) {
  let stream; // from the child's own `ready` on
  const begin = () => ({ bytes: 0, first_ns: 0, last_ns: 0, late_ns: [] });
  let line = '';
  const viewer = new WebSocket(`ws+unix:${socket}:/`);
  viewer.on('message', (message) => {
    const { data } = JSON.parse(message);
    const at = now();
    if (!stream) {
      line += data;
      if (!line.includes('ready')) return;
      console.log('ready');
      stream = begin();
      line = '';
      return;
    }
    stream.first_ns ||= at;
    stream.last_ns = at;
    stream.bytes += Buffer.byteLength(data);
    if (look !== 'stamps') return;
    const lines = (line + data).split('\n');
    line = lines.pop();
    for (const whole of lines) {
      const stamp = /T (\d+)/.exec(whole);
      if (stamp) stream.late_ns.push(Math.max(0, at - Number(stamp[1])));
    }
  });
  viewer.on('close', () => console.log(JSON.stringify({ streams: [stream], cpu_us: 0 })));
}

const [look, socket, ...command] = process.argv.slice(2);
if (command.length > 0) serve(look, socket, command);
else view(look, socket);
