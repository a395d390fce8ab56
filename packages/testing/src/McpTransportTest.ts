/**
 * A double of `McpTransport`: MCP servers of the official SDK in memory, and scripted failures to open them. No
 * process, no socket.
 */
import { McpServerUnavailable, McpTransport, type ChannelEnd } from "@lms-bridge/core/McpRegistry"
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js"
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"

type Shape = Context.Tag.Service<McpTransport>

/** A server of the SDK: `Server` and `McpServer` both fit. */
export interface Connectable {
  readonly connect: (transport: Transport) => Promise<void>
}

/**
 * The outcomes of the attempts to open one server, in order; a function makes a new server for each attempt, and the
 * last outcome applies to all further attempts.
 */
export type Outcomes = ReadonlyArray<McpServerUnavailable | (() => Connectable)>

/** One recorded attempt. */
export interface Opened {
  readonly server: string
  readonly launch: Parameters<Shape["open"]>[1]
  readonly environment: Readonly<Record<string, string>>
}

/** The recorded calls of the double. */
export class McpTransportCalls extends Context.Tag("@lms-bridge/testing/McpTransportCalls")<
  McpTransportCalls,
  {
    /** Oldest first. */
    readonly opened: Effect.Effect<ReadonlyArray<Opened>>
    /** Names of the servers whose scope was closed, oldest first. */
    readonly closed: Effect.Effect<ReadonlyArray<string>>
    /** Ends every open connection to the server, like a process that exits. */
    readonly end: (server: string, how?: ChannelEnd) => Effect.Effect<void>
  }
>() {}

/** By the names in `mcp.json`; the command of any other server is not found. */
export const layerTest = (servers: Readonly<Record<string, Outcomes>>): Layer.Layer<McpTransport | McpTransportCalls> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const opened = yield* Ref.make<ReadonlyArray<Opened>>([])
      const closed = yield* Ref.make<ReadonlyArray<string>>([])
      const running = yield* Ref.make<ReadonlyArray<Running>>([])

      const open: Shape["open"] = Effect.fnUntraced(function* (server, launch, environment) {
        const before = yield* Ref.getAndUpdate(opened, (all) => [...all, { server, launch, environment }])
        const outcomes = Object.hasOwn(servers, server) ? (servers[server] ?? []) : []
        const index = before.filter((attempt) => attempt.server === server).length
        const outcome = outcomes[index] ?? outcomes.at(-1)
        if (outcome === undefined) {
          return yield* new McpServerUnavailable({ server, reason: "CommandNotFound", detail: "", stderrTail: "" })
        }
        if (typeof outcome !== "function") return yield* outcome
        const ended = yield* Deferred.make<ChannelEnd>()
        const [near, far] = InMemoryTransport.createLinkedPair()
        yield* Effect.promise(() => outcome().connect(far))
        const one: Running = { server, far, ended }
        yield* Ref.update(running, (all) => [...all, one])
        yield* Effect.addFinalizer(() =>
          Effect.zipRight(
            Ref.update(running, (all) => all.filter((other) => other !== one)),
            Ref.update(closed, (all) => [...all, server])
          )
        )
        return {
          transport: near,
          ended: Deferred.await(ended),
          stderrTail: Effect.succeed(""),
          hint: Effect.succeed(""),
          endSession: Effect.void,
          redact: (text) => text
        }
      })

      return Context.make(McpTransport, { open }).pipe(
        Context.add(McpTransportCalls, {
          opened: Ref.get(opened),
          closed: Ref.get(closed),
          end: (server, how = { exitCode: 0, detail: "" }) =>
            Effect.flatMap(Ref.get(running), (all) =>
              Effect.forEach(
                all.filter((one) => one.server === server),
                (one) =>
                  Effect.zipRight(
                    Effect.promise(() => one.far.close()),
                    Deferred.succeed(one.ended, how)
                  ),
                { discard: true }
              )
            )
        })
      )
    })
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface Running {
  readonly server: string
  readonly far: InMemoryTransport
  readonly ended: Deferred.Deferred<ChannelEnd>
}
