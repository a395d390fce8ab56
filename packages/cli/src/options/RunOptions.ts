/**
 * What may be said of a run on the command line, and the task that it comes to.
 */
import * as HelpDoc from "@effect/cli/HelpDoc"
import * as Options from "@effect/cli/Options"
import * as ValidationError from "@effect/cli/ValidationError"
import type { AgentTask, Budgets, ServerChoice } from "@lms-bridge/core/AgentLoop"
import { WorkingFolders } from "@lms-bridge/core/Machine"
import { table, type Values } from "@lms-bridge/core/Settings"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { UsageError } from "../ExitCode.ts"
import * as OutputSchema from "./OutputSchema.ts"
import * as SharedOptions from "./SharedOptions.ts"

const whole = (least: number, most: number) => ({
  decode: Schema.decodeUnknownOption(Schema.NumberFromString.pipe(Schema.int(), Schema.between(least, most))),
  allowed: `a whole number from ${least} to ${most}`
})

const manyTokens = whole(1, 1_000_000_000)

/** Limits of a run; without one of them the setting, or no limit where there is none. */
export const limits = {
  maxRounds: SharedOptions.setting(
    "max-rounds",
    "N",
    table.maxRounds,
    `Most requests to the model; then it answers as it can. Without it ${table.maxRounds.variable} (${table.maxRounds.shown}).`
  ),
  timeout: SharedOptions.setting(
    "timeout",
    "DURATION",
    table.runTimeout,
    `Most time; then the model answers as it can. Without it ${table.runTimeout.variable} (${table.runTimeout.shown}).`
  ),
  maxToolCalls: SharedOptions.setting(
    "max-tool-calls",
    "N",
    table.maxToolCalls,
    `Most calls of tools. Without it ${table.maxToolCalls.variable} (${table.maxToolCalls.shown}).`
  ),
  maxTotalTokens: SharedOptions.checked({
    name: "max-total-tokens",
    pseudoName: "N",
    description: "Most tokens read and written together. Without it no limit.",
    ...manyTokens
  }),
  maxTotalBytes: SharedOptions.checked({
    name: "max-total-bytes",
    pseudoName: "N",
    description: "Most bytes of all tool results together. Without it no limit.",
    ...whole(1, 1_000_000_000_000)
  })
}

export interface Limits {
  readonly maxRounds: Option.Option<number>
  readonly timeout: Option.Option<Duration.Duration>
  readonly maxToolCalls: Option.Option<number>
  readonly maxTotalTokens: Option.Option<number>
  readonly maxTotalBytes: Option.Option<number>
}

/** What was said, in place of what held before. */
export const budgetsOf = (said: Limits, before: Budgets): Budgets => ({
  ...before,
  ...some(said.maxRounds, (rounds) => ({ rounds })),
  ...some(said.timeout, (time) => ({ wallMillis: Duration.toMillis(time) })),
  ...some(said.maxToolCalls, (toolCalls) => ({ toolCalls })),
  ...some(said.maxTotalTokens, (tokens) => ({ tokens })),
  ...some(said.maxTotalBytes, (resultBytes) => ({ resultBytes }))
})

export const budgetsOfSettings = (settings: Values): Budgets => ({
  rounds: settings.maxRounds,
  wallMillis: Duration.toMillis(settings.runTimeout),
  toolCalls: settings.maxToolCalls
})

/** What the person says yes to beforehand. */
export const allow = (description: string) =>
  Options.text("allow").pipe(Options.withDescription(description), Options.withPseudoName("LIST"), Options.repeated)

/** Servers, tools and the model's manner: what makes a task of a few words. */
export const making = {
  mcp: Options.text("mcp").pipe(
    Options.withDescription(
      "An MCP server of your mcp.json whose tools the model may use; may be given several times."
    ),
    Options.withPseudoName("NAME"),
    Options.repeated
  ),
  allMcps: Options.boolean("all-mcps").pipe(Options.withDescription("All servers of your mcp.json that start.")),
  tools: Options.text("tools").pipe(
    Options.withDescription(
      "Only these tools, with commas between: their names, as `tool` or `server__tool`, `*` for anything."
    ),
    Options.withPseudoName("LIST"),
    Options.repeated,
    // an empty list would be taken for none at all, and so for every tool
    Options.mapEffect((lists) =>
      lists.length > 0 && Option.isNone(names(lists))
        ? Effect.fail(
            ValidationError.invalidValue(
              HelpDoc.p("--tools names no tool. Name some, or leave out --mcp and --all-mcps for a run without tools.")
            )
          )
        : Effect.succeed(lists)
    )
  ),
  excludeTools: Options.text("exclude-tools").pipe(
    Options.withDescription("None of these tools, written in the same way."),
    Options.withPseudoName("LIST"),
    Options.repeated
  ),
  allow: allow(
    "Tools, written in the same way, that need not ask you first; what a rule of your policy refuses stays refused."
  ),
  resources: Options.boolean("resources").pipe(
    Options.withDescription("Let the model list and read the resources and prompts of the servers, too.")
  ),
  folder: Options.text("folder").pipe(
    Options.withDescription(
      "A folder that the task is about: model and servers are told, and calls that reach outside of it ask you; may be given several times."
    ),
    Options.withPseudoName("DIR"),
    Options.repeated,
    Options.mapEffect((folders) =>
      Effect.gen(function* () {
        const path = yield* Path.Path
        const fs = yield* FileSystem.FileSystem
        return yield* Effect.forEach(
          new Set(folders.map((folder) => (isRead(folder) ? folder : path.resolve(folder)))),
          (folder) =>
            // left to `@effect/cli`, the message would not name the option, and a folder of somebody else would be a crash
            Effect.filterOrFail(
              isRead(folder) ? Effect.succeed(true) : Effect.orElseSucceed(fs.exists(folder), () => false),
              (exists) => exists,
              () => ValidationError.invalidValue(HelpDoc.p(`--folder is "${folder}", but there is no such folder.`))
            ).pipe(Effect.as(folder))
        )
      })
    )
  ),
  model: SharedOptions.model,
  maxTokens: SharedOptions.checked({
    name: "max-tokens",
    pseudoName: "N",
    description: "Longest reply of the model in tokens. Without it LM Studio's own limit.",
    ...manyTokens
  }),
  temperature: SharedOptions.checked({
    name: "temperature",
    pseudoName: "NUMBER",
    description: "How freely the model chooses its words. Without it the model's own setting.",
    decode: Schema.decodeUnknownOption(Schema.NumberFromString.pipe(Schema.between(0, 2))),
    allowed: "a number from 0 to 2"
  }),
  system: Options.text("system").pipe(
    Options.withDescription("Words for the model's system message, besides lms-bridge's own."),
    Options.withPseudoName("TEXT"),
    Options.optional
  ),
  outputSchema: OutputSchema.option
}

export interface Making {
  readonly mcp: ReadonlyArray<string>
  readonly allMcps: boolean
  readonly tools: ReadonlyArray<string>
  readonly excludeTools: ReadonlyArray<string>
  readonly allow: ReadonlyArray<string>
  readonly resources: boolean
  readonly folder: ReadonlyArray<string>
  readonly model: Option.Option<string>
  readonly maxTokens: Option.Option<number>
  readonly temperature: Option.Option<number>
  readonly system: Option.Option<string>
  readonly outputSchema: Option.Option<OutputSchema.OutputSchema>
}

/** How to show a run, and whether everything that would be asked is granted. */
export const showing = {
  explain: Options.boolean("explain").pipe(
    Options.withDescription("After the run, say on stderr what each request held, and why.")
  ),
  yes: Options.boolean("yes").pipe(
    Options.withDescription("Say yes to every call that would be asked for; what a rule refuses stays refused.")
  ),
  json: SharedOptions.json("One event per line on stdout, the outcome last, instead of the answer.")
}

/** None when no servers were said. */
export const serversOf = ({
  allMcps,
  mcp
}: Pick<Making, "allMcps" | "mcp">): Either.Either<Option.Option<ServerChoice>, UsageError> => {
  if (allMcps && mcp.length > 0) {
    return Either.left(new UsageError({ problem: "Give --mcp NAME or --all-mcps, not both." }))
  }
  if (allMcps) return Either.right(Option.some({ _tag: "All" }))
  return Either.right(mcp.length === 0 ? Option.none() : Option.some({ _tag: "Named", names: [...new Set(mcp)] }))
}

/** What was said of a task, in place of what it says by itself. */
export const changesOf = (said: Making): Partial<AgentTask> => ({
  ...some(said.model, (model) => ({ model })),
  ...some(said.maxTokens, (maxTokens) => ({ maxTokens })),
  ...some(said.temperature, (temperature) => ({ temperature })),
  ...some(said.system, (instructions) => ({ instructions })),
  ...some(said.outputSchema, (outputSchema) => ({ outputSchema })),
  ...(said.resources ? { resources: true } : {}),
  ...some(names(said.tools), (allowedTools) => ({ allowedTools })),
  ...some(names(said.excludeTools), (excludedTools) => ({ excludedTools })),
  ...some(names(said.allow), (approvedTools) => ({ approvedTools }))
})

/** A shell does not fill in the `~` of `--folder=~/x`; `WorkingFolders` does, and knows `file:` as well. */
const isRead = (folder: string) => /^(?:~(?:[/\\]|$)|file:)/i.test(folder)

/** The folders that were named, as they really are; fails with one that no model may work in. */
export const foldersOf = ({ folder }: Pick<Making, "folder">) =>
  folder.length === 0
    ? Effect.succeed({})
    : Effect.map(
        Effect.flatMap(WorkingFolders, (folders) => folders.resolve(folder)),
        (workingFolders) => ({ workingFolders })
      )

/** The names in lists with commas between; none when there are none. */
export function names(lists: ReadonlyArray<string>): Option.Option<ReadonlyArray<string>> {
  const all = lists.flatMap((list) => list.split(",").flatMap((name) => (name.trim() === "" ? [] : [name.trim()])))
  return all.length === 0 ? Option.none() : Option.some(all)
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const some = <A, B>(value: Option.Option<A>, make: (value: A) => B) =>
  Option.match(value, { onNone: () => ({}), onSome: make })
