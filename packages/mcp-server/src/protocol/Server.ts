/**
 * Binds tools to the MCP SDK, and runs their effects. Only this file, `ServerReading.ts` and `ServerTasks.ts` know the
 * SDK.
 */
import type { Values } from "@lms-bridge/core/Settings"
import { CurrentCaller, makeSessionId, TraceContext, withRequest } from "@lms-bridge/core/Observability"
import {
  type ElicitRequestFormParams,
  type ElicitRequestURLParams,
  type JSONObject,
  ProtocolError,
  ProtocolErrorCode,
  type Server,
  type ServerContext,
  type Task,
  type Transport
} from "@modelcontextprotocol/server"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as FiberSet from "effect/FiberSet"
import * as HashSet from "effect/HashSet"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { type Asker, DetachAfter, Elicit, type Form, type Page } from "./CallContext.ts"
import * as CallProgress from "./CallProgress.ts"
import * as ClientLog from "./ClientLog.ts"
import * as Clients from "./Clients.ts"
import { OldServer } from "./eras/OldServer.ts"
import * as ServerReading from "./ServerReading.ts"
import * as ServerTasks from "./ServerTasks.ts"
import { described, type Progress, type Tool } from "../tools/Tool.ts"
import type { RateLimits } from "./RateLimits.ts"
import * as ToolCall from "./ToolCall.ts"
import * as About from "../About.ts"
import * as Stdio from "../wire/StdioTransport.ts"
import { cut } from "../Words.ts"

/** The transport could not be opened. */
export class TransportFailed extends Schema.TaggedError<TransportFailed>()("TransportFailed", {
  cause: Schema.Defect
}) {
  override get message() {
    return "The MCP transport could not be opened."
  }
}

/** A transport of the SDK, for code that does not know the SDK. */
export type AnyTransport = Transport

/** The transport on this process's stdin and stdout. */
export const stdioTransport = (): Transport => Stdio.make()

/** What a client can see and call. */
export interface Surface<R> {
  readonly tools: ReadonlyArray<Tool<R>>
  /** Whether `tools/list` has output schemas. */
  readonly describeOutput: boolean
  /** How often the client may call. */
  readonly limits?: Pick<RateLimits, "request">
  readonly reading: ServerReading.Reading<R>
  /** Which runs and resources change, for clients that subscribe to them. */
  readonly changes: Stream.Stream<ServerReading.Change, never, R>
}

export interface Options<R, R2> {
  /** The surface and its services; loaded once, when the client has initialized. */
  readonly load: Effect.Effect<{ readonly surface: Surface<R>; readonly context: Context.Context<R> }, never, R2>
  readonly transport: Transport
  /** LMS_BRIDGE_DETACH_AFTER. */
  readonly detachAfter: Values["detachAfter"]
  /** LMS_BRIDGE_TOOLSETS; all by default. */
  readonly toolsets?: Values["toolsets"]
  /** Identifies the client, where several take turns. */
  readonly caller?: string
  /** Runs once the transport accepts messages. */
  readonly connected?: Effect.Effect<unknown>
}

/** Serves on `transport`; succeeds when either side closes it, and interrupts every call then. */
export const serve = Effect.fn("Server.serve")(function* <R, R2>(options: Options<R, R2>) {
  const closed = yield* Deferred.make<void>()
  const tasks = yield* ServerTasks.make
  const session = yield* makeSessionId
  // McpServer accepts only Zod; the low-level class remains for "advanced use"
  const server = new OldServer(
    {
      name: About.name,
      version: About.version,
      title: About.title,
      icons: [{ src: About.icon, mimeType: "image/svg+xml", sizes: ["any"] }]
    },
    {
      capabilities: { tools: {}, logging: {}, ...ServerReading.capabilities, ...ServerTasks.capabilities },
      instructions: About.instructions(options.toolsets ?? ["all"])
    }
  )
  // acquired first, closed last: calls are interrupted while the transport is still open
  yield* Effect.addFinalizer(() => Effect.promise(() => server.close()))
  server.onclose = () => Deferred.unsafeDone(closed, Effect.void)

  const calls = yield* FiberSet.make<unknown, unknown>()
  const runPromise = yield* FiberSet.runtimePromise(calls)()
  const fork = yield* FiberSet.runtime(calls)()
  server.onerror = (error) => void fork(Effect.logWarning("protocol error", { detail: error.message }))

  const wanted = yield* Deferred.make<void>()
  server.oninitialized = () => Deferred.unsafeDone(wanted, Effect.void)
  const loading = yield* Effect.forkScoped(Effect.zipRight(Deferred.await(wanted), options.load))
  // the first caller starts the loading; a caller that leaves does not stop it for the others
  const loaded = Effect.zipRight(Deferred.succeed(wanted, undefined), Fiber.join(loading))

  /** Runs an effect until the client cancels. */
  const run = <A, E>(
    use: (surface: Surface<R>, context: Context.Context<R>) => Effect.Effect<A, E>,
    signal: AbortSignal
  ) =>
    runPromise(
      Effect.flatMap(loaded, ({ context, surface }) => use(surface, context)).pipe(
        Effect.raceFirst(aborted(signal)),
        Effect.provideService(CurrentCaller, options.caller ?? "")
      )
    )

  const withClientLog = clientLog(server)
  const tellTask = (task: Task) => ServerReading.tell(server, { method: "notifications/tasks/status", params: task })
  ServerTasks.bind(server, tasks, (effect, signal) => runPromise(Effect.raceFirst(effect, aborted(signal))))

  server.setRequestHandler("tools/list", (_, { mcpReq }) =>
    run(({ describeOutput, tools }) => Effect.succeed({ tools: listed(tools, describeOutput) }), mcpReq.signal)
  )

  server.setRequestHandler("tools/call", ({ params }, { mcpReq }) =>
    run(({ limits, tools }, context) => {
      const { arguments: input = {}, name, task } = params
      const tool = tools.find((tool) => tool.name === name)
      if (tool === undefined) {
        const names = tools.map(({ name }) => name).join(", ")
        return Effect.fail(
          new ProtocolError(ProtocolErrorCode.InvalidParams, `Unknown tool: ${cut(name)}. The tools are ${names}.`)
        )
      }
      const perform = (progress: Progress) => over(ToolCall.perform(tool, input, progress, limits?.request), context)
      if (task !== undefined) {
        return tool.long
          ? tasks
              .start(task.ttl, perform, tellTask)
              .pipe(Effect.map(asResult), withClientLog, withRequest(session, String(mcpReq.id)))
          : Effect.fail(new ProtocolError(ProtocolErrorCode.MethodNotFound, `${name} cannot be called as a task.`))
      }
      const token = params._meta?.progressToken
      const detachAfter = Clients.detachAfter({
        setting: options.detachAfter,
        client: server.getClientVersion()?.name,
        wantsProgress: token !== undefined
      })
      return progressOf(name, token, mcpReq).pipe(
        Effect.flatMap(perform),
        Effect.scoped,
        // a client's SDK drops its progress handler with the answer, while the last notification is still on its way
        token === undefined ? (self) => self : Effect.tap(Effect.sleep("2 millis")),
        Effect.provideService(DetachAfter, detachAfter),
        Effect.provideService(Elicit, elicit(server, mcpReq)),
        withClientLog,
        withRequest(session, String(mcpReq.id)),
        TraceContext.within(params._meta)
      )
    }, mcpReq.signal)
  )

  const follow = ServerReading.bind<R>(server, (use, signal) =>
    run(({ reading }, context) => over(use(reading), context), signal)
  )
  yield* Effect.forkScoped(
    Effect.flatMap(Fiber.join(loading), ({ context, surface }) =>
      over(
        Stream.runForEach(surface.changes, (change) => follow(surface.reading, change)),
        context
      )
    )
  )

  yield* Effect.tryPromise({
    try: () => server.connect(options.transport),
    catch: (cause) => new TransportFailed({ cause })
  })
  yield* options.connected ?? Effect.void
  yield* Deferred.await(closed)
}, Effect.scoped)

/** Tools as in `tools/list`. */
export const listed = <R>(tools: ReadonlyArray<Tool<R>>, describeOutput: boolean) => {
  const offered = new Set(tools.map(({ name }) => name))
  return tools.map((tool) => ({
    name: tool.name,
    title: tool.title,
    description: described(tool, offered),
    inputSchema: mutable(tool.inputSchema),
    ...(describeOutput && tool.outputSchema !== undefined ? { outputSchema: mutable(tool.outputSchema) } : {}),
    annotations: tool.annotations,
    ...(tool.long ? { execution: { taskSupport: "optional" as const } } : {})
  }))
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Provides the services of the surface, and keeps those of the call. */
const over = <A, E, R>(self: Effect.Effect<A, E, R>, context: Context.Context<R>): Effect.Effect<A, E> =>
  Effect.mapInputContext(self, (ambient: Context.Context<never>) => Context.merge(ambient, context))

/** In the SDK's type a call has no task for its answer. */
const asResult = (task: Task) => ({ task }) as object as ToolCall.Result

type Asked = ServerContext["mcpReq"]

/** The SDK's types have mutable arrays. */
const mutable = (schema: Tool<never>["inputSchema"]) => {
  const { properties, required, ...rest } = schema
  return {
    ...rest,
    type: "object" as const,
    properties: Object.fromEntries(
      Object.entries(properties).map(([key, value]) => [key, Object(value) as JSONObject])
    ),
    ...(required === undefined ? {} : { required: [...required] })
  }
}

/** Interrupts when the client cancels or leaves. */
const aborted = (signal: AbortSignal): Effect.Effect<never> =>
  Effect.async<never>((resume) => {
    const interrupt = () => resume(Effect.interrupt)
    if (signal.aborted) return interrupt()
    signal.addEventListener("abort", interrupt, { once: true })
    return Effect.sync(() => signal.removeEventListener("abort", interrupt))
  })

const progressOf = (name: string, token: string | number | undefined, asked: Asked) =>
  token === undefined
    ? Effect.succeed(CallProgress.silent)
    : CallProgress.make(`${name}: started`, (notice) =>
        Effect.ignore(
          Effect.tryPromise(() =>
            asked.notify({
              method: "notifications/progress",
              params: { progressToken: token, ...notice }
            })
          )
        )
      )

/** The client's person, if the client can ask. */
const elicit = (server: Server, asked: Asked): Option.Option<Asker> => {
  const can = server.getClientCapabilities()?.elicitation
  if (can === undefined) return Option.none()
  return Option.some({
    who: server,
    opensPages: can.url !== undefined,
    ask: (question) =>
      Effect.tryPromise((signal) =>
        asked.send(
          { method: "elicitation/create", params: elicitParams(question) },
          // a person may be away for a while
          { signal, timeout: 10 * 60_000 }
        )
      ).pipe(
        Effect.catchAll((error) =>
          Effect.as(Effect.logWarning("nobody could be asked", { detail: error.message }), {
            action: "cancel" as const
          })
        )
      )
  })
}

/** The SDK's type lists every kind of field of a form; ours follow the specification. */
const elicitParams = (question: Form | Page) =>
  ("url" in question ? { mode: "url", ...question } : { ...question }) as
    | ElicitRequestFormParams
    | ElicitRequestURLParams

/** Also sends log lines to the client, from the level that it sets; to one that sets no level, nothing is sent. */
const clientLog = (server: Server) => {
  let least: ClientLog.Level | undefined
  server.setRequestHandler("logging/setLevel", ({ params }) => {
    least = params.level
    return {}
  })
  const logger = Logger.make(({ annotations, logLevel, message }) => {
    const level = ClientLog.levelOf(logLevel)
    if (least === undefined || !ClientLog.isAtLeast(level, least)) return
    // a line that cannot be delivered is still on stderr
    server
      .notification({
        method: "notifications/message",
        params: { level, logger: About.name, data: ClientLog.dataOf(message, annotations) }
      })
      .catch(() => undefined)
  })
  return Effect.locallyWith(FiberRef.currentLoggers, HashSet.add(logger))
}
