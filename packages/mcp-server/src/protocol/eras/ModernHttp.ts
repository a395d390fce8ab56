/**
 * HTTP since 2026-07-28: a server for each request, and no sessions. What they share is loaded with the first.
 */
import { createMcpHandler, isLegacyRequest } from "@modelcontextprotocol/server"
import * as Effect from "effect/Effect"
import * as Server from "../Server.ts"
import * as ServerReading from "../ServerReading.ts"
import { identityOf } from "./Era.ts"

export interface ModernHttp {
  /** Whether a request is of a revision without sessions, or claims to be. */
  readonly speaks: (request: Request, body: unknown) => Promise<boolean>
  /** Answers it. Callers take turns by who they say they are, at the address from which they ask. */
  readonly answer: (request: Request, body: unknown, caller: string) => Promise<Response>
  readonly callerOf: (body: unknown, address: string) => string
}

export const make = Effect.fnUntraced(function* <R, R2>(options: Server.Prepared<R, R2>) {
  const { instance, warn, watch } = yield* Server.prepare(options)
  const handler = yield* Effect.acquireRelease(
    Effect.sync(() => createMcpHandler(() => instance("modern"), { legacy: "reject", onerror: warn })),
    ({ close }) => Effect.promise(close)
  )
  yield* Effect.forkScoped(
    watch((reading, change) =>
      Effect.sync(() => {
        for (const { uri } of ServerReading.noticesOf(reading, change)) {
          if (uri === undefined) handler.notify.resourcesChanged()
          else handler.notify.resourceUpdated(uri)
        }
      })
    )
  )
  const modern: ModernHttp = {
    speaks: (request, body) => isLegacyRequest(request, body).then((legacy) => !legacy),
    answer: (request, body, caller) =>
      handler.fetch(request, { parsedBody: body, authInfo: { token: "", clientId: caller, scopes: [] } }),
    callerOf: identityOf
  }
  return modern
})
