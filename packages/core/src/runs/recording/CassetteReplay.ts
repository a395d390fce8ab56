/** A model and MCP servers that answer from a cassette, in place of the real ones. */
import type * as FileSystem from "@effect/platform/FileSystem"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { eventsOf, type ChatReply } from "../../lmstudio/Chat.ts"
import { RequestRejected } from "../../lmstudio/LmStudioError.ts"
import { McpNotLockable } from "../../mcp/lock/ToolLockError.ts"
import { unguarded } from "../../mcp/lock/ToolLockFiles.ts"
import type { HeldConnection } from "../../mcp/McpConnection.ts"
import { McpCallFailed, McpReadFailed, McpServerNotFound, type McpServerUnavailable } from "../../mcp/McpError.ts"
import { McpLoginFailed } from "../../mcp/login/McpLoginFailed.ts"
import { McpRegistry, type McpConnectError } from "../../mcp/McpRegistry.ts"
import { ModelLifecycle, type ModelLifecycleError } from "../../models/ModelLifecycle.ts"
import type { ModelLease } from "../../models/LoadedModel.ts"
import type { Ensured } from "../../models/Ensured.ts"
import type { Settings } from "../../configuration/Settings.ts"
import { AgentLoop } from "../../agent/AgentLoop.ts"
import type { AgentTask } from "../../agent/AgentTask.ts"
import { CassetteInvalid, read, type CassetteEntry } from "./Cassette.ts"
import { CallForms } from "../../registry/CallForms.ts"
import { RunJournal } from "../RunJournal.ts"
import { fingerprint } from "../../agent/rules/StallGuard.ts"
import { noneAtHand, SemanticRank } from "../../agent/tools/SemanticRank.ts"

/** A recording that is being replayed: its task, and what has not been requested from it yet. */
export class Tape extends Context.Tag("@lms-bridge/core/agent/Tape")<
  Tape,
  {
    readonly path: string
    readonly task: AgentTask
    readonly entries: ReadonlyArray<CassetteEntry>
    readonly left: Effect.Effect<Left>
  }
>() {}

/** Recorded replies of the model and tool calls that have not been requested yet. */
export interface Left {
  readonly replies: number
  readonly calls: ReadonlyArray<Entry<"Called">>
}

/**
 * Replies come in the recorded order; results belong to their tool and arguments, so another loop may call in another
 * order. Requests that are not on the cassette fail and say so.
 */
export const layer = (
  entries: ReadonlyArray<CassetteEntry>
): Layer.Layer<ModelLifecycle | McpRegistry | SemanticRank | CallForms> =>
  Layer.effectContext(Effect.sync(() => playing(entries).services))

/** The agent loop over a recording in a file, which is read as `read` does. Its runs are not stored. */
export const loop = (
  path: string,
  written?: (line: string) => string
): Layer.Layer<AgentLoop | Tape, CassetteInvalid, FileSystem.FileSystem | Settings> =>
  Layer.unwrapEffect(
    Effect.gen(function* () {
      const entries = yield* read(path, written)
      const [first] = all(entries, "Task")
      if (first === undefined) {
        return yield* new CassetteInvalid({ path, detail: "it does not contain the task of the run." })
      }
      const { left, services } = playing(entries)
      // fresh, so that a loop over the real model and servers is not reused here
      return Layer.fresh(AgentLoop.layerNoDeps).pipe(
        Layer.provide(Layer.merge(Layer.succeedContext(services), RunJournal.layerMemory)),
        Layer.merge(Layer.succeed(Tape, { path, task: first.task, entries, left: Effect.sync(left) }))
      )
    })
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type Entry<Tag> = Extract<CassetteEntry, { readonly _tag: Tag }>

const all = <Tag extends CassetteEntry["_tag"]>(entries: ReadonlyArray<CassetteEntry>, tag: Tag) =>
  entries.filter((entry): entry is Entry<Tag> => entry._tag === tag)

/** Returns the next entry each time, undefined at the end. */
const inTurn = <A>(entries: ReadonlyArray<A>) => {
  let next = 0
  return {
    next: (): A | undefined => entries[next++],
    taken: () => Math.min(next, entries.length),
    left: () => Math.max(0, entries.length - next)
  }
}

const notOnTape = (what: string): ModelLifecycleError =>
  new RequestRejected({ operation: "replay", serverMessage: `The recording has no further ${what}.` })

const playing = (entries: ReadonlyArray<CassetteEntry>) => {
  const replies = inTurn(all(entries, "Asked"))
  const nextForm = inTurn(all(entries, "Form")).next
  const nextNearness = inTurn(all(entries, "Nearness")).next
  const calls = all(entries, "Called").map((entry) => ({
    entry,
    key: keyOf(entry.server, entry.tool, entry.arguments)
  }))
  return {
    services: Context.make(ModelLifecycle, lifecycleOf(entries, replies.next)).pipe(
      Context.add(McpRegistry, registryOf(entries, calls, replies.taken)),
      Context.add(CallForms, { of: () => Effect.sync(() => Option.fromNullable(nextForm())) }),
      Context.add(SemanticRank, {
        of: () => Effect.sync(() => nextNearness()?.nearness ?? noneAtHand)
      })
    ),
    left: (): Left => ({ replies: replies.left(), calls: calls.map(({ entry }) => entry) })
  }
}

const lifecycleOf = (
  entries: ReadonlyArray<CassetteEntry>,
  nextReply: () => Entry<"Asked"> | undefined
): typeof ModelLifecycle.Service => {
  const nextModel = inTurn(all(entries, "Model")).next
  const models = all(entries, "Model")
  const reply: Effect.Effect<ChatReply, ModelLifecycleError> = Effect.suspend(() => {
    const entry = nextReply()
    if (entry?.reply !== undefined) return Effect.succeed(entry.reply)
    return Effect.fail(entry?.failure ?? notOnTape("reply of the model"))
  })
  const ensured = Effect.suspend(() => {
    const entry = nextModel()
    if (entry?.ensured !== undefined) return Effect.succeed(entry.ensured)
    return Effect.fail(entry?.failure ?? notOnTape("model"))
  })
  const lease = (held: Ensured): ModelLease => ({
    ensured: Effect.succeed(held),
    chat: () => reply,
    chatWith: (_request, onEvent) =>
      Effect.tap(reply, (whole) => Effect.forEach(eventsOf(whole), onEvent, { discard: true }))
  })
  return {
    resolve: (name) => Effect.succeed(name ?? models[0]?.ensured?.model ?? "recorded"),
    ensureLoaded: () => ensured,
    lease: () => Effect.map(ensured, lease),
    withModel: () => (use) => Effect.flatMap(ensured, (held) => use(lease(held))),
    loaded: Effect.succeed([]),
    unload: () => Effect.void
  }
}

const registryOf = (
  entries: ReadonlyArray<CassetteEntry>,
  waiting: Array<{ readonly entry: Entry<"Called">; readonly key: number }>,
  repliesTaken: () => number
): typeof McpRegistry.Service => {
  const tools = all(entries, "Tools")
  const listedNow = listsOf(entries, repliesTaken)
  const toolsNow = (server: string) => listedNow(server).at(-1)?.tools ?? []
  const reading = readingsOf(entries)
  const call: (typeof McpRegistry.Service)["call"] = (server, tool, args) =>
    Effect.suspend(() => {
      const key = keyOf(server, tool, args)
      const index = waiting.findIndex((other) => other.key === key)
      const [found] = index === -1 ? [] : waiting.splice(index, 1)
      if (found?.entry.result !== undefined) return Effect.succeed(found.entry.result)
      const detail =
        found === undefined
          ? "The recording has no such call with these arguments."
          : "It was still running when the recorded run was stopped."
      return Effect.fail(found?.entry.failure ?? new McpCallFailed({ server, tool, reason: "Protocol", detail }))
    })
  const connection = (server: string): Effect.Effect<HeldConnection, McpConnectError> => {
    const entry = tools.find((other) => other.server === server)
    if (entry === undefined) {
      return Effect.fail(
        new McpServerNotFound({
          server,
          available: tools.map((other) => other.server),
          nearest: [],
          path: "the recording"
        })
      )
    }
    const { failure } = entry
    if (failure !== undefined && failure._tag !== "McpCallFailed") return Effect.fail(failure)
    return Effect.succeed({
      server,
      implementation: { name: server, version: "" },
      instructions: undefined,
      tools: Effect.sync(() => toolsNow(server)),
      review: Effect.sync(() => unguarded(server, toolsNow(server))),
      toolsEdition: Effect.sync(() => String(listedNow(server).length)),
      call: (tool, args) =>
        Effect.mapError(call(server, tool, args), (error) =>
          error._tag === "McpServerUnavailable" || error._tag === "McpCallFailed"
            ? error
            : new McpCallFailed({ server, tool, reason: "Protocol", detail: error.message })
        ),
      resources: list(reading({ server, what: "resources", name: "" }, ({ resources }) => resources)),
      resourceTemplates: list(
        reading({ server, what: "resourceTemplates", name: "" }, ({ resourceTemplates }) => resourceTemplates)
      ),
      prompts: list(reading({ server, what: "prompts", name: "" }, ({ prompts }) => prompts)),
      readResource: (uri) => reading({ server, what: "resource", name: uri }, ({ resource }) => resource),
      getPrompt: (name, args) => reading({ server, what: "prompt", name, arguments: args }, ({ prompt }) => prompt),
      stderrTail: Effect.succeed(""),
      // the cassette has the failure of a call as the registry reported it
      isCurrent: Effect.succeed(false)
    })
  }
  return {
    candidates: Effect.succeed([]),
    usable: () => Effect.void,
    switchedOff: () => Effect.succeed(undefined),
    disconnect: () => Effect.void,
    problems: Effect.succeed([]),
    changes: Stream.empty,
    servers: Effect.succeed(all(entries, "Servers")[0]?.servers ?? []),
    connect: connection,
    connectDefined: ({ name }) => connection(name),
    review: (server) => Effect.flatMap(connection(server), (open) => open.review),
    trust: ({ server }) => new McpNotLockable({ server }),
    unlock: ({ server }) => new McpNotLockable({ server }),
    tools: (server) => Effect.flatMap(connection(server), (open) => open.tools),
    call,
    login: (server) => new McpLoginFailed({ server, reason: "NotRemote", detail: "" }),
    logout: () => Effect.succeed(false)
  }
}

/** What a server has listed so far: a list counts once as many replies are taken as preceded it in the recording. */
const listsOf = (entries: ReadonlyArray<CassetteEntry>, repliesTaken: () => number) => {
  const listed = entries.flatMap((entry, index) =>
    entry._tag === "Tools"
      ? [{ ...entry, after: entries.slice(0, index).filter(({ _tag }) => _tag === "Asked").length }]
      : []
  )
  return (server: string) =>
    listed
      .filter((entry) => entry.server === server)
      .filter(({ after, failure }, index) => failure === undefined && (index === 0 || after <= repliesTaken()))
}

type ReadKey = Pick<Entry<"Read">, "server" | "what" | "name" | "arguments">

/** Readings in the recorded order; the last of each can be requested any number of times, since reading changes nothing. */
const readingsOf = (entries: ReadonlyArray<CassetteEntry>) => {
  const readings = all(entries, "Read").map((entry) => ({ entry, key: readingKey(entry) }))
  return <A>(wanted: ReadKey, valueOf: (given: NonNullable<Entry<"Read">["given"]>) => A | undefined) =>
    Effect.suspend(() => {
      const key = readingKey(wanted)
      const index = readings.findIndex((other) => other.key === key)
      const found = readings[index]?.entry
      if (readings.some((other, at) => other.key === key && at > index)) readings.splice(index, 1)
      const value = found?.given === undefined ? undefined : valueOf(found.given)
      if (value !== undefined) return Effect.succeed(value)
      return Effect.fail(found?.failure ?? unread(wanted))
    })
}

const unread = ({ name, server, what }: ReadKey) =>
  new McpReadFailed({
    server,
    what: what === "prompt" || what === "prompts" ? "prompt" : "resource",
    name,
    reason: "Protocol",
    detail: "The recording has no such reading."
  })

/** A list that the recorded run did not request is empty. */
const list = <A>(self: Effect.Effect<ReadonlyArray<A>, McpServerUnavailable | McpReadFailed>) =>
  Effect.catchTag(self, "McpReadFailed", () => Effect.succeed<ReadonlyArray<A>>([]))

const readingKey = ({ arguments: args = {}, name, server, what }: ReadKey) =>
  fingerprint(`${server} ${what} ${name}`, args)

const keyOf = (server: string, tool: string, args: unknown) => fingerprint(`${server} ${tool}`, args)
