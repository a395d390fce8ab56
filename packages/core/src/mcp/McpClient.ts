/**
 * Speaks MCP to one server over any transport, for one connection: the only place that knows the SDK's client.
 *
 * @since 0.1.0
 */
import { Client } from "@modelcontextprotocol/sdk/client/index.js"
import {
  ErrorCode,
  McpError as SdkError,
  type Progress,
  ResultSchema,
  ToolListChangedNotificationSchema
} from "@modelcontextprotocol/sdk/types.js"
import type { JsonSchemaValidator } from "@modelcontextprotocol/sdk/validation/types.js"
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Predicate from "effect/Predicate"
import * as Runtime from "effect/Runtime"
import type { CallOptions, CallProgress, McpConnection, McpTool } from "./McpConnection.ts"
import { McpCallFailed, McpServerUnavailable } from "./McpError.ts"
import * as McpWire from "./McpWire.ts"
import type { Peer } from "./Peer.ts"

/**
 * One connection while it lasts.
 *
 * @since 0.1.0
 * @category models
 */
export interface Session extends McpConnection {
  /** False as soon as the other side has gone. */
  readonly isOpen: Effect.Effect<boolean>
  readonly closed: Effect.Effect<void>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface ClientOptions {
  readonly server: string
  readonly peer: Peer
  /** For `initialize`, and for all of `tools/list`. */
  readonly startTimeout: Duration.Duration
  /** Longest silence in a call that does not say its own. */
  readonly callTimeout: Duration.Duration
  /** Whether the user lets a tool be used. */
  readonly allows: (tool: string) => boolean
}

/**
 * Longest time for one call, however often the server reports progress.
 *
 * @since 0.1.0
 * @category constants
 */
export const longestCall: Duration.Duration = Duration.hours(1)

/**
 * Initializes the server. Closing the scope closes the connection.
 *
 * @since 0.1.0
 * @category constructors
 */
export const connect = Effect.fn("McpClient.connect")(function* (options: ClientOptions) {
  const { allows, peer, server, startTimeout } = options
  const client = new Client(
    { name: "lms-bridge", version: "0.1.0" },
    // by itself the SDK refuses results that do not match a tool's output schema, and whole lists when one of them does
    // not compile; a model makes something of such a result, so nothing is checked here
    { capabilities: {}, jsonSchemaValidator: { getValidator: acceptAll } }
  )
  const closed = yield* Deferred.make<void>()
  const state = { open: true, listVersion: 0 }
  client.onclose = () => {
    state.open = false
    Deferred.unsafeDone(closed, Effect.void)
  }
  client.setNotificationHandler(ToolListChangedNotificationSchema, () => {
    state.listVersion += 1
  })

  const unavailable = Effect.fnUntraced(function* (
    reason: McpServerUnavailable["reason"],
    detail: string,
    facts: { readonly exitCode?: number; readonly status?: number } = {}
  ) {
    const stderrTail = yield* peer.stderrTail
    return yield* new McpServerUnavailable({ server, reason, detail: peer.redact(detail), stderrTail, ...facts })
  })
  const gone = Effect.flatMap(peer.ended, ({ detail, exitCode }) =>
    exitCode === undefined ? unavailable("Closed", detail) : unavailable("Exited", detail, { exitCode })
  )
  const refused = (error: RequestFailed) => {
    if (error.lost && !state.open) return gone
    const { method, status, text, unreachable } = error
    if (status === 401 || status === 403) return unavailable("Unauthorized", "", { status })
    if (status !== undefined) return unavailable("Http", sentences(`It answered ${status}.`, text), { status })
    return unreachable ? unavailable("Http", text) : unavailable("Protocol", `${method}: ${text}`)
  }
  const within = (what: string) =>
    limit(
      startTimeout,
      Effect.flatMap(peer.hint, (hint) =>
        unavailable(
          "StartTimeout",
          sentences(`${what} took longer than ${Duration.format(startTimeout)} (LMS_BRIDGE_MCP_START_TIMEOUT).`, hint)
        )
      )
    )

  yield* Effect.addFinalizer(() =>
    Effect.zipRight(
      Effect.when(peer.farewell, () => state.open),
      Effect.promise(() => client.close())
    )
  )
  yield* attempt("initialize", () => client.connect(peer.transport, { timeout: noSdkLimit })).pipe(
    Effect.catchAll(refused),
    within("Its answer to initialize")
  )

  const request = (method: string, params: Record<string, unknown>, onprogress?: (progress: Progress) => void) =>
    attempt(method, (signal) =>
      client.request({ method, params }, ResultSchema, {
        signal,
        timeout: noSdkLimit,
        ...(onprogress === undefined ? {} : { onprogress })
      })
    )

  const listAll = Effect.gen(function* () {
    // a server that declares no tools need not answer
    if (client.getServerCapabilities()?.tools === undefined) return []
    const tools = new Map<string, McpTool>()
    const cursors = new Set<string | undefined>()
    let cursor: string | undefined
    do {
      cursors.add(cursor)
      const page = McpWire.toolPage(server, yield* request("tools/list", cursor === undefined ? {} : { cursor }))
      for (const tool of page.tools) if (!tools.has(tool.name)) tools.set(tool.name, tool)
      cursor = page.next
      if (cursor !== undefined && (cursors.has(cursor) || cursors.size >= maxPages)) {
        yield* Effect.logWarning("the pages of tools/list do not end; the rest is left out").pipe(
          Effect.annotateLogs({ server, pages: cursors.size })
        )
        break
      }
    } while (cursor !== undefined)
    return [...tools.values()].filter(({ name }) => allows(name))
  }).pipe(Effect.catchTag("RequestFailed", refused), within("Its list of tools"))

  const oneAtATime = yield* Effect.makeSemaphore(1)
  const kept: { list: ReadonlyArray<McpTool>; version: number } = { list: [], version: -1 }
  const tools = Effect.gen(function* () {
    // read before asking: a change that is announced while the list is on its way counts for the next reader
    const version = state.listVersion
    if (kept.version !== version) {
      kept.list = yield* listAll
      kept.version = version
    }
    return kept.list
  }).pipe(oneAtATime.withPermits(1), Effect.withSpan("McpClient.tools", { attributes: { server } }))

  const call: Session["call"] = Effect.fn("McpClient.call")(function* (tool, args, callOptions = {}) {
    yield* Effect.annotateCurrentSpan({ server, tool })
    const failed = (
      reason: McpCallFailed["reason"],
      detail: string,
      more: { code?: number; limit?: Duration.Duration } = {}
    ) => new McpCallFailed({ server, tool, reason, detail, ...more })
    if (!allows(tool)) return yield* failed("UnknownTool", "The configuration does not let it be used.")

    const clock = yield* Effect.clock
    const silence = Duration.decode(callOptions.timeout ?? options.callTimeout)
    const heard = { at: clock.unsafeCurrentTimeMillis() }
    const { onProgress } = callOptions
    const teller = onProgress === undefined ? undefined : yield* makeTeller(onProgress)
    const result = yield* request("tools/call", { name: tool, arguments: args }, (report) => {
      heard.at = clock.unsafeCurrentTimeMillis()
      teller?.tell(progressOf(report))
    }).pipe(
      Effect.catchAll(
        Effect.fnUntraced(function* (error) {
          const { lost, status, unreachable } = error
          // a session that the server has forgotten is of no more use, nor is one to a server that cannot be reached
          if (unreachable || status === 404 || (status === 400 && /session/i.test(error.text))) {
            yield* Effect.promise(() => client.close())
            return yield* failed("Closed", peer.redact(error.text), status === undefined ? {} : { code: status })
          }
          if (status === 401 || status === 403) return yield* unavailable("Unauthorized", "", { status })
          if (!lost) return yield* failed(reasonOf(error), peer.redact(error.text), codeOf(error))
          if (state.open) return yield* failed("Closed", "Its answer was cut off.")
          const end = yield* Effect.flip(gone)
          return yield* failed("Closed", end.message)
        })
      ),
      Effect.raceFirst(Effect.flatMap(untilSilent(heard, silence), (limit) => failed("Timeout", "", { limit })))
    )
    // what was reported before the result is told before it
    if (teller !== undefined) yield* teller.finish
    return McpWire.toolResult(result)
  }, Effect.scoped)

  const { name = server, version = "" } = client.getServerVersion() ?? {}
  const session: Session = {
    server,
    implementation: { name, version },
    instructions: client.getInstructions(),
    tools,
    call,
    stderrTail: peer.stderrTail,
    isOpen: Effect.sync(() => state.open),
    closed: Deferred.await(closed)
  }
  return session
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Time limits are ours, by the Clock; the SDK's own is put as far away as its timer reaches. */
const noSdkLimit = 2 ** 31 - 1

const maxPages = 1000

const acceptAll =
  <T>(): JsonSchemaValidator<T> =>
  (value) => ({ valid: true, data: value as T, errorMessage: undefined }) // the SDK's interface: T is the caller's hope

/** A request that came to no result. `lost`: so it looks when the connection went away. */
class RequestFailed extends Data.TaggedError("RequestFailed")<{
  readonly method: string
  /** JSON-RPC's. */
  readonly code: number | undefined
  /** HTTP's. */
  readonly status: number | undefined
  readonly text: string
  readonly lost: boolean
  /** Nothing at the address answered. */
  readonly unreachable: boolean
}> {}

const attempt = <A>(method: string, run: (signal: AbortSignal) => Promise<A>) =>
  Effect.tryPromise({
    try: run,
    catch: (cause) => {
      const number =
        Predicate.hasProperty(cause, "code") && Number.isInteger(cause.code) ? Number(cause.code) : undefined
      // a JSON-RPC error has a code too; that of the HTTP transports is the status
      const code = cause instanceof SdkError ? number : undefined
      const status = code === undefined && number !== undefined && number >= 100 && number < 600 ? number : undefined
      const unreachable = cause instanceof TypeError && cause.cause !== undefined
      const message = cause instanceof Error ? cause.message : String(cause)
      const text = unreachable ? networkProblem(cause) : message.replace(/^MCP error -?\d+: /, "")
      // by the text too: servers use this code for errors of their own
      const lost =
        (code === ErrorCode.ConnectionClosed && text === "Connection closed") ||
        (code === undefined && text === "Not connected")
      return new RequestFailed({ method, code, status, text: text.slice(0, 2000), lost, unreachable })
    }
  })

/** What fetch hides beneath "fetch failed": `ECONNREFUSED 127.0.0.1:3001`. */
const networkProblem = ({ cause, message }: TypeError) =>
  cause instanceof Error && cause.message !== "" ? cause.message : message

const limit =
  <E2>(duration: Duration.Duration, late: Effect.Effect<never, E2>) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E | E2, R> =>
    Effect.flatten(
      Effect.timeoutTo(self, { duration, onTimeout: () => late, onSuccess: (value) => Effect.succeed(value) })
    )

/** Runs `onProgress` for one report after the other. Most calls report nothing, so a fiber is begun by the first report. */
const makeTeller = Effect.fnUntraced(function* (onProgress: NonNullable<CallOptions["onProgress"]>) {
  const runtime = yield* Effect.runtime()
  const waiting: Array<CallProgress> = []
  const state: { busy: boolean; fiber: Fiber.RuntimeFiber<void> | undefined } = { busy: false, fiber: undefined }
  const telling = Effect.suspend(() => {
    const report = waiting.shift()
    return report === undefined ? Effect.void : onProgress(report)
  }).pipe(Effect.repeat({ while: () => waiting.length > 0 }), Effect.ensuring(Effect.sync(() => (state.busy = false))))
  const current = (use: (fiber: Fiber.RuntimeFiber<void>) => Effect.Effect<unknown>) =>
    Effect.suspend(() => (state.fiber === undefined ? Effect.void : use(state.fiber)))
  yield* Effect.addFinalizer(() => current(Fiber.interrupt))
  return {
    tell: (report: CallProgress) => {
      waiting.push(report)
      if (state.busy) return
      state.busy = true
      state.fiber = Runtime.runFork(runtime)(telling)
    },
    finish: current(Fiber.await)
  }
})

/** Succeeds, with the limit that was passed, after a silence or after all the time a call may take. */
const untilSilent = Effect.fnUntraced(function* (heard: { readonly at: number }, silence: Duration.Duration) {
  const end = heard.at + Duration.toMillis(longestCall)
  for (;;) {
    const now = yield* Clock.currentTimeMillis
    const until = Math.min(heard.at + Duration.toMillis(silence), end)
    if (now >= until) return now >= end ? longestCall : silence
    yield* Effect.sleep(Duration.millis(until - now))
  }
})

const reasonOf = ({ code, text }: RequestFailed): McpCallFailed["reason"] => {
  const unknown = /unknown tool|tool\b.*\bnot found|no such tool/i.test(text)
  if (code === ErrorCode.MethodNotFound || (unknown && code !== undefined)) return "UnknownTool"
  return code === ErrorCode.InvalidParams ? "InvalidArguments" : "Protocol"
}

const codeOf = ({ code }: RequestFailed) => (code === undefined || !Number.isInteger(code) ? {} : { code })

const progressOf = ({ message, progress, total }: Progress): CallProgress => ({ progress, total, message })

const sentences = (...texts: ReadonlyArray<string>) => texts.filter((text) => text !== "").join(" ")
