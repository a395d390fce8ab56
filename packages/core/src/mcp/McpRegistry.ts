/**
 * The user's MCP servers, with one pooled connection to each: opened when first needed, shared, closed when idle. The
 * failure of one server does not affect the others.
 */
import type * as CommandExecutor from "@effect/platform/CommandExecutor"
import type * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Equal from "effect/Equal"
import * as Layer from "effect/Layer"
import * as RcMap from "effect/RcMap"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { present } from "../schema/Fields.ts"
import { Settings } from "../configuration/Settings.ts"
import { BreakerPolicy } from "../resilience/CircuitBreaker.ts"
import { retryPolicyOf } from "../resilience/Resilience.ts"
import * as MissingProgram from "./transport/MissingProgram.ts"
import type { ConfigChange } from "./config/ConfigChange.ts"
import { type DefinedServer, source as defined } from "./config/DefinedServer.ts"
import type { ConfigCandidate } from "./config/McpConfigFiles.ts"
import * as GuardedSession from "./lock/GuardedSession.ts"
import type { McpLockFailed, McpNotLockable } from "./lock/ToolLockError.ts"
import * as ToolLockFiles from "./lock/ToolLockFiles.ts"
import type { ToolReview } from "./lock/ToolLock.ts"
import * as McpConfigFiles from "./config/McpConfigFiles.ts"
import type { CallOptions, HeldConnection } from "./McpConnection.ts"
import type { McpTool } from "./McpTool.ts"
import {
  type McpCallFailed,
  type McpConfigInvalid,
  type McpEntryUnusable,
  McpServerNotFound,
  type McpServerUnavailable
} from "./McpError.ts"
import { McpLoginFailed } from "./login/McpLoginFailed.ts"
import { type LoginRequest, McpLogins } from "./login/McpLogins.ts"
import { McpTransport } from "./transport/McpTransport.ts"
import { nearest } from "../names/nearest.ts"
import * as OpenServer from "./connection/OpenServer.ts"
import * as PooledServer from "./connection/PooledServer.ts"
import * as Roots from "./Roots.ts"
import type { ServerDefinition } from "./config/ServerDefinition.ts"
import { remoteServer, type RemoteServer } from "./config/Launch.ts"
import { type ServerSummary, summaryOf, unusable } from "./ServerSummary.ts"
import type { ToolResult } from "./ToolResult.ts"

export { ServerSummary } from "./ServerSummary.ts"

export type { ConfigChange } from "./config/ConfigChange.ts"
export { ConfigCandidate } from "./config/McpConfigFiles.ts"

export type McpConnectError = McpConfigInvalid | McpServerNotFound | McpEntryUnusable | McpServerUnavailable

export interface ConnectOptions {
  /** Absolute paths that the server may work in while the connection is held, in addition to those of other holders. */
  readonly folders?: ReadonlyArray<string> | undefined
}

export class McpRegistry extends Context.Tag("@lms-bridge/core/mcp/McpRegistry")<
  McpRegistry,
  {
    /** The places where configurations are looked for, and which of them are used. */
    readonly candidates: Effect.Effect<ReadonlyArray<ConfigCandidate>>
    /** What is wrong with configuration files, and what is used instead, in sentences. */
    readonly problems: Effect.Effect<ReadonlyArray<string>>
    /** Changes of the configuration from now on. Only servers whose entry changed are reconnected. */
    readonly changes: Stream.Stream<ConfigChange>
    /** All entries, usable or not. Empty when there is no configuration at all. Starts nothing. */
    readonly servers: Effect.Effect<ReadonlyArray<ServerSummary>, McpConfigInvalid>
    /** Fails as `connect` would for a server whose entry is missing or cannot be used. Starts nothing. */
    readonly usable: (server: string) => Effect.Effect<void, McpConfigInvalid | McpServerNotFound | McpEntryUnusable>
    /**
     * The pooled connection to a server, held until the scope closes; opened if necessary. `CurrentElicitation` and
     * `CurrentSampling` of the caller that opens it determine which requests the server is told it may send.
     */
    readonly connect: (
      server: string,
      options?: ConnectOptions
    ) => Effect.Effect<HeldConnection, McpConnectError, Scope.Scope>
    /**
     * The same for a server that is in no configuration. Equal definitions share a connection; `CurrentSecrets` and the
     * environment are read now. Call its tools through the connection, because the registry does not know it by name.
     */
    readonly connectDefined: (
      server: DefinedServer,
      options?: ConnectOptions
    ) => Effect.Effect<HeldConnection, McpConnectError, Scope.Scope>
    /** Ends the connection to a server, if there is one; its next use opens another. */
    readonly disconnect: (server: string) => Effect.Effect<void, McpConfigInvalid | McpServerNotFound>
    /** Without the tools that the lock withholds. */
    readonly tools: (server: string) => Effect.Effect<ReadonlyArray<McpTool>, McpConnectError>
    /** Which part of the configuration switches a tool off, in a sentence; undefined if none does. */
    readonly switchedOff: (
      server: string,
      tool: string
    ) => Effect.Effect<string | undefined, McpConfigInvalid | McpServerNotFound>
    /** The server's tools compared with its lock. */
    readonly review: (server: string) => Effect.Effect<ToolReview, McpConnectError>
    /** Records in the lock that the tools of a review are trusted, exactly as they were reviewed. */
    readonly trust: (review: ToolReview) => Effect.Effect<void, McpLockFailed | McpNotLockable>
    /** Removes a server from its lock. */
    readonly unlock: (review: ToolReview) => Effect.Effect<void, McpLockFailed | McpNotLockable>
    readonly call: (
      server: string,
      tool: string,
      args: Readonly<Record<string, unknown>>,
      options?: CallOptions
    ) => Effect.Effect<ToolResult, McpConnectError | McpCallFailed>
    /** Logs in to a remote server, by the user in a browser. */
    readonly login: (
      server: string,
      request: LoginRequest
    ) => Effect.Effect<void, McpConfigInvalid | McpServerNotFound | McpEntryUnusable | McpLoginFailed>
    /** Forgets the login to a server, configured or not. False when there was none. */
    readonly logout: (server: string) => Effect.Effect<boolean, McpLoginFailed>
  }
>() {
  /** Takes the transport as a service, so that tests can provide fake servers. */
  static readonly layerNoDeps: Layer.Layer<
    McpRegistry,
    never,
    McpTransport | Settings | FileSystem.FileSystem | Path.Path
  > = Layer.scoped(
    this,
    Effect.suspend(() => make)
  ).pipe(Layer.provide(McpLogins.layer))
  static readonly layer: Layer.Layer<
    McpRegistry,
    never,
    Settings | CommandExecutor.CommandExecutor | FileSystem.FileSystem | Path.Path
  > = this.layerNoDeps.pipe(Layer.provide(McpTransport.layer.pipe(Layer.provide(McpLogins.layer))))
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const make = Effect.gen(function* () {
  const settings = yield* Settings
  const transport = yield* McpTransport
  const logins = yield* McpLogins
  const path = yield* Path.Path
  const files = yield* McpConfigFiles.make({ override: settings.mcpJsonPath, mode: settings.mcpSources })
  const locks = yield* ToolLockFiles.make({ place: settings.mcpLock })
  const programs = yield* MissingProgram.make(files.inherited)
  const policy = new BreakerPolicy({ failures: settings.breakerFailures, openFor: settings.breakerOpenFor })
  const retries = retryPolicyOf(settings)

  const open = yield* OpenServer.make({ settings, transport, files })

  /** How many tools a server listed last. */
  const toolCounts = new WeakMap<ServerDefinition, number>()
  const counted = <E>(definition: ServerDefinition, tools: Effect.Effect<ReadonlyArray<McpTool>, E>) =>
    Effect.tap(tools, ({ length }) => Effect.sync(() => toolCounts.set(definition, length)))

  const restarts = new Map<string, number>()
  const pooled = new Map<ServerDefinition, PooledServer.PooledServer>()
  const pool = yield* RcMap.make({
    lookup: (definition: ServerDefinition) =>
      Effect.acquireRelease(
        Effect.tap(
          PooledServer.make({
            server: definition.name,
            open: (answering) =>
              Effect.map(open(definition, answering), (session) =>
                GuardedSession.make(definition, { ...session, tools: counted(definition, session.tools) }, locks)
              ),
            policy,
            retries,
            concurrency: settings.mcpConcurrency,
            queue: settings.queue,
            restarted: Effect.sync(() => restarts.set(definition.name, (restarts.get(definition.name) ?? 0) + 1))
          }),
          (server) => Effect.sync(() => pooled.set(definition, server))
        ),
        (server) => Effect.sync(() => pooled.get(definition) === server && pooled.delete(definition))
      ),
    idleTimeToLive: settings.mcpIdle
  })
  // by itself the pool would close its servers one after the other, each with its grace period
  yield* Effect.addFinalizer(() =>
    Effect.forEach([...pooled.values()], (server) => server.close, { concurrency: 16, discard: true })
  )

  const scope = yield* Effect.scope
  const seen = { version: -1 }
  /** Releases servers whose entry has changed or gone, as soon as nobody uses them. */
  const dropStale = ({ servers, version }: McpConfigFiles.Configuration) => {
    if (seen.version === version) return Effect.void
    seen.version = version
    const stale = [...pooled.keys()].filter(
      (definition) => definition.source !== defined && servers.get(definition.name) !== definition
    )
    return Effect.forEach(stale, (definition) => RcMap.invalidate(pool, definition), { concurrency: 16 }).pipe(
      // the caller does not wait for processes to end, but this layer does
      Effect.forkIn(scope),
      Effect.uninterruptible,
      Effect.when(() => stale.length > 0)
    )
  }
  const current = Effect.tap(files.current, dropStale)
  const recent = Effect.tap(files.recent, dropStale)

  const definitionOf = Effect.fnUntraced(function* (name: string, configuration: typeof current) {
    const { path, servers } = yield* configuration
    const definition = servers.get(name)
    if (definition === undefined) {
      const available = [...servers.keys()]
      const where = path === undefined ? {} : { path }
      return yield* new McpServerNotFound({ server: name, available, nearest: nearest(name, available), ...where })
    }
    return definition
  })

  /** The equal definition that is already pooled, if there is one. */
  const defining = Effect.fnUntraced(function* (server: DefinedServer) {
    const made = yield* files.define(server)
    const same = (other: ServerDefinition) =>
      other.source === defined && other.name === made.name && Equal.equals(other.identity, made.identity)
    return [...pooled.keys()].find(same) ?? made
  })

  // the lookup is short, and two at once would create the same server twice
  const gate = yield* Effect.makeSemaphore(1)
  const held = Effect.fnUntraced(function* <E>(found: Effect.Effect<ServerDefinition, E>, options?: ConnectOptions) {
    const pick = Effect.gen(function* () {
      const definition = yield* found
      if (Either.isLeft(definition.launch)) return yield* unusable(definition, definition.launch.left)
      return { definition, server: yield* RcMap.get(pool, definition) }
    })
    const { definition, server } = yield* gate.withPermits(1)(pick)
    const roots = options?.folders === undefined ? [] : yield* Roots.ofFolders(path, options.folders)
    return { ...(yield* server.connection(roots)), isCurrent: isCurrent(definition) }
  })
  const isCurrent = (definition: ServerDefinition) =>
    definition.source === defined
      ? Effect.succeed(true)
      : Effect.match(recent, {
          onFailure: () => false,
          onSuccess: ({ servers }) => servers.get(definition.name) === definition
        })

  /** Cached for each version of the configuration: the list is usually requested again before anything has changed. */
  const listed: Listing = { of: undefined, lock: 0, definitions: [], remotes: [], summaries: [] }
  const list = Effect.fnUntraced(function* (configuration: McpConfigFiles.Configuration) {
    const lock = yield* locks.freshen(
      listed.of === configuration ? listed.definitions : [...configuration.servers.values()]
    )
    if (listed.of !== configuration || listed.lock !== lock) {
      listed.definitions = [...configuration.servers.values()]
      listed.summaries = listed.definitions.map((definition) =>
        summaryOf(definition, configuration.shadowed.get(definition.name) ?? [], locks.known(definition))
      )
      listed.remotes = listed.definitions.flatMap((definition) => {
        const { launch, name } = definition
        const remote = Either.isRight(launch) ? remoteServer(name, launch.right) : undefined
        return remote === undefined ? [] : [[definition, remote] as const]
      })
      listed.of = configuration
      listed.lock = lock
    }
    const open = new Set<ServerDefinition>()
    for (const [definition, server] of pooled) if (yield* server.isOpen) open.add(definition)
    const logged = new Map<ServerDefinition, ServerSummary["login"]>()
    for (const [definition, remote] of listed.remotes) {
      const login = yield* logins.state(remote)
      if (login !== undefined) logged.set(definition, login)
    }
    const missing = yield* programs(listed.definitions.filter((definition) => !open.has(definition)))
    const known = open.size + logged.size + missing.size > 0 || listed.definitions.some((one) => toolCounts.has(one))
    return !known
      ? listed.summaries
      : listed.summaries.map((summary, index) => {
          const definition = listed.definitions[index]
          if (definition === undefined) return summary
          const login = logged.get(definition)
          const problem = missing.get(definition)
          return {
            ...summary,
            connected: open.has(definition),
            ...present({ login, tools: toolCounts.get(definition), restarts: restarts.get(definition.name) }),
            ...(problem === undefined ? {} : { state: "missing" as const, problem })
          }
        })
  })

  return McpRegistry.of({
    candidates: files.candidates,
    problems: Effect.map(Effect.either(current), (found) =>
      Either.isRight(found) ? found.right.problems : [found.left.message]
    ),
    // servers that have changed are released at once, not only when one is needed
    changes: Stream.tap(files.changes, () => Effect.either(current)),
    servers: Effect.flatMap(current, list),
    usable: (server) =>
      Effect.flatMap(definitionOf(server, current), (definition) =>
        Either.match(definition.launch, {
          onLeft: (problem) => Effect.fail(unusable(definition, problem)),
          onRight: () => Effect.void
        })
      ),
    switchedOff: (server, tool) =>
      Effect.map(definitionOf(server, current), (definition) => definition.switchedOff?.(tool)),
    connect: Effect.fn("McpRegistry.connect")(function* (server, options) {
      yield* Effect.annotateCurrentSpan({ server })
      return yield* held(definitionOf(server, current), options)
    }),
    connectDefined: Effect.fn("McpRegistry.connectDefined")(function* (server, options) {
      yield* Effect.annotateCurrentSpan({ server: server.name })
      return yield* held(defining(server), options)
    }),
    disconnect: Effect.fn("McpRegistry.disconnect")(function* (server) {
      const definition = yield* definitionOf(server, current)
      yield* pooled.get(definition)?.close ?? Effect.void
    }),
    tools: Effect.fn("McpRegistry.tools")(function* (server) {
      yield* Effect.annotateCurrentSpan({ server })
      const connection = yield* held(definitionOf(server, current))
      return yield* connection.tools
    }, Effect.scoped),
    review: Effect.fn("McpRegistry.review")(function* (server) {
      yield* Effect.annotateCurrentSpan({ server })
      const connection = yield* held(definitionOf(server, current))
      return yield* connection.review
    }, Effect.scoped),
    trust: locks.trust,
    unlock: locks.release,
    call: (server, tool, args, options) =>
      Effect.flatMap(held(definitionOf(server, recent)), (connection) => connection.call(tool, args, options)).pipe(
        Effect.scoped
      ),
    login: Effect.fn("McpRegistry.login")(function* (server, request) {
      const { launch } = yield* definitionOf(server, current)
      const to = yield* launch.pipe(Effect.orDie) // `definitionOf` lets no other through
      const remote = remoteServer(server, to)
      if (remote !== undefined) return yield* logins.login(remote, request)
      const reason = to._tag === "Stdio" ? "NotRemote" : "HeaderSet"
      return yield* new McpLoginFailed({ server, reason, detail: "" })
    }),
    logout: logins.logout
  })
})

interface Listing {
  of: McpConfigFiles.Configuration | undefined
  /** Edition of the locks. */
  lock: number
  definitions: ReadonlyArray<ServerDefinition>
  /** The servers that may require a login. */
  remotes: ReadonlyArray<readonly [ServerDefinition, RemoteServer]>
  /** In the same order as the definitions, as if none of them were connected. */
  summaries: ReadonlyArray<ServerSummary>
}
