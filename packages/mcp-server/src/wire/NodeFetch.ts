// @effect-diagnostics nodeBuiltinImport:off -- between Node's requests and those of the web
/**
 * A request of Node as one of the web, which the SDK's transports take, and their response as one of Node.
 */
import type { IncomingMessage, ServerResponse } from "node:http"

/** Without its body, which has been read. Its signal aborts when the client leaves before the answer's end. */
export const requestOf = (request: IncomingMessage, response: ServerResponse): Request => {
  const leaves = new AbortController()
  response.once("close", () => {
    if (!response.writableFinished) leaves.abort()
  })
  const headers = new Headers()
  for (const [name, value] of Object.entries(request.headers)) {
    for (const each of Array.isArray(value) ? value : [value]) if (each !== undefined) headers.append(name, each)
  }
  const { method = "GET" } = request
  return new Request(new URL(request.url ?? "/", "http://127.0.0.1"), {
    method,
    headers,
    signal: leaves.signal
  })
}

/** Ends with the response, or when the client leaves, which cancels the body. */
export const answer = (answered: Response, response: ServerResponse): Promise<void> => {
  response.writeHead(answered.status, Object.fromEntries(answered.headers))
  const reader = answered.body?.getReader()
  if (reader === undefined) {
    response.end()
    return Promise.resolve()
  }
  response.flushHeaders()
  const leave = () => void reader.cancel().catch(() => undefined)
  response.once("close", leave)
  const pass = (): Promise<void> =>
    reader.read().then(({ done, value }) => {
      if (done) return void response.end()
      return response.write(value) ? pass() : drained(response).then(pass)
    })
  return pass().catch(() => void response.destroy())
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const drained = (response: ServerResponse): Promise<void> =>
  // @effect-diagnostics-next-line newPromise:off
  new Promise((resolve) => {
    response.once("drain", resolve).once("close", resolve)
  })
