/**
 * The options of a run, and the task that they make.
 */
import * as HelpDoc from "@effect/cli/HelpDoc"
import * as Options from "@effect/cli/Options"
import * as ValidationError from "@effect/cli/ValidationError"
import { ToolForm, type AgentTask, type Budgets, type ServerChoice } from "@lms-bridge/core/AgentLoop"
import { WorkingFolders } from "@lms-bridge/core/Machine"
import { present } from "@lms-bridge/core/Json"
import { ContextFit } from "@lms-bridge/core/ModelCatalog"
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
import { Screen } from "../terminal/Screen.ts"

const whole = (least: number, most: number) => ({
  decode: Schema.decodeUnknownOption(Schema.NumberFromString.pipe(Schema.int(), Schema.between(least, most))),
  allowed: `a whole number from ${least} to ${most}`
})

const manyTokens = whole(1, 1_000_000_000)

/** The limits of a run. Each defaults to its setting, or to no limit where there is no setting. */
export const limits = {
  maxRounds: SharedOptions.setting(
    "max-rounds",
    "N",
    table.maxRounds,
    `Maximum number of requests to the model, which then gives its best answer. Default: ${table.maxRounds.variable} (${table.maxRounds.shown}).`
  ),
  timeout: SharedOptions.setting(
    "timeout",
    "DURATION",
    table.runTimeout,
    `Maximum time, after which the model gives its best answer. Default: ${table.runTimeout.variable} (${table.runTimeout.shown}).`
  ),
  maxToolCalls: SharedOptions.setting(
    "max-tool-calls",
    "N",
    table.maxToolCalls,
    `Maximum number of tool calls. Default: ${table.maxToolCalls.variable} (${table.maxToolCalls.shown}).`
  ),
  maxTotalTokens: SharedOptions.checked({
    name: "max-total-tokens",
    pseudoName: "N",
    description: "Maximum number of tokens, read and written together. Default: no limit.",
    ...manyTokens
  }),
  maxTotalBytes: SharedOptions.checked({
    name: "max-total-bytes",
    pseudoName: "N",
    description: "Maximum size of all tool results together, in bytes. Default: no limit.",
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

/** The given limits, and the previous ones where none is given. */
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

/** The calls that the person approves in advance. */
export const allow = (description: string) =>
  Options.text("allow").pipe(Options.withDescription(description), Options.withPseudoName("LIST"), Options.repeated)

/** The options that make a task: its servers and tools, and how the model answers. */
export const making = {
  mcp: Options.text("mcp").pipe(
    Options.withDescription("An MCP server in your mcp.json whose tools the model may use; several with commas."),
    Options.withPseudoName("NAME"),
    Options.repeated
  ),
  allMcps: Options.boolean("all-mcps").pipe(Options.withDescription("Use all servers in your mcp.json that start.")),
  tools: Options.text("tools").pipe(
    Options.withDescription("Offer only these tools: `tool` or `server__tool`, comma-separated, `*` for anything."),
    Options.withPseudoName("LIST"),
    Options.repeated,
    // an empty list would count as not given, and so offer every tool
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
    Options.withDescription("Do not offer these tools, written in the same way."),
    Options.withPseudoName("LIST"),
    Options.repeated
  ),
  allow: allow("Run these tools, written in the same way, without asking you. What your policy refuses stays refused."),
  resources: Options.boolean("resources").pipe(
    Options.withDescription("Let the model also list and read the resources and prompts of the servers.")
  ),
  skills: Options.text("skills").pipe(
    Options.withDescription(
      "Your skills that the model may open: names with commas, `all` or `none`; those of the project by name only. Default: LMS_BRIDGE_SKILLS (none)."
    ),
    Options.withPseudoName("LIST"),
    Options.repeated,
    Options.mapEffect((lists) =>
      lists.length > 0 && Option.isNone(names(lists))
        ? Effect.fail(ValidationError.invalidValue(HelpDoc.p("--skills names no skill. Name some, or all.")))
        : Effect.succeed(lists)
    )
  ),
  noSkills: Options.boolean("no-skills").pipe(
    Options.withDescription("Let the model open no skills, whatever LMS_BRIDGE_SKILLS or --skills says.")
  ),
  folder: Options.text("folder").pipe(
    Options.withDescription(
      "A folder for the task: model and servers are told, and calls that reach outside it ask you first."
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
            // `@effect/cli`'s own check would not name the option, and would crash on a folder that cannot be read
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
  fallback: Options.text("fallback").pipe(
    Options.withDescription(
      "Models to try in this order where the model cannot be loaded or keeps failing, separated by commas."
    ),
    Options.withPseudoName("LIST"),
    Options.repeated
  ),
  contextLength: SharedOptions.checked({
    name: "context-length",
    pseudoName: "N|auto",
    description:
      "Minimum context of the model in tokens, or `auto`: as much as fits into memory, up to 32768. Default: LMS_BRIDGE_CONTEXT_LENGTH, else 8192 where it fits.",
    decode: Schema.decodeUnknownOption(
      Schema.Union(Schema.Literal("auto"), Schema.NumberFromString.pipe(Schema.int(), Schema.positive()))
    ),
    allowed: "a whole number of tokens, or auto"
  }),
  maxTokens: SharedOptions.checked({
    name: "max-tokens",
    pseudoName: "N",
    description: "Maximum length of a reply in tokens. Default: LM Studio's own limit.",
    ...manyTokens
  }),
  temperature: SharedOptions.checked({
    name: "temperature",
    pseudoName: "NUMBER",
    description: "The sampling temperature. Default: the model's own setting.",
    decode: Schema.decodeUnknownOption(Schema.NumberFromString.pipe(Schema.between(0, 2))),
    allowed: "a number from 0 to 2"
  }),
  toolForm: Options.choice("tool-form", ToolForm.literals).pipe(
    Options.withDescription(
      "How the model gets its tools and makes its calls: `native` by the engine, `text` in its replies, `bound` one JSON step for each reply. Default: what was measured to suit the model."
    ),
    Options.optional
  ),
  system: Options.text("system").pipe(
    Options.withDescription("Text to add to the model's system message."),
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
  readonly skills: ReadonlyArray<string>
  readonly noSkills: boolean
  readonly folder: ReadonlyArray<string>
  readonly model: Option.Option<string>
  readonly fallback: ReadonlyArray<string>
  readonly contextLength: Option.Option<number | "auto">
  readonly maxTokens: Option.Option<number>
  readonly temperature: Option.Option<number>
  readonly toolForm: Option.Option<ToolForm>
  readonly system: Option.Option<string>
  readonly outputSchema: Option.Option<OutputSchema.OutputSchema>
}

/** How to show a run, and whether to allow every call that would ask. */
export const showing = {
  explain: Options.boolean("explain").pipe(
    Options.withDescription("After the run, explain on stderr what each request contained, and why.")
  ),
  yes: Options.boolean("yes").pipe(
    Options.withDescription("Approve every call without asking you. What your policy refuses stays refused.")
  ),
  noStream: Options.boolean("no-stream").pipe(
    Options.withDescription(
      "Print the answer at the end, and not while the model writes it. Pipes and files always get it so."
    )
  ),
  noMarkdown: Options.boolean("no-markdown").pipe(
    Options.withDescription("Show the answer on a terminal as the model wrote it. Pipes and files always get it so.")
  ),
  notify: Options.boolean("notify").pipe(
    Options.withDescription("Ring the bell and notify the desktop at the end of a run that took longer than 10 s.")
  ),
  thinking: Options.boolean("thinking").pipe(
    Options.withDescription("Show on a terminal what a thinking model thinks, while it does.")
  ),
  json: SharedOptions.json("Print the events as JSON instead of the answer: one per line, the outcome last.")
}

/** None if no servers are given. */
export const serversOf = ({
  allMcps,
  mcp
}: Pick<Making, "allMcps" | "mcp">): Either.Either<Option.Option<ServerChoice>, UsageError> => {
  if (allMcps && mcp.length > 0) {
    return Either.left(new UsageError({ problem: "Give --mcp NAME or --all-mcps, not both." }))
  }
  if (allMcps) return Either.right(Option.some({ _tag: "All" }))
  return Either.right(Option.map(names(mcp), (all) => ({ _tag: "Named", names: [...new Set(all)] })))
}

/** The parts of a task that are given as options. */
export const changesOf = (said: Making & { readonly yes: boolean }): Partial<AgentTask> => ({
  ...some(said.model, (model) => ({ model })),
  ...some(names(said.fallback), (fallback) => ({ fallback })),
  ...some(said.maxTokens, (maxTokens) => ({ maxTokens })),
  ...some(said.temperature, (temperature) => ({ temperature })),
  ...some(said.toolForm, (toolForm) => ({ toolForm })),
  ...some(said.system, (instructions) => ({ instructions })),
  ...some(said.outputSchema, (outputSchema) => ({ outputSchema })),
  ...(said.resources ? { resources: true } : {}),
  ...(said.noSkills ? { skills: [] } : some(names(said.skills), (skills) => ({ skills: skillsOf(skills) }))),
  ...some(names(said.tools), (allowedTools) => ({ allowedTools })),
  ...some(names(said.excludeTools), (excludedTools) => ({
    excludedTools,
    // with --yes nobody is asked, so that an exclusion with a typing error would let the tool run
    ...(said.yes ? { exclusionsMatch: true } : {})
  })),
  ...some(names(said.allow), (approvedTools) => ({ approvedTools }))
})

const skillsOf = (list: ReadonlyArray<string>): NonNullable<AgentTask["skills"]> =>
  list.includes("all") ? "all" : list.filter((name) => name !== "none")

/** A shell does not expand the `~` of `--folder=~/x`; `WorkingFolders` does, and reads `file:` URLs as well. */
const isRead = (folder: string) => /^(?:~(?:[/\\]|$)|file:)/i.test(folder)

/** The least context of the model; `auto` asks what fits, and says why where that changes nothing. */
export const contextOf = Effect.fnUntraced(function* (
  { contextLength }: Pick<Making, "contextLength">,
  model: string | undefined
) {
  const asked = Option.getOrUndefined(contextLength)
  if (asked !== "auto") return present({ contextLength: asked })
  const largest = yield* ContextFit.largest(model)
  if (largest._tag === "Fits") return { contextLength: largest.contextLength }
  yield* Effect.flatMap(Screen, (screen) =>
    screen.err(`lms-bridge: --context-length auto changes nothing: ${largest.why}`)
  )
  return {}
})

/** The real paths of the folders; fails for one that no model may work in. */
export const foldersOf = ({ folder }: Pick<Making, "folder">) =>
  folder.length === 0
    ? Effect.succeed({})
    : Effect.map(
        Effect.flatMap(WorkingFolders, (folders) => folders.resolve(folder)),
        (workingFolders) => ({ workingFolders })
      )

/** The names in comma-separated lists; none if there are none. */
export function names(lists: ReadonlyArray<string>): Option.Option<ReadonlyArray<string>> {
  const all = lists.flatMap((list) => list.split(",").flatMap((name) => (name.trim() === "" ? [] : [name.trim()])))
  return all.length === 0 ? Option.none() : Option.some(all)
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const some = <A, B>(value: Option.Option<A>, make: (value: A) => B) =>
  Option.match(value, { onNone: () => ({}), onSome: make })
