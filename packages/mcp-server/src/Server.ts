/**
 * Binds tools to the MCP SDK: the only file that knows it, and the only one that runs effects.
 */
import { withRequest } from "@lms-bridge/core/observability/Correlation"
import { Server } from "@modelcontextprotocol/sdk/server/index.js"
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js"
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js"
import {
  CallToolRequestSchema,
  ErrorCode,
  ListToolsRequestSchema,
  McpError,
  type CallToolRequest,
  type CallToolResult
} from "@modelcontextprotocol/sdk/types.js"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Schema from "effect/Schema"
import * as CallProgress from "./CallProgress.ts"
import type { Failure, Reply, Tool } from "./Tool.ts"
import * as Version from "./Version.ts"

/** The transport could not be opened. */
export class TransportFailed extends Schema.TaggedError<TransportFailed>()("TransportFailed", {
  cause: Schema.Defect
}) {
  override get message() {
    return "The MCP transport could not be opened."
  }
}

/** The transport on this process's stdin and stdout. */
export const stdioTransport = (): Transport => new StdioServerTransport()

/** Serves `tools` on `transport`; succeeds when either side closes it. Every call is interrupted with it. */
export const serve = Effect.fn("Server.serve")(function* <R>(options: {
  readonly tools: ReadonlyArray<Tool<R>>
  readonly transport: Transport
}) {
  const closed = yield* Deferred.make<void>()
  // McpServer takes Zod only; the low-level class remains for "advanced use"
  const server = new Server(
    { name: Version.name, version: Version.version, title: Version.title },
    { capabilities: { tools: {} } }
  )
  // acquired first, closed last: calls are interrupted while the transport still stands
  yield* Effect.addFinalizer(() => Effect.promise(() => server.close()))
  server.onclose = () => Deferred.unsafeDone(closed, Effect.void)

  const calls = yield* FiberSet.make<unknown, unknown>()
  const run = yield* FiberSet.runtimePromise(calls)<R>()
  const fork = yield* FiberSet.runtime(calls)<R>()
  server.onerror = (error) => void fork(Effect.logWarning("protocol error", { detail: error.message }))

  const tools = new Map(options.tools.map((tool) => [tool.name, tool]))

  server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: options.tools.map(listed) }))

  server.setRequestHandler(CallToolRequestSchema, ({ params }, { requestId, sendNotification, signal }) => {
    const tool = tools.get(params.name)
    if (tool === undefined) {
      throw new McpError(
        ErrorCode.InvalidParams,
        `Unknown tool: ${params.name}. The tools are ${[...tools.keys()].join(", ")}.`
      )
    }
    const token = params._meta?.progressToken
    const progress =
      token === undefined
        ? Effect.succeed(CallProgress.silent)
        : CallProgress.make(`${tool.name}: started`, (notice) =>
            Effect.ignore(
              Effect.tryPromise(() =>
                sendNotification({
                  method: "notifications/progress",
                  params: { progressToken: token, ...notice }
                })
              )
            )
          )
    return run(
      Effect.scoped(Effect.flatMap(progress, (progress) => call(tool, params, progress))).pipe(
        // a client's SDK drops its progress handler while the last notification is still under way
        token === undefined ? (self) => self : Effect.tap(Effect.sleep("2 millis")),
        Effect.raceFirst(aborted(signal)),
        withRequest(String(requestId))
      )
    )
  })

  yield* Effect.tryPromise({
    try: () => server.connect(options.transport),
    catch: (cause) => new TransportFailed({ cause })
  })
  yield* Effect.logDebug("serving", { tools: options.tools.length })
  yield* Deferred.await(closed)
}, Effect.scoped)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const listed = <R>({ annotations, description, inputSchema, name, outputSchema, title }: Tool<R>) => ({
  name,
  title,
  description,
  inputSchema: mutable(inputSchema),
  outputSchema: mutable(outputSchema),
  annotations
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

const call = <R>(tool: Tool<R>, params: CallToolRequest["params"], progress: Parameters<Tool<R>["call"]>[1]) =>
  Effect.timed(
    tool.call(params.arguments ?? {}, progress).pipe(
      Effect.match({ onSuccess: success, onFailure: failure }),
      Effect.catchAllCause((cause) => (Cause.isInterruptedOnly(cause) ? Effect.interrupt : defect(cause)))
    )
  ).pipe(
    Effect.tap(([took, result]) =>
      Effect.logInfo("tool call", { millis: Math.round(Duration.toMillis(took)), isError: result.isError === true })
    ),
    Effect.map(([, result]) => result),
    Effect.annotateLogs({ tool: tool.name })
  )

const success = ({ structured, text }: Reply): CallToolResult => ({
  content: text.map((part) => ({ type: "text", text: part })),
  structuredContent: { ...structured }
})

const failure = ({ _tag, account, message, retryable }: Failure): CallToolResult => ({
  isError: true,
  content: [{ type: "text", text: message }],
  structuredContent: { ...account, error: { _tag, message, ...(retryable === undefined ? {} : { retryable }) } }
})

/** The text of a defect stays in the log: it may hold what nobody outside should read. */
const defect = (cause: Cause.Cause<unknown>) =>
  Effect.logError("tool died", cause).pipe(
    Effect.as(
      failure({
        _tag: "InternalError",
        message: "lms-bridge made a mistake; its log on stderr has the details.",
        retryable: false
      })
    )
  )

/** Interrupts when the client cancels or goes away. */
const aborted = (signal: AbortSignal): Effect.Effect<never> =>
  Effect.async<never>((resume) => {
    const interrupt = () => resume(Effect.interrupt)
    if (signal.aborted) return interrupt()
    signal.addEventListener("abort", interrupt, { once: true })
    return Effect.sync(() => signal.removeEventListener("abort", interrupt))
  })
