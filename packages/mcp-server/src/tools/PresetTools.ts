/**
 * Tools that delegate a task to a local model with a well-known MCP server, even if the user has not configured it.
 */
import { type PresetName, Presets } from "@lms-bridge/core/AgentLoop"
import type { Settings } from "@lms-bridge/core/Settings"
import { CurrentSecrets } from "@lms-bridge/core/McpRegistry"
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { familiar, work, type Asked } from "./AgentTools.ts"
import { option } from "./Fields.ts"
import * as RunReport from "../runs/RunReport.ts"
import type { Runs } from "../runs/Runs.ts"
import * as Tool from "./Tool.ts"

export const Folders = Schema.Union(Schema.NonEmptyString, Schema.Array(Schema.NonEmptyString)).annotations({
  jsonSchema: { type: ["string", "array"], items: { type: "string" } }
})

export const foldersOf = (given: typeof Folders.Type | undefined): ReadonlyArray<string> =>
  given === undefined ? [] : typeof given === "string" ? [given] : given

/** Common to all of them. */
const delegated = {
  annotations: Tool.acts,
  long: true,
  output: RunReport.Run,
  listed: [],
  text: RunReport.text
}

export const filesystem = Tool.make({
  ...delegated,
  name: "autonomous_filesystem_full",
  title: "Delegate work on files",
  description: "A local model reads, searches and changes files in these folders.",
  input: Schema.Struct({ working_directory: option(Folders, "Default WORKING_DIR"), ...familiar }),
  handler: ({ working_directory, ...asked }, progress) =>
    withPreset("filesystem", { folders: foldersOf(working_directory) }, asked, progress)
})

export const memory = Tool.make({
  ...delegated,
  name: "autonomous_memory_full",
  title: "Delegate work on memory",
  description: "A local model stores and finds facts in a lasting knowledge graph.",
  input: Schema.Struct(familiar),
  handler: (asked, progress) => withPreset("memory", {}, asked, progress)
})

export const fetch = Tool.make({
  ...delegated,
  name: "autonomous_fetch_full",
  title: "Delegate reading web pages",
  description: "A local model fetches and reads web pages.",
  input: Schema.Struct(familiar),
  handler: (asked, progress) => withPreset("fetch", {}, asked, progress)
})

export const github = Tool.make({
  ...delegated,
  name: "autonomous_github_full",
  title: "Delegate work on GitHub",
  description: "A local model works on GitHub.",
  input: Schema.Struct({
    github_token: option(Schema.Redacted(Schema.NonEmptyString), "Default GITHUB_PERSONAL_ACCESS_TOKEN"),
    ...familiar
  }),
  handler: ({ github_token, ...asked }, progress) => withPreset("github", { token: github_token }, asked, progress)
})

export const tools: ReadonlyArray<Tool.Tool<Presets | Runs | Settings>> = [filesystem, memory, fetch, github]

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const withPreset = Effect.fnUntraced(function* (
  name: PresetName,
  options: { readonly folders?: ReadonlyArray<string>; readonly token?: Redacted.Redacted | undefined },
  asked: Asked,
  progress: Tool.Progress
) {
  const { secrets, task } = yield* Effect.flatMap(Presets, (presets) => presets.use(name, options))
  return yield* Effect.provideService(work(task, asked, progress), CurrentSecrets, secrets)
})
