/**
 * `hosts drain` and `hosts resume`: whether a machine takes more runs.
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Effect from "effect/Effect"
import { Screen } from "../../terminal/Screen.ts"
import * as SharedRuns from "../../SharedRuns.ts"

const name = Args.text({ name: "HOST" }).pipe(
  Args.withDescription("The name of a host, as `lms-bridge hosts ls` has it.")
)

const set = (draining: boolean) =>
  Effect.fnUntraced(function* ({ host }: { readonly host: string }) {
    const screen = yield* Screen
    const { cluster, context } = yield* SharedRuns.required
    yield* Effect.provide(cluster.Hosts.drain(host, draining), context)
    yield* screen.out(draining ? `${host} takes no more runs, and goes on with those it has.` : `${host} takes runs.`)
  })

export const drain = Command.make("drain", { host: name }).pipe(
  Command.withDescription("Let a machine take no more runs; it goes on with those it has."),
  Command.withHandler(set(true))
)

export const resume = Command.make("resume", { host: name }).pipe(
  Command.withDescription("Let a machine that was drained take runs again."),
  Command.withHandler(set(false))
)
