// @effect-diagnostics nodeBuiltinImport:off -- Node's own responses
/** Whole answers over HTTP. */
import type { ServerResponse } from "node:http"

export const answerMetrics = (response: ServerResponse, text: string): void => {
  response.writeHead(200, { "content-type": "text/plain; version=0.0.4; charset=utf-8", "cache-control": "no-store" })
  response.end(text)
}

export const answerJson = (response: ServerResponse, status: number, value: object): void => {
  response.writeHead(status, { "content-type": "application/json" })
  response.end(JSON.stringify(value))
}

export const answer = (response: ServerResponse, status: number, message: string): void => {
  response.writeHead(status, {
    "content-type": "text/plain",
    ...(status === 401 ? { "www-authenticate": "Bearer" } : {}),
    ...(status === 503 ? { "retry-after": "5" } : {})
  })
  response.end(`${message}\n`)
}
