/** A registry over a configuration in memory and servers in memory. */
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js"
import { Server } from "@modelcontextprotocol/sdk/server/index.js"
import { CallToolRequestSchema } from "@modelcontextprotocol/sdk/types.js"
import { Settings, type Values } from "#src/configuration/Settings.ts"
import { McpServerUnavailable } from "#src/mcp/McpError.ts"
import { McpRegistry } from "#src/mcp/McpRegistry.ts"
import { McpTransport } from "#src/mcp/transport/McpTransport.ts"
import { ConfigProvider, type Context, Effect, Layer, Option } from "effect"
import * as fakeFiles from "./fakeFiles.ts"

export const path = "/config/mcp.json"

export interface World {
  readonly files: ReturnType<typeof fakeFiles.make>
  /** What was opened, in order: server, command line, environment. */
  readonly opened: Array<{
    readonly server: string
    readonly line: string
    readonly environment: Record<string, string>
  }>
  readonly closed: Array<string>
  /** Resolves the pending calls of `hang`. */
  readonly answers: Array<(text: string) => void>
}

/** A registry over servers in memory, each with the tools `who` (its command line) and `hang`. */
export const withWorld = <A, E>(
  use: (registry: Context.Tag.Service<McpRegistry>, world: World) => Effect.Effect<A, E>,
  servers: Record<string, unknown>,
  options: { readonly settings?: Partial<Values>; readonly environment?: Record<string, string> } = {}
) =>
  Effect.suspend(() => {
    const files = fakeFiles.make()
    files.write(path, { mcpServers: servers })
    const world: World = { files, opened: [], closed: [], answers: [] }
    const transport = Layer.succeed(McpTransport, {
      open: Effect.fnUntraced(function* (server, launch, environment) {
        const line = launch._tag === "Stdio" ? [launch.command, ...launch.args].join(" ") : launch.kind
        world.opened.push({ server, line, environment: { ...environment } })
        if (line.startsWith("broken")) {
          return yield* new McpServerUnavailable({ server, reason: "Exited", detail: "", stderrTail: "" })
        }
        yield* Effect.addFinalizer(() => Effect.sync(() => world.closed.push(line)))
        const [mine, theirs] = InMemoryTransport.createLinkedPair()
        const far = new Server({ name: server, version: "1" }, { capabilities: { tools: {} } })
        far.setRequestHandler(CallToolRequestSchema, ({ params }) =>
          params.name === "who"
            ? { content: [{ type: "text", text: line }] }
            : new Promise((resolve) => world.answers.push((text) => resolve({ content: [{ type: "text", text }] })))
        )
        yield* Effect.promise(() => far.connect(theirs))
        return {
          transport: mine,
          ended: Effect.succeed({ exitCode: undefined, detail: "" }),
          stderrTail: Effect.succeed(""),
          hint: Effect.succeed(""),
          endSession: Effect.void,
          redact: (text: string) => text
        }
      })
    })
    const settings = Settings.layerWith({ mcpJsonPath: Option.some(path), ...options.settings })
    const provider = ConfigProvider.fromMap(new Map(Object.entries({ HOME: "/home/me", ...options.environment })))
    return Effect.flatMap(McpRegistry, (registry) => use(registry, world)).pipe(
      Effect.provide(
        McpRegistry.layerNoDeps.pipe(
          Layer.provide([transport, settings, files.layer, Layer.setConfigProvider(provider)])
        )
      )
    )
  })

/** Checks the file first, as the start of a run does. */
export const who = (registry: Context.Tag.Service<McpRegistry>, server: string) =>
  Effect.zipRight(
    registry.servers,
    Effect.map(registry.call(server, "who", {}), ({ content: [part] }) => (part?.type === "text" ? part.text : ""))
  )

/** Lets everything that is ready proceed. */
export const turns = Effect.promise(() => new Promise((resolve) => setImmediate(resolve))).pipe(Effect.repeatN(5))
