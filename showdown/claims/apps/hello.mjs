// The smallest Node.js server with /api/hello: no framework.
import { createServer } from "node:http";

const server = createServer((request, response) => {
  const found = request.method === "GET" && request.url === "/api/hello";
  response.writeHead(found ? 200 : 404, { "Content-Type": "application/json" });
  response.end(JSON.stringify({ message: found ? "Hello, World!" : "Not found" }));
});

server.listen(Number(process.argv[2]), "127.0.0.1");
