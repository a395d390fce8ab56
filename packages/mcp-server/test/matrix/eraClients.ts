/** One client for each way to speak to the server: revisions of both kinds, over a real process and over a real socket. */
import { Effect, Option } from "effect"
import * as Http from "../conformance/httpDriver.ts"
import type { Json, Message, RpcError } from "../conformance/jsonRpc.ts"
import * as Stdio from "../conformance/stdioDriver.ts"

export const revisions = ["2025-11-25", "2026-07-28"] as const

export type Revision = (typeof revisions)[number]

export interface EraClient {
  /** `process PID`, or the URL. */
  readonly over: string
  /** As the server has greeted. */
  readonly revision: string
  readonly modern: boolean
  readonly greeting: Json
  readonly seen: ReadonlyArray<Message>
  readonly ask: (method: string, params?: Json) => Effect.Effect<Json, RpcError>
  /** Calls a tool, and answers what it asks in the middle: by accepting, with `my FIELD` in each field of a form. */
  readonly call: (name: string, args?: Json, more?: Json) => Effect.Effect<Json, RpcError>
  /** Sends a request that is given up at once when `when` is done. */
  readonly givenUp: (
    method: string,
    params: Json,
    when: Effect.Effect<unknown, RpcError>
  ) => Effect.Effect<{ readonly id: number }, RpcError>
  /** Wants to hear of changes of this resource. */
  readonly follow: (uri: string) => Effect.Effect<void, RpcError>
}

const capabilities = {
  elicitation: { form: {} },
  extensions: { "io.modelcontextprotocol/tasks": {} }
}

const clientInfo = { name: "driver", version: "1" }

const envelope: Json = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientInfo": clientInfo,
  "io.modelcontextprotocol/clientCapabilities": capabilities,
  "io.modelcontextprotocol/logLevel": "info"
}

const accepted = ({ requestedSchema }: Json): Json => {
  const { properties = {} } = requestedSchema as { readonly properties?: Json }
  return { action: "accept", content: Object.fromEntries(Object.keys(properties).map((key) => [key, `my ${key}`])) }
}

const answering = (method: string, params: Json) => (method === "elicitation/create" ? accepted(params) : {})

type Wire = Pick<Effect.Effect.Success<ReturnType<typeof Stdio.start>>, "seen" | "begin" | "request" | "notify">

/** `url` of a server over HTTP; without it, a process is started. */
export const connect = Effect.fnUntraced(function* (revision: Revision, url: Option.Option<string>) {
  const modern = revision === "2026-07-28"
  const overHttp = Option.isSome(url)
  const state = { greeted: false }
  const headersOf = ({ method, params = {} }: Json): Record<string, string> => {
    if (!state.greeted && !modern) return {}
    if (!modern) return { "mcp-protocol-version": revision }
    const { name, taskId, uri } = params as Json
    const target = name ?? uri ?? taskId
    return {
      "mcp-protocol-version": revision,
      "mcp-method": String(method),
      ...(typeof target === "string" ? { "mcp-name": target } : {})
    }
  }
  const http = overHttp ? yield* Http.connect(url.value, headersOf, answering) : undefined
  const stdio = http === undefined ? yield* Stdio.start(answering) : undefined
  const wire: Wire = http ?? stdio ?? (yield* Effect.dieMessage("no transport"))

  const within = (params: Json): Json =>
    modern ? { ...params, _meta: { ...envelope, ...(params["_meta"] as Json | undefined) } } : params
  const ask = (method: string, params: Json = {}) => wire.request(method, within(params))

  const greet = Effect.gen(function* () {
    if (modern) return yield* ask("server/discover")
    const asks = { ...capabilities, sampling: {}, roots: {} }
    const result = yield* wire.request("initialize", { protocolVersion: revision, capabilities: asks, clientInfo })
    state.greeted = true
    yield* wire.notify("notifications/initialized")
    yield* http?.listen ?? Effect.void
    yield* ask("logging/setLevel", { level: "info" })
    return result
  })
  const greeting = yield* greet

  const call = (name: string, args: Json = {}, more: Json = {}): Effect.Effect<Json, RpcError> =>
    Effect.flatMap(ask("tools/call", { name, arguments: args, ...more }), (result) => {
      if (result["resultType"] !== "input_required") return Effect.succeed(result)
      const asked = result["inputRequests"] as Record<string, { readonly method: string; readonly params: Json }>
      const inputResponses = Object.fromEntries(
        Object.entries(asked).map(([key, { method, params }]) => [key, answering(method, params)])
      )
      return call(name, args, { ...more, inputResponses, requestState: result["requestState"] })
    })

  const client: EraClient = {
    over: http === undefined ? `process ${stdio?.pid}` : Option.getOrElse(url, () => ""),
    revision: modern
      ? (greeting["supportedVersions"] as ReadonlyArray<string>).filter((one) => one === revision).join()
      : String(greeting["protocolVersion"]),
    modern,
    greeting,
    seen: wire.seen,
    ask,
    call,
    givenUp: Effect.fnUntraced(function* (method, params, when) {
      const leaves = new AbortController()
      const { id } = yield* wire.begin(method, within(params), leaves.signal)
      yield* when
      // since 2026-07-28 a client over HTTP gives a request up by leaving
      if (modern && overHttp) leaves.abort()
      else yield* wire.notify("notifications/cancelled", within({ requestId: id }))
      return { id }
    }),
    follow: (uri) =>
      modern
        ? Effect.asVoid(wire.begin("subscriptions/listen", within({ notifications: { resourceSubscriptions: [uri] } })))
        : Effect.asVoid(ask("resources/subscribe", { uri }))
  }
  return client
})
