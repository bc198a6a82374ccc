"""A model that plays one part: it starts two tasks by Axiom's tools, waits for any, reads one, interrupts the other.

Speaks three dialects with streams, as far as agents need them: Anthropic Messages, OpenAI Responses, Gemini. The next step follows
from the tool results that a request brings along, so that requests that are repeated do no harm. Prints its port; appends to the
file of its one argument a line of JSON for each request of the part: its step, and what the model was given."""
import itertools, json, re, sys, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FIRST = 'echo "mark=${HOST_MARK-none}"; for n in 1 2 3 4; do echo "step $n of 4"; sleep 1; done; echo "error: it broke"; exit 3'
SECOND = 'echo ready; while read line; do echo "heard $line"; done'
NUMBERS = itertools.count(1)
LOG = threading.Lock()

def step_of(results, told):
    """The next call, by name and arguments; none when there is nothing to do, or not yet."""
    ids = re.findall(r'\\*"id\\*":\s*\\*"([0-9a-z]{16})', results[0]) if results else []
    steps = [
        lambda: ("axiom_spawn", {"commands": [FIRST, SECOND], "tags": ["agent"]}),
        lambda: ("axiom_wait", {"task_ids": ids, "mode": "any"}),
        lambda: ("axiom_read", {"task_id": ids[0], "view": "tail"}),
        lambda: ("axiom_interrupt", {"task_id": ids[1], "grace_ms": 20_000}),
    ]
    if len(results) >= len(steps) or (results and len(ids) < 2):
        return None
    # A host may put the wait aside, and say what came of it when it is over.
    if len(results) == 2 and not any("[axiom wait=" in text for text in results + told):
        return None
    return steps[len(results)]()

def text_of(value):
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

def like(schema):
    """Something of the shape that a side question asks for."""
    kind = schema.get("type")
    if kind == "object":
        return {name: like(of) for name, of in schema.get("properties", {}).items()}
    return {"array": [], "boolean": False, "integer": 0, "number": 0}.get(kind, schema.get("enum", ["Tasks"])[0])

class Model(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.say({})

    def do_GET(self):
        self.say({"data": [], "models": []})

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or "{}")
        path = self.path.split("?")[0]
        if "count" in path.lower():
            return self.say({"input_tokens": 1, "totalTokens": 1})
        for end, dialect in [("/messages", self.anthropic), ("/responses", self.openai), ("enerateContent", self.gemini)]:
            if path.endswith(end):
                return dialect(asked)
        self.say({})

    def play(self, tools, results, told, schema=None):
        """What is called by its full name, or what is said."""
        tool = lambda name: next((full for full in tools if full.endswith(name)), None)
        if tool("axiom_spawn") is None:
            return None, text_of(like(schema)) if schema else "Tasks"
        step = step_of(results, told)
        with LOG, open(sys.argv[1], "a") as log:
            log.write(json.dumps({"step": len(results), "tools": sorted(tools), "results": results, "told": told}) + "\n")
        if step is None:
            return None, "The part is over." if len(results) == 4 else "I wait to be told."
        return (tool(step[0]), step[1]), None

    def say(self, answer):
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def stream(self, events):
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        self.close_connection = True
        for event in events:
            name = f"event: {event['type']}\n" if "type" in event else ""
            self.wfile.write(f"{name}data: {json.dumps(event)}\n\n".encode())

    def anthropic(self, asked):
        blocks = [block for message in asked["messages"] if isinstance(message["content"], list) for block in message["content"]]
        results = [text_of(block.get("content", "")) for block in blocks if block["type"] == "tool_result"]
        told = [block["text"] for block in blocks if block["type"] == "text"]
        schema = (asked.get("output_config") or {}).get("format", {}).get("schema") or asked.get("output_format", {}).get("schema")
        call, said = self.play([tool["name"] for tool in asked.get("tools", [])], results, told, schema)
        number = next(NUMBERS)
        usage = {"input_tokens": 1, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 1}
        message = {"id": f"msg_{number}", "type": "message", "role": "assistant", "model": asked["model"], "usage": usage,
                   "content": [], "stop_reason": None, "stop_sequence": None}
        reason = "tool_use" if call else "end_turn"
        if call:
            block = {"type": "tool_use", "id": f"toolu_{number}", "name": call[0], "input": {}}
            delta = {"type": "input_json_delta", "partial_json": json.dumps(call[1])}
        else:
            block, delta = {"type": "text", "text": ""}, {"type": "text_delta", "text": said}
        if not asked.get("stream"):
            whole = {**block, "input": call[1]} if call else {**block, "text": said}
            return self.say({**message, "content": [whole], "stop_reason": reason})
        self.stream([
            {"type": "message_start", "message": message},
            {"type": "content_block_start", "index": 0, "content_block": block},
            {"type": "content_block_delta", "index": 0, "delta": delta},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": None}, "usage": {"output_tokens": 1}},
            {"type": "message_stop"},
        ])

    def openai(self, asked):
        items = asked["input"] if isinstance(asked["input"], list) else []
        results = [text_of(item["output"]) for item in items if item.get("type") == "function_call_output"]
        tools = {}  # by full name: a group, as this dialect has them, and the name in it
        for tool in asked.get("tools", []):
            if tool["type"] == "namespace":
                tools |= {f"{tool['name']}__{inner['name']}": (tool["name"], inner["name"]) for inner in tool["tools"]}
            elif "name" in tool:
                tools[tool["name"]] = (None, tool["name"])
        schema = (asked.get("text") or {}).get("format", {}).get("schema")
        call, said = self.play(list(tools), results, [], schema)
        number = next(NUMBERS)
        if call:
            group, name = tools[call[0]]
            item = {"type": "function_call", "id": f"fc_{number}", "call_id": f"call_{number}", "name": name,
                    "arguments": json.dumps(call[1]), "status": "completed"} | ({"namespace": group} if group else {})
        else:
            content = [{"type": "output_text", "text": said, "annotations": []}]
            item = {"type": "message", "id": f"msg_{number}", "role": "assistant", "status": "completed", "content": content}
        begun = {"id": f"resp_{number}", "object": "response", "created_at": 0, "model": asked["model"], "output": []}
        usage = {"input_tokens": 1, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 1,
                 "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 2}
        ended = {**begun, "status": "completed", "output": [item], "usage": usage}
        if not asked.get("stream"):
            return self.say(ended)
        self.stream([
            {"type": "response.created", "sequence_number": 0, "response": {**begun, "status": "in_progress"}},
            {"type": "response.output_item.added", "sequence_number": 1, "output_index": 0, "item": item},
            {"type": "response.output_item.done", "sequence_number": 2, "output_index": 0, "item": item},
            {"type": "response.completed", "sequence_number": 3, "response": ended},
        ])

    def gemini(self, asked):
        parts = [part for content in asked["contents"] for part in content.get("parts", [])]
        results = [text_of(part["functionResponse"]["response"]) for part in parts if "functionResponse" in part]
        tools = [tool["name"] for group in asked.get("tools") or [] for tool in group.get("functionDeclarations", [])]
        wanted = asked.get("generationConfig") or {}
        call, said = self.play(tools, results, [], wanted.get("responseJsonSchema") or wanted.get("responseSchema"))
        part = {"functionCall": {"id": f"fc_{next(NUMBERS)}", "name": call[0], "args": call[1]}} if call else {"text": said}
        usage = {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2}
        candidate = {"content": {"role": "model", "parts": [part]}, "index": 0, "finishReason": "STOP"}
        answer = {"candidates": [candidate], "modelVersion": "scripted", "responseId": "r", "usageMetadata": usage}
        if "stream" in self.path:
            return self.stream([answer])
        self.say(answer)

server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
server.daemon_threads = True
print(server.server_port, flush=True)
server.serve_forever()
