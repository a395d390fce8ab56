/**
 * Requests in the words of revision 2026-07-28, which has no `initialize`: each says who asks and what it can answer. A
 * question of the server is the answer to a request, and the person's answer comes with the request when it is sent again.
 * Pure.
 */
import type { JSONRPCRequest } from "@modelcontextprotocol/client"
import * as Predicate from "effect/Predicate"
import type * as Incoming from "./Incoming.ts"

export const revision = "2026-07-28"

/** The question for what the server can do; `about` is what `initialize` says about us. */
export const discovering = (about: JSONRPCRequest["params"], id: number): JSONRPCRequest => ({
  jsonrpc: "2.0",
  id,
  method: "server/discover",
  params: { _meta: envelopeOf(about) }
})

/** `initialize` in the words of both kinds of revisions. */
export const initializing = ({ params, ...request }: JSONRPCRequest, id: number): JSONRPCRequest => ({
  ...request,
  id,
  params: { ...params, _meta: { ...params?._meta, ...envelopeOf(params) } }
})

/** What `initialize` says about us, as each request says it. */
export const envelopeOf = (params: JSONRPCRequest["params"]): Record<string, unknown> => ({
  "io.modelcontextprotocol/protocolVersion": revision,
  "io.modelcontextprotocol/clientInfo": params?.["clientInfo"],
  "io.modelcontextprotocol/clientCapabilities": params?.["capabilities"] ?? {}
})

export const within = (
  envelope: Readonly<Record<string, unknown>>,
  id: number,
  { method, params }: JSONRPCRequest,
  more: Readonly<Record<string, unknown>> = {}
): JSONRPCRequest => ({
  jsonrpc: "2.0",
  id,
  method,
  params: { ...params, ...more, _meta: { ...envelope, ...params?._meta } }
})

/** The answer to `server/discover` in the words of `initialize`. */
export const greetingIn = (answer: unknown): Readonly<Record<string, unknown>> => {
  const fields = Predicate.isReadonlyRecord(answer) ? answer : {}
  const meta = Predicate.isReadonlyRecord(fields["_meta"]) ? fields["_meta"] : {}
  return { ...fields, serverInfo: meta["io.modelcontextprotocol/serverInfo"] ?? fields["serverInfo"] }
}

/** A question for us or our person, which the server wants answered. */
export interface Question {
  readonly key: string
  readonly method: string
  readonly params: Readonly<Record<string, unknown>>
}

export interface Questions {
  readonly questions: ReadonlyArray<Question>
  /** To be sent back as it is. */
  readonly requestState: string | undefined
}

/** Undefined if it is the end of the request. */
export const questionsIn = (ending: Incoming.Ending): Questions | undefined => {
  const result = ending._tag === "Result" && Predicate.isReadonlyRecord(ending.value) ? ending.value : {}
  if (result["resultType"] !== "input_required") return undefined
  const { inputRequests, requestState } = result
  const asked = Predicate.isReadonlyRecord(inputRequests) ? Object.entries(inputRequests) : []
  return {
    questions: asked.flatMap(([key, request]) =>
      Predicate.hasProperty(request, "method") && typeof request.method === "string"
        ? [{ key, method: request.method, params: paramsOf(key, request) }]
        : []
    ),
    requestState: typeof requestState === "string" ? requestState : undefined
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Pages had an id in the older revisions. */
const paramsOf = (key: string, request: object): Readonly<Record<string, unknown>> => {
  const params = "params" in request && Predicate.isReadonlyRecord(request.params) ? request.params : {}
  return params["mode"] === "url" ? { elicitationId: key, ...params } : params
}
