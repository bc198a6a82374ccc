// Loaded before the official suite, which knows no token: every request of its own carries the home's, and is otherwise as it was.
const http = require("node:http");
const { readFileSync } = require("node:fs");
const { getGlobalDispatcher, setGlobalDispatcher } = require("undici");

const token = readFileSync(`${process.env.AXIOM_HOME}/token`, "utf8").trim();
const showing = (dispatch) => (asked, handler) => {
  const bearer = ["authorization", `Bearer ${token}`];
  const { headers } = asked;
  // The forms that headers come in: a flat list, pairs, or a record.
  const shown = Array.isArray(headers)
    ? [...headers, ...bearer]
    : headers?.[Symbol.iterator]
      ? [...headers, bearer]
      : { ...headers, [bearer[0]]: bearer[1] };
  return dispatch({ ...asked, headers: shown }, handler);
};
setGlobalDispatcher(getGlobalDispatcher().compose(showing));

// Some of its questions are put by hand.
const plain = http.request;
http.request = (...asked) => {
  const request = plain(...asked);
  request.setHeader("Authorization", `Bearer ${token}`);
  return request;
};
require("node:module").syncBuiltinESMExports();
