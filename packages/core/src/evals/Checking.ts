/** Carries out the check of a task, after the model has said that it is done. */
import * as Command from "@effect/platform/Command"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { AgentOutcome } from "../agent/rules/AgentEvent.ts"
import * as StructuredAnswer from "../agent/schema/StructuredAnswer.ts"
import { runProcess } from "../internal/runProcess.ts"
import * as ForeignPattern from "../names/ForeignPattern.ts"
import * as ByteLimits from "../resilience/ByteLimits.ts"
import { all, type AnswerCheck, type Check, type CommandCheck, type FileCheck } from "./EvalTask.ts"

/** The check cannot be carried out, which says nothing of the model. */
export class EvalCheckImpossible extends Schema.TaggedError<EvalCheckImpossible>()("EvalCheckImpossible", {
  detail: Schema.String
}) {
  readonly retryable = false
  override get message() {
    return `The check cannot be carried out: ${this.detail}`
  }
}

/** Where the task was carried out, where its file is, and where else the check may write. */
export interface Places {
  readonly folder: string
  readonly tasks: string
  readonly beside: string
}

/** What is wrong with an answer, as a clause; undefined if nothing is. Pure. */
export const ofAnswer = (check: AnswerCheck, answer: string): string | undefined => {
  const problem = ofText("the answer", check, answer.trim())
  if (problem !== undefined || check.schema === undefined) return problem
  const fits = StructuredAnswer.check(check.schema, answer)
  return Either.isRight(fits) ? undefined : `the answer does not fit the schema: ${fits.left.join("; ")}`
}

/** The same for a file; `text` is undefined where there is none. Pure. */
export const ofFile = (name: string, check: FileCheck, text: string | undefined): string | undefined => {
  if (text === undefined) return check.exists === false ? undefined : `${name} is not there`
  return check.exists === false ? `${name} is still there` : ofText(name, check, text)
}

/** All but the judge's part; the first problem, or undefined. */
export const byRules = Effect.fn("Eval.check")(function* (check: Check, outcome: AgentOutcome, places: Places) {
  const problem = check.answer === undefined ? undefined : ofAnswer(check.answer, outcome.answer)
  if (problem !== undefined) return problem
  for (const [name, wanted] of Object.entries(check.files ?? {})) {
    const found = ofFile(name, wanted, yield* textOf(places.folder, name))
    if (found !== undefined) return found
  }
  return check.command === undefined ? undefined : yield* byCommand(check.command, outcome.answer, places)
})

/** The text of a file of the folder; undefined where there is none. */
export const textOf = Effect.fnUntraced(function* (folder: string, name: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const place = path.join(folder, name)
  return yield* ByteLimits.readText(fs, place, largest).pipe(
    Effect.asSome,
    Effect.catchIf(
      (error) => error._tag === "SystemError" && error.reason === "NotFound",
      () => Effect.succeedNone
    ),
    Effect.mapError(({ message }) => new EvalCheckImpossible({ detail: `${name} cannot be read: ${message}` })),
    Effect.map(Option.getOrUndefined)
  )
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const largest = 16 * 1024 * 1024

const ofText = (what: string, check: Omit<FileCheck, "exists">, text: string): string | undefined => {
  const bare = (whole: string) => whole.replaceAll("\r\n", "\n").replace(/\n+$/, "")
  if (check.equals !== undefined && bare(text) !== bare(check.equals)) return `${what} is ${quoted(text)}`
  const missing = all(check.contains).find((part) => !text.includes(part))
  if (missing !== undefined) return `${what} does not contain ${quoted(missing)}`
  const unwanted = all(check.lacks).find((part) => text.includes(part))
  if (unwanted !== undefined) return `${what} contains ${quoted(unwanted)}`
  const unmatched = all(check.matches).find((pattern) =>
    Either.match(ForeignPattern.make(pattern), { onLeft: () => true, onRight: (matches) => !matches(text) })
  )
  return unmatched === undefined ? undefined : `${what} does not match /${unmatched}/`
}

const quoted = (text: string) => {
  const line = text.trim().replaceAll(/\s*\n\s*/g, " ⏎ ")
  return `“${line.length > 120 ? `${line.slice(0, 119)}…` : line}”`
}

const standardTime = Duration.seconds(60)

const byCommand = Effect.fnUntraced(function* (
  { exit = 0, run, time = standardTime }: CommandCheck,
  answer: string,
  places: Places
) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const impossible = (detail: string) => new EvalCheckImpossible({ detail })
  const answerFile = path.join(places.beside, "answer.txt")
  yield* Effect.mapError(fs.writeFileString(answerFile, answer), ({ message }) => impossible(message))
  const placed = (word: string) =>
    word.replaceAll("{folder}", places.folder).replaceAll("{tasks}", places.tasks).replaceAll("{answer}", answerFile)
  // a program that does not find its script ends as one that says no
  for (const word of run) {
    if (!word.startsWith("{tasks}/")) continue
    if (!(yield* Effect.orElseSucceed(fs.exists(placed(word)), () => false))) {
      return yield* impossible(`there is no ${placed(word)}.`)
    }
  }
  const [program, ...args] = run.map(placed)
  const ended = yield* runProcess(Command.workingDirectory(Command.make(program ?? "", ...args), places.folder), {
    stdout: "tail"
  }).pipe(
    Effect.mapError((error) =>
      impossible(
        error._tag === "SystemError" && error.reason === "NotFound"
          ? `there is no program "${run[0]}".`
          : `"${run[0]}" cannot be started: ${error.message}.`
      )
    ),
    Effect.disconnect,
    Effect.timeoutFail({
      duration: time,
      onTimeout: () => impossible(`"${run.join(" ")}" did not end within ${Duration.format(time)}.`)
    })
  )
  if (ended.exitCode === exit) return undefined
  const words = (ended.stderr.trim() === "" ? ended.stdout : ended.stderr).trim().split("\n").slice(-3).join(" ")
  // how shells say that there is no such program, or none that can run
  if (ended.exitCode === 127 || ended.exitCode === 126) return yield* impossible(`"${run.join(" ")}" says: ${words}`)
  return `"${run.join(" ")}" ended with ${ended.exitCode}${words === "" ? "" : `: ${words}`}`
})
