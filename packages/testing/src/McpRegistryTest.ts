/**
 * A double of `McpRegistry`: servers and their tools are data, failures are scripted, and every call is recorded.
 * Nothing is started.
 */
import {
  type CallProgress,
  type HeldConnection,
  McpCallFailed,
  McpEntryUnusable,
  McpLoginFailed,
  McpNotLockable,
  type McpPrompt,
  McpReadFailed,
  McpRegistry,
  type McpResource,
  type McpResourceTemplate,
  McpServerNotFound,
  McpServerUnavailable,
  type McpTool,
  nearest,
  type PromptResult,
  type ResourceContent,
  type ServerSummary,
  type ToolResult,
  type ToolReview,
  unguarded
} from "@lms-bridge/core/McpRegistry"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"

/** The source path of the double's servers. */
export const configPath = "/test/mcp.json"

/** The result of a tool for its arguments. A string is a result with one text part. */
export type Handler = (
  args: Readonly<Record<string, unknown>>,
  report: (progress: CallProgress) => Effect.Effect<void>
) => Effect.Effect<ToolResult | string, McpCallFailed | McpServerUnavailable>

/** A tool as data; the defaults are an empty description, a schema for any object, and no annotations. */
export type TestTool = Partial<Omit<McpTool, "server" | "name">> & { readonly handler: Handler }

type Contents = ReadonlyArray<Omit<ResourceContent, "uri">>

export interface TestServer {
  readonly tools?: Readonly<Record<string, TestTool | Handler>>
  /** Resources by their URI. A string is the whole text of one. */
  readonly resources?: Readonly<
    Record<string, string | (Partial<Omit<McpResource, "server" | "uri">> & { readonly contents: Contents })>
  >
  readonly templates?: ReadonlyArray<Omit<McpResourceTemplate, "server">>
  /** Prompts by their names. */
  readonly prompts?: Readonly<
    Record<
      string,
      Partial<Omit<McpPrompt, "server" | "name">> & {
        readonly get: (args: Readonly<Record<string, string>>) => PromptResult
      }
    >
  >
  readonly instructions?: string
  readonly stderr?: string
  /** Failures of the first attempts to connect, in order; after them it works. */
  readonly failures?: ReadonlyArray<McpServerUnavailable | { readonly after: Duration.DurationInput }>
  /** Names of tools that the server's lock withholds. */
  readonly withheld?: ReadonlyArray<string>
  /** An entry that cannot be used at all. */
  readonly unusable?: McpEntryUnusable["reason"]
}

export interface RecordedCall {
  readonly server: string
  readonly tool: string
  readonly arguments: Readonly<Record<string, unknown>>
  /** How the call has ended; undefined while it runs. */
  readonly ended: "ok" | "failed" | "interrupted" | undefined
}

/** The recorded calls of the double. */
export class McpRegistryCalls extends Context.Tag("@lms-bridge/testing/McpRegistryCalls")<
  McpRegistryCalls,
  {
    /** Oldest first. */
    readonly calls: Effect.Effect<ReadonlyArray<RecordedCall>>
    /** How many attempts to connect to each server there were. */
    readonly attempts: (server: string) => Effect.Effect<number>
    /** How many scopes hold a connection to each server now. */
    readonly held: (server: string) => Effect.Effect<number>
  }
>() {}

export const layerTest = (servers: Readonly<Record<string, TestServer>>): Layer.Layer<McpRegistry | McpRegistryCalls> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const calls = yield* Ref.make<ReadonlyArray<RecordedCall>>([])
      const counts = yield* Ref.make<Readonly<Record<string, { attempts: number; held: number }>>>({})
      const count = (server: string, key: "attempts" | "held", by: number) =>
        Ref.modify(counts, (all) => {
          const before = all[server] ?? { attempts: 0, held: 0 }
          return [before[key], { ...all, [server]: { ...before, [key]: before[key] + by } }]
        })

      const find = (name: string): Effect.Effect<TestServer, McpServerNotFound | McpEntryUnusable> => {
        const server = Object.hasOwn(servers, name) ? servers[name] : undefined
        const available = Object.keys(servers)
        if (server === undefined) {
          return new McpServerNotFound({ server: name, available, nearest: nearest(name, available), path: configPath })
        }
        return server.unusable === undefined ? Effect.succeed(server) : unusable(name, server.unusable)
      }

      const call = (
        name: string,
        server: TestServer,
        ...[tool, args, options]: Parameters<HeldConnection["call"]>
      ): ReturnType<HeldConnection["call"]> => {
        const definition = toolsOf(server).get(tool)
        const report = options?.onProgress ?? (() => Effect.void)
        const run =
          definition === undefined
            ? new McpCallFailed({ server: name, tool, reason: "UnknownTool", detail: `Unknown tool: ${tool}` })
            : Effect.map(definition.handler(args, report), resultOf)
        const index = Ref.modify(calls, (before) => [
          before.length,
          [...before, { server: name, tool, arguments: args, ended: undefined }]
        ])
        const end = (at: number, ended: RecordedCall["ended"]) =>
          Ref.update(calls, (all) => all.map((one, position) => (position === at ? { ...one, ended } : one)))
        return Effect.acquireUseRelease(
          index,
          () =>
            options?.timeout === undefined
              ? run
              : Effect.timeoutFail(run, {
                  duration: options.timeout,
                  onTimeout: () => {
                    const limit = Duration.decode(options.timeout ?? 0)
                    return new McpCallFailed({ server: name, tool, reason: "Timeout", limit, detail: "" })
                  }
                }),
          (at, exit) => end(at, Exit.isSuccess(exit) ? "ok" : Exit.isInterrupted(exit) ? "interrupted" : "failed")
        )
      }

      const connect = Effect.fnUntraced(function* (name: string) {
        const server = yield* find(name)
        const failure = server.failures?.[yield* count(name, "attempts", 1)]
        if (failure !== undefined) {
          if (!("after" in failure)) return yield* failure
          yield* Effect.sleep(failure.after)
        }
        yield* Effect.acquireRelease(count(name, "held", 1), () => count(name, "held", -1))
        const review = reviewOf(name, server)
        return {
          server: name,
          implementation: { name, version: "0.0.0" },
          instructions: server.instructions,
          tools: Effect.succeed(review.tools),
          review: Effect.succeed(review),
          toolsEdition: Effect.succeed(""),
          call: (tool, args, options) => call(name, server, tool, args, options),
          ...readingOf(name, server),
          stderrTail: Effect.succeed(server.stderr ?? ""),
          isCurrent: Effect.succeed(true)
        } satisfies HeldConnection
      })

      const registry: Context.Tag.Service<McpRegistry> = {
        candidates: Effect.succeed([{ path: configPath, origin: "setting", exists: true, used: true }]),
        problems: Effect.succeed([]),
        changes: Stream.empty,
        servers: Effect.forEach(Object.entries(servers), ([name, { unusable: reason }]) =>
          Effect.map(Ref.get(counts), (all): ServerSummary => {
            const connected = (all[name]?.held ?? 0) > 0
            const summary = { name, transport: "stdio", target: `test-server ${name}`, envNames: [] } as const
            if (reason === undefined) return { ...summary, source: configPath, state: "usable", connected }
            const state = reason === "Disabled" ? "disabled" : reason === "Itself" ? "itself" : "invalid"
            return { ...summary, source: configPath, state, problem: unusable(name, reason).message, connected }
          })
        ),
        connect,
        usable: (server) => Effect.asVoid(find(server)),
        switchedOff: () => Effect.succeed(undefined),
        disconnect: () => Effect.void,
        connectDefined: ({ name }) => connect(name),
        review: (server) => Effect.scoped(Effect.flatMap(connect(server), (connection) => connection.review)),
        trust: ({ server }) => new McpNotLockable({ server }),
        unlock: ({ server }) => new McpNotLockable({ server }),
        tools: (server) => Effect.scoped(Effect.flatMap(connect(server), (connection) => connection.tools)),
        call: (server, tool, args, options) =>
          Effect.scoped(Effect.flatMap(connect(server), (connection) => connection.call(tool, args, options))),
        login: (server) => new McpLoginFailed({ server, reason: "NotRemote", detail: "" }),
        logout: () => Effect.succeed(false)
      }
      return Context.make(McpRegistry, registry).pipe(
        Context.add(McpRegistryCalls, {
          calls: Ref.get(calls),
          attempts: (server) => Effect.map(Ref.get(counts), (all) => all[server]?.attempts ?? 0),
          held: (server) => Effect.map(Ref.get(counts), (all) => all[server]?.held ?? 0)
        })
      )
    })
  )

/** A result with one text part. */
export const textResult = (text: string, options: { readonly isError?: boolean } = {}): ToolResult => ({
  content: [{ type: "text", text }],
  isError: options.isError ?? false
})

/** A server that ended before it answered. */
export const exited = (server: string, exitCode: number, stderrTail = ""): McpServerUnavailable =>
  new McpServerUnavailable({ server, reason: "Exited", exitCode, detail: "", stderrTail })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const toolsOf = (server: TestServer): ReadonlyMap<string, TestTool> =>
  new Map(
    Object.entries(server.tools ?? {}).map(([name, tool]) => [
      name,
      typeof tool === "function" ? { handler: tool } : tool
    ])
  )

const reviewOf = (name: string, server: TestServer): ToolReview => {
  const all = [...toolsOf(server)].map(([tool, definition]) => mcpTool(name, tool, definition))
  const isWithheld = (tool: McpTool) => server.withheld?.includes(tool.name) === true
  return {
    ...unguarded(
      name,
      all.filter((tool) => !isWithheld(tool))
    ),
    locked: server.withheld !== undefined,
    withheld: all.filter(isWithheld).map((tool) => ({ tool, change: "changed", before: undefined }))
  }
}

const mcpTool = (server: string, name: string, { handler: _, ...fields }: TestTool): McpTool => ({
  description: "",
  inputSchema: { type: "object" },
  annotations: {},
  ...fields,
  server,
  name
})

const readingOf = (server: string, { prompts = {}, resources = {}, templates = [] }: TestServer) => {
  const missing = (what: McpReadFailed["what"], name: string) =>
    new McpReadFailed({ server, what, name, reason: "NotFound", detail: "" })
  const contentsOf = (uri: string, resource: string | { readonly contents: Contents }) =>
    (typeof resource === "string" ? [{ text: resource }] : resource.contents).map((part) => ({ uri, ...part }))
  return {
    resources: Effect.succeed(
      Object.entries(resources).map(([uri, resource]): McpResource => {
        const { contents: _, ...fields } = typeof resource === "string" ? { contents: [] } : resource
        return { name: uri, ...fields, server, uri }
      })
    ),
    resourceTemplates: Effect.succeed(templates.map((template): McpResourceTemplate => ({ ...template, server }))),
    readResource: (uri: string) =>
      resources[uri] === undefined ? missing("resource", uri) : Effect.succeed(contentsOf(uri, resources[uri])),
    prompts: Effect.succeed(
      Object.entries(prompts).map(([name, { get: _, ...fields }]): McpPrompt => ({
        arguments: [],
        ...fields,
        server,
        name
      }))
    ),
    getPrompt: (name: string, args: Readonly<Record<string, string>>) =>
      Effect.suspend(() =>
        prompts[name] === undefined ? missing("prompt", name) : Effect.succeed(prompts[name].get(args))
      )
  }
}

const resultOf = (result: ToolResult | string): ToolResult => (typeof result === "string" ? textResult(result) : result)

const unusable = (server: string, reason: McpEntryUnusable["reason"]) =>
  new McpEntryUnusable({ server, path: configPath, reason, line: 1, detail: "The test says so." })
