/** Records the traffic of a run onto a cassette. */
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Settings } from "../../configuration/Settings.ts"
import type { ChatEvent, ChatReply } from "../../lmstudio/Chat.ts"
import { LmStudioError, ServerFault } from "../../lmstudio/LmStudioError.ts"
import { McpRegistry, type McpConnectError } from "../../mcp/McpRegistry.ts"
import type { HeldConnection } from "../../mcp/McpConnection.ts"
import type { McpTool } from "../../mcp/McpTool.ts"
import type { McpCallError, McpReadFailed, McpServerUnavailable } from "../../mcp/McpError.ts"
import type { ToolResult } from "../../mcp/ToolResult.ts"
import type { Embedder } from "../../models/catalog/Embedder.ts"
import { ModelLifecycle } from "../../models/ModelLifecycle.ts"
import type { ModelLease } from "../../models/LoadedModel.ts"
import { AgentLoop } from "../../agent/AgentLoop.ts"
import * as AgentRun from "../../agent/run/Run.ts"
import * as Beforehand from "../../agent/run/Beforehand.ts"
import { CassetteNotWritten, toLine, type CassetteEntry } from "./Cassette.ts"
import { UserPolicies } from "../../agent/policy/PolicyFile.ts"
import { CallForms } from "../../registry/CallForms.ts"
import { Suitability } from "../../registry/Suitability.ts"
import { RunJournal } from "../RunJournal.ts"
import { Skills } from "../../skills/Skills.ts"
import { SemanticRank } from "../../agent/tools/SemanticRank.ts"

/** An agent loop that writes the traffic of its runs to a file, replacing it. `written` changes each line. */
export const layer = (
  path: string,
  written: (line: string) => string = (line) => line
): Layer.Layer<
  AgentLoop,
  CassetteNotWritten,
  ModelLifecycle | McpRegistry | Embedder | RunJournal | Settings | FileSystem.FileSystem
> =>
  Layer.scoped(
    AgentLoop,
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const file = yield* Effect.mapError(
        fs.open(path, { flag: "w", mode: 0o600 }),
        (cause) => new CassetteNotWritten({ path, detail: whyNot(cause) })
      )
      const encoder = new TextEncoder()
      const write = (entry: CassetteEntry) =>
        Effect.flatMap(toLine(entry), (line) => file.writeAll(encoder.encode(written(line)))).pipe(
          Effect.catchAll((cause) => Effect.logWarning("The recording cannot be written.", { cause: cause.message }))
        )
      const services = {
        lifecycle: recordedLifecycle(yield* ModelLifecycle, write),
        registry: recordedRegistry(yield* McpRegistry, write),
        suitability: yield* Suitability,
        forms: recordedForms(yield* CallForms, write),
        nearness: recordedNearness(yield* SemanticRank, write),
        skills: yield* Skills,
        journal: yield* RunJournal,
        settings: yield* Settings,
        policies: yield* UserPolicies
      }
      return AgentLoop.of({
        run: (task) =>
          Stream.tap(
            Stream.concat(Stream.drain(Stream.fromEffect(write({ _tag: "Task", task }))), AgentRun.run(services, task)),
            (event) => (event._tag === "RunFinished" ? write({ _tag: "Ended", outcome: event.outcome }) : Effect.void)
          ),
        check: (task) => Beforehand.check(services, task),
        begin: (task) => AgentRun.begin(services, task),
        resume: (runId, how) => AgentRun.resume(services, runId, how),
        cancel: (runId) => Effect.flatMap(services.journal.read(runId), services.journal.idle)
      })
    })
  ).pipe(Layer.provide(SemanticRank.layer))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const whyNot = (cause: PlatformError): string => {
  if (cause._tag === "BadArgument") return cause.message
  switch (cause.reason) {
    case "NotFound":
      return "its folder does not exist"
    case "PermissionDenied":
      return "that is not permitted"
    case "BadResource":
      return "its path is a folder or leads through a file"
    default:
      return `the system says ${cause.description ?? cause.message}`
  }
}

type Write = (entry: CassetteEntry) => Effect.Effect<void>

type Reading = Extract<CassetteEntry, { readonly _tag: "Read" }>

const isLmStudioError = Schema.is(LmStudioError)

/** An error that is not from LM Studio itself is replayed as a server fault with its message. */
const playable = (error: unknown): LmStudioError =>
  isLmStudioError(error)
    ? error
    : new ServerFault({
        operation: "replay",
        reason: "Unknown",
        serverMessage: error instanceof Error ? error.message : String(error),
        delivered: 1
      })

const recordedNearness = (
  nearness: Context.Tag.Service<typeof SemanticRank>,
  write: Write
): Context.Tag.Service<typeof SemanticRank> => ({
  of: (...args) => Effect.tap(nearness.of(...args), (found) => write({ _tag: "Nearness", nearness: found }))
})

/** Trials are between the run and the model, and no part of the run: a replay takes what they found. */
const recordedForms = (
  forms: Context.Tag.Service<typeof CallForms>,
  write: Write
): Context.Tag.Service<typeof CallForms> => ({
  of: (...args) =>
    forms
      .of(...args)
      .pipe(
        Effect.provideService(OffTape, true),
        Effect.tap(
          Option.match({ onNone: () => Effect.void, onSome: ({ form, why }) => write({ _tag: "Form", form, why }) })
        )
      )
})

class OffTape extends Context.Reference<OffTape>()("@lms-bridge/core/runs/recording/OffTape", {
  defaultValue: (): boolean => false
}) {}

const recordedLifecycle = (
  lifecycle: Context.Tag.Service<typeof ModelLifecycle>,
  write: Write
): Context.Tag.Service<typeof ModelLifecycle> => ({
  ...lifecycle,
  lease: Effect.fnUntraced(function* (name, options) {
    const lease = yield* Effect.tapError(lifecycle.lease(name, options), (error) =>
      write({ _tag: "Model", failure: playable(error) })
    )
    yield* write({ _tag: "Model", ensured: yield* lease.ensured })
    return recordedLease(lease, write)
  })
})

const recordedLease = (lease: ModelLease, write: Write): ModelLease => {
  const onTape = (entry: CassetteEntry) => Effect.unlessEffect(write(entry), OffTape)
  const replied = (reply: ChatReply) => onTape({ _tag: "Asked", reply })
  const failed = (error: unknown) => onTape({ _tag: "Asked", failure: playable(error) })
  return {
    ensured: lease.ensured,
    chat: (request, limits) => lease.chat(request, limits).pipe(Effect.tap(replied), Effect.tapError(failed)),
    chatWith: (request, onEvent, limits) =>
      Effect.suspend(() => {
        let givenUp = false
        const listen = (event: ChatEvent) => Effect.tapError(onEvent(event), () => Effect.sync(() => (givenUp = true)))
        return lease.chatWith(request, listen, limits).pipe(
          Effect.tap(replied),
          // a listener that ends the request is not a failure of the model
          Effect.tapError((error) => (givenUp ? Effect.void : failed(error)))
        )
      })
  }
}

const recordedRegistry = (
  registry: Context.Tag.Service<typeof McpRegistry>,
  write: Write
): Context.Tag.Service<typeof McpRegistry> => {
  const listed = (server: string, tools: Either.Either<ReadonlyArray<McpTool>, McpConnectError>) =>
    write({
      _tag: "Tools",
      server,
      tools: Either.getOrElse(tools, () => []),
      ...(Either.isLeft(tools) ? { failure: tools.left } : {})
    })
  const called = (
    server: string,
    tool: string,
    args: Readonly<Record<string, unknown>>,
    result: Either.Either<ToolResult, McpCallError>
  ) =>
    write({
      _tag: "Called",
      server,
      tool,
      arguments: args,
      ...(Either.isRight(result) ? { result: result.right } : { failure: result.left })
    })
  const connected = Effect.fnUntraced(function* (
    server: string,
    connect: Effect.Effect<HeldConnection, McpConnectError, Scope.Scope>
  ) {
    const connection = yield* Effect.tapError(connect, (error) => listed(server, Either.left(error)))
    const review = Effect.either(connection.review).pipe(
      Effect.tap((found) =>
        listed(
          server,
          Either.map(found, ({ tools }) => tools)
        )
      ),
      Effect.flatten
    )
    const recorded: HeldConnection = {
      ...connection,
      review,
      tools: Effect.map(review, ({ tools }) => tools),
      call: (tool, args, options) => call(server, tool, args, connection.call(tool, args, options)),
      resources: read({ server, what: "resources", name: "" }, connection.resources),
      resourceTemplates: read({ server, what: "resourceTemplates", name: "" }, connection.resourceTemplates),
      prompts: read({ server, what: "prompts", name: "" }, connection.prompts),
      readResource: (uri, options) =>
        read({ server, what: "resource", name: uri }, connection.readResource(uri, options)),
      getPrompt: (name, args, options) =>
        read({ server, what: "prompt", name, arguments: args }, connection.getPrompt(name, args, options))
    }
    return recorded
  })
  const read = <A, E extends McpServerUnavailable | McpReadFailed>(
    reading: Pick<Reading, "server" | "what" | "name" | "arguments">,
    answer: Effect.Effect<A, E>
  ) =>
    answer.pipe(
      Effect.tap((value) => write({ _tag: "Read", ...reading, given: { [reading.what]: value } })),
      Effect.tapError((failure) => write({ _tag: "Read", ...reading, failure }))
    )
  const call = <E extends McpCallError>(
    server: string,
    tool: string,
    args: Readonly<Record<string, unknown>>,
    answer: Effect.Effect<ToolResult, E>
  ) =>
    Effect.either(answer).pipe(
      Effect.tap((result) => called(server, tool, args, result)),
      Effect.flatten,
      Effect.onInterrupt(() => write({ _tag: "Called", server, tool, arguments: args }))
    )
  return {
    ...registry,
    servers: Effect.tap(registry.servers, (servers) => write({ _tag: "Servers", servers })),
    connect: (server, options) => connected(server, registry.connect(server, options)),
    connectDefined: (server, options) => connected(server.name, registry.connectDefined(server, options)),
    call: (server, tool, args, options) => call(server, tool, args, registry.call(server, tool, args, options))
  }
}
