// The web server of the tasks with pages, on loopback.
import { createServer } from "node:http"
import { once } from "node:events"

const pages = {
  "/museum.html":
    "<html><head><title>Museum of Clocks</title></head><body><h1>Museum of Clocks</h1><p>Tuesday to Saturday 10:00 to 18:00.</p><p>Sunday 11:00 to 16:00.</p><p>Closed on Monday.</p></body></html>",
  "/contact.html":
    "<html><body><h1>Contact</h1><p>Harbour Bakery, 4 Quay Street</p><p>Telephone: 555-0142</p></body></html>",
  "/catalogue.html": `<html><body><h1>Catalogue</h1>${Array.from(
    { length: 420 },
    (_, index) =>
      `<p>${index === 388 ? "walnut desk" : `article ${index}`}: ${index === 388 ? 449 : 20 + ((index * 7) % 300)} euros</p>`
  ).join("")}</body></html>`
}

export const startPages = async () => {
  const server = createServer((request, response) => {
    const page = pages[request.url]
    response.writeHead(page === undefined ? 404 : 200, {
      "content-type": "text/html; charset=utf-8"
    })
    response.end(page ?? "<html><body><h1>404 Not Found</h1></body></html>")
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    stop: () => {
      server.closeAllConnections()
      server.close()
    }
  }
}
