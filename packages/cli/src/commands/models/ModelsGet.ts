/**
 * `models get`: downloads a model from LM Studio's catalogue or from Hugging Face, and shows the progress.
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import type { GetProgress } from "@lms-bridge/core/LmsCli"
import { ModelDownload } from "@lms-bridge/core/ModelCatalog"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { UsageError } from "../../ExitCode.ts"
import { Screen } from "../../terminal/Screen.ts"
import * as SharedOptions from "../../options/SharedOptions.ts"
import * as Words from "../../views/Words.ts"

export const command = Command.make("get", {
  name: Args.text({ name: "NAME" }).pipe(
    Args.withDescription(
      "`owner/name`, a search term or the URL of a Hugging Face repository, with or without `@quant`."
    )
  ),
  json: SharedOptions.json("Print progress and result as JSON, one object per line.")
}).pipe(
  Command.withDescription("Download a model. Ctrl-C stops watching; LM Studio itself may continue."),
  Command.withHandler(
    Effect.fnUntraced(function* ({ json, name }) {
      const screen = yield* Screen
      if (name.trim() === "") return yield* new UsageError({ problem: "The NAME of the model is empty." })
      let tenth = -1
      const tell = (progress: GetProgress) => {
        if (json) return screen.out(encode(progress))
        if (progress._tag === "Done") {
          return screen.out(`${name} is ${progress.alreadyDownloaded ? "already downloaded" : "downloaded"}.`)
        }
        const line = Words.oneLine(`${name}: ${percent(progress.fraction)} ${progress.detail}`, screen.width - 1)
        if (screen.stderrIsTerminal) return screen.status(line)
        // without a terminal, one line for every tenth
        const isNew = Math.floor(progress.fraction * 10) > tenth
        tenth = Math.max(tenth, Math.floor(progress.fraction * 10))
        return isNew ? screen.err(line) : Effect.void
      }
      yield* Stream.runForEach(ModelDownload.download(name), tell).pipe(
        Effect.onInterrupt(() =>
          Effect.zipRight(
            screen.status(""),
            screen.err("LM Studio may continue downloading in the background; its Downloads view stops it.")
          )
        ),
        Effect.ensuring(screen.status(""))
      )
    })
  )
)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const encode = Schema.encodeSync(
  Schema.parseJson(
    Schema.Union(
      Schema.TaggedStruct("Downloading", { fraction: Schema.Number, detail: Schema.String }),
      Schema.TaggedStruct("Done", { alreadyDownloaded: Schema.Boolean })
    )
  )
)

const percent = (fraction: number) => `${Math.floor(fraction * 100)} %`
