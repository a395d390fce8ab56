/**
 * Binds tools to the MCP SDK: the only file that knows it, and the only one that runs effects.
 */
import { CurrentApprover, type ApprovalRequest } from "@lms-bridge/core/agent/AgentLoop"
import type { Values } from "@lms-bridge/core/configuration/Settings"
import { withRequest } from "@lms-bridge/core/observability/Correlation"
import { Server } from "@modelcontextprotocol/sdk/server/index.js"
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js"
import type { RequestHandlerExtra } from "@modelcontextprotocol/sdk/shared/protocol.js"
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js"
import {
  CallToolRequestSchema,
  ElicitResultSchema,
  ErrorCode,
  ListToolsRequestSchema,
  McpError,
  SetLevelRequestSchema,
  type ServerNotification,
  type ServerRequest
} from "@modelcontextprotocol/sdk/types.js"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import * as FiberSet from "effect/FiberSet"
import * as HashSet from "effect/HashSet"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { DetachAfter } from "./AgentTools.ts"
import * as Approval from "./Approval.ts"
import * as CallProgress from "./CallProgress.ts"
import * as ClientLog from "./ClientLog.ts"
import * as Clients from "./Clients.ts"
import { instructions } from "./Instructions.ts"
import * as ServerReading from "./ServerReading.ts"
import * as ServerTasks from "./ServerTasks.ts"
import type { Tool } from "./Tool.ts"
import * as ToolCall from "./ToolCall.ts"
import * as Version from "./Version.ts"

/** The transport could not be opened. */
export class TransportFailed extends Schema.TaggedError<TransportFailed>()("TransportFailed", {
  cause: Schema.Defect
}) {
  override get message() {
    return "The MCP transport could not be opened."
  }
}

/** A transport of the SDK, for those who need not know it. */
export type AnyTransport = Transport

/** The transport on this process's stdin and stdout. */
export const stdioTransport = (): Transport => new StdioServerTransport()

/** Serves `tools` on `transport`; succeeds when either side closes it. Every call is interrupted with it. */
export const serve = Effect.fn("Server.serve")(function* <R>(options: {
  readonly tools: ReadonlyArray<Tool<R>>
  readonly reading?: ServerReading.Reading<R>
  /** Which runs change, for clients that follow them. */
  readonly changes?: Stream.Stream<ServerReading.Change, never, R>
  /** Whether `tools/list` has output schemas. */
  readonly describeOutput?: boolean
  /** LMS_BRIDGE_DETACH_AFTER. */
  readonly detachAfter?: Values["detachAfter"]
  readonly transport: Transport
  /** Runs once the transport takes messages. */
  readonly connected?: Effect.Effect<unknown>
}) {
  const closed = yield* Deferred.make<void>()
  const tasks = yield* ServerTasks.make
  // McpServer takes Zod only; the low-level class remains for "advanced use"
  const server = new Server(
    { name: Version.name, version: Version.version, title: Version.title },
    {
      capabilities: { tools: {}, logging: {}, ...ServerReading.capabilities, ...ServerTasks.capabilities },
      instructions,
      taskStore: tasks.store
    }
  )
  // acquired first, closed last: calls are interrupted while the transport still stands
  yield* Effect.addFinalizer(() => Effect.promise(() => server.close()))
  server.onclose = () => Deferred.unsafeDone(closed, Effect.void)

  const calls = yield* FiberSet.make<unknown, unknown>()
  const run = yield* FiberSet.runtimePromise(calls)<R>()
  const fork = yield* FiberSet.runtime(calls)<R>()
  server.onerror = (error) => void fork(Effect.logWarning("protocol error", { detail: error.message }))

  const withClientLog = clientLog(server)
  const tools = new Map(options.tools.map((tool) => [tool.name, tool]))

  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: options.tools.map((tool) => listed(tool, options.describeOutput ?? true))
  }))

  server.setRequestHandler(CallToolRequestSchema, ({ params }, extra) => {
    const tool = tools.get(params.name)
    if (tool === undefined) {
      throw new McpError(
        ErrorCode.InvalidParams,
        `Unknown tool: ${params.name}. The tools are ${[...tools.keys()].join(", ")}.`
      )
    }
    if (params.task !== undefined && extra.taskStore !== undefined) {
      if (!tool.long) throw new McpError(ErrorCode.MethodNotFound, `${tool.name} cannot be called as a task.`)
      return run(
        tasks
          .start(extra.taskStore, params.task.ttl, (progress) =>
            ToolCall.perform(tool, params.arguments ?? {}, progress)
          )
          .pipe(withClientLog, withRequest(String(extra.requestId)))
      )
    }
    const token = params._meta?.progressToken
    const progress =
      token === undefined
        ? Effect.succeed(CallProgress.silent)
        : CallProgress.make(`${tool.name}: started`, (notice) =>
            Effect.ignore(
              Effect.tryPromise(() =>
                extra.sendNotification({
                  method: "notifications/progress",
                  params: { progressToken: token, ...notice }
                })
              )
            )
          )
    const detachAfter = Clients.detachAfter({
      setting: options.detachAfter ?? "auto",
      client: server.getClientVersion()?.name,
      wantsProgress: token !== undefined
    })
    return run(
      Effect.scoped(
        Effect.flatMap(progress, (progress) => ToolCall.perform(tool, params.arguments ?? {}, progress))
      ).pipe(
        // a client's SDK drops its progress handler while the last notification is still under way
        token === undefined ? (self) => self : Effect.tap(Effect.sleep("2 millis")),
        Effect.raceFirst(aborted(extra.signal)),
        Effect.provideService(DetachAfter, detachAfter),
        Effect.provideService(CurrentApprover, approver(server, extra)),
        withClientLog,
        withRequest(String(extra.requestId))
      )
    )
  })

  const followers = ServerReading.bind(server, options.reading ?? { resources: [], templates: [], prompts: [] }, {
    run: (effect, signal) => run(Effect.raceFirst(effect, aborted(signal)))
  })
  yield* Effect.forkScoped(Stream.runForEach(options.changes ?? Stream.empty, followers))

  yield* Effect.tryPromise({
    try: () => server.connect(options.transport),
    catch: (cause) => new TransportFailed({ cause })
  })
  yield* options.connected ?? Effect.void
  yield* Effect.logDebug("serving", { tools: options.tools.length })
  yield* Deferred.await(closed)
}, Effect.scoped)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type Extra = RequestHandlerExtra<ServerRequest, ServerNotification>

const listed = <R>(tool: Tool<R>, describeOutput: boolean) => ({
  name: tool.name,
  title: tool.title,
  description: tool.description,
  inputSchema: mutable(tool.inputSchema),
  ...(describeOutput ? { outputSchema: mutable(tool.outputSchema) } : {}),
  annotations: tool.annotations,
  ...(tool.long ? { execution: { taskSupport: "optional" as const } } : {})
})

/** The SDK's types are of arrays that may be written to. */
const mutable = (schema: Tool<never>["inputSchema"]) => {
  const { properties, required, ...rest } = schema
  return {
    ...rest,
    type: "object" as const,
    properties: Object.fromEntries(Object.entries(properties).map(([key, value]) => [key, Object(value) as object])),
    ...(required === undefined ? {} : { required: [...required] })
  }
}

/** Interrupts when the client cancels or goes away. */
const aborted = (signal: AbortSignal): Effect.Effect<never> =>
  Effect.async<never>((resume) => {
    const interrupt = () => resume(Effect.interrupt)
    if (signal.aborted) return interrupt()
    signal.addEventListener("abort", interrupt, { once: true })
    return Effect.sync(() => signal.removeEventListener("abort", interrupt))
  })

/** The person at the other end, if the client can ask. Where asking fails, the answer is no. */
const approver = (server: Server, extra: Extra) =>
  server.getClientCapabilities()?.elicitation === undefined
    ? Option.none()
    : Option.some((request: ApprovalRequest) =>
        Effect.tryPromise((signal) =>
          extra.sendRequest({ method: "elicitation/create", params: Approval.question(request) }, ElicitResultSchema, {
            signal,
            // a person may be away for a while
            timeout: 10 * 60_000
          })
        ).pipe(
          Effect.map(Approval.isAllowed),
          Effect.catchAll((error) =>
            Effect.as(Effect.logWarning("nobody could be asked", { detail: error.message }), false)
          )
        )
      )

/** Log lines go to the client, too, from the level that it sets; to one that sets none, nothing is sent. */
const clientLog = (server: Server) => {
  let least: ClientLog.Level | undefined
  server.setRequestHandler(SetLevelRequestSchema, ({ params }) => {
    least = params.level
    return {}
  })
  const logger = Logger.make(({ annotations, logLevel, message }) => {
    const level = ClientLog.levelOf(logLevel)
    if (least === undefined || !ClientLog.isAtLeast(level, least)) return
    // a line that cannot be delivered is on stderr all the same
    server
      .notification({
        method: "notifications/message",
        params: { level, logger: Version.name, data: ClientLog.dataOf(message, annotations) }
      })
      .catch(() => undefined)
  })
  return Effect.locallyWith(FiberRef.currentLoggers, HashSet.add(logger))
}
