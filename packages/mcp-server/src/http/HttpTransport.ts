// @effect-diagnostics nodeBuiltinImport:off -- the SDK takes Node's own requests
/**
 * The Streamable HTTP transport of one session. Kept apart so that the stdio executable does not load it.
 */
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js"
import type { IncomingMessage, ServerResponse } from "node:http"
import type { AnyTransport } from "../protocol/Server.ts"

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
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: options.newSessionId,
    onsessioninitialized: options.opened
  })
  return {
    // the class declares its callbacks as `| undefined`, the interface as optional; under the SDK's settings both agree
    transport: transport as AnyTransport,
    handle: (request, response, messages) => transport.handleRequest(request, response, messages),
    sessionId: () => transport.sessionId
  }
}
