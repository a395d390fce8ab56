/**
 * The traffic of one run with the model and the tools: one JSON value per line, with secrets removed. A cassette is
 * replayed without either, so a run that went wrong elsewhere becomes a test here.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { optional } from "../../schema/Fields.ts"
import { fromJson } from "../../json/ExactJson.ts"
import { ChatReply } from "../../lmstudio/Chat.ts"
import { LmStudioError } from "../../lmstudio/LmStudioError.ts"
import { McpTool } from "../../mcp/McpTool.ts"
import { McpCallError, McpReadFailed, McpServerUnavailable } from "../../mcp/McpError.ts"
import { McpPrompt, PromptResult } from "../../mcp/McpPrompt.ts"
import { ServerSummary } from "../../mcp/McpRegistry.ts"
import * as ByteLimits from "../../resilience/ByteLimits.ts"
import { tokens } from "../../mcp/redaction/KnownTokens.ts"
import { McpResource, McpResourceTemplate, ResourceContent } from "../../mcp/McpResource.ts"
import { ToolResult } from "../../mcp/ToolResult.ts"
import { Ensured } from "../../models/Ensured.ts"
import { AgentOutcome } from "../../agent/rules/AgentEvent.ts"
import { AgentTask } from "../../agent/AgentTask.ts"
import { ToolForm } from "../../agent/ToolForm.ts"
import { Nearness } from "../../agent/tools/SemanticRank.ts"

/** One exchange with the model or a server, with its result or failure; also the task and the outcome of the run. */
export const CassetteEntry = Schema.Union(
  Schema.TaggedStruct("Task", { task: AgentTask }),
  Schema.TaggedStruct("Model", { ensured: optional(Ensured), failure: optional(LmStudioError) }),
  Schema.TaggedStruct("Servers", { servers: Schema.Array(ServerSummary) }),
  Schema.TaggedStruct("Tools", {
    server: Schema.String,
    tools: Schema.Array(McpTool),
    failure: optional(McpCallError)
  }),
  Schema.TaggedStruct("Nearness", { nearness: Nearness }),
  /** The form of calls that was found for the model. */
  Schema.TaggedStruct("Form", { form: ToolForm, why: Schema.String }),
  Schema.TaggedStruct("Asked", { reply: optional(ChatReply), failure: optional(LmStudioError) }),
  /** Neither result nor failure: the call was running when the run was stopped. */
  Schema.TaggedStruct("Called", {
    server: Schema.String,
    tool: Schema.String,
    arguments: Schema.Record({ key: Schema.String, value: Schema.Unknown }),
    result: optional(ToolResult),
    failure: optional(McpCallError)
  }),
  /** What a server offers besides tools: one of its lists, or one item by its URI or name. */
  Schema.TaggedStruct("Read", {
    server: Schema.String,
    what: Schema.Literal("resources", "resourceTemplates", "prompts", "resource", "prompt"),
    name: Schema.String,
    arguments: optional(Schema.Record({ key: Schema.String, value: Schema.String })),
    given: optional(
      Schema.Struct({
        resources: optional(Schema.Array(McpResource)),
        resourceTemplates: optional(Schema.Array(McpResourceTemplate)),
        prompts: optional(Schema.Array(McpPrompt)),
        resource: optional(Schema.Array(ResourceContent)),
        prompt: optional(PromptResult)
      })
    ),
    failure: optional(Schema.Union(McpServerUnavailable, McpReadFailed))
  }),
  Schema.TaggedStruct("Ended", { outcome: AgentOutcome })
)
export type CassetteEntry = typeof CassetteEntry.Type

/** The file is not a cassette, or cannot be read. */
export class CassetteInvalid extends Schema.TaggedError<CassetteInvalid>()("CassetteInvalid", {
  path: Schema.String,
  line: optional(Schema.Int),
  detail: Schema.String
}) {
  readonly retryable = false
  override get message() {
    const where = this.line === undefined ? this.path : `${this.path}, line ${this.line}`
    return `${where} is not a recording of a run: ${this.detail} Make one with \`lms-bridge run --record FILE\`.`
  }
}

/** The file for a requested recording cannot be created. */
export class CassetteNotWritten extends Schema.TaggedError<CassetteNotWritten>()("CassetteNotWritten", {
  path: Schema.String,
  /** A clause. */
  detail: Schema.String
}) {
  readonly retryable = false
  override get message() {
    return `The recording ${this.path} cannot be written, because ${this.detail}. Give --record a file in a folder that you may write to.`
  }
}

/** An entry as a line of the file, with likely secrets removed. */
export const toLine = (entry: CassetteEntry): Effect.Effect<string> =>
  Effect.map(Effect.orDie(encode(entry)), (line) => `${redacted(line)}\n`) // every field is JSON by its schema

/** All entries of a file. `written` undoes what changed its lines when they were written. */
export const read = Effect.fn("Cassette.read")(function* (
  path: string,
  written: (line: string) => string = (line) => line
) {
  const fs = yield* FileSystem.FileSystem
  const text = yield* Effect.mapError(
    ByteLimits.readText(fs, path, (yield* ByteLimits.CurrentByteLimits).cassette),
    (cause) => new CassetteInvalid({ path, detail: `it cannot be read (${cause.message}).` })
  )
  return yield* Effect.forEach(
    text.split("\n").flatMap((line, index) => (line.trim() === "" ? [] : [{ line, number: index + 1 }])),
    ({ line, number }) =>
      Effect.mapError(
        decode(written(line)),
        () => new CassetteInvalid({ path, line: number, detail: "the line is not an entry of a recording." })
      )
  )
})

/**
 * Removes likely secrets: tokens of known forms, and values of fields with such names. Works on JSON text and keeps it
 * valid JSON.
 */
export const redacted = (json: string): string =>
  json
    .replaceAll(tokens, "<redacted>")
    .replaceAll(/(\bBearer )[\w.~+/=-]{8,}/gi, "$1<redacted>")
    .replaceAll(secretFields, "$1<redacted>$2")

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const encode = Schema.encode(fromJson(CassetteEntry))
const decode = Schema.decode(fromJson(CassetteEntry))

/** Also matches in JSON within a JSON string, where the quotes are escaped. */
const secretFields =
  /(\\*"[\w-]*(?:password|passwd|secret|api_?key|access_?token|auth_?token|private_?key)[\w-]*\\*"\s*:\s*\\*")(?:[^"\\]|\\(?!")[^"])*(\\*")/gi
