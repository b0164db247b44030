// Where a page sends requests: below one path of its own origin, however the browser reads it.

const MOST_ENCODINGS = 3;
const CONTROL = /[\u0000-\u001f\u007f]/;
const DOT_SEGMENT = /\/ *[.]{1,2} *([/;?#]|$)/;

// Return the URL of a target, a path with its query, below base; throw where the path is refused.
export function addressBelow(base, target) {
  const fault = findFault(target.split("?", 1)[0]);
  if (fault) throw new Error(fault);
  // A path may hold what an address may not, and a # would end it.
  const encoded = encodeURI(target).replaceAll("%25", "%").replaceAll("#", "%23");
  const url = new URL(base + encoded, location.origin);
  const stays = url.origin === location.origin && url.pathname.startsWith(`${base}/`);
  if (!stays) throw new Error("The path leads elsewhere.");
  return url;
}

// The rules of framework_gateway/compare/addresses.py.
function findFault(path) {
  for (let layer = 0; layer <= MOST_ENCODINGS; layer += 1) {
    const fault = findLiteralFault(path);
    if (fault) return fault;
    const decoded = decode(path);
    if (decoded === path) return null;
    path = decoded;
  }
  return `The path is percent-encoded more than ${MOST_ENCODINGS} times.`;
}

function findLiteralFault(path) {
  if (CONTROL.test(path)) return "The path has a control character.";
  const slashed = path.replaceAll("\\", "/");
  if (!/^\/(?!\/)/.test(slashed)) return "The path does not begin with one slash.";
  return DOT_SEGMENT.test(slashed) ? "The path has a dot segment." : null;
}

// Byte by byte: decodeURIComponent throws where the bytes are not UTF-8.
function decode(path) {
  return path.replace(/%[0-9a-f]{2}/gi, (code) => String.fromCharCode(parseInt(code.slice(1), 16)));
}
