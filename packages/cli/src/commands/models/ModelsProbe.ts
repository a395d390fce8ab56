/**
 * `models probe`: tries how a model makes calls, in about seven short requests, and keeps what it finds for later runs.
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import { ToolForm } from "@lms-bridge/core/AgentLoop"
import { formOf, Known, ModelRegistry, EvidenceRow } from "@lms-bridge/core/ModelCatalog"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Screen } from "../../terminal/Screen.ts"
import * as SharedOptions from "../../options/SharedOptions.ts"
import * as FoundOut from "../../views/FoundOut.ts"
import * as Words from "../../views/Words.ts"
import { progressLine } from "./ModelsLoad.ts"

export const command = Command.make("probe", {
  name: Args.text({ name: "NAME" }).pipe(
    Args.withDescription("The model's key; by default the one that a run would use."),
    Args.optional
  ),
  json: SharedOptions.json("Print what was found as JSON.")
}).pipe(
  Command.withDescription("Try how a model makes calls, and keep what is found. Loads the model if needed."),
  Command.withHandler(
    Effect.fnUntraced(function* ({ json, name }) {
      const screen = yield* Screen
      const registry = yield* ModelRegistry
      let tried = 0
      const tell = (text: string) =>
        Effect.suspend(() => {
          const line = Words.oneLine(text, screen.width - 1)
          return screen.stderrIsTerminal ? screen.status(line) : screen.err(line)
        })
      const { millis, model, requests, row } = yield* registry
        .probe(Option.getOrUndefined(name), {
          onProgress: (progress) => tell(progressLine(progress)),
          onTrial: (what) => Effect.suspend(() => tell(`Trying ${what} (${++tried})`))
        })
        .pipe(Effect.ensuring(screen.status("")))
      const calls = formOf(row)
      const took = `${Words.count(requests, "request")} in ${Words.duration(millis)}`
      yield* screen.out(
        json
          ? encode({ model, calls, requests, millis, row })
          : [`${model}: calls are ${calls.form}. ${calls.why} (${took})`, "", FoundOut.render(Known.ofRow(row))].join(
              "\n"
            )
      )
    })
  )
)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const encode = Schema.encodeSync(
  Schema.parseJson(
    Schema.Struct({
      model: Schema.String,
      calls: Schema.Struct({ form: ToolForm, why: Schema.String }),
      requests: Schema.Int,
      millis: Schema.Number,
      row: EvidenceRow
    })
  )
)
