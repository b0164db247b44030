// Send requests that always stay below one path of the page's own origin.

const MAX_ENCODINGS = 3;
const CONTROL = /[\u0000-\u001f\u007f]/;
const DOT_SEGMENT = /\/ *[.]{1,2} *([/;?#]|$)/;

// Return the URL of a path with its query, below base; throw an Error if the path is refused.
export function addressBelow(base, target) {
  const fault = findFault(target.split("?", 1)[0]);
  if (fault) throw new Error(fault);
  // Encode characters that a URL cannot contain, and #, which would end the path. The base is a
  // prefix as people write it, such as /café.
  const encoded = encodeURI(target).replaceAll("%25", "%").replaceAll("#", "%23");
  const below = encodeURI(base);
  const url = new URL(below + encoded, location.origin);
  const stays = url.origin === location.origin && url.pathname.startsWith(`${below}/`);
  if (!stays) throw new Error("The path leads outside the target.");
  return url;
}

// The same rules as in framework_gateway/compare/addresses.py.
function findFault(path) {
  for (let layer = 0; layer <= MAX_ENCODINGS; layer += 1) {
    const fault = findLiteralFault(path);
    if (fault) return fault;
    const decoded = decode(path);
    if (decoded === path) return null;
    path = decoded;
  }
  return `The path is percent-encoded more than ${MAX_ENCODINGS} times.`;
}

function findLiteralFault(path) {
  if (CONTROL.test(path)) return "The path has a control character.";
  const slashed = path.replaceAll("\\", "/");
  if (!/^\/(?!\/)/.test(slashed)) return "The path must start with a single slash.";
  return DOT_SEGMENT.test(slashed) ? "The path has a dot segment." : null;
}

// Decode each byte by itself, because decodeURIComponent throws on invalid UTF-8.
function decode(path) {
  return path.replace(/%[0-9a-f]{2}/gi, (code) => String.fromCharCode(parseInt(code.slice(1), 16)));
}

// The header that Django's CSRF check requires in an unsafe request with a session cookie.
export function csrfHeaders() {
  const cookie = document.cookie.split("; ").find((one) => one.startsWith("csrftoken="));
  return cookie ? { "X-CSRFToken": cookie.slice("csrftoken=".length) } : {};
}

export const SAFE = ["GET", "HEAD", "OPTIONS"];

// Send a request to all targets. Yield {answer} for each, and at the end {comparison}.
export async function* compare(root, request, signal) {
  const { method, path, headers, body, type, ignore, inTurn } = request;
  const safe = SAFE.includes(method);
  const sent = new Headers(headers);
  sent.set("Compare-Method", method);
  sent.set("Compare-Response", "lines");
  if (ignore) sent.set("Compare-Ignore", ignore);
  if (inTurn) sent.set("Compare-Order", "in-turn");
  if (body && !sent.has("Content-Type")) sent.set("Content-Type", type);
  if (!safe) for (const [name, value] of Object.entries(csrfHeaders())) sent.set(name, value);
  const response = await fetch(addressBelow(`${root}/compare`, path), {
    method: safe ? safeMethod(body) : method,
    mode: "same-origin",
    headers: sent,
    body: body || undefined,
    signal,
  });
  if (!response.ok) throw new Error(await reasonOf(response));
  yield* lines(response.body.pipeThrough(new TextDecoderStream()).getReader());
}

// A safe request must use a safe method on the wire, too. Not HEAD, whose response has no body; with
// a body, not GET, because browsers do not send a body with GET.
function safeMethod(body) {
  return body ? "OPTIONS" : "GET";
}

async function* lines(reader) {
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    const found = (rest + (value ?? "")).split("\n");
    rest = found.pop();
    for (const line of found) yield JSON.parse(line);
    if (!done) continue;
    if (rest) throw new Error("the answer of the gateway is incomplete.");
    return;
  }
}

export async function reasonOf(response) {
  const text = await response.text();
  try {
    const { detail, title } = JSON.parse(text);
    return detail ?? title ?? response.statusText;
  } catch {
    return `${response.status} ${response.statusText}`;
  }
}

// Ask the gateway to translate a request; see commands.py.
export async function translate(root, what, body) {
  const response = await fetch(`${root}/request/${what}`, { method: "POST", mode: "same-origin", body });
  if (!response.ok) throw new Error(await reasonOf(response));
  return response.json();
}
