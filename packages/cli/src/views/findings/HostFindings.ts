/** The checks of `doctor` about LM Studio, for each of several hosts. */
import type { Host } from "@lms-bridge/core/ModelLifecycle"
import * as Effect from "effect/Effect"
import { ExitCode } from "../../ExitCode.ts"
import { type Finding, notice } from "./Finding.ts"

/** The same of each host, by its name. One that is down is a problem only where no other answers. */
export const of = <R>(hosts: ReadonlyArray<Host>, check: Effect.Effect<ReadonlyArray<Finding>, never, R>) =>
  Effect.map(
    Effect.forEach(
      hosts,
      ({ name, services }) =>
        Effect.map(Effect.provide(check, services), (found) => ({
          isUp: !found.some(isDown),
          found: found
            // there it is off on purpose
            .filter(({ area, level }) => area !== "lms" || level === "ok")
            .map((finding) => ({ ...finding, what: `${name}: ${finding.what}` }))
        })),
      { concurrency: 4 }
    ),
    (all) =>
      all.flatMap(({ found }) =>
        all.some(({ isUp }) => isUp)
          ? found.map((finding) => (isDown(finding) ? notice(finding.area, finding.what) : finding))
          : found
      )
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const isDown = ({ code }: Finding) => code === ExitCode.unreachable
