/** How both executables run and exit. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import type * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"

/** The first signal interrupts the program cleanly, a second one ends the process at once. */
export const run = <A, E>(main: Effect.Effect<A, E>, exitCode: (exit: Exit.Exit<unknown, unknown>) => number): void =>
  NodeRuntime.runMain(main, {
    disablePrettyLogger: true,
    disableErrorReporting: true,
    // a kept-alive socket must not keep the process running
    teardown: (exit) => process.exit(exitCode(exit))
  })
