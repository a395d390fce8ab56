/** A scripted model, and MCP servers made of functions. */
import { AgentLoop } from "#src/agent/AgentLoop.ts"
import type { AgentEvent, AgentOutcome } from "#src/agent/rules/AgentEvent.ts"
import { RunJournal } from "#src/runs/RunJournal.ts"
import type { AgentTask } from "#src/agent/AgentTask.ts"
import { SemanticRank } from "#src/agent/tools/SemanticRank.ts"
import { Settings, type Values } from "#src/configuration/Settings.ts"
import type { ChatEvent, ChatReply, ChatRequest, ToolCall } from "#src/lmstudio/Chat.ts"
import { unguarded } from "#src/mcp/lock/ToolLockFiles.ts"
import type { CallOptions } from "#src/mcp/McpConnection.ts"
import type { McpTool } from "#src/mcp/McpTool.ts"
import { StreamCut } from "#src/lmstudio/LmStudioError.ts"
import { McpServerNotFound, McpServerUnavailable, type McpCallFailed } from "#src/mcp/McpError.ts"
import { McpRegistry, type McpConnectError, type ServerSummary } from "#src/mcp/McpRegistry.ts"
import type { McpResource } from "#src/mcp/McpResource.ts"
import type { ToolResult } from "#src/mcp/ToolResult.ts"
import { Embedder } from "#src/models/catalog/Embedder.ts"
import { ModelLifecycle, type ModelLifecycleError } from "#src/models/ModelLifecycle.ts"
import type { EnsureOptions } from "#src/models/EnsureOptions.ts"
import type { Ensured } from "#src/models/Ensured.ts"
import { Chunk, Context, type Duration, Effect, Layer, Option, Stream } from "effect"

export const ensured: Ensured = {
  model: "test/model",
  instanceId: "test/model",
  action: "already-loaded",
  owner: "user",
  contextLength: 8192,
  tookMillis: 1,
  steppedDown: []
}

/** What the model does for one request. */
export type Turn =
  | string
  | Partial<ChatReply>
  | ReadonlyArray<ToolCall>
  | { readonly fail: ModelLifecycleError; readonly after?: string }
  | { readonly wait: Duration.DurationInput; readonly then: Turn }
  | { readonly never: true; readonly after?: string }

export const call = (name: string, args: unknown, id = ""): ToolCall => ({
  id,
  name,
  arguments: typeof args === "string" ? args : JSON.stringify(args)
})

/** A tool and what it does. */
export interface Tool {
  readonly description?: string
  readonly schema?: Record<string, unknown>
  readonly annotations?: McpTool["annotations"]
  readonly run: (
    args: Readonly<Record<string, unknown>>,
    options: CallOptions | undefined
  ) => Effect.Effect<ToolResult | string, McpCallFailed | McpConnectError>
}

export type Servers = Readonly<Record<string, Readonly<Record<string, Tool>> | McpConnectError>>

export interface World {
  readonly turns: ReadonlyArray<Turn> | ((request: number) => Turn)
  readonly servers?: Servers
  /** The current form of servers whose entries have changed since they were connected. */
  readonly renewed?: Readonly<Record<string, Readonly<Record<string, Tool>>>>
  /** Texts of resources by URI, at each server. */
  readonly resources?: Readonly<Record<string, string>>
  /** Names of tools that the servers' locks withhold. */
  readonly withheld?: ReadonlyArray<string>
  /** A server that the working folder defines for another program. */
  readonly onlyByName?: string
  readonly settings?: Partial<Values>
  /** The model's reply when no tool may be called any more; absent means an ordinary turn. */
  readonly final?: string
  /** The model's reply when it is asked for a summary; absent means a failure. */
  readonly summary?: string
  /** Whether it never answers when it is asked for one. */
  readonly summaryHangs?: true
  /** Absent means that no embedding model is in memory. */
  readonly embedder?: Context.Tag.Service<typeof Embedder>
  readonly lease?: (
    options: EnsureOptions | undefined,
    name: string | undefined
  ) => Effect.Effect<Ensured, ModelLifecycleError>
}

/** What the doubles received. */
export class Seen extends Context.Tag("test/Seen")<
  Seen,
  {
    readonly requests: Array<Omit<ChatRequest, "model">>
    readonly calls: Array<{
      readonly server: string
      readonly tool: string
      readonly args: Readonly<Record<string, unknown>>
    }>
    readonly summaries: Array<Omit<ChatRequest, "model">>
    /** Open requests, calls, connections and leases. */
    readonly open: Array<string>
  }
>() {}

export const text = (value: string, isError = false): ToolResult => ({
  content: [{ type: "text", text: value }],
  isError
})

export const tool = (run: Tool["run"], schema: Record<string, unknown> = { type: "object" }): Tool => ({ run, schema })

export const echo: Tool = {
  description: "Says it again.",
  schema: { type: "object", properties: { message: { type: "string" } }, required: ["message"] },
  run: ({ message }) => Effect.succeed(text(`Echo: ${String(message)}`))
}

export const task = (changes: Partial<AgentTask> = {}): AgentTask => ({
  task: "Do it.",
  servers: { _tag: "Named", names: ["main"] },
  budgets: { rounds: 10, wallMillis: 600_000, toolCalls: 50 },
  ...changes
})

export const layer = (
  world: World,
  journal: Layer.Layer<RunJournal> = RunJournal.layerMemory
): Layer.Layer<AgentLoop | RunJournal | Seen> =>
  AgentLoop.layerNoDeps.pipe(Layer.provideMerge(Layer.merge(services(world), journal)))

/** The services that the loop needs. */
export const services = (
  world: World
): Layer.Layer<ModelLifecycle | McpRegistry | Embedder | SemanticRank | RunJournal | Settings | Seen> => {
  const seen = { requests: [], summaries: [], calls: [], open: [] } as Context.Tag.Service<typeof Seen>
  return Layer.mergeAll(
    model(world, seen),
    registry(world, seen),
    SemanticRank.layer.pipe(
      Layer.provideMerge(
        Layer.succeed(
          Embedder,
          world.embedder ?? {
            atHand: Effect.succeedNone,
            small: Effect.succeedNone,
            embed: () => Effect.dieMessage("no embedding model")
          }
        )
      )
    ),
    RunJournal.layerMemory,
    Settings.layerWith({ ...world.settings }),
    Layer.succeed(Seen, seen)
  )
}

export const run = Effect.fnUntraced(function* (input: AgentTask) {
  const loop = yield* AgentLoop
  return Chunk.toReadonlyArray(yield* Stream.runCollect(loop.run(input)))
})

export const outcomeOf = (events: ReadonlyArray<AgentEvent>): AgentOutcome => {
  const last = events.at(-1)
  if (last?._tag !== "RunFinished") throw new Error(`The last event is ${last?._tag ?? "missing"}`)
  return last.outcome
}

export const only = <Tag extends AgentEvent["_tag"]>(events: ReadonlyArray<AgentEvent>, tag: Tag) =>
  events.filter((event): event is Extract<AgentEvent, { readonly _tag: Tag }> => event._tag === tag)

const held = (seen: Context.Tag.Service<typeof Seen>, name: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      seen.open.push(name)
    }),
    () =>
      Effect.sync(() => {
        seen.open.splice(seen.open.indexOf(name), 1)
      })
  )

const model = (world: World, seen: Context.Tag.Service<typeof Seen>) => {
  const play = (turn: Turn): Stream.Stream<ChatEvent, ModelLifecycleError> => {
    const deltas = (content: string): Stream.Stream<ChatEvent> =>
      content === "" ? Stream.empty : Stream.make<[ChatEvent]>({ _tag: "TextDelta", text: content })
    if (typeof turn === "string") return play({ content: turn })
    if (Array.isArray(turn)) return play({ toolCalls: turn, finishReason: "tool_calls" })
    if ("fail" in turn) return Stream.concat(deltas(turn.after ?? ""), Stream.fail(turn.fail))
    if ("never" in turn) return Stream.concat(deltas(turn.after ?? ""), Stream.never)
    if ("then" in turn) return Stream.concat(Stream.drain(Stream.fromEffect(Effect.sleep(turn.wait))), play(turn.then))
    const reply: ChatReply = { ...emptyReply, ...(turn as Partial<ChatReply>) }
    return Stream.concat(deltas(reply.content), Stream.make<[ChatEvent]>({ _tag: "Completed", reply }))
  }
  return Layer.mock(ModelLifecycle, {
    withModel: () => () => Effect.dieMessage("not used"),
    lease: Effect.fnUntraced(function* (name: string | undefined, options?: EnsureOptions) {
      yield* held(seen, "lease")
      const found = yield* world.lease === undefined ? Effect.succeed(ensured) : world.lease(options, name)
      return {
        ensured: Effect.succeed(found),
        chat: (request: Omit<ChatRequest, "model">) => {
          seen.summaries.push(request)
          if (world.summaryHangs === true) return Effect.never
          return world.summary === undefined
            ? Effect.fail(new StreamCut({ operation: "chat", delivered: 0 }))
            : Effect.succeed({ ...emptyReply, content: world.summary })
        },
        chatWith: <E>(request: Omit<ChatRequest, "model">, onEvent: (event: ChatEvent) => Effect.Effect<void, E>) => {
          const events = Stream.unwrapScoped(
            Effect.gen(function* () {
              const index = seen.requests.push(request) - 1
              yield* held(seen, "request")
              if (world.final !== undefined && (request.tools === undefined || request.toolChoice === "none"))
                return play(world.final)
              const turn = typeof world.turns === "function" ? world.turns(index) : world.turns[index]
              if (turn === undefined) return yield* Effect.dieMessage(`No turn for request ${index}`)
              return play(turn)
            })
          )
          return Stream.runFoldEffect(events, emptyReply, (last, event) =>
            Effect.as(onEvent(event), event._tag === "Completed" ? event.reply : last)
          )
        }
      }
    })
  })
}

const registry = (world: World, seen: Context.Tag.Service<typeof Seen>) => {
  const isEmpty = world.servers !== undefined && Object.keys(world.servers).length === 0
  const servers: Servers = isEmpty ? {} : { main: {}, ...world.servers }
  const find = (server: string): Effect.Effect<Readonly<Record<string, Tool>>, McpConnectError> => {
    const found = servers[server]
    if (found === undefined) {
      return Effect.fail(
        new McpServerNotFound({ server, available: Object.keys(servers), nearest: [], path: "/mcp.json" })
      )
    }
    return "_tag" in found && found instanceof Error
      ? Effect.fail(found as McpConnectError)
      : Effect.succeed(found as Readonly<Record<string, Tool>>)
  }
  const listed = (server: string, tools: Readonly<Record<string, Tool>>) =>
    Object.entries(tools).map(([name, { annotations, description, schema }]): McpTool => ({
      server,
      name,
      description: description ?? "",
      inputSchema: schema ?? { type: "object" },
      annotations: annotations ?? {}
    }))
  const connect = Effect.fnUntraced(function* (server: string) {
    const tools = yield* find(server)
    yield* held(seen, `connection ${server}`)
    return {
      server,
      implementation: { name: server, version: "1" },
      instructions: undefined,
      // a test may change the tools during a run
      tools: Effect.sync(() => listed(server, tools)),
      review: Effect.sync(() => {
        const isWithheld = ({ name }: McpTool) => world.withheld?.includes(name) === true
        const all = listed(server, tools)
        return {
          ...unguarded(
            server,
            all.filter((tool) => !isWithheld(tool))
          ),
          withheld: all.filter(isWithheld).map((tool) => ({ tool, change: "changed" as const, before: undefined }))
        }
      }),
      toolsEdition: Effect.sync(() => JSON.stringify(listed(server, tools))),
      resources: Effect.succeed(
        Object.keys(world.resources ?? {}).map((uri): McpResource => ({ server, uri, name: `of ${server}` }))
      ),
      resourceTemplates: Effect.succeed([]),
      readResource: (uri: string) => Effect.succeed([{ uri, text: world.resources?.[uri] ?? "" }]),
      prompts: Effect.succeed([]),
      getPrompt: () => Effect.dieMessage("not used"),
      call: (name: string, args: Readonly<Record<string, unknown>>, options?: CallOptions) =>
        Effect.catchIf(
          callOf(tools, server, name, args, options),
          (error) => error._tag !== "McpCallFailed" && error._tag !== "McpServerUnavailable",
          Effect.die
        ),
      stderrTail: Effect.succeed(""),
      isCurrent: Effect.succeed(world.renewed?.[server] === undefined)
    }
  })
  const callOf = Effect.fnUntraced(function* (
    tools: Readonly<Record<string, Tool>>,
    server: string,
    name: string,
    args: Readonly<Record<string, unknown>>,
    options?: CallOptions
  ) {
    yield* held(seen, `call ${name}`)
    const found = Option.fromNullable(tools[name])
    seen.calls.push({ server, tool: name, args })
    if (Option.isNone(found)) return yield* Effect.dieMessage(`No tool ${name}`)
    const result = yield* found.value.run(args, options)
    return typeof result === "string" ? text(result) : result
  }, Effect.scoped)
  const call = Effect.fnUntraced(function* (
    server: string,
    name: string,
    args: Readonly<Record<string, unknown>>,
    options?: CallOptions
  ) {
    const tools = yield* find(server)
    return yield* callOf(world.renewed?.[server] ?? tools, server, name, args, options)
  })
  return Layer.mock(McpRegistry, {
    servers: Effect.succeed(
      Object.keys(servers).map((name): ServerSummary => ({
        name,
        transport: "stdio",
        target: name,
        envNames: [],
        source: "/mcp.json",
        state: "usable",
        connected: false,
        ...(name === world.onlyByName ? { onlyByName: true } : {})
      }))
    ),
    connect,
    connectDefined: (server) => connect(server.name),
    call
  })
}

const emptyReply: ChatReply = {
  model: "test/model",
  content: "",
  reasoning: "",
  toolCalls: [],
  finishReason: "stop",
  usage: { inputTokens: 10, outputTokens: 5 },
  firstTokenMillis: 1,
  totalMillis: 2
}

export const unavailable = (server: string) =>
  new McpServerUnavailable({ server, reason: "Exited", detail: "", exitCode: 1, stderrTail: "no token" })
