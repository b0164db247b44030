// Build the URL of a request so that it always stays below one path of the page's own origin.

const MAX_ENCODINGS = 3;
const CONTROL = /[\u0000-\u001f\u007f]/;
const DOT_SEGMENT = /\/ *[.]{1,2} *([/;?#]|$)/;

// Return the URL of a path with its query, below base; throw an Error if the path is refused.
export function addressBelow(base, target) {
  const fault = findFault(target.split("?", 1)[0]);
  if (fault) throw new Error(fault);
  // Encode characters that a URL cannot contain, and #, which would end the path.
  const encoded = encodeURI(target).replaceAll("%25", "%").replaceAll("#", "%23");
  const url = new URL(base + encoded, location.origin);
  const stays = url.origin === location.origin && url.pathname.startsWith(`${base}/`);
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
