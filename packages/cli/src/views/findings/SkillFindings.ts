/** The checks of `doctor` about skills. Nothing where there are none and none is wanted. */
import { Skills } from "@lms-bridge/core/Machine"
import { Settings, table } from "@lms-bridge/core/Settings"
import * as Effect from "effect/Effect"
import { type Finding, notice, ok } from "./Finding.ts"

export const skills = Effect.gen(function* () {
  const { skills: wanted } = yield* Settings
  const known = yield* Skills
  const { folders, problems, skills } = yield* known.found
  const own = skills.filter(({ origin }) => origin === "user")
  const used = yield* known.lasting(wanted)
  const missing = wanted === "all" ? [] : wanted.filter((name) => !own.some((skill) => skill.name === name))
  const findings: ReadonlyArray<Finding> = [
    ...(skills.length === 0
      ? []
      : [
          ok(
            "skills",
            `${counted(skills.length)} in ${folders.map(({ path }) => path).join(", ")}; ${
              used.length === 0
                ? "`run --skills all`, or names, lets the model open them"
                : `the model may open ${used.length === skills.length ? "them" : used.map(({ name }) => name).join(", ")}`
            }`
          )
        ]),
    ...missing.map((name) =>
      notice(
        "skills",
        `${table.skills.variable} names "${name}", but you have no such skill`,
        "Correct it, or remove it."
      )
    ),
    ...problems.slice(0, most).map(({ path, problem }) => notice("skills", `${path}: ${problem}`)),
    ...(problems.length > most ? [notice("skills", `${problems.length - most} more files have problems`)] : [])
  ]
  return findings
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const most = 8

const counted = (count: number) => (count === 1 ? "1 skill" : `${count} skills`)
