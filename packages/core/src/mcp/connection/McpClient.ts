/**
 * Speaks MCP to one server over any transport, for one connection. Only this module, `ServerExchange` and the module
 * that answers the server's own requests know the SDK's client.
 */
import { Client, type JsonSchemaValidator, ProtocolErrorCode } from "@modelcontextprotocol/client"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { present } from "../../schema/Fields.ts"
import * as TraceContext from "../../observability/TraceContext.ts"
import { spanned } from "../../observability/spanned.ts"
import * as CachedList from "./CachedList.ts"
import type { CallOptions, Session } from "../McpConnection.ts"
import { McpCallFailed, McpReadFailed, McpServerUnavailable } from "../McpError.ts"
import * as Listening from "./Listening.ts"
import * as McpWire from "../reading/McpWire.ts"
import * as Results from "../reading/Results.ts"
import * as TolerantTransport from "../transport/TolerantTransport.ts"
import * as Greeting from "../reading/Greeting.ts"
import type { Lack } from "../login/StoredLogin.ts"
import type { Era } from "../config/Launch.ts"
import type { ServerChannel } from "../transport/ServerChannel.ts"
import * as SessionWithoutSecrets from "../redaction/SessionWithoutSecrets.ts"
import * as ServerExchange from "./ServerExchange.ts"
import * as ServerRequests from "./ServerRequests.ts"
import * as TaskCall from "./TaskCall.ts"
import * as ToolPages from "./ToolPages.ts"

export interface ClientOptions {
  readonly server: string
  readonly channel: ServerChannel
  /** For `initialize`, and for each list as a whole. */
  readonly startTimeout: Duration.Duration
  /** Longest silence in a call that sets no limit of its own. */
  readonly callTimeout: Duration.Duration
  /** Longest time for one call, even if the server reports progress. */
  readonly callTotal: Duration.Duration
  /** Whether the user allows a tool. */
  readonly allows: (tool: string) => boolean
  /** Told in whose words the server has greeted, and whether it did not answer the first ones. */
  readonly greeted?: (era: Era, wasSilent: boolean) => Effect.Effect<void>
  /** Runs at the end if a server that greeted in the older words knows the newer ones, too; without it, it is not asked. */
  readonly knowsNewer?: Effect.Effect<void>
  /** Answers the server's requests. */
  readonly answering: ServerRequests.Answering
}

/** Initializes the server. Closing the scope closes the connection. */
export const connect = Effect.fn("McpClient.connect")(function* (options: ClientOptions) {
  const { allows, answering, channel, server, startTimeout } = options
  const capabilities = yield* ServerRequests.capabilities
  const client = new Client(
    { name: "lms-bridge", version: "0.1.0" },
    // by default the SDK refuses results that do not match a tool's output schema, and whole lists when one schema does
    // not compile; a model can use such a result anyway, so nothing is checked here
    { capabilities, jsonSchemaValidator: { getValidator: acceptAll } }
  )
  const { era, foreign, greeting, hurry, listen, transport, wasSilent, wonder } = TolerantTransport.make(
    channel.transport,
    channel.begins
  )
  const pausedTimeout = ServerExchange.makePausedTimeout()
  // before the server can ask anything
  yield* ServerRequests.bind(client, capabilities, { ...answering, server, pausedTimeout })
  const closed = yield* Deferred.make<void>()
  const state = { open: true }
  client.onclose = () => {
    state.open = false
    Deferred.unsafeDone(closed, Effect.void)
  }

  const unavailable = Effect.fnUntraced(function* (
    reason: McpServerUnavailable["reason"],
    detail: string,
    facts: { readonly exitCode?: number; readonly status?: number; readonly lacks?: Lack } = {}
  ) {
    const stderrTail = yield* channel.stderrTail
    return yield* new McpServerUnavailable({ server, reason, detail: channel.redact(detail), stderrTail, ...facts })
  })
  const unauthorized = (status: number) =>
    Effect.flatMap(
      Effect.zip(channel.lacks ?? Effect.succeed(undefined), channel.refusal ?? Effect.succeed("")),
      ([lacks, why]) =>
        unavailable("Unauthorized", why === "" ? "" : `It said: ${why}`, {
          status,
          ...present({ lacks })
        })
    )
  const gone = Effect.flatMap(channel.ended, ({ detail, exitCode }) =>
    exitCode === undefined ? unavailable("Closed", detail) : unavailable("Exited", detail, { exitCode })
  )
  const refused = (error: ServerExchange.RequestFailed) => {
    if (error.lost && !state.open) return gone
    const { method, status, text, unreachable } = error
    const versions = foreign() ?? Greeting.foreignVersions({ code: error.code, text, data: error.data })
    if (method === "initialize" && versions !== undefined) return unavailable("Version", versions.join(", "))
    if (status === 401 || status === 403) return unauthorized(status)
    if (status !== undefined) return unavailable("Http", answered(status, text), { status })
    return unreachable ? unavailable("Http", text) : unavailable("Protocol", sentences(`${method}: ${text}`))
  }
  const within = (what: string) =>
    limit(
      startTimeout,
      Effect.flatMap(channel.hint, (hint) =>
        unavailable(
          "StartTimeout",
          sentences(`${what} took longer than ${Duration.format(startTimeout)} (LMS_BRIDGE_MCP_START_TIMEOUT).`, hint)
        )
      )
    )

  yield* Effect.addFinalizer(() =>
    Effect.zipRight(
      Effect.when(channel.endSession, () => state.open),
      Effect.promise(() => client.close())
    )
  )
  yield* ServerExchange.attempt("initialize", () =>
    client.connect(transport, { timeout: ServerExchange.noSdkLimit })
  ).pipe(
    Effect.catchAll(refused),
    // one that knows only `initialize` may not answer anything else at all
    channel.begins === "modern" || channel.begins === "either"
      ? (self) =>
          Effect.raceFirst(
            self,
            Effect.zipRight(Effect.sleep(hesitation(startTimeout)), Effect.zipRight(Effect.sync(hurry), Effect.never))
          )
      : (self) => self,
    within("Its answer to initialize")
  )

  yield* options.greeted?.(era() ?? "legacy", wasSilent()) ?? Effect.void
  const { knowsNewer } = options
  if (knowsNewer !== undefined && era() !== "modern" && Greeting.isNewest(greeting())) {
    const found = { newer: false }
    const leave = Effect.sync(wonder((knows) => (found.newer = knows)))
    yield* Effect.forkScoped(Effect.delay(leave, hesitation(startTimeout)))
    yield* Effect.addFinalizer(() =>
      Effect.zipRight(
        leave,
        Effect.when(knowsNewer, () => found.newer)
      )
    )
  }

  const exchange = ServerExchange.make(client, pausedTimeout)
  const declared = Greeting.offered(greeting())
  /** Closes a session that the server has forgotten, or whose server cannot be reached. */
  const useless = Effect.promise(() => client.close())

  const kept = <A>(
    method: string,
    what: string,
    capability: "tools" | "resources" | "prompts",
    pageOf: (result: unknown) => Effect.Effect<CachedList.Page<A>>,
    keyOf: (item: A) => string
  ) =>
    CachedList.make<A, McpServerUnavailable>({
      server,
      method,
      keyOf,
      within: within(what),
      page: (cursor) => {
        const none = { items: [], next: undefined }
        // a server that does not declare a capability need not answer; many have tools anyway, and some declare nothing
        const isDeclared = declared?.[capability] === true
        if (declared !== undefined && !isDeclared && capability !== "tools") return Effect.succeed(none)
        const asked = exchange.send(method, cursor === undefined ? {} : { cursor })
        return (isDeclared ? asked : Effect.timeoutTo(asked, unlikely(none))).pipe(
          Effect.flatMap(pageOf),
          Effect.catchAll((error) => {
            if (error.forgotten) {
              return Effect.zipRight(useless, unavailable("Closed", error.text, { status: forgottenStatus }))
            }
            // a server with resources need not have templates
            return error.code === ProtocolErrorCode.MethodNotFound && (method !== "tools/list" || !isDeclared)
              ? Effect.succeed(none)
              : Effect.zipRight(
                  Effect.when(useless, () => error.unreachable),
                  refused(error)
                )
          })
        )
      }
    })
  const toolPages = ToolPages.make(server, {
    allows,
    mirrors: era() === "modern" && channel.transport.hasPerRequestStream === true
  })
  const tools = yield* kept("tools/list", "Its list of tools", "tools", toolPages.read, ({ name }) => name)
  const resources = yield* kept(
    "resources/list",
    "Its list of resources",
    "resources",
    (result) => Effect.succeed(McpWire.resourcePage(server, result)),
    ({ uri }) => uri
  )
  const templates = yield* kept(
    "resources/templates/list",
    "Its list of resource templates",
    "resources",
    (result) => Effect.succeed(McpWire.templatePage(server, result)),
    ({ uriTemplate }) => uriTemplate
  )
  const prompts = yield* kept(
    "prompts/list",
    "Its list of prompts",
    "prompts",
    (result) => Effect.succeed(McpWire.promptPage(server, result)),
    ({ name }) => name
  )
  client.setNotificationHandler("notifications/tools/list_changed", tools.changed)
  client.setNotificationHandler("notifications/prompts/list_changed", prompts.changed)
  client.setNotificationHandler("notifications/resources/list_changed", () => {
    resources.changed()
    templates.changed()
  })

  const wanted = era() === "modern" ? Greeting.told(greeting()) : {}
  if (Object.keys(wanted).length > 0) {
    const missed = () => {
      for (const list of [tools, resources, templates, prompts]) list.changed()
    }
    yield* Effect.forkScoped(Listening.start({ server, listen, wanted, missed, isOpen: () => state.open }))
  }

  /** A request whose failure is converted to an error of the caller's kind. */
  const converse = <E>(
    method: string,
    params: Record<string, unknown>,
    callOptions: CallOptions,
    failed: (reason: Reason, detail: string, more: { code?: number; limit?: Duration.Duration }) => E,
    headers?: Readonly<Record<string, string>>
  ): Effect.Effect<unknown, E | McpServerUnavailable> =>
    exchange
      .converse(method, params, {
        silence: Duration.decode(callOptions.timeout ?? options.callTimeout),
        total: options.callTotal,
        onProgress: callOptions.onProgress,
        ...present({ headers })
      })
      .pipe(
        Effect.catchAll(
          Effect.fnUntraced(function* (error) {
            if (error._tag === "Silent") {
              return yield* Effect.fail(failed("Timeout", yield* channel.hint, { limit: error.limit }))
            }
            const { forgotten, lost, status, unreachable } = error
            if (unreachable || forgotten) {
              yield* useless
              const code = forgotten ? { code: forgottenStatus } : present({ code: status })
              return yield* Effect.fail(failed("Closed", channel.redact(error.text), code))
            }
            if (status === 401 || status === 403) return yield* unauthorized(status)
            if (!lost)
              return yield* Effect.fail(failed(error, channel.redact(answered(status, error.text)), codeOf(error)))
            if (state.open) return yield* Effect.fail(failed("Closed", "Its answer was cut off.", {}))
            const end = yield* Effect.flip(gone)
            return yield* Effect.fail(failed("Closed", end.message, {}))
          })
        )
      )

  const call: Session["call"] = (tool, args, callOptions = {}) => {
    if (!allows(tool)) {
      const detail = "The configuration does not let it be used."
      return new McpCallFailed({ server, tool, reason: "UnknownTool", detail })
    }
    const request: TaskCall.Request<McpCallFailed | McpServerUnavailable> = (method, params, own = callOptions) =>
      converse(
        method,
        params,
        own,
        (why, detail, more) =>
          new McpCallFailed({ server, tool, reason: typeof why === "string" ? why : ofCall(why), detail, ...more }),
        method === "tools/call" ? toolPages.headers(tool, args) : undefined
      )
    const answer = toolPages.asTask(tool)
      ? TaskCall.call(request, { server, tool, total: options.callTotal }, args, callOptions)
      : Effect.flatMap(TraceContext.outgoing, (trace) =>
          request("tools/call", {
            name: tool,
            arguments: args,
            ...(trace.traceparent === undefined ? {} : { _meta: trace })
          })
        )
    return answer.pipe(
      Effect.map(Results.toolResult),
      spanned(`tools/call ${tool}`, { "mcp.method.name": "tools/call", "gen_ai.tool.name": tool, server })
    )
  }

  const read = Effect.fn("McpClient.read")(function* (
    what: McpReadFailed["what"],
    name: string,
    method: string,
    params: Record<string, unknown>,
    callOptions: CallOptions
  ) {
    yield* Effect.annotateCurrentSpan({ server, [what]: name })
    if (declared !== undefined && !declared[`${what}s`]) {
      return yield* new McpReadFailed({ server, what, name, reason: "Unsupported", detail: "" })
    }
    return yield* converse(method, params, callOptions, (why, detail, more) => {
      const reason = typeof why === "string" ? why : ofReading(why)
      return new McpReadFailed({ server, what, name, reason, detail, ...more })
    })
  })

  const { name = "", version = "" } = client.getServerVersion() ?? {}
  const session: Session = {
    server,
    implementation: { name: name.trim() === "" ? server : name, version },
    instructions: client.getInstructions(),
    tools: tools.list,
    toolsEdition: tools.edition,
    call,
    resources: resources.list,
    resourceTemplates: templates.list,
    readResource: (uri, callOptions = {}) =>
      Effect.map(read("resource", uri, "resources/read", { uri }, callOptions), (result) =>
        McpWire.resourceContents(uri, result)
      ),
    prompts: prompts.list,
    getPrompt: (prompt, args, callOptions = {}) =>
      Effect.map(
        read("prompt", prompt, "prompts/get", { name: prompt, arguments: args }, callOptions),
        McpWire.promptResult
      ),
    stderrTail: channel.stderrTail,
    isOpen: Effect.sync(() => state.open),
    closed: Deferred.await(closed),
    // not awaited; a server that cannot be notified has gone, which is detected elsewhere
    rootsChanged: Effect.sync(() => void client.sendRootsListChanged().catch(() => undefined))
  }
  return channel.said === undefined ? session : SessionWithoutSecrets.make(session, channel.said)
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Why there is no result, or the server's own error. */
type Reason = "Timeout" | "Closed" | ServerExchange.RequestFailed

const acceptAll =
  <T>(): JsonSchemaValidator<T> =>
  (value) => ({ valid: true, data: value as T, errorMessage: undefined }) // the SDK's interface: T is the caller's hope

const limit =
  <E2>(duration: Duration.Duration, late: Effect.Effect<never, E2>) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E | E2, R> =>
    Effect.flatten(
      Effect.timeoutTo(self, { duration, onTimeout: () => late, onSuccess: (value) => Effect.succeed(value) })
    )

/** How long a server may take to answer `server/discover` before it is asked in the older words. */
const hesitation = (startTimeout: Duration.Duration) => Duration.min(Duration.times(startTimeout, 1 / 3), "5 seconds")

/** How long to wait for a list that the server did not declare. */
const unlikely = <A>(none: A) =>
  ({ duration: "3 seconds", onTimeout: () => none, onSuccess: (value: unknown) => value }) as const

const ofCall = ({ code, text }: ServerExchange.RequestFailed): McpCallFailed["reason"] => {
  const unknown = /unknown tool|tool\b.*\bnot found|no such tool/i.test(text)
  if (code === ProtocolErrorCode.MethodNotFound || (unknown && code !== undefined)) return "UnknownTool"
  return code === ProtocolErrorCode.InvalidParams ? "InvalidArguments" : "Protocol"
}

/** -32002 is the specification's code for a missing resource; many servers say it only in the text. */
const ofReading = ({ code, text }: ServerExchange.RequestFailed): McpReadFailed["reason"] => {
  if (code === resourceNotFound || /\bnot found\b|unknown (prompt|resource)|no such/i.test(text)) return "NotFound"
  return code === ProtocolErrorCode.InvalidParams ? "InvalidArguments" : "Protocol"
}

const resourceNotFound = -32_002

const codeOf = ({ code }: ServerExchange.RequestFailed) =>
  code === undefined || !Number.isSafeInteger(code) ? {} : { code }

const sentences = (...texts: ReadonlyArray<string>) =>
  texts.flatMap((text) => (text === "" ? [] : /[.!?…:]\s*$/.test(text) ? [text] : [`${text}.`])).join(" ")

/** Adds the status to the server's own words, if it answered with a status instead of a protocol error. */
const answered = (status: number | undefined, text: string) =>
  status === undefined ? text : sentences(`It answered ${status}.`, text)

/** The specification's status for an unknown session. */
const forgottenStatus = 404
