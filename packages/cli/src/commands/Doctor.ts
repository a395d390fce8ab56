/**
 * `doctor`: reports what works, what does not, and what to do about it.
 */
import * as Command from "@effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Finding, findings } from "../views/Diagnosis.ts"
import { Ended } from "../ExitCode.ts"
import * as Palette from "../views/Palette.ts"
import { Screen } from "../terminal/Screen.ts"
import * as SharedOptions from "../options/SharedOptions.ts"

export const command = Command.make("doctor", { json: SharedOptions.json("Print the findings as JSON.") }).pipe(
  Command.withDescription("Check everything a run needs, and say what to do about what is missing."),
  Command.withHandler(
    Effect.fnUntraced(function* ({ json }) {
      const screen = yield* Screen
      yield* screen.status("checking")
      const found = yield* Effect.ensuring(findings, screen.status(""))
      const palette = screen.stdoutIsTerminal ? Palette.of(screen) : Palette.plain
      yield* screen.out(json ? encode(found) : render(found, palette))
      const first = found.find(({ level }) => level === "problem")
      if (first !== undefined) return yield* new Ended({ code: first.code ?? 1 })
    })
  )
)

export const render = (found: ReadonlyArray<Finding>, palette: Palette.Palette): string => {
  const marks = { ok: palette.good("ok   "), notice: palette.warning("note "), problem: palette.bad("error") }
  return found
    .map(({ area, level, next, what }) => {
      const text = `${marks[level]}  ${area.padEnd(areaWidth)}  ${what}`
      return next === undefined ? text : `${text}\n${" ".repeat(areaWidth + 9)}${palette.quiet(next)}`
    })
    .join("\n")
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const areaWidth = "LM Studio".length

const encode = Schema.encodeSync(Schema.parseJson(Schema.Array(Finding)))
