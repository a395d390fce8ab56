/**
 * Prepares a run for its first request: connects the chosen servers, lists their tools, and loads and leases the model.
 * Servers and model are prepared concurrently, because both take seconds.
 */
import type * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Exit from "effect/Exit"
import * as Ref from "effect/Ref"
import * as Scope from "effect/Scope"
import { inOwnScope } from "../../internal/ownScope.ts"
import * as TokenCount from "../../lmstudio/TokenCount.ts"
import { present } from "../../schema/Fields.ts"
import type { McpConnection } from "../../mcp/McpConnection.ts"
import type { McpConnectError, McpRegistry } from "../../mcp/McpRegistry.ts"
import { leftOut, startable } from "../../mcp/ServerSummary.ts"
import type { ToolResult } from "../../mcp/ToolResult.ts"
import type { ModelLifecycleError } from "../../models/ModelLifecycle.ts"
import type { ModelLease } from "../../models/LoadedModel.ts"
import type { Ensured } from "../../models/Ensured.ts"
import type { Ability } from "../../models/ModelUnfit.ts"
import type { LoadProgress, Needs } from "../../models/EnsureOptions.ts"
import * as PreferredContext from "../../models/PreferredContext.ts"
import type { AgentEventBody, AgentOutcome } from "../rules/AgentEvent.ts"
import type { AgentError } from "../AgentError.ts"
import { type AgentTask, isChosen } from "../AgentTask.ts"
import * as FormChoice from "../forms/FormChoice.ts"
import { CurrentRun } from "./CurrentRun.ts"
import * as HandingOver from "../rules/HandingOver.ts"
import * as ModelChain from "./ModelChain.ts"
import * as ReadingTools from "../tools/ReadingTools.ts"
import * as RunTools from "./RunTools.ts"
import * as RunClient from "./RunClient.ts"
import * as Toolbox from "../tools/Toolbox.ts"
import * as ToolCatalog from "../tools/ToolCatalog.ts"
import { noneAtHand } from "../tools/SemanticRank.ts"

/** What a prepared run works with. */
export interface Prepared {
  /** The current lease on the model. */
  readonly lease: Effect.Effect<ModelLease>
  /** Lets the model go, before another one takes its place. */
  readonly release: Effect.Effect<void>
  /** Releases the model and reloads it with a larger context. On failure it is leased again as before. */
  readonly grow: (contextLength: number) => Effect.Effect<void, ModelLifecycleError>
  readonly tools: RunTools.RunTools
  /** Calls a tool of a configured or defined server by the server's name. */
  readonly call: Context.Tag.Service<typeof McpRegistry>["call"]
  /** Lists and reads what its servers offer besides tools (`ReadingTools`). */
  readonly read: (tool: string, args: Readonly<Record<string, unknown>>) => Effect.Effect<ToolResult>
}

type Missing = AgentOutcome["missingServers"]

/**
 * Fails when the model cannot be loaded or a named server does not start. Other servers that do not start are left out and
 * reported. Everything is held until the scope closes.
 */
export const prepare: Effect.Effect<Prepared, AgentError, CurrentRun | Scope.Scope> = Effect.gen(function* () {
  const { log, policy, services } = yield* CurrentRun
  const { task } = log.state
  const { tell } = log
  const model = yield* Deferred.make<Effect.Effect<ModelLease>>()
  const client = yield* RunClient.make({
    settings: services.settings,
    log,
    lease: Effect.flatten(Deferred.await(model))
  })
  const [{ call, read, servers }, { grow, lease, release }] = yield* Effect.all(
    [connectAll(client), Effect.tap(held, (taken) => Deferred.succeed(model, taken.lease))],
    { concurrency: "unbounded" }
  )
  const listed = servers.flatMap(({ tools }) => tools)
  const names = servers.flatMap(({ server, tools }) => (tools.length === 0 ? [] : [server]))
  // fail early when a tool that was requested by name does not exist
  yield* Option.match(ToolCatalog.missing(listed, task.allowedTools ?? [], names), {
    onNone: () => Effect.void,
    onSome: Effect.fail
  })
  for (const [kind, patterns] of [
    ["excluded", task.excludedTools],
    ["allowed", task.approvedTools]
  ] as const) {
    for (const pattern of patterns ?? []) {
      const unknown = ToolCatalog.missing(listed, [pattern], names)
      if (Option.isNone(unknown) || (kind === "allowed" && pattern === "*")) continue
      if (kind === "excluded" && task.exclusionsMatch === true) return yield* unknown.value
      yield* tell({ _tag: "Noted", kind, text: unknown.value.message })
    }
  }
  const { contextLength, model: name, params } = yield* (yield* lease).ensured
  // without anything to call, a form would only cost its instructions
  const calls = listed.length > 0 || log.state.skills !== undefined || task.toolForm !== undefined
  const chosen =
    log.state.introduced.length === 0 && calls
      ? (FormChoice.of(name, task.toolForm) ?? (yield* byTrial(yield* lease)))
      : undefined
  if (chosen !== undefined) yield* tell({ _tag: "ToolFormChosen", form: chosen.form, text: chosen.why })
  const { form } = log.state.adapted
  const inLines = form === "bound"
  const limits: Toolbox.Limits = {
    count: inLines ? Number.MAX_SAFE_INTEGER : Toolbox.countFor({ name, params }, policy.toolCounts, policy.toolCount),
    together: policy.toolCount,
    tokens: contextLength === undefined ? undefined : Math.floor(contextLength * policy.toolShare),
    inLines,
    lines: policy.toolLines,
    contextLength,
    nameTokens: contextLength === undefined ? Number.MAX_SAFE_INTEGER : Math.floor(contextLength * policy.nameShare)
  }
  const tools = yield* RunTools.make(servers, log, limits, (among) =>
    policy.embeddings === "never"
      ? Effect.succeed(noneAtHand)
      : services.nearness.of(task.task, among, {
          load: policy.embeddings === "load",
          wait: policy.embeddingWait,
          onProgress: (progress) => tell(loading(progress))
        })
  )
  if (listed.length > 0 && tools.catalog.tools.length === 0) {
    const text = `Every tool of ${names.join(", ")} is excluded, so the model works without tools.`
    yield* tell({ _tag: "Noted", kind: "excluded", text })
  }
  return { lease, grow, release, tools, call, read }
}).pipe(Effect.withSpan("AgentLoop.prepare"))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** What is known of a model that nobody measured, or what a few short requests show now. */
const byTrial = Effect.fnUntraced(function* (lease: ModelLease) {
  const { log, policy, services } = yield* CurrentRun
  const { model } = yield* lease.ensured
  const found = yield* services.forms.of(lease, {
    limit: Duration.min(policy.probe, Duration.millis(log.state.task.budgets.wallMillis * policy.probeShare)),
    onTrial: (what) => log.tell({ _tag: "Preparing", what: `Trying how ${model} makes calls, once: ${what}` })
  })
  if (Option.isNone(found)) return undefined
  const { usage, why } = found.value
  if (usage !== undefined) yield* log.tell({ _tag: "Noted", kind: "probe", text: why, usage })
  return found.value
})

/** A lease in a scope of its own, so that it can be released before the run ends. */
const held = Effect.gen(function* () {
  const { log, services } = yield* CurrentRun
  const { tell } = log
  const { task } = log.state
  const scope = yield* Effect.scope
  const preference = PreferredContext.ofSetting(services.settings.contextLength)
  const own = (name: string | undefined, ability: Ability, contextLength: number | undefined) =>
    services.lifecycle.lease(name, {
      ability,
      needs: needsOf(task),
      ttl: task.ttlMillis,
      ...(contextLength === undefined ? preference : { contextLength }),
      onProgress: (progress) => tell(loading(progress))
    })
  const taken = Effect.fnUntraced(function* <E, R>(
    taking: Effect.Effect<{ readonly lease: ModelLease; readonly ensured: Ensured }, E, R>
  ) {
    const [{ ensured, lease }, own] = yield* Scope.extend(inOwnScope(taking), scope)
    yield* tell({ _tag: "ModelReady", ensured })
    return { lease, own }
  })
  const again = (name: string | undefined, contextLength: number | undefined) =>
    taken(
      Effect.flatMap(own(name, "chat", contextLength), (lease) =>
        Effect.map(lease.ensured, (ensured) => ({ lease, ensured }))
      )
    )
  const current = yield* Ref.make(
    yield* taken(ModelChain.lease((name, ability) => own(name, ability, task.contextLength)))
  )
  const grow = Effect.fnUntraced(function* (contextLength: number) {
    const { lease, own } = yield* Ref.get(current)
    // whatever the task's name for it means by now
    const { model } = yield* lease.ensured
    // a leased model is never reloaded, not even by its holder
    yield* Scope.close(own, Exit.void)
    yield* again(model, contextLength).pipe(
      Effect.tapError(() =>
        Effect.flatMap(
          // it may have been let go meanwhile
          Effect.orElse(again(model, task.contextLength), () =>
            again(HandingOver.left(log.state)[0], task.contextLength)
          ),
          (one) => Ref.set(current, one)
        )
      ),
      Effect.flatMap((one) => Ref.set(current, one))
    )
  })
  const release = Effect.flatMap(Ref.get(current), ({ own }) => Scope.close(own, Exit.void))
  return { lease: Effect.map(Ref.get(current), ({ lease }) => lease), grow, release }
})

/** What the model must be able to do, where its choice is left to us. */
const needsOf = ({
  attachments = [],
  contextLength,
  definedServers = [],
  instructions = "",
  outputSchema,
  servers,
  task
}: AgentTask): Needs => ({
  tools: servers._tag !== "None" || definedServers.length > 0,
  schema: outputSchema !== undefined,
  images: attachments.some(({ _tag }) => _tag === "Image"),
  contextLength,
  tokens: TokenCount.ofText(
    [task, instructions, ...attachments.flatMap((part) => (part._tag === "Text" ? [part.text] : []))].join("")
  )
})

const loading = (progress: LoadProgress): AgentEventBody => {
  switch (progress._tag) {
    case "Waiting":
      return { _tag: "Preparing", what: `Waiting for ${progress.model}: ${progress.why}` }
    case "Loading":
      return {
        _tag: "Preparing",
        what: `Loading ${progress.model}`,
        ...present({ progress: progress.progress })
      }
    case "Verifying":
      return { _tag: "Preparing", what: `Verifying that ${progress.model} is loaded` }
    case "SteppedDown":
      return { _tag: "Preparing", what: `Using ${progress.to} instead of ${progress.model}: ${progress.reason}` }
  }
}

const connectAll = (
  client: RunClient.RunClient
): Effect.Effect<
  { readonly servers: ReadonlyArray<RunTools.ReadyServer> } & Pick<Prepared, "call" | "read">,
  McpConnectError,
  CurrentRun | Scope.Scope
> =>
  Effect.gen(function* () {
    const { log, policy, services } = yield* CurrentRun
    const { registry } = services
    const { tell } = log
    const { task } = log.state
    const own = new Map(task.definedServers?.map((server) => [server.name, server]))
    const { missing, names } = yield* chosen(registry, task)
    if (task.servers._tag === "All" && own.size === 0 && names.length === 0) {
      yield* tell({ _tag: "Noted", kind: "servers", text: noServers(missing.length) })
    }
    const connected = yield* Effect.forEach(
      new Set([...own.keys(), ...names]),
      Effect.fnUntraced(function* (server) {
        yield* tell({ _tag: "Preparing", what: `Starting MCP server ${server}` })
        const definition = own.get(server)
        const holding = { folders: task.workingFolders }
        const connect =
          definition === undefined ? registry.connect(server, holding) : registry.connectDefined(definition, holding)
        const ready = Effect.gen(function* () {
          const connection = yield* client(server)(connect)
          const edition = yield* connection.toolsEdition
          const { tools, withheld } = yield* connection.review
          return { server, connection, edition, tools, withheld: withheld.map(({ tool }) => tool.name) }
        })
        return yield* isChosen(task, server)
          ? Effect.map(ready, Either.right)
          : Effect.either(Effect.mapError(ready, (error) => ({ server, problem: problemOf(error) })))
      }),
      { concurrency: policy.connectConcurrency }
    )
    const ready = connected.filter(Either.isRight).map(({ right }) => right)
    yield* tell({
      _tag: "ServersReady",
      ready: ready.map(({ server, tools, withheld }) => ({
        server,
        tools: tools.length,
        ...(withheld.length === 0 ? {} : { withheld })
      })),
      missing: [...missing, ...connected.filter(Either.isLeft).map(({ left }) => left)]
    })
    const connections = new Map(ready.map(({ connection, server }) => [server, connection]))
    return {
      servers: ready,
      call: (server, ...rest) => {
        const connection = connections.get(server)
        // when a server's entry changes during the run, the new server is used
        const anew = registry.call(server, ...rest)
        return client(server)(
          connection === undefined
            ? anew
            : Effect.flatMap(connection.isCurrent, (isCurrent) => (isCurrent ? connection.call(...rest) : anew))
        )
      },
      // elicitation and sampling requests during a read are answered the same way
      read: (tool, args) =>
        ReadingTools.call(
          ready.map(({ connection, server }) => withClient(connection, client(server))),
          tool,
          args
        )
    }
  })

const noServers = (unusable: number) =>
  `${unusable === 0 ? "No MCP server is configured" : "No configured MCP server can be used"}, so the model works without tools. \`lms-bridge mcp add\` adds one, and \`lms-bridge mcp ls\` shows where they are looked for.`

const withClient = (connection: McpConnection, client: ReturnType<RunClient.RunClient>): McpConnection => ({
  ...connection,
  readResource: (...args) => client(connection.readResource(...args)),
  getPrompt: (...args) => client(connection.getPrompt(...args))
})

const chosen = (
  registry: Context.Tag.Service<typeof McpRegistry>,
  { servers }: AgentTask
): Effect.Effect<{ readonly names: ReadonlyArray<string>; readonly missing: Missing }, McpConnectError> => {
  switch (servers._tag) {
    case "None":
      return Effect.succeed({ names: [], missing: [] })
    case "Named":
      return Effect.succeed({ names: [...new Set(servers.names)], missing: [] })
    case "All":
      return Effect.map(registry.servers, (all) => ({
        names: startable(all).map(({ name }) => name),
        // disabled entries and lms-bridge itself are left out on purpose; an invalid entry is reported
        missing: all.flatMap((server) => {
          const why = server.state === "invalid" ? (server.problem ?? "The entry cannot be used.") : leftOut(server)
          return why === undefined ? [] : [{ server: server.name, problem: { tag: "McpEntryUnusable", message: why } }]
        })
      }))
  }
}

const problemOf = (error: McpConnectError) => ({ tag: error._tag, message: error.message })
