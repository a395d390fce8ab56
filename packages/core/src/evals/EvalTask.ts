/** A person's own task with its check, as it is written in a file. Pure. */
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { AgentTask, Budgets } from "../agent/AgentTask.ts"
import * as ToolSchema from "../agent/schema/ToolSchema.ts"
import { duration, jsonDuration } from "../configuration/Setting.ts"
import * as ForeignPattern from "../names/ForeignPattern.ts"
import { optional } from "../schema/Fields.ts"

const described = (description: string) => ({ description })

const Pattern = Schema.String.pipe(
  Schema.filter((pattern) =>
    Either.match(ForeignPattern.make(pattern), {
      onLeft: (why) => `the pattern cannot be used: ${why}`,
      onRight: () => true
    })
  )
)

/** One text, or several. */
const some = <A extends string>(text: Schema.Schema<A, string>) => Schema.Union(text, Schema.Array(text))

const TextCheck = {
  equals: optional(Schema.String.annotations(described("The whole text. Line ends at its end do not count."))),
  contains: optional(some(Schema.String).annotations(described("What it must contain."))),
  lacks: optional(some(Schema.String).annotations(described("What it must not contain."))),
  matches: optional(
    some(Pattern).annotations(described("Regular expressions (RE2) that must match somewhere; `(?i)` ignores case."))
  )
}

const Json = Schema.Record({ key: Schema.String, value: Schema.Unknown })

const JsonSchema = Json.pipe(
  Schema.filter((schema) =>
    Either.match(ToolSchema.checked(schema), {
      onLeft: (problems) => `the JSON Schema is not valid: ${problems.join("; ")}`,
      onRight: () => true
    })
  )
)

const notEmpty = (value: object) => Object.keys(value).length > 0 || "says nothing to check"

export const AnswerCheck = Schema.Struct({
  ...TextCheck,
  schema: optional(
    JsonSchema.annotations(described("A JSON Schema that the answer must fit. The model is not told of it."))
  )
}).pipe(Schema.filter(notEmpty))
export type AnswerCheck = typeof AnswerCheck.Type

export const FileCheck = Schema.Struct({
  ...TextCheck,
  exists: optional(Schema.Boolean.annotations(described("Whether the file must be there.")))
}).pipe(Schema.filter(notEmpty))
export type FileCheck = typeof FileCheck.Type

/** `2m`, or a number of seconds. */
const Time: Schema.Schema<Duration.Duration, string | number> = Schema.transform(jsonDuration, Schema.String, {
  strict: true,
  decode: String,
  encode: (text) => text
}).pipe(
  Schema.compose(duration),
  Schema.filter((time) => Duration.greaterThan(time, Duration.zero) || "must be longer than nothing")
)

const isInside = (path: string) => path !== "" && !/^([/\\]|[a-z]:)/i.test(path) && !path.split(/[/\\]/).includes("..")
const notInside = "is not a path inside the folder"

/** A path below the folder of the trial. */
const Inside = Schema.String.pipe(Schema.filter((path) => isInside(path) || notInside))

/** By such paths. */
const filesOf = <A, I>(value: Schema.Schema<A, I>) =>
  Schema.Record({ key: Schema.String, value }).pipe(
    Schema.filter((files) =>
      Object.keys(files).flatMap((path) => (isInside(path) ? [] : [{ path: [path], message: notInside }]))
    )
  )

export const CommandCheck = Schema.Struct({
  run: Schema.NonEmptyArray(Schema.String).annotations(
    described(
      "The program and its arguments; no shell reads them. `{folder}` is the folder of the trial, in which it runs, `{tasks}` the folder of this file, `{answer}` a file with the answer."
    )
  ),
  exit: optional(Schema.Int.annotations(described("The exit code that means that the task is done. Default: 0."))),
  time: optional(Time.annotations(described("How long it may take. Default: 60s.")))
})
export type CommandCheck = typeof CommandCheck.Type

export const JudgeCheck = Schema.Struct({
  question: Schema.NonEmptyString.annotations(described("What the judge decides with yes or no.")),
  model: optional(Schema.String.annotations(described("The model that judges. Default: as for any run."))),
  files: optional(Schema.Array(Inside).annotations(described("Files of the folder that the judge gets to see.")))
})
export type JudgeCheck = typeof JudgeCheck.Type

/** All that is given must hold. */
export const Check = Schema.Struct({
  answer: optional(AnswerCheck.annotations(described("What the answer must be."))),
  files: optional(filesOf(FileCheck).annotations(described("What files of the folder must be afterwards."))),
  command: optional(CommandCheck.annotations(described("A program that decides by its exit code."))),
  judge: optional(
    JudgeCheck.annotations(
      described("A model that decides, where nothing else can. It may be wrong; reports say that a model judged.")
    )
  )
}).pipe(Schema.filter(notEmpty))
export type Check = typeof Check.Type

export const EvalTask = Schema.Struct({
  $schema: optional(Schema.String),
  task: AgentTask.fields.task.annotations(
    described("What the model is asked to do. `{folder}` stands for the folder of the trial.")
  ),
  servers: optional(Schema.Array(Schema.NonEmptyTrimmedString).annotations(described("MCP servers of your mcp.json."))),
  presets: optional(
    Schema.Array(Schema.Literal("filesystem", "memory", "fetch")).annotations(
      described("Well-known servers without an mcp.json: the files of the folder, an empty memory, web pages.")
    )
  ),
  tools: optional(
    Schema.Array(Schema.String).annotations(described("Offer only these: `tool` or `server__tool`, `*` for anything."))
  ),
  excludeTools: optional(Schema.Array(Schema.String).annotations(described("Do not offer these."))),
  allow: optional(
    Schema.Array(Schema.String).annotations(
      described("Tools that run without being asked about. Nobody is asked in an eval, so others are refused.")
    )
  ),
  files: optional(
    filesOf(Schema.String).annotations(described("Files of the folder before the task, with their texts."))
  ),
  copy: optional(
    Schema.String.annotations(described("A folder, from this file, that is copied into the folder of the trial."))
  ),
  system: optional(Schema.String.annotations(described("Text to add to the model's system message."))),
  outputSchema: optional(
    JsonSchema.annotations(described("The answer must be JSON of this schema. The model is told."))
  ),
  limits: optional(
    Schema.Struct({
      rounds: optional(Budgets.fields.rounds),
      time: optional(Time),
      toolCalls: optional(Budgets.fields.toolCalls),
      tokens: optional(Schema.Int.pipe(Schema.positive()))
    }).annotations(described("Limits of one trial. Default: as for any run."))
  ),
  check: Check.annotations(described("How to see whether the task is done. All that is given must hold."))
})
export type EvalTask = typeof EvalTask.Type

/** The texts of a field that takes one or several. */
export const all = (texts: string | ReadonlyArray<string> | undefined): ReadonlyArray<string> =>
  texts === undefined ? [] : typeof texts === "string" ? [texts] : texts
