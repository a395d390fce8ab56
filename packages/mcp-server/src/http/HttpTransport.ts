// @effect-diagnostics nodeBuiltinImport:off -- Node's own requests
/**
 * The Streamable HTTP transport of one session. Kept apart so that the stdio executable does not load it.
 */
import { WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/server"
import type { IncomingMessage, ServerResponse } from "node:http"
import type { AnyTransport } from "../protocol/Server.ts"
import * as NodeFetch from "../wire/NodeFetch.ts"

export interface HttpTransport {
  readonly transport: AnyTransport
  /** Answers one request of the session, or the first one, which opens it. `messages`: its body, if it was read. */
  readonly handle: (request: IncomingMessage, response: ServerResponse, messages?: unknown) => Promise<void>
  /** Undefined until the client has initialized. */
  readonly sessionId: () => string | undefined
}

export const make = (options: {
  readonly newSessionId: () => string
  /** Called before the client learns its session's id. */
  readonly opened: (sessionId: string) => void
}): HttpTransport => {
  const transport = new WebStandardStreamableHTTPServerTransport({
    sessionIdGenerator: options.newSessionId,
    onsessioninitialized: options.opened
  })
  return {
    transport,
    handle: (request, response, messages) =>
      transport
        .handleRequest(NodeFetch.requestOf(request, response), messages === undefined ? {} : { parsedBody: messages })
        .then((answered) => NodeFetch.answer(answered, response)),
    sessionId: () => transport.sessionId
  }
}
