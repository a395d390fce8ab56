/**
 * How both executables run and end.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import type * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"

/** The first signal interrupts it in order, a second one ends the process at once. */
export const run = <A, E>(main: Effect.Effect<A, E>, exitCode: (exit: Exit.Exit<unknown, unknown>) => number): void =>
  NodeRuntime.runMain(main, {
    disablePrettyLogger: true,
    disableErrorReporting: true,
    // a socket that is kept alive must not keep the process
    teardown: (exit) => process.exit(exitCode(exit))
  })
