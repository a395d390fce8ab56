/**
 * Binds tools to the MCP SDK, and runs their effects. Only this file, `ServerReading.ts` and `ServerTasks.ts` know the
 * SDK.
 */
import type { Values } from "@lms-bridge/core/Settings"
import { CurrentCaller, makeSessionId, sessionOf, TraceContext, withRequest } from "@lms-bridge/core/Observability"
import {
  type InputRequiredResult,
  type JSONObject,
  ProtocolError,
  ProtocolErrorCode,
  type Server,
  type Task,
  type Transport
} from "@modelcontextprotocol/server"
import { serveStdio } from "@modelcontextprotocol/server/stdio"
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
import { AskClient, type Asking, DetachAfter, Elicit } from "./CallContext.ts"
import * as CallProgress from "./CallProgress.ts"
import * as ClientLog from "./ClientLog.ts"
import * as Clients from "./Clients.ts"
import { byRequests, person } from "./eras/Asking.ts"
import { cacheHints, clientIn, type Era } from "./eras/Era.ts"
import { NewServer } from "./eras/NewServer.ts"
import { OldServer } from "./eras/OldServer.ts"
import * as ModernTasks from "./eras/ModernTasks.ts"
import { type Attached, make as makeQuestions } from "./eras/Questions.ts"
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

export interface Prepared<R, R2> {
  /** The surface and its services; loaded once, when the client has initialized. */
  readonly load: Effect.Effect<{ readonly surface: Surface<R>; readonly context: Context.Context<R> }, never, R2>
  /** LMS_BRIDGE_DETACH_AFTER. */
  readonly detachAfter: Values["detachAfter"]
  /** LMS_BRIDGE_TOOLSETS; all by default. */
  readonly toolsets?: Values["toolsets"]
  /** Identifies the client, where several take turns. */
  readonly caller?: string
}

export interface Options<R, R2> extends Prepared<R, R2> {
  readonly transport: Transport
  /** Whether a session of HTTP has begun, which only the revisions up to 2025-11-25 know. */
  readonly era?: "legacy"
  /** Runs once the transport accepts messages. */
  readonly connected?: Effect.Effect<unknown>
}

/** Serves on `transport`; succeeds when either side closes it, and interrupts every call then. */
export const serve = Effect.fn("Server.serve")(function* <R, R2>(options: Options<R, R2>) {
  const { transport } = options
  const closed = yield* Deferred.make<void>()
  const { instance, warn } = yield* prepare(options)
  yield* Effect.acquireRelease(
    options.era === undefined
      ? Effect.sync(() => serveStdio(({ era }) => instance(era), { transport, onerror: warn }))
      : Effect.tryPromise({
          try: () => {
            const server = instance("legacy")
            return server.connect(transport).then(() => server)
          },
          catch: (cause) => new TransportFailed({ cause })
        }),
    (server) => Effect.promise(() => server.close())
  )
  const { onclose } = transport
  transport.onclose = () => {
    onclose?.()
    Deferred.unsafeDone(closed, Effect.void)
  }
  yield* options.connected ?? Effect.void
  yield* Deferred.await(closed)
}, Effect.scoped)

/** What all connections of a client share, or all requests where there are no connections, and a server for each. */
export const prepare = Effect.fn("Server.prepare")(function* <R, R2>(options: Prepared<R, R2>) {
  const tasks = yield* ServerTasks.make
  const questions = yield* makeQuestions
  const session = options.caller ? sessionOf(options.caller) : yield* makeSessionId
  const calls = yield* FiberSet.make<unknown, unknown>()
  const runPromise = yield* FiberSet.runtimePromise(calls)()
  const fork = yield* FiberSet.runtime(calls)()
  const warn = (error: Error) => void fork(Effect.logWarning("protocol error", { detail: error.message }))

  const wanted = yield* Deferred.make<void>()
  const want = () => Deferred.unsafeDone(wanted, Effect.void)
  const loading = yield* Effect.forkScoped(Effect.zipRight(Deferred.await(wanted), options.load))
  // the first caller starts the loading; a caller that leaves does not stop it for the others
  const loaded = Effect.zipRight(Deferred.succeed(wanted, undefined), Fiber.join(loading))

  /** Runs an effect until the client cancels. */
  const run = <A, E>(
    use: (surface: Surface<R>, context: Context.Context<R>) => Effect.Effect<A, E>,
    signal: AbortSignal,
    caller = options.caller ?? ""
  ) =>
    runPromise(
      Effect.flatMap(loaded, ({ context, surface }) => use(surface, context)).pipe(
        Effect.raceFirst(aborted(signal)),
        Effect.provideService(CurrentCaller, caller)
      )
    )

  const watch = (tell: (reading: ServerReading.Reading<R>, change: ServerReading.Change) => Effect.Effect<void>) =>
    Effect.flatMap(Fiber.join(loading), ({ context, surface }) =>
      over(
        Stream.runForEach(surface.changes, (change) => tell(surface.reading, change)),
        context
      )
    )

  const instance = (era: Era): Server => {
    // McpServer accepts only Zod; the low-level class remains for "advanced use"
    const server = new (era === "legacy" ? OldServer : NewServer)(
      {
        name: About.name,
        version: About.version,
        title: About.title,
        icons: [{ src: About.icon, mimeType: "image/svg+xml", sizes: ["any"] }]
      },
      {
        capabilities: {
          tools: {},
          logging: {},
          ...ServerReading.capabilities,
          ...(era === "legacy"
            ? ServerTasks.capabilities
            : { extensions: { ...ServerReading.capabilities.extensions, ...ModernTasks.capabilities } })
        },
        instructions: About.instructions(options.toolsets ?? ["all"]),
        cacheHints,
        requestState: { verify: questions.verify }
      }
    )
    server.onerror = warn
    server.oninitialized = want

    const log = clientLog(server, era)
    const tellTask = (task: Task) => ServerReading.tell(server, { method: "notifications/tasks/status", params: task })
    const bindTasks = era === "legacy" ? ServerTasks.bind : ModernTasks.bind
    bindTasks(server, tasks, (effect, signal) => runPromise(Effect.raceFirst(effect, aborted(signal))))

    server.setRequestHandler("tools/list", (_, { mcpReq }) =>
      run(({ describeOutput, tools }) => Effect.succeed({ tools: listed(tools, describeOutput) }), mcpReq.signal)
    )

    server.setRequestHandler("tools/call", ({ params }, asking) => {
      const { mcpReq } = asking
      return run<ToolCall.Result | InputRequiredResult, ProtocolError>(
        ({ limits, tools }, context) => {
          const { arguments: input = {}, name, task } = params
          const tool = tools.find((tool) => tool.name === name)
          if (tool === undefined) {
            const names = tools.map(({ name }) => name).join(", ")
            return Effect.fail(
              new ProtocolError(ProtocolErrorCode.InvalidParams, `Unknown tool: ${cut(name)}. The tools are ${names}.`)
            )
          }
          const resumed = questions.resume<ToolCall.Result>(asking, name)
          if (resumed !== undefined) return resumed
          const perform = (progress: Progress) =>
            over(ToolCall.perform(tool, input, progress, limits?.request), context)
          if (task !== undefined && era === "legacy") {
            return tool.long
              ? tasks
                  .start({ ttl: task.ttl, tell: tellTask }, ({ progress }) => perform(progress))
                  .pipe(Effect.map(asResult), log({ asked: mcpReq }), withRequest(session, String(mcpReq.id)))
              : Effect.fail(new ProtocolError(ProtocolErrorCode.MethodNotFound, `${name} cannot be called as a task.`))
          }
          const token = params._meta?.progressToken
          const client = clientIn(mcpReq)
          const detachAfter = Clients.detachAfter({
            setting: options.detachAfter,
            client: client.name ?? server.getClientVersion()?.name,
            wantsProgress: token !== undefined
          })
          const work = (ask: Asking, attached: Attached) =>
            progressOf(name, token, attached).pipe(
              Effect.flatMap(perform),
              Effect.scoped,
              // a client's SDK drops its progress handler with the answer, while the last notification is still on its way
              token === undefined ? (self) => self : Effect.tap(Effect.sleep("2 millis")),
              Effect.provideService(DetachAfter, detachAfter),
              Effect.provideService(AskClient, Option.some(ask)),
              Effect.provideService(Elicit, person(ask, era === "legacy" ? server : {}, era)),
              log(attached),
              withRequest(session, String(mcpReq.id)),
              TraceContext.within(params._meta)
            )
          if (era === "legacy") return work(byRequests(server, mcpReq), { asked: mcpReq })
          return tool.long && ModernTasks.isKnown(mcpReq)
            ? ModernTasks.begin(tasks, asking, (ask, { progress }) =>
                perform(progress).pipe(
                  Effect.provideService(AskClient, Option.some(ask)),
                  Effect.provideService(Elicit, person(ask, {}, era)),
                  withRequest(session, String(mcpReq.id)),
                  TraceContext.within(params._meta)
                )
              )
            : questions.begin(asking, name, client.capabilities ?? {}, work)
        },
        mcpReq.signal,
        asking.http?.authInfo?.clientId
      )
    })

    const follow = ServerReading.bind<R>(
      server,
      (use, signal) => run(({ reading }, context) => over(use(reading), context), signal),
      era,
      questions
    )
    const following = fork(watch(follow))
    const { onclose } = server
    server.onclose = () => {
      onclose?.()
      following.unsafeInterruptAsFork(following.id())
    }
    return server
  }

  return { instance, run, warn, watch }
})

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

const progressOf = (name: string, token: string | number | undefined, attached: Attached) =>
  token === undefined
    ? Effect.succeed(CallProgress.silent)
    : CallProgress.make(`${name}: started`, (notice) =>
        Effect.ignore(
          Effect.tryPromise(() =>
            attached.asked.notify({
              method: "notifications/progress",
              params: { progressToken: token, ...notice }
            })
          )
        )
      )

/**
 * Also sends log lines to the client, from the level that it sets: once and for all, or since 2026-07-28 with each
 * request. To one that sets no level, nothing is sent.
 */
const clientLog = (server: Server, era: Era) => {
  let set: ClientLog.Level | undefined
  if (era === "legacy") {
    server.setRequestHandler("logging/setLevel", ({ params }) => {
      set = params.level
      return {}
    })
  }
  return (attached: Attached) => {
    const logger = Logger.make(({ annotations, logLevel, message }) => {
      const level = ClientLog.levelOf(logLevel)
      const { asked } = attached
      const least = era === "legacy" ? set : clientIn(asked).level
      if (least === undefined || !ClientLog.isAtLeast(level, least)) return
      const notice = {
        method: "notifications/message",
        params: { level, logger: About.name, data: ClientLog.dataOf(message, annotations) }
      }
      // a line that cannot be delivered is still on stderr
      const sent = era === "legacy" ? server.notification(notice) : asked.notify(notice)
      sent.catch(() => undefined)
    })
    return Effect.locallyWith(FiberRef.currentLoggers, HashSet.add(logger))
  }
}
