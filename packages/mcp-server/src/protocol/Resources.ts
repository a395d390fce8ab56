/**
 * The resources: models, servers, configuration, and runs with their transcripts.
 */
import { type AgentEvent, AgentEventJson } from "@lms-bridge/core/AgentEvent"
import { ToolResultText } from "@lms-bridge/core/AgentLoop"
import { Transcript } from "@lms-bridge/core/RunJournal"
import { Settings, table } from "@lms-bridge/core/Settings"
import { LmStudioApi } from "@lms-bridge/core/LmStudioApi"
import { KnownWords, ModelName, ModelRegistry } from "@lms-bridge/core/ModelCatalog"
import { inBrief, McpRegistry } from "@lms-bridge/core/McpRegistry"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { uriOf, type Resource, type Template } from "./Resource.ts"
import * as RunReport from "../runs/RunReport.ts"
import { Runs } from "../runs/Runs.ts"

type Needs = LmStudioApi | McpRegistry | ModelRegistry | Settings | Runs

const json = "application/json"

export const modelNames = Effect.flatMap(LmStudioApi, (api) => api.models).pipe(
  Effect.map((models) => models.map(({ key }) => key))
)

export const serverNames = Effect.flatMap(McpRegistry, (registry) => registry.servers).pipe(
  Effect.map((servers) => servers.filter(({ state }) => state === "usable").map(({ name }) => name))
)

const runList = Effect.flatMap(Runs, (runs) => runs.list)

/** For `resources/list`, in which a person scrolls. */
const listRuns = Effect.map(runList, (all) =>
  all.slice(0, 20).map(({ runId, task }) => ({ value: runId, title: task.slice(0, 80) }))
)

const runIds = Effect.map(runList, (all) => all.map(({ runId }) => runId))

export const resources: ReadonlyArray<Resource<Needs>> = [
  {
    uri: "lms-bridge://models",
    name: "models",
    title: "Models",
    description: "LM Studio's models, with their loaded instances",
    mimeType: json,
    read: Effect.flatMap(LmStudioApi, (api) => api.models).pipe(Effect.flatMap(encode))
  },
  {
    uri: "lms-bridge://servers",
    name: "servers",
    title: "MCP servers",
    description: "The user's MCP servers, usable or not",
    mimeType: json,
    read: Effect.flatMap(McpRegistry, (registry) => registry.servers).pipe(
      Effect.flatMap((servers) => encode(servers.map(inBrief)))
    )
  },
  {
    uri: "lms-bridge://runs",
    name: "runs",
    title: "Runs",
    description: "Runs, newest first, including earlier sessions",
    mimeType: json,
    read: Effect.flatMap(runList, encode)
  },
  {
    uri: "lms-bridge://configuration",
    name: "configuration",
    title: "Configuration",
    description: "All settings with their values, without secrets",
    mimeType: json,
    read: Effect.flatMap(Settings, (settings) => {
      const values: Readonly<Record<string, unknown>> = settings
      return encode(
        Object.fromEntries(Object.entries(table).map(([key, { variable }]) => [variable, shown(values[key])]))
      )
    })
  }
]

/** The resources that a change of the configuration changes. */
export const serverChanges = Stream.unwrap(Effect.map(McpRegistry, ({ changes }) => changes)).pipe(
  Stream.mapConcat(({ added, changed, removed }) => [
    "lms-bridge://servers",
    ...[...added, ...changed, ...removed].map((name) => uriOf(serverTools, name))
  ]),
  Stream.map((uri) => ({ uri }))
)

const artifactPlace = { prefix: "lms-bridge://artifacts/", variable: "artifact", suffix: "" }

/** The run has no such result, or the model saw all of it. */
export class ArtifactNotFound extends Schema.TaggedError<ArtifactNotFound>()("ArtifactNotFound", {
  artifact: Schema.String,
  known: Schema.Array(Schema.String)
}) {
  readonly retryable = false
  override get message() {
    return `There is no result "${this.artifact}". The run has ${this.known.length === 0 ? "kept none" : this.known.join(", ")}.`
  }
}

const serverTools = { prefix: "lms-bridge://servers/", variable: "name", suffix: "/tools" }

export const templates: ReadonlyArray<Template<Needs>> = [
  {
    prefix: "lms-bridge://runs/",
    variable: "runId",
    suffix: "",
    name: "run",
    title: "A run",
    description: "The account of a run, and its answer when it has ended",
    mimeType: json,
    read: Effect.fnUntraced(function* (runId) {
      const handle = yield* Effect.flatMap(Runs, (runs) => runs.get(runId))
      const record = yield* handle.record
      return yield* encode({
        task: record.account.state.task.task,
        ...RunReport.report(record, yield* Clock.currentTimeMillis),
        artifacts: artifactsOf(yield* handle.events).map(({ artifact }) =>
          uriOf(artifactPlace, `${record.account.runId}.${artifact}`)
        )
      })
    }),
    list: listRuns,
    complete: runIds
  },
  {
    prefix: "lms-bridge://runs/",
    variable: "runId",
    suffix: "/transcript",
    name: "transcript",
    title: "Transcript of a run",
    description: "All events of a run, one JSON object per line",
    mimeType: "application/x-ndjson",
    read: Effect.fnUntraced(function* (runId) {
      const handle = yield* Effect.flatMap(Runs, (runs) => runs.get(runId))
      const lines = yield* Effect.forEach(yield* handle.events, (event) => Effect.orDie(encodeEvent(event)))
      return lines.join("\n")
    }),
    list: listRuns,
    complete: runIds
  },
  {
    prefix: "lms-bridge://runs/",
    variable: "runId",
    suffix: "/transcript.md",
    name: "transcript-text",
    title: "Transcript of a run, to read",
    description: "What was asked, what the model said, what it called and what came back",
    mimeType: "text/markdown",
    read: (runId) =>
      Effect.flatMap(Runs, (runs) => runs.get(runId)).pipe(
        Effect.flatMap(({ events }) => events),
        Effect.map(Transcript.markdown)
      ),
    list: Effect.succeed([]),
    complete: runIds
  },
  {
    ...artifactPlace,
    name: "artifact",
    title: "A tool's result in a run",
    description: "The full text of a result that the model saw in part; the run lists them",
    mimeType: "text/plain",
    read: Effect.fnUntraced(function* (value) {
      const at = value.lastIndexOf(".")
      const handle = yield* Effect.flatMap(Runs, (runs) => runs.get(value.slice(0, at)))
      const artifacts = artifactsOf(yield* handle.events)
      const found = artifacts.find(({ artifact }) => artifact === value.slice(at + 1))
      return found === undefined
        ? yield* new ArtifactNotFound({ artifact: value, known: artifacts.map(({ artifact }) => artifact) })
        : found.text
    }),
    list: Effect.succeed([]),
    complete: Effect.succeed([])
  },
  {
    ...serverTools,
    name: "server-tools",
    title: "Tools of an MCP server",
    description: "Starts the server if needed, and lists its tools",
    mimeType: json,
    read: (name) => Effect.flatMap(McpRegistry, (registry) => registry.tools(name)).pipe(Effect.flatMap(encode)),
    list: Effect.succeed([]),
    complete: serverNames
  },
  {
    prefix: "lmstudio://models/",
    variable: "key",
    suffix: "",
    slashes: true,
    name: "model",
    title: "A model",
    description:
      "What one model can do and how that is known: tried here, seen in runs, declared, or a guess by its name",
    mimeType: "text/markdown",
    read: Effect.fnUntraced(function* (name) {
      const models = yield* Effect.flatMap(LmStudioApi, (api) => api.models)
      const model = ModelName.find(models, name)?.model
      if (model === undefined) return yield* ModelName.notFound(models, name)
      const registry = yield* ModelRegistry
      const known = (yield* registry.known([model])).get(model.key) ?? []
      const calls = model.type === "llm" ? yield* registry.choice(model.key) : undefined
      return [
        `# ${model.key}`,
        ...(calls === undefined ? [] : [`Calls: ${calls.form}. ${calls.why}`]),
        known.length === 0 ? "Nothing is known of what it can do." : KnownWords.markdown(known)
      ].join("\n\n")
    }),
    list: Effect.succeed([]),
    complete: modelNames
  }
]

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const encodeJson = Schema.encode(Schema.parseJson(Schema.Unknown, { space: 2 }))
/** The results that the model saw only in part. */
const artifactsOf = (events: ReadonlyArray<AgentEvent>) =>
  events.flatMap((event) =>
    event._tag === "ToolCallFinished" && event.artifact !== undefined && event.result !== undefined
      ? [{ artifact: event.artifact, text: ToolResultText.textOf(event.result) }]
      : []
  )

const encodeEvent = Schema.encode(AgentEventJson)

/** Values that we decoded or made are JSON. */
function encode(value: unknown): Effect.Effect<string> {
  return Effect.orDie(encodeJson(value))
}

const shown = (value: unknown): unknown => {
  if (Option.isOption(value)) return Option.match(value, { onNone: () => null, onSome: shown })
  if (Redacted.isRedacted(value)) return "<redacted>"
  return Duration.isDuration(value) ? Duration.format(value) : value
}
