/**
 * `runs follow`: another task with the memory of a run, or of its first rounds.
 */
import * as Command from "@effect/cli/Command"
import { AgentLoop, type AgentTask, keptOf } from "@lms-bridge/core/AgentLoop"
import { RunSteps } from "@lms-bridge/core/RunJournal"
import { Settings } from "@lms-bridge/core/Settings"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { UsageError } from "../../ExitCode.ts"
import * as KeptRun from "../../options/KeptRun.ts"
import * as Given from "../../options/Given.ts"
import * as RunOptions from "../../options/RunOptions.ts"
import * as SharedOptions from "../../options/SharedOptions.ts"
import * as ShownRun from "../../views/ShownRun.ts"
import { checkNames } from "./Run.ts"

export const command = Command.make("follow", {
  id: KeptRun.id,
  at: SharedOptions.checked({
    name: "at",
    pseudoName: "ROUND",
    description: "Branch off: the model remembers the run only up to the end of this round. Default: all of it.",
    decode: Schema.decodeUnknownOption(Schema.NumberFromString.pipe(Schema.int(), Schema.nonNegative())),
    allowed: "the number of a round, or 0 for the task alone"
  }),
  ...RunOptions.making,
  ...Given.options,
  ...RunOptions.limits,
  ...RunOptions.showing
}).pipe(
  Command.withDescription(
    "Give the model another task with the memory of a run. Servers, model and tools stay the same unless you name others."
  ),
  Command.withHandler(
    Effect.fnUntraced(function* ({ at, id, ...options }) {
      const given = yield* Given.read(options)
      const before = yield* KeptRun.find(id)
      const servers = yield* RunOptions.serversOf(options)
      const events = yield* Option.match(at, {
        onNone: () => Effect.succeedNone,
        onSome: (round) => Effect.asSome(throughRound(before, round))
      })
      const same = keptOf(before.account.state.task)
      const next: AgentTask = {
        ...same,
        ...given,
        ...(Option.isSome(servers) ? { servers: servers.value } : {}),
        budgets: RunOptions.budgetsOf(options, RunOptions.budgetsOfSettings(yield* Settings)),
        ...RunOptions.changesOf(options),
        ...(yield* RunOptions.foldersOf(options)),
        ...(yield* RunOptions.contextOf(options, Option.getOrUndefined(options.model) ?? same.model)),
        ...(yield* Given.modelFor(given.attachments, Option.getOrUndefined(options.model) ?? same.model)),
        follows: { run: before.runId, ...(Option.isSome(events) ? { events: events.value } : {}) }
      }
      yield* checkNames(next)
      yield* ShownRun.show((yield* AgentLoop).run(next), options)
    })
  )
)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const throughRound = ({ events, runId }: KeptRun.KeptRun, round: number) =>
  Effect.mapError(
    Effect.fromNullable(RunSteps.eventsThrough(events, round)),
    () =>
      new UsageError({
        problem: `--at is ${round}, but the run ${runId} has ${RunSteps.lastRound(events)} rounds. \`lms-bridge runs show ${runId}\` lists them.`
      })
  )
