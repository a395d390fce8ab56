/** The runs of a trial: with the model, onto recordings, or from recordings. */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { AgentLoop, CurrentApprover } from "../agent/AgentLoop.ts"
import type { AgentEvent } from "../agent/rules/AgentEvent.ts"
import type { AgentTask } from "../agent/AgentTask.ts"
import { CassetteNotWritten } from "../runs/recording/Cassette.ts"
import * as CassetteComparison from "../runs/recording/CassetteComparison.ts"
import * as CassetteRecording from "../runs/recording/CassetteRecording.ts"
import * as CassetteReplay from "../runs/recording/CassetteReplay.ts"
import * as RunAccount from "../runs/RunAccount.ts"
import * as FolderMarks from "./FolderMarks.ts"

/** Where runs come from. `folder` is that of all recordings. */
export type Source =
  | { readonly _tag: "Live" }
  | { readonly _tag: "Record"; readonly folder: string }
  | { readonly _tag: "Replay"; readonly folder: string }

/** A recording is not there, or is not of this trial. */
export class EvalRecordingUnfit extends Schema.TaggedError<EvalRecordingUnfit>()("EvalRecordingUnfit", {
  path: Schema.String,
  detail: Schema.String
}) {
  readonly retryable = false
  override get message() {
    return `The recording ${this.path} cannot be used: ${this.detail} Make it again with \`lms-bridge eval DIR --record DIR\`, and with the same settings.`
  }
}

/** The folder of a trial's recordings; undefined without. */
export const folderOf = Effect.fnUntraced(function* (source: Source, place: ReadonlyArray<string>) {
  if (source._tag === "Live") return undefined
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const folder = path.join(source.folder, ...place)
  if (source._tag === "Record") {
    yield* Effect.mapError(
      fs.makeDirectory(folder, { recursive: true }),
      ({ message }) => new CassetteNotWritten({ path: folder, detail: `the system says ${message}` })
    )
  }
  return folder
})

/**
 * A run to its end. `known` gets its account at each event, also when it fails. `millis` are those of the recording in a
 * replay.
 */
export const run = Effect.fn("Eval.run")(function* (options: {
  readonly source: Source
  /** The recording. */
  readonly file: string | undefined
  /** The folder of the trial, for marks in the recording. */
  readonly folder: string
  readonly task: AgentTask
  readonly known: Ref.Ref<Option.Option<RunAccount.RunAccount>>
  readonly onEvent: (event: AgentEvent) => Effect.Effect<void>
}) {
  const { file, folder, known, onEvent, source, task } = options
  const play = Effect.fnUntraced(function* (loop: typeof AgentLoop.Service) {
    const events: Array<AgentEvent> = []
    yield* Stream.runForEach(loop.run(task), (event) => {
      if (source._tag === "Replay") events.push(event)
      return Effect.zipRight(
        Ref.update(known, (before) =>
          Option.match(before, {
            onNone: () => RunAccount.of([event]),
            onSome: (account) => Option.some(RunAccount.step(account, event))
          })
        ),
        onEvent(event)
      )
    })
    return events
  })
  if (file === undefined || source._tag === "Live") {
    yield* Effect.flatMap(AgentLoop, play)
    return yield* ended(known, undefined)
  }
  if (source._tag === "Record") {
    const services = yield* Layer.build(CassetteRecording.layer(file, FolderMarks.marked(folder)))
    yield* play(Context.get(services, AgentLoop))
    return yield* ended(known, undefined)
  }
  const unfit = (detail: string) => new EvalRecordingUnfit({ path: file, detail })
  const services = yield* Layer.build(CassetteReplay.loop(file, FolderMarks.unmarked(folder))).pipe(
    Effect.mapError(({ detail }) => unfit(detail))
  )
  const tape = Context.get(services, CassetteReplay.Tape)
  if (tape.task.task !== task.task) return yield* unfit("it is of another task text.")
  const events = yield* play(Context.get(services, AgentLoop)).pipe(
    Effect.provideService(CurrentApprover, Option.some(CassetteComparison.approver(tape)))
  )
  const recorded = tape.entries.findLast((entry) => entry._tag === "Ended")
  if (recorded === undefined) return yield* unfit("it stops before the end of the run.")
  const [different] = CassetteComparison.differences(tape.entries, yield* tape.left, events)
  if (different !== undefined) return yield* unfit(`the run differs from it. ${different}`)
  return yield* ended(known, recorded.outcome.millis)
}, Effect.scoped)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const ended = Effect.fnUntraced(function* (
  known: Ref.Ref<Option.Option<RunAccount.RunAccount>>,
  millis: number | undefined
) {
  const account = Option.getOrUndefined(yield* Ref.get(known))
  const outcome = account === undefined ? undefined : RunAccount.outcome(account)
  if (account === undefined || outcome === undefined) return yield* Effect.dieMessage("A run ended without an outcome.")
  return { account, outcome: millis === undefined ? outcome : { ...outcome, millis } }
})
