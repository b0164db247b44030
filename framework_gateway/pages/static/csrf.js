// What Django's CSRF check asks of a request that is sent with a session's cookie.

export function csrfHeaders() {
  const cookie = document.cookie.split("; ").find((one) => one.startsWith("csrftoken="));
  return cookie ? { "X-CSRFToken": cookie.slice("csrftoken=".length) } : {};
}
