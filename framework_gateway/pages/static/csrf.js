// The header that Django's CSRF check requires in an unsafe request with a session cookie.

export function csrfHeaders() {
  const cookie = document.cookie.split("; ").find((one) => one.startsWith("csrftoken="));
  return cookie ? { "X-CSRFToken": cookie.slice("csrftoken=".length) } : {};
}
