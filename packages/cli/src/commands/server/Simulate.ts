/**
 * `simulate`: runs the stand-in for LM Studio on a port, with an `lms` executable that shares its state.
 */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as FileSystem from "@effect/platform/FileSystem"
import { table } from "@lms-bridge/core/Settings"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { LogEntry } from "@lms-bridge/simulator/SimulatorControl"
import { UsageError } from "../../ExitCode.ts"
import { Screen } from "../../terminal/Screen.ts"
import * as SharedOptions from "../../options/SharedOptions.ts"
import { loadSimulator } from "../../StandIn.ts"
import * as Words from "../../views/Words.ts"

export const command = Command.make("simulate", {
  port: SharedOptions.setting("port", "N", table.port, "The port to listen on, any free one by default."),
  script: Options.file("script").pipe(
    Options.withDescription("A file with the model's replies, which follow rules by default."),
    Options.withPseudoName("FILE"),
    Options.optional
  ),
  log: Options.boolean("log").pipe(Options.withDescription("Show on stderr each request and each reply.")),
  json: SharedOptions.json("Print its addresses as one line of JSON.")
}).pipe(
  Command.withDescription("Run a stand-in for LM Studio until Ctrl-C, to try things out or to test against."),
  Command.withHandler(
    Effect.fnUntraced(function* ({ json, log, port, script }) {
      const screen = yield* Screen
      const simulator = yield* loadSimulator
      const model = yield* Option.match(script, { onNone: () => Effect.succeed(undefined), onSome: scripted })
      const running = yield* simulator.start({ port: Option.getOrElse(port, () => 0), model })
      const { baseUrl, home, lmsBinary, lmsDirectory, name, statusPort } = running
      yield* screen.out(
        json
          ? encode({ baseUrl, port: running.port, statusPort, lmsDirectory, lmsBinary, home })
          : [
              `In place of LM Studio: ${name}.`,
              `It answers at ${baseUrl}; its \`lms\` is in ${lmsDirectory}. To use it:`,
              "",
              `  export LMSTUDIO_BASE_URL=${baseUrl} LMS_BRIDGE_LMS_BINARY=${lmsBinary}${
                // a probe would get replies that are meant for a run
                model === undefined ? "" : " LMS_BRIDGE_PROBE=off"
              }`,
              "",
              "Ctrl-C ends it."
            ].join("\n")
      )
      return yield* log
        ? Effect.zipRight(
            Stream.runForEach(yield* running.control.logs, (entry) => screen.err(logLine(entry))),
            Effect.never
          )
        : Effect.never
    }, Effect.scoped)
  )
)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const logLine = ({ data, timestamp }: LogEntry): string => {
  const time = DateTime.formatIso(DateTime.unsafeMake(timestamp)).slice(11, 23)
  switch (data.type) {
    case "server.log":
      return Words.oneLine(`${time} ${data.content.replace(/^\[LM STUDIO SERVER\] /, "")}`, 400)
    case "llm.prediction.input":
      return Words.oneLine(`${time} ${data.modelIdentifier} reads ${data.input.length} characters`, 400)
    case "llm.prediction.output":
      return Words.oneLine(`${time} ${data.modelIdentifier} writes ${data.output}`, 400)
  }
}

const scripted = Effect.fnUntraced(function* (file: string) {
  const refuse = (what: string) => new UsageError({ problem: Words.oneLine(`The script ${file} ${what}`, 400) })
  const text = yield* Effect.flatMap(FileSystem.FileSystem, (fs) => fs.readFileString(file)).pipe(
    Effect.mapError(() => refuse("cannot be read."))
  )
  const [{ decode }, { afterLoads, fromTurns }] = yield* Effect.promise(() =>
    Promise.all([import("@lms-bridge/simulator/Script"), import("@lms-bridge/simulator/SimulatedModel")])
  )
  const decoded = yield* Effect.mapError(decode(text), ({ message }) => refuse(`is invalid: ${message}.`))
  const { name = file, turns } = "turns" in decoded ? decoded : { turns: decoded }
  return afterLoads(yield* fromTurns(turns, `the script ${name}, not a language model`))
})

const encode = Schema.encodeSync(
  Schema.parseJson(
    Schema.Struct({
      baseUrl: Schema.String,
      port: Schema.Int,
      statusPort: Schema.Int,
      lmsDirectory: Schema.String,
      lmsBinary: Schema.String,
      home: Schema.String
    })
  )
)
