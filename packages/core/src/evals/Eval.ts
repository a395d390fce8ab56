/** All trials of an eval, one after the other. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { AgentLoop } from "../agent/AgentLoop.ts"
import type { AgentEvent } from "../agent/rules/AgentEvent.ts"
import { Settings } from "../configuration/Settings.ts"
import * as OneTrial from "./OneTrial.ts"
import { isHopeless, type Planned } from "./Trial.ts"
import * as TrialFolder from "./TrialFolder.ts"
import type { Source } from "./TrialRuns.ts"

export interface Watching {
  /** Before each trial. */
  readonly onTrial: (planned: Planned) => Effect.Effect<void>
  readonly onEvent: (event: AgentEvent) => Effect.Effect<void>
}

/** Fails with what would prevent a trial from starting, as far as that is known without a server or a model. */
export const check = Effect.fn("Eval.check")(function* (planned: ReadonlyArray<Planned>) {
  const loop = yield* AgentLoop
  const settings = yield* Settings
  const [first] = planned
  const needed = planned.filter(
    ({ number, task, variant }) => number === 1 && (variant === first?.variant || task === first?.task)
  )
  const nowhere = { folder: "", memory: "" }
  yield* Effect.forEach(needed, ({ task, variant }) => loop.check(OneTrial.taskOf(task, variant, settings, nowhere)), {
    discard: true
  })
})

/** Ends early when the same would come of every further trial. */
export const trials = (planned: ReadonlyArray<Planned>, source: Source, { onEvent, onTrial }: Watching) =>
  Stream.unwrapScoped(
    Effect.map(TrialFolder.make, (places) =>
      Stream.fromIterable(planned).pipe(
        Stream.mapEffect((one) => Effect.zipRight(onTrial(one), OneTrial.make(one, source, places, onEvent))),
        Stream.takeUntil(isHopeless)
      )
    )
  )
