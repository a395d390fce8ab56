/**
 * Tools that delegate a task to a local model with a well-known MCP server, even if the user has not configured it.
 */
import { type PresetName, Presets } from "@lms-bridge/core/AgentLoop"
import type { Settings } from "@lms-bridge/core/Settings"
import { CurrentSecrets } from "@lms-bridge/core/McpRegistry"
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { common, work, type Asked } from "./AgentTools.ts"
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
  description:
    "A local model reads, searches and changes files in the given folders, without any configured MCP server, and returns its answer. Use it to read or search many files for a short answer; do small edits yourself.",
  input: Schema.Struct({ working_directory: option(Folders, "Absolute paths; by default WORKING_DIR"), ...common }),
  handler: ({ working_directory, ...asked }, progress) =>
    withPreset("filesystem", { folders: foldersOf(working_directory) }, asked, progress)
})

export const memory = Tool.make({
  ...delegated,
  name: "autonomous_memory_full",
  title: "Delegate work on memory",
  description:
    "A local model stores facts in a lasting knowledge graph on this machine, or finds them there. Use it for what later sessions should know; not for files or the web.",
  input: Schema.Struct(common),
  handler: (asked, progress) => withPreset("memory", {}, asked, progress)
})

export const fetch = Tool.make({
  ...delegated,
  name: "autonomous_fetch_full",
  title: "Delegate reading web pages",
  description:
    "A local model fetches web pages and answers from them. Use it when the URLs are known and only a summary of long pages is needed; it has no web search.",
  input: Schema.Struct(common),
  handler: (asked, progress) => withPreset("fetch", {}, asked, progress)
})

export const github = Tool.make({
  ...delegated,
  name: "autonomous_github_full",
  title: "Delegate work on GitHub",
  description:
    "A local model works on GitHub with its tools: repositories, issues, pull requests. Use it to go through many of them; it needs a token, and what it writes there is public.",
  input: Schema.Struct({
    github_token: option(Schema.Redacted(Schema.NonEmptyString), "By default GITHUB_PERSONAL_ACCESS_TOKEN"),
    ...common
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
