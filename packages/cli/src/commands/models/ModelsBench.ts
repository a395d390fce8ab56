/**
 * `models bench`: a short part of the project's tasks on a person's models, side by side, with a server of our own in a
 * folder of its own. The result goes to stdout, what happens meanwhile to stderr.
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import { Bench, BenchReport, BenchTasks, type EvalTrial } from "@lms-bridge/core/AgentLoop"
import { fromJson } from "@lms-bridge/core/Json"
import { ModelRegistry } from "@lms-bridge/core/ModelCatalog"
import { ModelLifecycle } from "@lms-bridge/core/ModelLifecycle"
import { table } from "@lms-bridge/core/Settings"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Ended, ExitCode, ofFailure, UsageError } from "../../ExitCode.ts"
import * as SharedOptions from "../../options/SharedOptions.ts"
import { Program } from "../../Program.ts"
import { Screen } from "../../terminal/Screen.ts"
import { version } from "../../version.ts"
import * as Palette from "../../views/Palette.ts"
import * as RunView from "../../views/RunView.ts"
import * as Words from "../../views/Words.ts"
import { codeOf } from "../eval/Eval.ts"
import * as BenchPlot from "./BenchPlot.ts"
import * as BenchView from "./BenchView.ts"
import { progressLine } from "./ModelsLoad.ts"

/** The hidden command that serves the tools of the tasks; see `Cli`. */
export const toolsCommand = "bench-tools"

export const command = Command.make("bench", {
  names: Args.text({ name: "NAME" }).pipe(
    Args.withDescription("The models' keys; by default those in memory, else the one that a run would use."),
    Args.repeated
  ),
  forms: Options.boolean("forms").pipe(
    Options.withDescription("Try native calls, calls in text and bound steps side by side, and keep which is best.")
  ),
  times: SharedOptions.checked({
    name: "times",
    pseudoName: "N",
    description: "How often each task is tried. Default: once.",
    decode: Schema.decodeUnknownOption(Schema.NumberFromString.pipe(Schema.int(), Schema.between(1, 100))),
    allowed: "a whole number from 1 to 100"
  }),
  limit: SharedOptions.setting("limit", "DURATION", table.runTimeout, "Maximum time for each task. Default: 2m."),
  plot: Options.text("plot").pipe(
    Options.withDescription("Also draw the table as a picture (SVG) into this file."),
    Options.withPseudoName("FILE"),
    Options.optional
  ),
  json: SharedOptions.json("Print all trials and their sums as JSON.")
}).pipe(
  Command.withDescription(
    "Try short tasks with tools on models side by side, and keep how many they do. Never beside a run of somebody."
  ),
  Command.withHandler(
    Effect.fnUntraced(function* (said) {
      const screen = yield* Screen
      const times = Option.getOrElse(said.times, () => 1)
      // what is wrong is said before minutes have passed
      if (Option.isSome(said.plot)) yield* writable(said.plot.value)
      const models = yield* chosen(said.names)
      const { file, node } = yield* Program
      const tasks = BenchTasks.make(
        (folder) => ({ name: "bench", command: node, args: [file, toolsCommand, folder] }),
        Option.getOrUndefined(said.limit)
      )
      const forms = said.forms ? Bench.allForms : []
      const planned = Bench.planned(models, { tasks, forms, times })
      const trials: Array<BenchReport.BenchTrial> = []
      const failed: Array<BenchReport.BenchReport["failed"][number]> = []

      const write = Effect.gen(function* () {
        const report = BenchReport.of(planned, trials, failed)
        if (Option.isSome(said.plot)) yield* drawn(said.plot.value, report)
        const why = yield* reasons(report)
        yield* screen.out(said.json ? encode(report) : BenchView.text(report, why, screen.columns))
        return report
      })
      const watching = yield* watched(planned, times)
      const each = Effect.fnUntraced(function* (model: string) {
        const tried = yield* Effect.either(
          Bench.run(model, {
            ...watching,
            tasks,
            forms,
            times,
            onTried: (trial) =>
              Effect.zipRight(
                Effect.sync(() => void trials.push(trial)),
                Effect.zipRight(
                  screen.status(""),
                  screen.err(Words.oneLine(BenchView.line(trial, times), most(screen)))
                )
              )
          })
        )
        if (Either.isRight(tried)) return
        if (models.length === 1 && trials.length === 0) return yield* tried.left
        failed.push({ model, tag: tried.left._tag, message: tried.left.message })
        yield* screen.err(`lms-bridge: ${model}: ${tried.left.message}`)
      })
      yield* Effect.forEach(models, each, { discard: true }).pipe(
        Effect.ensuring(screen.status("")),
        // what is done is kept
        Effect.onInterrupt(() => (trials.length === 0 ? Effect.void : Effect.ignore(write)))
      )
      const code = endOf(yield* write)
      if (code !== ExitCode.done) return yield* new Ended({ code })
    })
  )
)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** As `eval` ends; a model that cannot be loaded counts for more than tasks that are not done. */
const endOf = (report: BenchReport.BenchReport): ExitCode => {
  const [first] = report.failed
  return first === undefined ? codeOf({ ...report, variants: report.rows }) : ofFailure({ _tag: first.tag })
}

const chosen = Effect.fnUntraced(function* (names: ReadonlyArray<string>) {
  const lifecycle = yield* ModelLifecycle
  if (names.length === 0) {
    const loaded = (yield* lifecycle.loaded).filter(({ type }) => type !== "embedding").map(({ model }) => model)
    if (loaded.length > 0) return [...new Set(loaded)]
  }
  const keys = yield* Effect.forEach(names.length === 0 ? [undefined] : names, (name) =>
    lifecycle.resolve(name, "chat")
  )
  return [...new Set(keys)]
})

/** Which form runs of each model take, and how that is known; of several that were tried, only once the best is known. */
const reasons = Effect.fnUntraced(function* ({ rows }: BenchReport.BenchReport) {
  const registry = yield* ModelRegistry
  const told = rows.filter(({ best, trials, variant }) => (variant.toolForm === undefined ? trials > 0 : best === true))
  return new Map(
    yield* Effect.forEach(told, ({ form = "native", model }) =>
      Effect.map(registry.choice(model), (choice): readonly [string, string] => [
        model,
        choice.form === form
          ? `${form}. ${choice.why}`
          : `${form} did best, but runs take ${choice.form}: ${choice.why} \`--tool-form ${form}\` asks for the other.`
      ])
    )
  )
})

const most = ({ stderrIsTerminal, width }: typeof Screen.Service) =>
  stderrIsTerminal ? width : Number.POSITIVE_INFINITY

/** On a terminal the status line says which trial is under way, and what it does. */
const watched = Effect.fnUntraced(function* (planned: ReadonlyArray<EvalTrial.Planned>, times: number) {
  const screen = yield* Screen
  const style: RunView.Style = { palette: Palette.of(screen), width: screen.width }
  let state = RunView.initial
  let name = ""
  let begun = 0
  const status = (text: string) =>
    screen.stderrIsTerminal ? screen.status(Words.oneLine(text, screen.width - 1)) : Effect.void
  let said = ""
  return {
    onProgress: (progress: Parameters<typeof progressLine>[0]) =>
      Effect.suspend(() => {
        const text = progressLine(progress)
        if (screen.stderrIsTerminal) return status(text)
        const isNew = said !== progress._tag
        said = progress._tag
        return isNew ? screen.err(Words.oneLine(text)) : Effect.void
      }),
    onProbe: (what: string) => status(`trying how it makes calls: ${what}`),
    onTrial: ({ number, task, variant }: EvalTrial.Planned) =>
      Effect.suspend(() => {
        state = RunView.initial
        name = `${++begun} of ${planned.length}: ${BenchView.nameOf({ task: task.name, variant, number }, times)}`
        return status(name)
      }),
    onEvent: (event: Parameters<typeof RunView.step>[1]) =>
      Effect.suspend(() => {
        if (!screen.stderrIsTerminal) return Effect.void
        state = RunView.step(state, event, style)[0]
        return status(`${name}: ${state.doing}`)
      })
  }
})

const unwritable = (file: string, why: string) =>
  new UsageError({ problem: `--plot ${file}: it cannot be written (${why}).` })

const writable = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  if (file.trim() === "") return yield* new UsageError({ problem: "--plot is empty. Name a file." })
  const info = yield* Effect.option(fs.stat(file))
  if (Option.isSome(info) && info.value.type === "Directory") return yield* unwritable(file, "it is a folder")
  yield* Effect.mapError(
    fs.access(Option.isSome(info) ? file : path.dirname(path.resolve(file)), { writable: true }),
    ({ message }) => unwritable(file, message)
  )
})

const drawn = Effect.fnUntraced(function* (file: string, report: BenchReport.BenchReport) {
  const fs = yield* FileSystem.FileSystem
  const date = DateTime.formatIsoDateUtc(DateTime.unsafeMake(yield* Clock.currentTimeMillis))
  const text = BenchPlot.svg(report, `${date}, lms-bridge ${version}, ${Words.count(report.total.trials, "trial")}`)
  yield* Effect.mapError(fs.writeFileString(file, text), ({ message }) => unwritable(file, message))
})

const encode = Schema.encodeSync(fromJson(BenchReport.BenchReport, 2))
