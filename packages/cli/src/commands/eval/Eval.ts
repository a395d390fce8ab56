/**
 * `eval`: tries a person's own tasks with models and settings side by side. The result goes to stdout, what happens
 * meanwhile to stderr.
 */
import * as Command from "@effect/cli/Command"
import * as FileSystem from "@effect/platform/FileSystem"
import { Eval, EvalFile, type EvalSource, EvalSummary, EvalTrial } from "@lms-bridge/core/AgentLoop"
import { fromJson, present } from "@lms-bridge/core/Json"
import { RunJournal } from "@lms-bridge/core/RunJournal"
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { Ended, ExitCode, ofFailure, UsageError } from "../../ExitCode.ts"
import { Screen } from "../../terminal/Screen.ts"
import { version } from "../../version.ts"
import * as Palette from "../../views/Palette.ts"
import * as RunView from "../../views/RunView.ts"
import { RunsAreKept } from "../../views/ShownRun.ts"
import * as Words from "../../views/Words.ts"
import { options } from "./EvalOptions.ts"
import * as EvalView from "./EvalView.ts"

export const command = Command.make("eval", options).pipe(
  Command.withDescription("Try your own tasks, each with a check, on models and settings side by side."),
  Command.withHandler(
    Effect.fnUntraced(function* (said) {
      const screen = yield* Screen
      if (said.schema) return yield* screen.out(encodeJson(yield* EvalFile.jsonSchema))
      if (Option.isNone(said.tasks)) {
        return yield* new UsageError({ problem: "Name the folder of your tasks: lms-bridge eval DIR." })
      }
      if (Option.isSome(said.record) && Option.isSome(said.replay)) {
        return yield* new UsageError({ problem: "Give --record DIR or --replay DIR, not both." })
      }
      const times = Option.getOrElse(said.times, () => 1)
      const tasks = yield* EvalFile.read(said.tasks.value)
      const variants = EvalTrial.variants({
        models: said.model,
        toolForms: said.toolForm,
        contextLengths: said.contextLength,
        temperatures: said.temperature
      })
      const planned = EvalTrial.plan(tasks, variants, times)
      const source = sourceOf(said)
      if (source._tag !== "Replay") yield* Eval.check(planned)
      const kept = (yield* RunsAreKept) && Option.isNone(yield* Effect.flatMap(RunJournal, ({ unkept }) => unkept))
      const done = yield* Ref.make(Chunk.empty<EvalTrial.Trial>())

      const write = Effect.gen(function* () {
        const report = EvalSummary.of(planned, Chunk.toReadonlyArray(yield* Ref.get(done)))
        if (Option.isSome(said.report)) {
          const date = DateTime.formatIsoDateUtc(DateTime.unsafeMake(yield* Clock.currentTimeMillis))
          const text = EvalView.markdown(report, { date, times, version, source: sources[source._tag] })
          yield* written(said.report.value, text)
        }
        yield* screen.out(said.json ? encodeReport(report) : EvalView.text(report, screen.columns))
        return report
      })

      yield* Stream.runForEach(Eval.trials(planned, source, yield* watching(planned, times)), ({ runId, ...trial }) =>
        Ref.update(done, Chunk.append({ ...trial, ...(kept ? present({ runId }) : {}) })).pipe(
          Effect.zipRight(screen.status("")),
          Effect.zipRight(screen.err(Words.oneLine(EvalView.line(trial, times), lineWidth(screen))))
        )
      ).pipe(
        Effect.ensuring(screen.status("")),
        // what is done is kept
        Effect.onInterrupt(() => Effect.ignore(write))
      )
      const code = codeOf(yield* write)
      if (code !== ExitCode.done) return yield* new Ended({ code })
    })
  )
)

/** Errors of the eval come first: with them, nobody knows how many tasks the model can do. */
export const codeOf = ({ total, trials }: EvalSummary.EvalReport): ExitCode => {
  const error = trials.find(({ verdict }) => verdict === "error")
  if (error === undefined) return total.passed === total.trials ? ExitCode.done : ExitCode.failure
  const code = ofFailure({ _tag: error.problem?.tag ?? "" })
  return code === ExitCode.failure ? ExitCode.usage : code
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const sources: Readonly<Record<EvalSource["_tag"], string>> = {
  Live: "with the models",
  Record: "with the models, recorded",
  Replay: "from recordings"
}

const sourceOf = ({
  record,
  replay
}: {
  readonly record: Option.Option<string>
  readonly replay: Option.Option<string>
}): EvalSource => {
  if (Option.isSome(record)) return { _tag: "Record", folder: record.value }
  return Option.isSome(replay) ? { _tag: "Replay", folder: replay.value } : { _tag: "Live" }
}

const lineWidth = ({ stderrIsTerminal, width }: typeof Screen.Service) =>
  stderrIsTerminal ? width : Number.POSITIVE_INFINITY

/** On a terminal the status line says which trial is under way, and what it does. */
const watching = Effect.fnUntraced(function* (planned: ReadonlyArray<EvalTrial.Planned>, times: number) {
  const screen = yield* Screen
  const style: RunView.Style = { palette: Palette.of(screen), width: screen.width }
  const view = yield* Ref.make({ state: RunView.initial, name: "", begun: 0 })
  const watching: Eval.Watching = {
    onTrial: ({ number, task, variant }) =>
      Ref.updateAndGet(view, ({ begun }) => ({
        state: RunView.initial,
        name: EvalView.nameOf({ task: task.name, variant, number }, times),
        begun: begun + 1
      })).pipe(
        Effect.flatMap(({ begun, name }) =>
          screen.status(Words.oneLine(`${begun} of ${planned.length}: ${name}`, screen.width - 1))
        )
      ),
    onEvent: (event) =>
      Ref.updateAndGet(view, (before) => ({ ...before, state: RunView.step(before.state, event, style)[0] })).pipe(
        Effect.flatMap(({ begun, name, state }) =>
          screen.status(Words.oneLine(`${begun} of ${planned.length}: ${name}: ${state.doing}`, screen.width - 1))
        ),
        Effect.when(() => screen.stderrIsTerminal),
        Effect.asVoid
      )
  }
  return watching
})

const written = Effect.fnUntraced(function* (file: string, text: string) {
  const fs = yield* FileSystem.FileSystem
  yield* Effect.mapError(
    fs.writeFileString(file, text),
    ({ message }) => new UsageError({ problem: `--report ${file}: it cannot be written (${message}).` })
  )
})

const encodeJson = Schema.encodeSync(fromJson(Schema.Unknown, 2))
const encodeReport = Schema.encodeSync(fromJson(EvalSummary.EvalReport, 2))
